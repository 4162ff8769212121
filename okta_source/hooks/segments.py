"""How a tenant's spool is cut into segments, what they are called, and where a reader goes on. Pure.

`<spool>/<tenant>/<started, Unix milliseconds, 14 digits>.hooks`: names sort by age. One receiver writes a spool, and only to files that it
made: what a crash left torn is never written behind.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Position", "Retention", "next_name", "resume_at", "superfluous"]

_NAME: Final = re.compile(r"(\d{14})\.hooks")


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where a reader has read.

    Attributes:
        segment: The segment's name; empty before the first.
        offset: Bytes of it that are done with.
    """

    segment: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of a tenant's spool is kept.

    Attributes:
        seconds: How long a segment is kept after its last delivery.
        size_bytes: Of all segments together.
    """

    seconds: float
    size_bytes: int


def is_segment(name: str) -> bool:
    """Whether a file in a tenant's folder is a segment."""
    return _NAME.fullmatch(name) is not None


def next_name(names: Sequence[str], now_ms: int) -> str:
    """The next segment's name: later than every other one, even where the clock was set back."""
    latest = max((int(found[1]) for name in names if (found := _NAME.fullmatch(name))), default=-1)
    return f"{max(now_ms, latest + 1):014d}.hooks"


def resume_at(position: Position, names: Sequence[str]) -> Position | None:
    """Where to read next, given the segments that there are now.

    A segment that is gone was deleted by age or size, with all before it: what was unread in it comes by polling. Where only older ones
    are left (an emptied spool, a clock set back), they are read from the first on; what comes again is recognised.

    Args:
        position: Where the reader stands.
        names: The segments' names, sorted.

    Returns:
        The position, in a segment that exists; None where there is none.
    """
    if position.segment in names:
        return position
    later = next((name for name in names if name > position.segment), names[0] if names else None)
    return Position(later) if later else None


def superfluous(sizes: Mapping[str, int], ages: Mapping[str, float], kept: Retention, current: str | None) -> list[str]:
    """The segments to delete, oldest first.

    Args:
        sizes: Bytes of each segment by its name.
        ages: Seconds since each was last written to.
        kept: What is to be kept.
        current: The one that is being written to, which stays.
    """
    total = sum(sizes.values())
    gone: list[str] = []
    for name in sorted(sizes):
        if name == current or (ages[name] <= kept.seconds and total <= kept.size_bytes):
            break
        gone.append(name)
        total -= sizes[name]
    return gone
