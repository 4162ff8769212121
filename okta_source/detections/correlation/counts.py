"""Correlations that count, add up or put in order what a group's window holds.

A match that comes late may complete windows that end after it, so every window that holds it is looked at: those that end at it or at a
later match within the timespan. In order, that is one.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from okta_source.detections.correlation.window import MOST_EVENTS_A_GROUP, Episodes, Hit, Outcome, Window
from okta_source.detections.sigma.rule import Correlation

__all__ = ["Counted", "Distinct", "Ordered", "Summed"]


class _Group:
    """What the kinds below have in common.

    Args:
        rule: The correlation.
        hits: Its matches, sorted by time.
        spans: Its episodes.

    Attributes:
        dropped: How many matches it has dropped because it held too many.
        mark: The newest mark of what it holds.
    """

    __slots__ = ("_episodes", "_rule", "_window", "dropped", "mark")

    def __init__(self, rule: Correlation, hits: Iterable[Sequence[Any]] = (), spans: list[list[int]] | None = None) -> None:
        self._rule = rule
        self._window = Window([Hit(*hit) for hit in hits], self._left)
        self._episodes = Episodes(spans)
        self.dropped = 0
        self.mark = 0

    def take(self, hit: Hit, horizon: int) -> Outcome | None:
        """Take a match; what came before the horizon is forgotten first."""
        window = self._window
        window.forget(horizon)
        if self._episodes.spans:
            self._episodes.forget(horizon)
        self.mark = hit.mark
        place = window.insert(hit)
        if place is None:
            return None
        self._entered(hit, place)
        if len(window.times) > MOST_EVENTS_A_GROUP:
            gone = window.shrink()
            self.dropped += gone
            place = max(0, place - gone)
        fulfilled = self._fulfilled(hit, place)
        if not fulfilled:  # nearly always
            return None
        ends = [window.hits[end] for end in fulfilled]
        begins = self._episodes.extend([end.ms for end in ends], self._rule.timespan_ms, hit.mark)
        return Outcome(ends, begins, self._hits(ends[0].ms) if begins else ())

    def dump(self) -> list[Any]:
        """What the constructor takes."""
        return [self._window.hits, self._episodes.spans]

    def _hits(self, end_ms: int) -> Sequence[Hit]:
        return self._window.hits[self._window.begin(end_ms, self._rule.timespan_ms) : self._window.until(end_ms)]

    def _ends(self, place: int) -> Iterator[int]:
        """The places of the matches at which windows end that hold the one at a place."""
        times = self._window.times
        latest = times[place] + self._rule.timespan_ms
        while place < len(times) and times[place] <= latest:
            yield place
            place += 1

    def _fulfilled(self, hit: Hit, place: int) -> Sequence[int]:
        """The places of the matches with which windows end that hold this one and fulfil the rule, ascending."""
        raise NotImplementedError

    def _entered(self, hit: Hit, place: int) -> None:
        """A match has come."""

    def _left(self, hit: Hit) -> None:
        """A match is gone."""


class Counted(_Group):
    """`event_count`: how many matches a window holds."""

    __slots__ = ()

    def _fulfilled(self, _: Hit, place: int) -> Sequence[int]:
        window, rule = self._window, self._rule
        if len(window.times) < rule.condition.least:
            return ()
        found: list[int] = []
        # With a lower bound alone, a new match can only complete windows whose first one is less than so many before it.
        reach = place + math.ceil(rule.condition.least) if rule.condition.most is None else len(window.times)
        for end in self._ends(place):
            if end > reach:
                break
            moment = window.times[end]
            # All matches of that moment belong to the window, those behind the place too.
            if window.until(moment) - window.begin(moment, rule.timespan_ms) in rule.condition:
                found.append(end)
        return found


class Summed(_Group):
    """`value_sum`: what the values of a window add up to."""

    __slots__ = ()

    def _fulfilled(self, _: Hit, place: int) -> Sequence[int]:
        sums = ((end, math.fsum(member.value for member in self._hits(self._window.times[end]))) for end in self._ends(place))
        return [end for end, total in sums if total in self._rule.condition]


class Distinct(_Group):
    """`value_count` and `temporal`: how many different values, or rules, a window holds.

    How often each value is in the window that ends at the newest match is kept, so that a match in order costs the same however many there
    are; for a late one the window is moved back to it, and forth again.
    """

    __slots__ = ("_all", "_begin", "_counts", "_of")

    def __init__(self, rule: Correlation, hits: Iterable[Sequence[Any]] = (), spans: list[list[int]] | None = None) -> None:
        self._counts: dict[Any, int] = {}  # of each value in the newest window
        self._all: dict[Any, int] = {}  # and in all that is kept
        self._begin = 0  # place of the newest window's first match
        self._of: Callable[[Hit], Any] = _via if rule.type == "temporal" else _value
        super().__init__(rule, hits, spans)
        if self._window.hits:
            self._begin = self._window.begin(self._window.times[-1], rule.timespan_ms)
            for hit in self._window.hits[self._begin :]:
                self._add(hit)
            for hit in self._window.hits:
                _count(self._all, self._of(hit))

    def take(self, hit: Hit, horizon: int) -> Outcome | None:
        """As for all, with the number of values for the alert."""
        outcome = super().take(hit, horizon)
        if outcome is None or not outcome.begins or self._rule.type == "temporal":
            return outcome
        distinct = len({value for member in outcome.hits for value in _value(member)})
        return Outcome(outcome.ends, outcome.begins, outcome.hits, {"distinct": distinct})

    def _entered(self, hit: Hit, place: int) -> None:
        _count(self._all, self._of(hit))
        if place == len(self._window.times) - 1:
            self._add(hit)
            self._move_begin_to(self._window.begin(hit.ms, self._rule.timespan_ms))
        elif hit.ms >= self._window.times[-1] - self._rule.timespan_ms:
            self._add(hit)
        else:
            self._begin += 1

    def _left(self, hit: Hit) -> None:
        _discount(self._all, self._of(hit))
        if self._begin:
            self._begin -= 1
        else:
            self._remove(hit)

    def _fulfilled(self, hit: Hit, place: int) -> Sequence[int]:
        if len(self._all) < self._rule.condition.least or self._says_nothing_new(hit, place):
            return ()
        hits, times, home = self._window.hits, self._window.times, self._begin
        found: list[int] = []
        latest = hit.ms + self._rule.timespan_ms
        end = len(times) - 1
        while True:
            if times[end] <= latest and len(self._counts) in self._rule.condition:
                found.append(end)
            if end <= place:
                break
            self._remove(hits[end])
            end -= 1
            self._move_begin_to(self._window.begin(times[end], self._rule.timespan_ms))
        for member in hits[end + 1 :]:
            self._add(member)
        self._move_begin_to(home)
        return found[::-1]

    def _move_begin_to(self, begin: int) -> None:
        while self._begin < begin:
            self._remove(self._window.hits[self._begin])
            self._begin += 1
        while self._begin > begin:
            self._begin -= 1
            self._add(self._window.hits[self._begin])

    def _says_nothing_new(self, hit: Hit, place: int) -> bool:
        """Whether all windows that hold a late match end within an episode, so that it can begin none and make none longer.

        Without this look, each late one of a burst would move the window back over all of the burst.
        """
        times = self._window.times
        if place == len(times) - 1 or self._rule.condition.most is not None:
            return False
        last = min(times[-1], hit.ms + self._rule.timespan_ms)
        return any(span[0] <= hit.ms and last <= span[1] for span in self._episodes.spans)

    def _add(self, hit: Hit) -> None:
        _count(self._counts, self._of(hit))

    def _remove(self, hit: Hit) -> None:
        _discount(self._counts, self._of(hit))


class Ordered(_Group):
    """`temporal_ordered`: a match of each rule, in the order of the rules; those of one moment in any order.

    Okta's own order within 0.3 s says nothing, so that equal times have to do.
    """

    __slots__ = ("_by_rule",)

    def __init__(self, rule: Correlation, hits: Iterable[Sequence[Any]] = (), spans: list[list[int]] | None = None) -> None:
        self._by_rule: list[list[int]] = [[] for _ in rule.rules]
        super().__init__(rule, hits, spans)
        for hit in self._window.hits:
            self._by_rule[hit.via].append(hit.ms)

    def _entered(self, hit: Hit, _: int) -> None:
        insort(self._by_rule[hit.via], hit.ms)

    def _left(self, hit: Hit) -> None:
        del self._by_rule[hit.via][0]

    def _fulfilled(self, hit: Hit, _: int) -> Sequence[int]:
        *before, last = self._by_rule
        first, behind = self._window.begin(hit.ms, 0), self._window.until(hit.ms + self._rule.timespan_ms)
        if hit.via == len(before):
            behind = self._window.until(hit.ms)
        elif bisect_left(last, hit.ms) == bisect_right(last, hit.ms + self._rule.timespan_ms):
            return ()  # nothing that could end an order has come yet
        found: list[int] = []
        for end in range(first, behind):
            if self._window.hits[end].via != len(before):
                continue
            moment = self._window.times[end]
            for times in reversed(before):
                # The latest of each rule leaves the most room for those before it.
                latest = bisect_right(times, moment) - 1
                if latest < 0:
                    break
                moment = times[latest]
            else:
                if self._window.times[end] - moment <= self._rule.timespan_ms:
                    found.append(end)
        return found


def _count(counts: dict[Any, int], values: Sequence[Any]) -> None:
    for value in values:
        counts[value] = counts.get(value, 0) + 1


def _discount(counts: dict[Any, int], values: Sequence[Any]) -> None:
    for value in values:
        left = counts[value] - 1
        if left:
            counts[value] = left
        else:
            del counts[value]


def _via(hit: Hit) -> tuple[int]:
    return (hit.via,)


def _value(hit: Hit) -> Sequence[Any]:
    value: Sequence[Any] = hit.value
    return value
