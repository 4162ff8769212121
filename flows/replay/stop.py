"""The end of a replay before its end: SIGINT and SIGTERM."""

import contextlib
import signal
import threading
import time
from collections.abc import Generator
from types import FrameType
from typing import Final

__all__ = ["Stop"]

_PATIENCE_SECONDS: Final = 2.0


class Stop:
    """Whether a signal has asked the run to end.

    Attributes:
        number: The signal, 0 while there is none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._deadline: float | None = None

    @property
    def requested(self) -> bool:
        """Whether to end."""
        return self._deadline is not None

    def deadline(self) -> float | None:
        """The moment on `time.monotonic` after which the target is waited for no longer; None while all goes on."""
        return self._deadline

    def request(self, number: int) -> None:
        """Ask for the end."""
        self.number = number
        self._deadline = time.monotonic() + _PATIENCE_SECONDS

    @contextlib.contextmanager
    def on_signals(self) -> Generator[None, None, None]:
        """Heed SIGINT and SIGTERM, where this is the main thread; a second one ends the process at once, which loses nothing either."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._heed) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        self.request(number)
