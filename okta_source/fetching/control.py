"""What the partitions of one process share with whoever runs them: whether to stop, and which tenants could not be drained."""

import threading
import time
from collections.abc import Callable

from okta_source.polling.verdict import Failure

__all__ = ["RunControl"]

STOP_GRACE_SECONDS = 1.0
"""How long a request in flight may still finish after a stop, so that its page need not be fetched again. A stop as a whole has 2 s."""

DELIVERY_GRACE_SECONDS = 3.0
"""How long after a stop a target that does not answer is still tried. Such a stop has 5 s: the first one goes by until the input has ended,
and writing dead letters, the last snapshot and leaving take the rest."""


class RunControl:
    """One run's switches. Thread-safe; `request_stop` may be called from a signal handler.

    Args:
        until_drained: Whether a tenant's partition ends once it is drained: see `okta_source.polling.drain`.
        clock: A monotonic clock in seconds.
    """

    def __init__(self, *, until_drained: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.until_drained = until_drained
        self.running = False
        """Whether the dataflow has been built, which in a cluster is when all processes have joined."""
        self._clock = clock
        self._stop_deadline: float | None = None
        self._lock = threading.Lock()
        self._undrained: dict[str, Failure] = {}

    @property
    def stopping(self) -> bool:
        """Whether the run is to end."""
        return self._stop_deadline is not None

    def grace_is_over(self) -> bool:
        """Whether a request that is still in flight is to be left behind."""
        return self._stop_deadline is not None and self._clock() >= self._stop_deadline

    def delivery_deadline(self) -> float | None:
        """When destinations stop trying, by the run's clock; None while the run is not stopping, and for one that ends by being drained."""
        if self._stop_deadline is None:
            return None
        return self._stop_deadline - STOP_GRACE_SECONDS + DELIVERY_GRACE_SECONDS

    def request_stop(self) -> None:
        """End the input: partitions hand over what they have, are snapshotted and finish. Later calls change nothing."""
        if self._stop_deadline is None:
            self._stop_deadline = self._clock() + STOP_GRACE_SECONDS

    def gave_up(self, tenant: str, failure: Failure) -> None:
        """A tenant could not be drained."""
        with self._lock:
            self._undrained[tenant] = failure

    def undrained(self) -> dict[str, Failure]:
        """The tenants that could not be drained, and why."""
        with self._lock:
            return dict(self._undrained)
