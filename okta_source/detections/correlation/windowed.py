"""A group whose rule is one of windows: event by event, it says which windows fulfil the rule.

A match that comes late may complete windows that end after it, so every window that holds it is looked at: those that end at it or at a
later match within the timespan. In order, that is one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from okta_source.detections.correlation.window import MOST_EVENTS_A_GROUP, Episodes, Hit, Outcome, Window
from okta_source.detections.sigma.rule import Correlation

__all__ = ["Windowed"]


class Windowed:
    """What the kinds of correlations that look at windows have in common.

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
        ends = self._fulfilled(hit, place)
        if not ends:  # nearly always
            return None
        begins = self._episodes.extend((ends[0].ms, ends[-1].ms), self._rule.timespan_ms, hit.mark)
        if not begins:
            return Outcome(ends, begins, ())
        hits = self._hits(ends[0].ms)
        return Outcome(ends, begins, hits, self._details(hits))

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

    def _fulfilled(self, hit: Hit, place: int) -> Sequence[Hit]:
        """The matches with which windows end that hold this one and fulfil the rule, in the order of their times."""
        raise NotImplementedError

    def _details(self, _: Sequence[Hit]) -> dict[str, Any]:
        """What else an alert of these matches says."""
        return {}

    def _entered(self, hit: Hit, place: int) -> None:
        """A match has come."""

    def _left(self, hit: Hit) -> None:
        """A match is gone."""
