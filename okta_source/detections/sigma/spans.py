"""Spans of time as Sigma writes them: `30s`, `10m`, `12h`, `30d`, `2w`."""

import re
from typing import Final

__all__ = ["parse_span", "span_text"]

_SPAN: Final = re.compile(r"(\d{1,9})([smhdw])")
_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_ALLOWED: Final = "a number and s, m, h, d or w, such as 10m"


def parse_span(text: object) -> int:
    """A span in milliseconds.

    Raises:
        ValueError: It is none; the message says what would be.
    """
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        msg = f"{text!r} is no span of time; needed: {_ALLOWED}"
        raise ValueError(msg)
    return int(found[1]) * _MS[found[2]]


def span_text(milliseconds: int) -> str:
    """A span for people: in the largest unit that leaves a whole number."""
    unit = next((unit for unit in ("d", "h", "m", "s") if milliseconds and milliseconds % _MS[unit] == 0), "")
    return f"{milliseconds // _MS[unit]} {unit}" if unit else f"{milliseconds} ms"
