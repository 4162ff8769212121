"""Correlations that count, add up or put in order what a group's window holds."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from okta_source.detections.correlation.window import Hit
from okta_source.detections.correlation.windowed import Windowed
from okta_source.detections.sigma.rule import Correlation

__all__ = ["Counted", "Distinct", "Ordered", "Summed"]


class Counted(Windowed):
    """`event_count`: how many matches a window holds."""

    __slots__ = ()

    def _fulfilled(self, _: Hit, place: int) -> Sequence[Hit]:
        window, rule = self._window, self._rule
        if len(window.times) < rule.condition.least:
            return ()
        found: list[Hit] = []
        # With a lower bound alone, a new match can only complete windows whose first one is less than so many before it.
        reach = place + math.ceil(rule.condition.least) if rule.condition.most is None else len(window.times)
        for end in self._ends(place):
            if end > reach:
                break
            moment = window.times[end]
            # All matches of that moment belong to the window, those behind the place too.
            if window.until(moment) - window.begin(moment, rule.timespan_ms) in rule.condition:
                found.append(window.hits[end])
        return found


class Summed(Windowed):
    """`value_sum`: what the values of a window add up to.

    Beside the matches stand running totals, as whole numbers of a power of two that is small enough for each value. They are exact, so that
    a window's sum is the difference of two, rounded once, as `math.fsum` of its values would be: that took 130 µs for a match in order
    among 10,000, and 1.3 s for a late one; this takes 3 µs and 7 ms.
    """

    __slots__ = ("_bits", "_totals")

    def __init__(self, rule: Correlation, hits: Iterable[Sequence[Any]] = (), spans: list[list[int]] | None = None) -> None:
        self._bits = 0  # a total is so many times halved what it stands for
        self._totals = [0]  # before the first match, and behind each
        super().__init__(rule, hits, spans)
        for place, hit in enumerate(self._window.hits):
            self._entered(hit, place)

    def _entered(self, hit: Hit, place: int) -> None:
        numerator, denominator = hit.value.as_integer_ratio()
        bits = denominator.bit_length() - 1
        if bits > self._bits:
            self._totals = [total << bits - self._bits for total in self._totals]
            self._bits = bits
        value, totals = numerator << self._bits - bits, self._totals
        totals.insert(place + 1, totals[place] + value)
        if place + 2 < len(totals):
            totals[place + 2 :] = [total + value for total in totals[place + 2 :]]

    def _left(self, _: Hit) -> None:
        del self._totals[0]

    def _fulfilled(self, _: Hit, place: int) -> Sequence[Hit]:
        window, totals, rule, scale = self._window, self._totals, self._rule, 1 << self._bits
        found: list[Hit] = []
        for end in self._ends(place):
            moment = window.times[end]
            if (totals[window.until(moment)] - totals[window.begin(moment, rule.timespan_ms)]) / scale in rule.condition:
                found.append(window.hits[end])
        return found


class Distinct(Windowed):
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

    def _details(self, hits: Sequence[Hit]) -> dict[str, Any]:
        return {} if self._rule.type == "temporal" else {"distinct": len({value for hit in hits for value in _value(hit)})}

    def _entered(self, hit: Hit, place: int) -> None:
        _count(self._all, self._of(hit))
        times = self._window.times
        if place == len(times) - 1:  # nearly always, and few matches leave then: to search for the window's begin takes longer
            self._add(hit)
            while times[self._begin] < hit.ms - self._rule.timespan_ms:
                self._remove(self._window.hits[self._begin])
                self._begin += 1
        elif hit.ms >= times[-1] - self._rule.timespan_ms:
            self._add(hit)
        else:
            self._begin += 1

    def _left(self, hit: Hit) -> None:
        _discount(self._all, self._of(hit))
        if self._begin:
            self._begin -= 1
        else:
            self._remove(hit)

    def _fulfilled(self, hit: Hit, place: int) -> Sequence[Hit]:
        if len(self._all) < self._rule.condition.least or self._says_nothing_new(hit, place):
            return ()
        hits, times, home = self._window.hits, self._window.times, self._begin
        found: list[Hit] = []
        latest = hit.ms + self._rule.timespan_ms
        end = len(times) - 1
        while True:
            if times[end] <= latest and len(self._counts) in self._rule.condition:
                found.append(hits[end])
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


class Ordered(Windowed):
    """`temporal_ordered`: a match of each rule, in the order of the rules; those of one moment in any order.

    Okta's own order within 0.3 s says nothing, so that equal times have to do.
    """

    __slots__ = ("_by_rule", "_lasts")

    def __init__(self, rule: Correlation, hits: Iterable[Sequence[Any]] = (), spans: list[list[int]] | None = None) -> None:
        self._by_rule: list[list[int]] = [[] for _ in rule.rules]  # times
        self._lasts: list[Hit] = []  # the matches of the last rule, in the order of theirs
        super().__init__(rule, hits, spans)
        for place, hit in enumerate(self._window.hits):
            self._entered(hit, place)

    def _entered(self, hit: Hit, _: int) -> None:
        times = self._by_rule[hit.via]
        place = bisect_right(times, hit.ms)
        times.insert(place, hit.ms)
        if hit.via == len(self._by_rule) - 1:
            self._lasts.insert(place, hit)

    def _left(self, hit: Hit) -> None:
        del self._by_rule[hit.via][0]
        if hit.via == len(self._by_rule) - 1:
            del self._lasts[0]

    def _fulfilled(self, hit: Hit, _: int) -> Sequence[Hit]:
        last = self._by_rule[-1]
        if not last or last[-1] < hit.ms:  # nearly always: nothing that could end an order has come yet
            return ()
        before, timespan_ms = self._by_rule[:-1], self._rule.timespan_ms
        begin, behind = bisect_left(last, hit.ms), bisect_right(last, hit.ms + (0 if hit.via == len(before) else timespan_ms))
        found: list[Hit] = []
        while begin < behind:
            # What ends in one moment is looked at once: in a burst of 5,000, a look at each for each took 3.4 s.
            moment = latest = last[begin]
            end = begin + 1
            if end < behind and last[end] == moment:
                end = bisect_right(last, moment, end, behind)
            for times in reversed(before):
                # The latest of each rule leaves the most room for those before it.
                place = bisect_right(times, latest)
                if not place:
                    break
                latest = times[place - 1]
            else:
                if moment - latest <= timespan_ms:
                    found += self._lasts[begin:end]
            begin = end
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
