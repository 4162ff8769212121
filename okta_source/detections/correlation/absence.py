"""`absence`: something happened, and what should have followed within the timespan did not.

The first of the rules is what happened, any other one is what should have followed. That it didn't is known when the tenant's newest
`published` is a timespan and the usual lateness further; no clock is asked.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import Any, Final

from okta_source.detections.correlation.window import LATENESS_MS, MOST_EVENTS_A_GROUP, Episodes, Hit
from okta_source.detections.sigma.rule import Correlation

__all__ = ["MOST_WAITING_A_GROUP", "Absence", "Waits"]

MOST_WAITING_A_GROUP: Final = 100
_mark_of_followed = itemgetter(1)


class Absence:
    """What a group is waiting for.

    Args:
        rule: The correlation.
        waiting: The matches of the first rule that nothing has followed yet, and the bytes of each event.
        followed: Times and marks of the matches of the other rules, in the order in which they came.
        spans: Its episodes.

    Attributes:
        dropped: How many matches it has dropped because it waited for too many, or held too many others.
        mark: The newest mark of what it holds, and what its waits last longer.
    """

    __slots__ = ("_episodes", "_followed", "_rule", "_times", "_waiting", "dropped", "mark")

    def __init__(
        self,
        rule: Correlation,
        waiting: Iterable[Sequence[Any]] = (),
        followed: Iterable[Sequence[int]] = (),
        spans: list[list[int]] | None = None,
    ) -> None:
        self._rule = rule
        self._waiting = [(Hit(*hit), body) for hit, body in waiting]
        self._followed = [(ms, mark) for ms, mark in followed]
        self._times = sorted(ms for ms, _ in self._followed)
        self._episodes = Episodes(spans)
        self.dropped = 0
        self.mark = 0

    def take(self, hit: Hit, body: bytes, horizon: int) -> None:
        """Take a match.

        Args:
            hit: The match.
            body: The event's bytes, for the alert that may come of it.
            horizon: What came before this mark is forgotten.
        """
        if self._followed and self._followed[0][1] < horizon:
            self._forget_followed(bisect_left(self._followed, horizon, key=_mark_of_followed))
        self._episodes.forget(horizon)
        # A wait is over soon after the timespan, and long before this mark is the horizon's.
        self.mark = hit.mark + LATENESS_MS
        span = self._rule.timespan_ms
        if hit.via:
            self._waiting = [entry for entry in self._waiting if not 0 <= hit.ms - entry[0].ms <= span]
            self._followed.append((hit.ms, hit.mark))
            insort(self._times, hit.ms)
            if len(self._followed) > MOST_EVENTS_A_GROUP:
                self._forget_followed(1)
                self.dropped += 1
            return
        place = bisect_left(self._times, hit.ms)
        if place < len(self._times) and self._times[place] <= hit.ms + span:
            return
        if len(self._waiting) < MOST_WAITING_A_GROUP:
            self._waiting.append((hit, body))
        else:
            self.dropped += 1

    def due_ms(self) -> int | None:
        """The mark at which the first wait is over."""
        return self._due(min(hit.ms for hit, _ in self._waiting)) if self._waiting else None

    def over(self, due: int, newest: int) -> list[tuple[Hit, bytes]]:
        """The waits that a mark ends and that begin an episode each, oldest first; they are forgotten.

        Args:
            due: The mark.
            newest: The tenant's newest mark; when they are told.
        """
        done = sorted((entry for entry in self._waiting if self._due(entry[0].ms) <= due), key=lambda entry: (entry[0].ms, entry[0].uuid))
        if not done:
            return []
        self._waiting = [entry for entry in self._waiting if self._due(entry[0].ms) > due]
        self.mark = max(self.mark, newest)
        return [entry for entry in done if self._episodes.extend([entry[0].ms], self._rule.timespan_ms, newest)]

    def dump(self) -> list[Any]:
        """What the constructor takes."""
        return [[[hit, body] for hit, body in self._waiting], self._followed, self._episodes.spans]

    def _forget_followed(self, count: int) -> None:
        for ms, _ in self._followed[:count]:
            del self._times[bisect_left(self._times, ms)]
        del self._followed[:count]

    def _due(self, ms: int) -> int:
        return ms + self._rule.timespan_ms + LATENESS_MS


class Waits:
    """Of which groups the first wait is over, and when: by a heap, so that time goes on at the same cost however many wait.

    Attributes:
        heap: Marks, each with the number of an absence and a group's key; one that a lower one of the same group has replaced is skipped.
    """

    __slots__ = ("_due", "heap")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, bytes]] = []
        self._due: dict[tuple[int, bytes], int] = {}  # what of the heap counts

    def note(self, number: int, key: bytes, due: int | None) -> None:
        """A group's first wait is over at a mark; None where it waits for nothing. Asking for it too early does no harm."""
        known = self._due.get((number, key))
        if due is None or (known is not None and known <= due):
            return
        self._due[number, key] = due
        heappush(self.heap, (due, number, key))
        if len(self.heap) > 2 * len(self._due):
            self.heap = [(due, number, key) for (number, key), due in self._due.items()]
            heapify(self.heap)

    def over(self, newest: int) -> Iterator[tuple[int, int, bytes]]:
        """What a mark ends, in the order in which it is over, wherever pages end; what is noted meanwhile too."""
        while self.heap and self.heap[0][0] <= newest:
            due, number, key = heappop(self.heap)
            if self._due.get((number, key)) == due:
                del self._due[number, key]
                yield due, number, key
