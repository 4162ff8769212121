"""How pages become batches: each cut for itself where order is kept, otherwise gathered until a batch is full or has waited."""

from collections.abc import Iterator

from sinks.delivery.batch import Batch, cut
from sinks.delivery.policy import DeliveryPolicy
from sinks.documents import Documents

__all__ = ["Assembly"]

_SMALLEST_LIMIT_BYTES = 64 * 1024


class Assembly:
    """Gathers pages.

    Args:
        policy: The limits, and whether order is kept.
    """

    def __init__(self, policy: DeliveryPolicy) -> None:
        self._policy = policy
        self._limit_bytes = policy.batch_bytes
        self._parts: list[Documents] = []
        self._events = self._bytes = 0
        self.due = float("inf")
        """When what was gathered has waited for long enough, on the monotonic clock; infinite where nothing was."""

    def add(self, documents: Documents, documents_bytes: int, now: float) -> Iterator[Batch]:
        """Take a page of that length, and yield the batches that are ready to go."""
        for part, part_bytes in cut(documents, self._policy.batch_events, self._limit_bytes, documents_bytes):
            if self._policy.in_order:
                yield Batch((part,), part_bytes)
                continue
            if self._events + len(part) > self._policy.batch_events or self._bytes + part_bytes > self._limit_bytes:
                yield from self.flush()
            if not self._parts:
                self.due = now + self._policy.linger_seconds
            self._parts.append(part)
            self._events += len(part)
            self._bytes += part_bytes
            if self._events == self._policy.batch_events:
                yield from self.flush()

    def flush(self) -> Iterator[Batch]:
        """Yield what was gathered, if anything."""
        if self._parts:
            batch = Batch(tuple(self._parts), self._bytes)
            self._parts = []
            self._events = self._bytes = 0
            self.due = float("inf")
            yield batch

    def too_large(self, refused_bytes: int) -> int | None:
        """A server refused a batch of this size: make them smaller from now on.

        Where order is kept nothing changes, since the same pages must always make the same batches.

        Returns:
            The new limit in bytes, if there is one.
        """
        smaller = max(_SMALLEST_LIMIT_BYTES, refused_bytes // 2)
        if self._policy.in_order or smaller >= self._limit_bytes:
            return None
        self._limit_bytes = smaller
        return smaller
