"""A span of time, cut into slices: the units of work of a bounded read. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from okta_source.polling.query import Query, okta_time

__all__ = ["MOST_SLICES", "Slice", "bounded_query", "cut", "cut_by", "slice_hours"]

MOST_SLICES: Final = 1000
"""Each slice is a partition of Bytewax, which costs a wake-up four times a second and a row at each snapshot until it is done."""

_HOURS: Final = (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168, 336, 720)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Okta documents neither bound as inclusive or exclusive. `published` has milliseconds: so the query asks for one more on each side, and
# what belongs to a neighbour is left out here.
_MARGIN: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """A piece of one tenant's time.

    Attributes:
        tenant: The tenant's name.
        since: The first moment that belongs to it, UTC.
        until: The first moment that doesn't any more, UTC.
    """

    tenant: str
    since: datetime
    until: datetime

    @property
    def key(self) -> str:
        """The name of its partition, part of the saved state."""
        return f"{self.tenant}/{okta_time(self.since)}/{okta_time(self.until)}"

    @property
    def hours(self) -> float:
        """Its length in hours."""
        return (self.until - self.since) / timedelta(hours=1)


def cut(tenants: Iterable[str], since: datetime, until: datetime, *, most: int = MOST_SLICES) -> tuple[Slice, ...]:
    """Cut a span of each tenant into slices of one length, the shortest that keeps them few enough.

    Args:
        tenants: Their names.
        since: The beginning, down to the millisecond.
        until: The end, likewise.
        most: How many slices there may be in all; more tenants than that have one each.

    Returns:
        The slices, the oldest first.
    """
    names = sorted(set(tenants))
    return cut_by(names, since, until, slice_hours(len(names), since, until, most=most))


def slice_hours(tenants: int, since: datetime, until: datetime, *, most: int = MOST_SLICES) -> int:
    """The length of slices that `cut` takes, in hours; one that holds the whole span where no other is long enough."""
    for hours in _HOURS:
        if tenants * len(_bounds(since, until, hours)) <= most:
            return hours
    return int((until - since) / timedelta(hours=1)) + 2


def cut_by(tenants: Iterable[str], since: datetime, until: datetime, hours: int) -> tuple[Slice, ...]:
    """Cut a span of each tenant into slices of so many hours, aligned to multiples of that length since 1970 where there are several.

    Returns:
        The slices, the oldest first; the first and the last of a tenant may be shorter.
    """
    bounds = _bounds(since, until, hours)
    return tuple(Slice(tenant, start, end) for start, end in bounds for tenant in sorted(set(tenants)))


def bounded_query(query: Query, wanted: Slice, since: datetime) -> str:
    """The URL that asks for what is left of a slice: ordered by `published`, finite.

    Args:
        query: What the tenant is asked for.
        wanted: The slice.
        since: Where to begin within it.
    """
    return query.url_between(since - _MARGIN, wanted.until + _MARGIN)


def _bounds(since: datetime, until: datetime, hours: int) -> list[tuple[datetime, datetime]]:
    length = timedelta(hours=hours)
    if until - since <= length:
        return [(since, until)] if since < until else []
    bounds = []
    start = since
    while start < until:
        end = min(_EPOCH + ((start - _EPOCH) // length + 1) * length, until)
        bounds.append((start, end))
        start = end
    return bounds
