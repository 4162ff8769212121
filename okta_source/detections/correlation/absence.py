"""`absence`: something happened, and what should have followed within the timespan did not.

The first of the rules is what happened, any other one is what should have followed. That it didn't is known when the tenant's newest
`published` is a timespan and the usual lateness further; no clock is asked.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from okta_source.detections.correlation.window import LATENESS_MS, Episodes, Hit
from okta_source.detections.sigma.rule import Correlation

__all__ = ["MOST_WAITING_A_GROUP", "Absence"]

MOST_WAITING_A_GROUP: Final = 100


class Absence:
    """What a group is waiting for.

    Args:
        rule: The correlation.
        waiting: The matches of the first rule that nothing has followed yet, and the bytes of each event.
        followed: Times and marks of the matches of the other rules.
        spans: Its episodes.

    Attributes:
        dropped: How many matches it has dropped because it waited for too many.
        mark: The newest mark of what it holds, and what its waits last longer.
    """

    __slots__ = ("_episodes", "_followed", "_rule", "_waiting", "dropped", "mark")

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
        self._followed = [entry for entry in self._followed if entry[1] >= horizon]
        self._episodes.forget(horizon)
        # A wait is over soon after the timespan, and long before this mark is the horizon's.
        self.mark = hit.mark + LATENESS_MS
        span = self._rule.timespan_ms
        if hit.via:
            self._waiting = [entry for entry in self._waiting if not 0 <= hit.ms - entry[0].ms <= span]
            self._followed.append((hit.ms, hit.mark))
        elif not any(0 <= ms - hit.ms <= span for ms, _ in self._followed):
            if len(self._waiting) < MOST_WAITING_A_GROUP:
                self._waiting.append((hit, body))
            else:
                self.dropped += 1

    def due_ms(self) -> int | None:
        """The mark at which the first wait is over."""
        return self._due(min(hit.ms for hit, _ in self._waiting)) if self._waiting else None

    def over(self, newest: int) -> list[tuple[Hit, bytes]]:
        """The waits that a mark ends and that begin an episode each, oldest first; they are forgotten."""
        done = sorted(
            (entry for entry in self._waiting if self._due(entry[0].ms) <= newest), key=lambda entry: (entry[0].ms, entry[0].uuid)
        )
        if not done:
            return []
        self._waiting = [entry for entry in self._waiting if self._due(entry[0].ms) > newest]
        self.mark = max(self.mark, newest)
        return [entry for entry in done if self._episodes.extend([entry[0].ms], self._rule.timespan_ms, newest)]

    def dump(self) -> list[Any]:
        """What the constructor takes."""
        return [[[hit, body] for hit, body in self._waiting], self._followed, self._episodes.spans]

    def _due(self, ms: int) -> int:
        return ms + self._rule.timespan_ms + LATENESS_MS
