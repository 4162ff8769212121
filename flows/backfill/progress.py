"""How far a backfill is: a bar on a terminal, a line in the log elsewhere."""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from okta_source.history import Ledger, Totals

__all__ = ["Pace", "ProgressThread", "describe", "pace_between"]

_LOG = logging.getLogger(__name__)
_BAR_SECONDS = 0.5
_LINE_SECONDS = 10.0
_LOOK_BACK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast it goes, over the last two minutes.

    Attributes:
        events_per_second: Events received.
        requests_per_minute: Requests for logs.
        budget_share: Those requests as a share of what the organisations allow beyond their reserves; None where that is not known.
        seconds_left: An estimate; None as long as there is nothing to estimate from. The slices that are done tell how many events an hour
            of history holds; what is left of the span holds as many, and they come as fast as the last ones did.
    """

    events_per_second: float
    requests_per_minute: float
    budget_share: float | None
    seconds_left: float | None


class _Window:
    def __init__(self) -> None:
        self._looks: deque[tuple[float, Totals]] = deque()

    def look(self, now: float, totals: Totals) -> Pace:
        self._looks.append((now, totals))
        while len(self._looks) > 2 and now - self._looks[0][0] > _LOOK_BACK_SECONDS:
            self._looks.popleft()
        then, before = self._looks[0]
        return pace_between(before, totals, now - then)


def pace_between(before: Totals, totals: Totals, seconds: float) -> Pace:
    """How fast it went from one look to another.

    Args:
        before: The earlier look.
        totals: The later one.
        seconds: The time between them.
    """
    if seconds <= 0:
        return Pace(0.0, 0.0, None, None)
    events = (totals.counts.received - before.counts.received) / seconds
    requests = (totals.requests - before.requests) / seconds * 60.0
    share = requests / totals.budget_per_minute if totals.budget_per_minute else None
    # A window's requests are spent as fast as they can be: what is above the budget is a burst, and a pause follows.
    lasting = events / max(share or 1.0, 1.0)
    return Pace(events, requests, share if share is None else min(share, 1.0), _seconds_left(totals, lasting))


def _seconds_left(totals: Totals, events_per_second: float) -> float | None:
    if totals.done == totals.slices:
        return 0.0
    if not totals.hours_done or not events_per_second:
        return None
    per_hour = totals.events_done / totals.hours_done
    under_way = totals.counts.received - totals.events_done
    return max(per_hour * (totals.hours - totals.hours_done) - under_way, 0.0) / events_per_second


def describe(totals: Totals, pace: Pace) -> str:
    """One line for people."""
    share = "" if pace.budget_share is None else f" ({pace.budget_share:.0%} of the rate limit beyond the reserve)"
    failed = f", {totals.failed} given up" if totals.failed else ""
    left = "" if pace.seconds_left is None else f", about {_duration(pace.seconds_left)} left"
    return (
        f"{totals.done} of {totals.slices} slices{failed}, {totals.counts.received:,} events, {pace.events_per_second:,.0f}/s, "
        f"{pace.requests_per_minute:,.0f} requests/min{share}{left}"
    )


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{round(whole / 60)} min" if whole < 7200 else f"{whole / 3600:.1f} h"


class ProgressThread:
    """Tells from time to time how far the run is, until it is stopped.

    Args:
        ledger: The books.
        console: Where the bar is drawn.
        clock: A monotonic clock in seconds.
    """

    def __init__(self, ledger: Ledger, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._console = console
        self._clock = clock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backfill-progress", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the bar stays as it was last."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        window = _Window()
        window.look(self._clock(), self._ledger.totals())
        if not self._console.is_terminal:
            while not self._over.wait(_LINE_SECONDS):
                totals = self._ledger.totals()
                _LOG.info("backfill: %s", describe(totals, window.look(self._clock(), totals)))
            return
        columns = (BarColumn(30), TextColumn("{task.description}"))
        # While the bar stands, sys.stderr is what writes above it instead of through it.
        streams = [(handler, handler.stream) for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
        try:
            with Progress(*columns, console=self._console) as bar:
                for handler, _ in streams:
                    handler.setStream(sys.stderr)
                task = bar.add_task("backfill", total=None)
                while not self._over.wait(_BAR_SECONDS):
                    self._draw(bar, task, window)
                self._draw(bar, task, window)
        finally:
            for handler, stream in streams:
                handler.setStream(stream)

    def _draw(self, bar: Progress, task: TaskID, window: _Window) -> None:
        totals = self._ledger.totals()
        description = describe(totals, window.look(self._clock(), totals))
        bar.update(task, total=totals.slices, completed=totals.done + totals.failed, description=description)
