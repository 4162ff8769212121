"""How long Bytewax may leave a tenant alone, so that a thousand idle ones cost little.

Bytewax 0.21.1 looks at the partitions of a worker only when one of them has to be woken, and only then does the worker end its epochs: with
two or more workers, one whose partitions all sleep holds up the epochs of the whole cluster. But one that wakes often is enough for all
partitions of its worker. So whoever is asked when none will wake soon becomes the one that does, and the others sleep longer.

Each waking costs the worker 50 µs and more, however many partitions are woken by it: it goes through all of them, and ends what can be
ended. A thousand tenants that wake each at a moment of its own, four times for a poll, made 0.8 of the 1.0 ms that a poll cost besides its
request. So whoever isn't in a hurry wakes at moments that all have in common, and each of those is worked out once: two thousand times a
second, clock and arithmetic of their own cost 3.3 µs a waking, the common moment 0.8.
"""

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["GRID_SECONDS", "HEARTBEAT_SECONDS", "LONGEST_NAP_SECONDS", "Heartbeat"]

HEARTBEAT_SECONDS: Final = 0.25
"""How often each worker is woken at least."""
LONGEST_NAP_SECONDS: Final = 0.5
"""A stop has to be noticed by everybody within this time; it may take two seconds in all, one of them for requests that are under way."""
GRID_SECONDS: Final = 0.05
"""How much later than it could a tenant that has nothing to catch up with is asked, or its answer taken up, at most."""
_GRIDS_IN_A_BEAT: Final = round(HEARTBEAT_SECONDS / GRID_SECONDS)
_MOST_MOMENTS: Final = 64


class Heartbeat:
    """Shared by the partitions of one process; the workers of a process are threads, and each has a beat of its own.

    Args:
        clock: A monotonic clock in seconds.
        now: The clock that Bytewax compares with, UTC.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._now = now
        self._beat = threading.local()
        self._moments: dict[int, datetime] = {}

    def awake_at(self, idle_seconds: float, *, patient: bool = False) -> datetime:
        """When the partition that asks is to be woken.

        Args:
            idle_seconds: How long it has nothing to do.
            patient: Whether it may be a little longer, so that several wake together.
        """
        if idle_seconds <= HEARTBEAT_SECONDS:
            if not patient or idle_seconds == 0.0:
                return self._now() + timedelta(seconds=idle_seconds)
            return self._moment(math.ceil((self._clock() + idle_seconds) / GRID_SECONDS))
        now = self._clock()
        beat = int(now / HEARTBEAT_SECONDS) + 1
        if getattr(self._beat, "next", 0) < beat:
            self._beat.next = beat
        else:
            # The last beat before there is something to do, or before a stop must have been noticed.
            beat = int((now + min(idle_seconds, LONGEST_NAP_SECONDS)) / HEARTBEAT_SECONDS)
        return self._moment(beat * _GRIDS_IN_A_BEAT)

    def _moment(self, grid: int) -> datetime:
        """A moment that all have in common; at most half a second ahead, so that a clock which is set meanwhile does no harm."""
        moment = self._moments.get(grid)
        if moment is None:
            if len(self._moments) >= _MOST_MOMENTS:
                self._moments.clear()
            moment = self._moments[grid] = self._now() + timedelta(seconds=grid * GRID_SECONDS - self._clock())
        return moment
