"""Text of events made fit for a terminal: control and escape characters and those that turn the direction of writing are shown, not obeyed.

What an attacker types as a user name ends up here, so nothing that is not printable passes (CWE-150).
"""

import re
from typing import Final
from unicodedata import category, east_asian_width

__all__ = ["Writing", "safe_json", "width_of"]

# What JSON allows in a text as it is and a terminal may obey: DEL, C1 controls, format and direction characters, line separators.
_STEERING: Final = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


class Writing:
    """What a terminal or a file can show.

    Args:
        ascii_only: Nothing but ASCII, as in the C locale.
    """

    def __init__(self, *, ascii_only: bool) -> None:
        self.ascii_only = ascii_only
        self.ellipsis = "~" if ascii_only else "…"
        self.bar = "#" if ascii_only else "█"

    def shown(self, text: str) -> str:
        """A text on one line, with what is not printable as an escape."""
        if text.isascii() and text.isprintable():
            return text
        allowed = str.isascii if self.ascii_only else str.isprintable
        return "".join(character if character.isprintable() and allowed(character) else _escaped(character) for character in text)

    def fit(self, text: str, width: int, *, middle: bool = False) -> str:
        """A shown text cut to a width, or filled up to it.

        Args:
            text: The text.
            width: How many columns.
            middle: Leave out the middle, where the end says more than it.
        """
        shown = self.shown(text)
        size = width_of(shown)
        if size <= width:
            return shown + " " * (width - size)
        if middle and size == len(shown):
            front = (width - 1) // 2
            return shown[:front] + self.ellipsis + shown[len(shown) - (width - 1 - front) :]
        kept, used = "", 0
        for character in shown:
            step = width_of(character)
            if used + step > width - 1:
                break
            kept, used = kept + character, used + step
        return kept + self.ellipsis + " " * (width - 1 - used)


def safe_json(line: str) -> str:
    """JSON that means the same, without characters that a terminal may obey."""
    return _STEERING.sub(lambda found: _json_escaped(found[0]), line)


def width_of(text: str) -> int:
    """How many columns a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if category(character) in ("Mn", "Me") else 2 if east_asian_width(character) in "WF" else 1 for character in text)


def _escaped(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    code = ord(character)
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def _json_escaped(character: str) -> str:
    data = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[place : place + 2].hex()}" for place in range(0, len(data), 2))
