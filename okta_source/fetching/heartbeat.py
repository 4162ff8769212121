"""How long Bytewax may leave a tenant alone, so that a thousand idle ones cost little.

Bytewax 0.21.1 looks at the partitions of a worker only when one of them has to be woken, and only then does the worker end its epochs: with
two or more workers, one whose partitions all sleep holds up the epochs of the whole cluster. But one that wakes often is enough for all
partitions of its worker. So whoever is asked when none will wake soon becomes the one that does, and the others sleep longer.
"""

import threading
import time
from collections.abc import Callable

__all__ = ["HEARTBEAT_SECONDS", "LONGEST_NAP_SECONDS", "Heartbeat"]

HEARTBEAT_SECONDS = 0.25
"""How often each worker is woken at least."""
LONGEST_NAP_SECONDS = 0.5
"""A stop has to be noticed by everybody within this time; it may take two seconds in all, one of them for requests that are under way."""


class Heartbeat:
    """Shared by the partitions of one process; the workers of a process are threads, and each has a beat of its own.

    Args:
        clock: A monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat = threading.local()

    def nap_seconds(self, idle_seconds: float) -> float:
        """How long the partition that asks may sleep.

        Args:
            idle_seconds: How long it has nothing to do.
        """
        if idle_seconds <= HEARTBEAT_SECONDS:
            return idle_seconds
        now = self._clock()
        if now >= getattr(self._beat, "next", 0.0):
            self._beat.next = now + HEARTBEAT_SECONDS
            return HEARTBEAT_SECONDS
        return min(idle_seconds, LONGEST_NAP_SECONDS)
