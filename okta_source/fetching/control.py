"""What the partitions of one process share with whoever runs them: whether to stop, and which tenants could not be drained."""

import threading
import time
from collections.abc import Callable

from okta_source.polling.outcome import Failure

__all__ = ["RunControl"]

STOP_GRACE_SECONDS = 1.0
"""How long a request in flight may still finish after a stop, so that its page need not be fetched again. A stop as a whole has 2 s."""

OUTBOX_GRACE_SECONDS = 1.3
"""How long after a stop outboxes are still sent from; what is left then is sent by the next run."""

OUTBOX_QUIET_SECONDS = 0.5
"""How long a stop waits while nothing gets through: a target that hangs takes the time that a slow disk may need for the last snapshot."""

OUTBOX_PATIENCE_SECONDS = 60.0
"""How long a run that ends by itself waits, after its last page, until its outboxes are empty."""


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
        self._ended_at: float | None = None
        self._lock = threading.Lock()
        self._undrained: dict[str, Failure] = {}
        self._left: list[str] = []

    @property
    def stopping(self) -> bool:
        """Whether the run is to end."""
        return self._stop_deadline is not None

    def grace_is_over(self) -> bool:
        """Whether a request that is still in flight is to be left behind."""
        return self._stop_deadline is not None and self._clock() >= self._stop_deadline

    def outbox_deadline(self, *, progress: bool = False) -> float:
        """Until when the end of the run waits for empty outboxes, on the run's clock: a minute from the first call; less in a stop.

        Args:
            progress: Whether something has got through since the last call, from which the wait then counts anew.
        """
        with self._lock:
            if self._ended_at is None or progress:
                self._ended_at = self._clock()
            if self._stop_deadline is not None:
                return min(self._stop_deadline - STOP_GRACE_SECONDS + OUTBOX_GRACE_SECONDS, self._ended_at + OUTBOX_QUIET_SECONDS)
            return self._ended_at + OUTBOX_PATIENCE_SECONDS

    def request_stop(self) -> None:
        """End the input: partitions hand over what they have, are snapshotted and finish. Later calls change nothing."""
        if self._stop_deadline is None:
            self._stop_deadline = self._clock() + STOP_GRACE_SECONDS

    def gave_up(self, tenant: str, failure: Failure) -> None:
        """A tenant could not be drained."""
        with self._lock:
            self._undrained[tenant] = failure

    def left_behind(self, what: str) -> None:
        """An outbox is not empty at the end of the run; for people."""
        with self._lock:
            self._left.append(what)

    def left(self) -> list[str]:
        """What outboxes still hold."""
        with self._lock:
            return list(self._left)

    def undrained(self) -> dict[str, Failure]:
        """The tenants that could not be drained, and why."""
        with self._lock:
            return dict(self._undrained)
