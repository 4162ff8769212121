"""What goes to a target in one request: documents of one or more pages, and how pages are cut for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from sinks.documents import Documents

__all__ = ["Batch", "cut", "size_bytes"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that are sent together. Positions count through the parts, from 0.

    Attributes:
        parts: Slices of pages, none of them empty, each of one tenant.
        size_bytes: The length of all documents, without what a target's encoding adds; found out where it isn't given.
    """

    parts: tuple[Documents, ...]
    size_bytes: int = field(default=-1, compare=False)

    def __post_init__(self) -> None:
        """Measure it, once."""
        if self.size_bytes < 0:
            object.__setattr__(self, "size_bytes", sum(map(size_bytes, self.parts)))

    def __len__(self) -> int:
        """The number of documents."""
        return sum(map(len, self.parts))

    def locate(self) -> Iterator[tuple[Documents, int]]:
        """Each document's part and its position there."""
        for part in self.parts:
            for index in range(len(part)):
                yield part, index

    def take(self, positions: Sequence[int]) -> "Batch":
        """The documents at these positions, which ascend."""
        if len(positions) == len(self):
            return self
        parts: list[Documents] = []
        start = first = 0
        for part in self.parts:
            end = start + len(part)
            last = first
            while last < len(positions) and positions[last] < end:
                last += 1
            if last - first == len(part):
                parts.append(part)
            elif last > first:
                parts.append(part.take([position - start for position in positions[first:last]]))
            start, first = end, last
        return Batch(tuple(parts))

    def halves(self) -> tuple["Batch", "Batch"]:
        """The first and the second half; of one document, the first is empty."""
        middle = len(self) // 2
        return self.take(range(middle)), self.take(range(middle, len(self)))


def size_bytes(documents: Documents) -> int:
    """The length of a page's documents."""
    return sum(map(len, documents.prefixes)) + sum(map(len, documents.bodies))


def cut(documents: Documents, events: int, limit_bytes: int, whole_bytes: int) -> Iterator[tuple[Documents, int]]:
    """Cut a page into slices that respect both limits, always at the same places.

    A document that is longer than the limit is a slice by itself.

    Args:
        documents: The page.
        events: The most documents of a slice.
        limit_bytes: The most bytes of a slice of two or more documents.
        whole_bytes: The length of the page's documents.

    Yields:
        The slices, in order, and how long each is; the page itself where it need not be cut.
    """
    if len(documents) <= events and whole_bytes <= limit_bytes:
        if len(documents):
            yield documents, whole_bytes
        return
    ends = list(accumulate(len(prefix) + len(body) for prefix, body in zip(documents.prefixes, documents.bodies, strict=True)))
    start = sent = 0
    for index, end in enumerate(ends):
        if index > start and (index - start == events or end - sent > limit_bytes):
            yield _slice(documents, start, index), ends[index - 1] - sent
            start, sent = index, ends[index - 1]
    yield _slice(documents, start, len(ends)), ends[-1] - sent


def _slice(documents: Documents, start: int, end: int) -> Documents:
    return Documents(
        documents.tenant,
        documents.heads[start:end],
        documents.prefixes[start:end],
        documents.bodies[start:end],
        documents.origin,
    )
