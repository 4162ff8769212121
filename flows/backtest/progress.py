"""How far a backtest is, on a terminal's last line."""

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

from flows.runtime.last_line import LastLine

__all__ = ["Progress"]

_EVERY_SECONDS: Final = 0.5
_MOST_OFTEN_ELSEWHERE_SECONDS: Final = 10.0


class Progress:
    """Tells how much was read and how long the rest may take.

    Args:
        total: How many events there are, as far as their files' sizes tell; 0 where nobody knows.
        stream: Where to.
        clock: Seconds, monotonic.
    """

    def __init__(self, total: int, stream: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._stream = stream
        self._clock = clock
        self._started = self._told_at = clock()
        self._last_line = LastLine(stream)

    def tell(self, done_bytes: int, events: int) -> None:
        """Tell where things stand, not too often.

        Args:
            done_bytes: Bytes of the files that are done with.
            events: How many events were read.
        """
        now = self._clock()
        if now - self._told_at < (_EVERY_SECONDS if self._last_line.is_terminal else _MOST_OFTEN_ELSEWHERE_SECONDS):
            return
        self._told_at = now
        share = min(1.0, done_bytes / self._total) if self._total else 0.0
        left = f", {_span((now - self._started) * (1 - share) / share)} left" if share > 0.0 else ""
        line = f"{events:,} events, {share:.0%}{left}"
        if self._last_line.is_terminal:
            self._last_line.show(line)
        else:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def done(self) -> None:
        """Make room for what is told at the end."""
        self._last_line.clear()


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
