"""When a delivery makes a tenant poll: at once, and after 1, 2 and 5 s while its events have not come, at most every 2 s. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["WakePlan"]

AGAIN_SECONDS: Final = (0.0, 1.0, 2.0, 5.0)
LEAST_SECONDS: Final = 2.0


@dataclass(slots=True)
class _Awaited:
    """What one delivery waits for."""

    uuids: set[str]
    due: list[float]


class WakePlan:
    """One tenant's."""

    def __init__(self) -> None:
        self._awaited: list[_Awaited] = []
        self._last_poll = float("-inf")

    def deliver(self, uuids: Iterable[str], now: float) -> None:
        """A delivery has come.

        Args:
            uuids: The events that it waits for; without any, one poll looks whether there is something.
            now: The monotonic clock, seconds.
        """
        wanted = set(uuids)
        self._awaited.append(_Awaited(wanted, [now + seconds for seconds in (AGAIN_SECONDS if wanted else AGAIN_SECONDS[:1])]))

    def came(self, uuids: Iterable[str]) -> None:
        """Polling has brought events."""
        if not self._awaited:
            return
        found = set(uuids)
        for awaited in self._awaited:
            if awaited.uuids and not awaited.uuids.isdisjoint(found):
                awaited.uuids -= found
                if not awaited.uuids:
                    awaited.due.clear()
        self._awaited = [awaited for awaited in self._awaited if awaited.due]

    def wants_poll(self, now: float) -> bool:
        """Whether a poll is due."""
        return now >= self._last_poll + LEAST_SECONDS and any(awaited.due[0] <= now for awaited in self._awaited)

    def polls(self, now: float) -> None:
        """The poll begins: it stands for everything that was due."""
        self._last_poll = now
        for awaited in self._awaited:
            awaited.due = [moment for moment in awaited.due if moment > now]
        self._awaited = [awaited for awaited in self._awaited if awaited.due]
