"""What a slice has brought, by hour: part of its saved state, so that a report is right after any number of crashes. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["HourCounts", "HourTally", "add_up", "hour_of", "merged"]

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HourCounts:
    """Events of one hour of one tenant.

    Attributes:
        received: Events that Okta sent; the sum of the others.
        new: Those that went on to the sinks.
        duplicate: Those whose uuid had been seen.
        malformed: Those that went to the dead letters.
    """

    received: int = 0
    new: int = 0
    duplicate: int = 0
    malformed: int = 0

    def __add__(self, other: "HourCounts") -> "HourCounts":
        return HourCounts(
            self.received + other.received, self.new + other.new, self.duplicate + other.duplicate, self.malformed + other.malformed
        )


def add_up(counts: Iterable[HourCounts]) -> HourCounts:
    """The sum of several."""
    return sum(counts, HourCounts())


def hour_of(moment: datetime) -> datetime:
    """The full UTC hour that a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


class HourTally:
    """Counts a slice's events by hour.

    Args:
        saved: What `plain` gave.
    """

    def __init__(self, saved: Iterable[Sequence[Any]] = ()) -> None:
        # By hour: new, duplicate, malformed.
        self._hours: dict[datetime, list[int]] = {datetime.fromisoformat(hour): list(counts) for hour, *counts in saved}

    def add(self, published: Sequence[datetime], fresh: Sequence[int] | None) -> None:
        """Count a page.

        Args:
            published: Of each of its events.
            fresh: The positions of the new ones; None where all are.
        """
        if fresh is None:
            self._count(published, 0)
            return
        new = set(fresh)
        self._count([published[position] for position in fresh], 0)
        self._count([moment for position, moment in enumerate(published) if position not in new], 1)

    def malformed(self, hour: datetime) -> None:
        """Count what is no event."""
        self._of(hour)[2] += 1

    def hours(self) -> dict[datetime, HourCounts]:
        """The counts by hour, hours without any left out."""
        return {hour: HourCounts(new + duplicate + bad, new, duplicate, bad) for hour, (new, duplicate, bad) in self._hours.items()}

    def plain(self) -> tuple[tuple[Any, ...], ...]:
        """The counts as plain values for a snapshot."""
        return tuple((hour.isoformat(), *counts) for hour, counts in self._hours.items())

    def _count(self, published: Sequence[datetime], column: int) -> None:
        # Okta sends a bounded query's events in the order of `published`, so a page is a few runs of one hour each.
        ordered = sorted(published)
        start = 0
        while start < len(ordered):
            hour = hour_of(ordered[start])
            end = bisect_left(ordered, hour + _HOUR, start)
            self._of(hour)[column] += end - start
            start = end

    def _of(self, hour: datetime) -> list[int]:
        return self._hours.setdefault(hour, [0, 0, 0])


def merged(tallies: Iterable[Mapping[datetime, HourCounts]]) -> dict[datetime, HourCounts]:
    """The sum of several slices' counts: two slices may share an hour."""
    total: dict[datetime, HourCounts] = {}
    for tally in tallies:
        for hour, counts in tally.items():
            total[hour] = total.get(hour, HourCounts()) + counts
    return total
