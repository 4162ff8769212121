"""A group's matches in the order of `published`, and the episodes that it has been alerted of.

Time here is the events' own, in milliseconds since 1970, and the order in which they come in may be another one. Two things are kept of
each match: when it happened, and its *mark*, which is the tenant's newest `published` at the moment it came in. Windows go by the first; it
is forgotten by the second, so that a late burst lives as long as one that comes in time. No clock is asked.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from okta_source.detections.sigma.rule import MOST_EVENTS_A_GROUP

__all__ = ["LATENESS_MS", "MOST_EVENTS_A_GROUP", "Episodes", "Hit", "Outcome", "Window"]

LATENESS_MS: Final = 5 * 60_000
"""How much longer than a window needs it its events are kept, for those that come late."""

_MOST_COMPARED: Final = 100  # of one moment: events are given once anyway, and a burst must not cost more the longer it is


class Hit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A match that a correlation takes; stored as an array of its values.

    Attributes:
        ms: When the event happened.
        uuid: The event's id.
        event_type: The event's type.
        via: Which of the correlation's rules it matched: its place in `rules`.
        value: What the correlation counts, sums or compares.
        mark: The tenant's newest `published` when it came in.
        carried: What the correlations above this one tell its group and value by, see `inputs`; None where there are none, and in what
            earlier releases have stored.
    """

    ms: int
    uuid: str
    event_type: str
    via: int
    value: Any
    mark: int
    carried: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A group fulfils its rule.

    Attributes:
        ends: The matches with which windows end that fulfil it, in the order of their times: what a correlation of correlations takes.
        begins: Whether this begins an episode, so that there is an alert; otherwise one has been given.
        hits: The matches of the window, in the order of their times.
        details: What else an alert says.
    """

    ends: Sequence[Hit]
    begins: bool
    hits: Sequence[Hit]
    details: dict[str, Any] = field(default_factory=dict)


class Episodes:
    """What a group has been alerted of: spans of time in which it fulfilled its rule again and again.

    Whatever lies within `timespan_ms` of an episode belongs to it, and makes it longer.

    Args:
        spans: `[first, last, mark]` of each.
    """

    __slots__ = ("spans",)

    def __init__(self, spans: list[list[int]] | None = None) -> None:
        self.spans = spans or []

    def extend(self, moments: Sequence[int], timespan_ms: int, mark: int) -> bool:
        """The rule is fulfilled at these moments, which ascend and lie within a timespan of each other.

        Returns:
            Whether that begins an episode.
        """
        first, last = moments[0], moments[-1]
        if not self.spans:
            self.spans.append([first, last, mark])
            return True
        near = [span for span in self.spans if span[0] - timespan_ms <= last and first <= span[1] + timespan_ms]
        if not near:
            self.spans.append([first, last, mark])
            return True
        joined = [min(first, *(span[0] for span in near)), max(last, *(span[1] for span in near)), mark]
        self.spans = [span for span in self.spans if span not in near] + [joined]
        return False

    def forget(self, horizon: int) -> None:
        """Drop what was last touched before a mark."""
        if self.spans and self.spans[0][2] < horizon:
            self.spans = [span for span in self.spans if span[2] >= horizon]


class Window:
    """A group's matches, sorted by time; those of one moment in the order in which they came.

    Args:
        hits: What it holds, sorted.
        on_drop: Called with each match that leaves.
    """

    __slots__ = ("_on_drop", "hits", "times")

    def __init__(self, hits: list[Hit], on_drop: Callable[[Hit], None] | None = None) -> None:
        self.hits = hits
        self.times = [hit.ms for hit in hits]
        self._on_drop = on_drop

    def insert(self, hit: Hit) -> int | None:
        """Take a match.

        Returns:
            Its place; None where the window holds it already.
        """
        times = self.times
        if not times or hit.ms > times[-1]:  # nearly always
            times.append(hit.ms)
            self.hits.append(hit)
            return len(times) - 1
        place = bisect_right(times, hit.ms)
        for other in reversed(self.hits[max(0, place - _MOST_COMPARED) : place]):
            if other.ms != hit.ms:
                break
            if other.uuid == hit.uuid and other.via == hit.via:
                return None
        times.insert(place, hit.ms)
        self.hits.insert(place, hit)
        return place

    def forget(self, horizon: int) -> None:
        """Drop the oldest ones, as long as they happened and came before a mark."""
        hits = self.hits
        if not hits or hits[0].ms >= horizon:  # nearly always
            return
        count = 0
        while count < len(hits) and hits[count].ms < horizon and hits[count].mark < horizon:
            count += 1
        self._drop(count)

    def shrink(self) -> int:
        """Drop the oldest ones beyond what a group may hold.

        Returns:
            How many.
        """
        count = len(self.hits) - MOST_EVENTS_A_GROUP
        if count <= 0:  # nearly always
            return 0
        self._drop(count)
        return count

    def begin(self, end_ms: int, timespan_ms: int) -> int:
        """The place of the first match of the window that ends at a moment; both ends belong to it."""
        return bisect_left(self.times, end_ms - timespan_ms)

    def until(self, end_ms: int) -> int:
        """The place behind the last match of that window."""
        return bisect_right(self.times, end_ms)

    def _drop(self, count: int) -> None:
        if not count:
            return
        if self._on_drop is not None:
            for hit in self.hits[:count]:
                self._on_drop(hit)
        del self.hits[:count]
        del self.times[:count]
