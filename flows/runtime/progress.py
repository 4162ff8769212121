"""How far a run is, in as many words as a terminal has room for. Pure: numbers and the time are arguments."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from flows.runtime.spoken import Reading, age_words

__all__ = ["Progress"]

_LOOK_BACK_SECONDS: Final = 5.0


class Progress:
    """Makes the line; to be asked about once a second. Nothing in it is written by a server, and all of it is ASCII.

    Args:
        tenants: How many organisations the configuration has.
    """

    def __init__(self, tenants: int) -> None:
        self._tenants = tenants
        self._looks: deque[tuple[float, int]] = deque()

    def line(self, tenants: Mapping[str, Reading], outbox_bytes: int, letters: int, now: float, columns: int) -> str:
        """The line.

        Args:
            tenants: Those that this process polls, by name.
            outbox_bytes: What waits to be sent.
            letters: Events that became dead letters.
            now: Epoch seconds.
            columns: How much fits.

        Returns:
            The fullest form that fits; the shortest one, which may have to be cut, where none does.
        """
        events = sum(it.new_events() for it in tenants.values())
        caught_up = sum(1 for it in tenants.values() if it.drained)
        failing = sum(1 for it in tenants.values() if it.is_up is False)
        lags = {name: lag for name, it in tenants.items() if (lag := it.lag_seconds()) is not None}
        worst = max(lags, key=lambda name: lags[name], default=None)
        behind = age_words(lags[worst]) if worst is not None and lags[worst] >= 1.0 else ""
        begin = [f"{events:,} events", f"{self._rate(events, now):,.0f}/s"]
        fails = [f"{failing:,} failing"] if failing else []
        megabytes = f"{outbox_bytes / 1e6:,.1f} MB"
        full = [
            *begin,
            f"{caught_up:,} of {self._tenants:,} caught up",
            *fails,
            f"behind at most {behind} ({worst})" if behind else "nobody behind" if lags else "nobody has answered yet",
            f"outbox {megabytes}",
            f"{letters:,} dead letters",
        ]
        short = [
            *begin,
            f"{caught_up:,}/{self._tenants:,} caught up",
            *fails,
            *([f"{behind} behind"] if behind else []),
            *([f"outbox {megabytes}"] if outbox_bytes else []),
            *([f"{letters:,} dead"] if letters else []),
        ]
        lines = [", ".join(parts) for parts in (full, short)]
        return next((line for line in lines if len(line) <= columns), lines[-1])

    def _rate(self, events: int, now: float) -> float:
        """Events a second over the last five."""
        self._looks.append((now, events))
        while len(self._looks) > 2 and now - self._looks[0][0] > _LOOK_BACK_SECONDS:
            self._looks.popleft()
        then, before = self._looks[0]
        return (events - before) / (now - then) if now > then else 0.0
