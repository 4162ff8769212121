"""How long Bytewax may leave a tenant alone, so that a thousand idle ones cost little.

Bytewax 0.21.1 looks at the partitions of a worker only when one of them has to be woken, and only then does the worker end its epochs: with
two or more workers, one whose partitions all sleep holds up the epochs of the whole cluster. But one that wakes often is enough for all
partitions of its worker. So whoever is asked when none will wake soon becomes the one that does, and the others sleep longer.

Each waking costs the worker 50 µs and more, however many partitions are woken by it: it goes through all of them, and ends what can be
ended. A thousand tenants that wake each at a moment of its own, four times for a poll, made 0.8 of the 1.0 ms that a poll cost besides its
request. So whoever isn't in a hurry wakes at moments that all have in common.
"""

import math
import threading
import time
from collections.abc import Callable

__all__ = ["GRID_SECONDS", "HEARTBEAT_SECONDS", "LONGEST_NAP_SECONDS", "Heartbeat"]

HEARTBEAT_SECONDS = 0.25
"""How often each worker is woken at least."""
LONGEST_NAP_SECONDS = 0.5
"""A stop has to be noticed by everybody within this time; it may take two seconds in all, one of them for requests that are under way."""
GRID_SECONDS = 0.05
"""How much later than it could a tenant that has nothing to catch up with is asked, or its answer taken up, at most."""


class Heartbeat:
    """Shared by the partitions of one process; the workers of a process are threads, and each has a beat of its own.

    Args:
        clock: A monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat = threading.local()

    def nap_seconds(self, idle_seconds: float, *, patient: bool = False) -> float:
        """How long the partition that asks may sleep.

        Args:
            idle_seconds: How long it has nothing to do.
            patient: Whether it may be a little longer, so that several wake together.
        """
        if idle_seconds <= HEARTBEAT_SECONDS:
            if not patient or idle_seconds == 0.0:
                return idle_seconds
            now = self._clock()
            return math.ceil((now + idle_seconds) / GRID_SECONDS) * GRID_SECONDS - now
        now = self._clock()
        beat = math.floor(now / HEARTBEAT_SECONDS) + 1
        if getattr(self._beat, "next", 0) < beat:
            self._beat.next = beat
        else:
            # The last beat before there is something to do, or before a stop must have been noticed.
            beat = math.floor((now + min(idle_seconds, LONGEST_NAP_SECONDS)) / HEARTBEAT_SECONDS)
        return beat * HEARTBEAT_SECONDS - now
