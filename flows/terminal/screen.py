"""Where output goes: how wide it is, whether it has colours, and what it can write."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TextIO

from flows.terminal.text import Writing

__all__ = ["Colour", "Screen", "screen_of", "silenced"]

Colour = Literal["auto", "always", "never"]

_CODES: Final = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold red": "1;31", "dim": "2", "bold": "1"}


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal, or what stands in its place.

    Attributes:
        width: Its columns; None where lines may be as long as they like.
        coloured: Whether it shows colours.
        is_terminal: Whether it is one.
        writing: What it can write.
    """

    width: int | None
    coloured: bool
    is_terminal: bool
    writing: Writing

    def paint(self, text: str, style: str) -> str:
        """A text in a colour, where there are any."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style and self.coloured else text


def screen_of(stream: TextIO, colour: Colour = "auto", environ: Mapping[str, str] = os.environ) -> Screen:
    """What a stream leads to. Colours are off where `NO_COLOR` is set (no-color.org), and in a `dumb` terminal."""
    is_terminal = stream.isatty()
    coloured = colour == "always" or (
        colour == "auto" and is_terminal and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
    )
    width = max(40, shutil.get_terminal_size((80, 24)).columns) if is_terminal else None
    return Screen(width, coloured, is_terminal, Writing(ascii_only=_is_ascii_only(stream, environ)))


def silenced() -> None:
    """Nobody reads our output any more (`| head`): let the interpreter's own last flush find no broken pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_ascii_only(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Python writes UTF-8 in the C locale too (PEP 538, PEP 540), whatever the terminal makes of it."""
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    # PEP 538 itself sets this one where it found the C locale.
    coerced = environ.get("LC_CTYPE") == "C.UTF-8" and not environ.get("LC_ALL") and environ.get("LANG", "C") in ("", "C", "POSIX")
    is_unicode = (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    return named in ("C", "POSIX") or (coerced and stream.isatty()) or not is_unicode
