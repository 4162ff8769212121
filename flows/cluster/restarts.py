"""When a companion of a cluster is started again after it has ended by itself. Pure; the clock is an argument."""

from typing import Final

__all__ = ["Restarts"]

_FIRST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 30.0
_LIVED_WELL_SECONDS: Final = 60.0


class Restarts:
    """The waits between starts: short at first, twice as long each time, short again once it has lived for a minute."""

    def __init__(self) -> None:
        self._wait_seconds = _FIRST_SECONDS
        self._started_at = 0.0
        self._due_at = float("-inf")

    def started(self, now: float) -> None:
        """It was started."""
        self._started_at = now

    def ended(self, now: float) -> float:
        """It has ended.

        Returns:
            How long until it is to be started again, seconds.
        """
        if now - self._started_at >= _LIVED_WELL_SECONDS:
            self._wait_seconds = _FIRST_SECONDS
        wait_seconds, self._wait_seconds = self._wait_seconds, min(self._wait_seconds * 2, _LONGEST_SECONDS)
        self._due_at = now + wait_seconds
        return wait_seconds

    def due(self, now: float) -> bool:
        """Whether it is time."""
        return now >= self._due_at
