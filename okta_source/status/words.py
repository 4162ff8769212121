"""Numbers, times and names as people read them. Pure."""

import math

__all__ = ["count", "duration", "rate"]

_UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))
_UNKNOWN = "-"


def duration(seconds: float | None) -> str:
    """A length of time in its largest unit or two, such as `4.2 s`, `13 min` or `2 d 3 h`; a dash where it isn't known."""
    if seconds is None or not math.isfinite(seconds):
        return _UNKNOWN
    seconds = max(seconds, 0.0)
    if seconds < 10.0:
        return f"{seconds:.1f} s" if seconds else "0 s"
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    for (size, unit), (smaller, smaller_unit) in zip(_UNITS, (*_UNITS[1:], (1.0, "s")), strict=True):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            minor = int(rest // smaller)
            return f"{whole:.0f} {unit} {minor} {smaller_unit}" if minor and whole < 10 else f"{whole:.0f} {unit}"
    return _UNKNOWN


def count(value: float | None) -> str:
    """A number with thousands apart; a dash where it isn't known."""
    return _UNKNOWN if value is None or not math.isfinite(value) else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Events per second; a dash where it isn't known."""
    if value is None:
        return _UNKNOWN
    return f"{value:,.0f}/s" if value >= 10.0 or value == 0.0 else f"{value:.1f}/s"
