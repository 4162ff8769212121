"""What travels from the step that matches single events to the one that correlates: matches, and of events only those that matched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

__all__ = ["Match", "Matches", "Part", "to_ms"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Part(NamedTuple):
    """What a match means for one correlation.

    Attributes:
        group: The values of its group-by, as a JSON array; None where the event lacks one, so that it takes no part.
        value: What it counts, sums or compares; None where the event has none, so that it takes no part.
    """

    group: bytes | None
    value: Any


class Match(NamedTuple):
    """An event that one or more rules match.

    Attributes:
        uuid: The event's id.
        ms: Its `published` in milliseconds since 1970.
        event_type: Its type.
        newest: The newest `published` of its page up to it.
        rules: The numbers of the event rules that it matches.
        parts: For each `(correlation, place in its rules)` that it may reach, what it means there.
        body: The event, behind its opening brace.
    """

    uuid: str
    ms: int
    event_type: str
    newest: int
    rules: tuple[int, ...]
    parts: dict[tuple[int, int], Part]
    body: bytes


@dataclass(frozen=True, slots=True)
class Matches:
    """A page's matches. Every page has one, so that time goes on where nothing matches.

    Attributes:
        tenant: The tenant's name.
        newest: The newest `published` of the page, in milliseconds since 1970.
        matches: In the order in which the events came.
    """

    tenant: str
    newest: int
    matches: Sequence[Match]


def to_ms(moment: datetime) -> int:
    """A moment as milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND
