"""A terminal's last line, which overwrites itself and makes room for whatever else is printed."""

import os
import sys
import threading
from typing import Final, TextIO

__all__ = ["LastLine"]

_USUAL_COLUMNS: Final = 80


class LastLine:
    """What stands on the last line for now. Elsewhere than on a terminal nothing is ever shown, and no escape sequence written.

    It overwrites with spaces, which every terminal understands, and never reaches the last column, behind which some begin a new line.

    Args:
        stream: Where to.

    Attributes:
        is_terminal: Whether there is somebody to see it.
        lock: Held by whoever writes to the same terminal, from `clear` to the end of what is written.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = 0
        self.is_terminal = self._stream.isatty()
        self.lock = threading.RLock()

    @property
    def columns(self) -> int:
        """How much of a text fits now."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        # A terminal that doesn't know its size says 0.
        return (columns or _USUAL_COLUMNS) - 1

    def show(self, text: str) -> None:
        """Put a text in the place of what is shown, cut to the terminal's width; what is no ASCII becomes a question mark."""
        if not self.is_terminal:
            return
        with self.lock:
            columns = self.columns
            text = text.encode("ascii", "replace").decode()[:columns]
            # A terminal that has become narrower has broken the longer line already.
            self._write(f"\r{text.ljust(min(self._shown, columns))}")
            self._shown = len(text)

    def clear(self) -> None:
        """Make room, where something is shown."""
        with self.lock:
            if self._shown:
                self._write(f"\r{' ' * min(self._shown, self.columns)}\r")
                self._shown = 0

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
