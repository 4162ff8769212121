"""What travels from the step that matches single events to the one that correlates: matches, and of events only those that matched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

__all__ = ["Match", "Matches", "to_ms"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Match(msgspec.Struct, frozen=True, gc=False):
    """An event that one or more rules match.

    Attributes:
        uuid: The event's id.
        ms: Its `published` in milliseconds since 1970.
        event_type: Its type.
        newest: The newest `published` of its page up to it.
        rules: The numbers of the event rules that it matches.
        groups: The groups that it belongs to, each as a JSON array of values, None where the event lacks one, so that it takes no part;
            which is whose is said by `routes.routes_of(rules)`.
        values: What correlations count, sum or compare of it, likewise; None where the event has none.
        body: The event, behind its opening brace.
    """

    uuid: str
    ms: int
    event_type: str
    newest: int
    rules: tuple[int, ...]
    groups: Sequence[bytes | None]
    values: Sequence[Any]
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
