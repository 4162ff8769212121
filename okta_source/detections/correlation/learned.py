"""Correlations that remember: `first_seen`, a value that a group hasn't had for a timespan, and `travel`, two places too far apart."""

import math
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Any, Final

from okta_source.detections.correlation.window import Episodes, Hit, Outcome, Window
from okta_source.detections.sigma.rule import Correlation

__all__ = ["MOST_VALUES_A_GROUP", "FirstSeen", "Travel", "distance_km"]

MOST_VALUES_A_GROUP: Final = 1_000
_EARTH_RADIUS_KM: Final = 6371.0
_HOUR_MS: Final = 3_600_000


class FirstSeen:
    """`first_seen`: the values that a group has had, and when last.

    A group's very first value is learned without an alert where groups are told apart: there is nothing that it could be compared with.

    Args:
        rule: The correlation.
        values: `[value, when last seen, mark]` of each.

    Attributes:
        dropped: How many values it has dropped because it knew too many.
        mark: The newest mark of what it knows.
    """

    __slots__ = ("_oldest", "_rule", "_values", "dropped", "mark")

    def __init__(self, rule: Correlation, values: Iterable[Sequence[Any]] = ()) -> None:
        self._rule = rule
        self._values: dict[Any, tuple[int, int]] = {value: (ms, mark) for value, ms, mark in values}
        self._oldest = min((mark for _, mark in self._values.values()), default=0)  # no mark is lower
        self.dropped = 0
        self.mark = 0

    def take(self, hit: Hit, horizon: int, *, learning: bool) -> Outcome | None:
        """Take a match, whose value is a list of what it has of the field.

        Args:
            hit: The match.
            horizon: What was last seen before this mark is forgotten.
            learning: Whether the rule still only learns.
        """
        self._forget(horizon)
        self.mark = hit.mark
        has_others = bool(self._values) or not self._rule.group_by
        new: list[Any] = []
        for value in hit.value:
            last, mark = self._values.get(value, (None, 0))
            if last is None or hit.ms - last > self._rule.timespan_ms:
                new.append(value)
            self._values[value] = (hit.ms if last is None else max(last, hit.ms), max(mark, hit.mark))
        excess = len(self._values) - MOST_VALUES_A_GROUP
        if excess > 0:  # at once: an event may bring a hundred, and a search takes 60 µs
            for value in nsmallest(excess, self._values, key=self._values.__getitem__):
                del self._values[value]
            self.dropped += excess
        if not new or learning or not has_others:
            return None
        return Outcome((hit,), begins=True, hits=(hit,), details={"new": new if len(new) > 1 else new[0]})

    def _forget(self, horizon: int) -> None:
        if self._oldest < horizon:
            self._values = {value: seen for value, seen in self._values.items() if seen[1] >= horizon}
            self._oldest = min((mark for _, mark in self._values.values()), default=horizon)

    def dump(self) -> list[Any]:
        """What the constructor takes, but for the rule."""
        return [[[value, ms, mark] for value, (ms, mark) in self._values.items()]]


class Travel:
    """`travel`: where a group was, and from which address.

    Each match is compared with the one before it and the one behind it, by time. Coordinates are Okta's own, so no map of addresses is
    needed; the same address at two places is Okta's doing, not a journey.

    Args:
        rule: The correlation.
        hits: Its matches, sorted by time; their values are `[latitude, longitude, address]`.
        spans: Its episodes.

    Attributes:
        dropped: How many matches it has dropped because it held too many.
        mark: The newest mark of what it holds.
    """

    __slots__ = ("_episodes", "_rule", "_window", "dropped", "mark")

    def __init__(self, rule: Correlation, hits: Iterable[Sequence[Any]] = (), spans: list[list[int]] | None = None) -> None:
        self._rule = rule
        self._window = Window([Hit(*hit) for hit in hits])
        self._episodes = Episodes(spans)
        self.dropped = 0
        self.mark = 0

    def take(self, hit: Hit, horizon: int) -> Outcome | None:
        """Take a match; what came before the horizon is forgotten first."""
        self._window.forget(horizon)
        if self._episodes.spans:
            self._episodes.forget(horizon)
        self.mark = hit.mark
        place = self._window.insert(hit)
        if place is None:
            return None
        hits, found = self._window.hits, []
        for other in (place, place + 1):
            if 0 < other < len(hits):
                told = self._journey(hits[other - 1], hits[other])
                if told is not None:
                    found.append((hits[other - 1], hits[other], told))
        self.dropped += self._window.shrink()
        if not found:
            return None
        one, two, details = found[0]
        ends = [later for _, later, _ in found]
        begins = self._episodes.extend([end.ms for end in ends], self._rule.timespan_ms, hit.mark)
        return Outcome(ends, begins, (one, two), details)

    def dump(self) -> list[Any]:
        """What the constructor takes."""
        return [self._window.hits, self._episodes.spans]

    def _journey(self, one: Hit, two: Hit) -> dict[str, Any] | None:
        """How far and how fast, where that is too much."""
        passed_ms = two.ms - one.ms
        if passed_ms > self._rule.timespan_ms or one.value[2] == two.value[2]:
            return None
        distance = distance_km(one.value[:2], two.value[:2])
        # Two places at one moment: as fast as it gets, and still a number.
        speed = distance / (max(passed_ms, 1) / _HOUR_MS)
        if distance <= self._rule.distance_km or speed not in self._rule.condition:
            return None
        return {"distance_km": round(distance), "speed_kmh": round(speed)}


def distance_km(one: Sequence[float], other: Sequence[float]) -> float:
    """How far two places are apart along the earth's surface.

    Args:
        one: Latitude and longitude in degrees.
        other: Those of the other place.
    """
    lat1, lon1, lat2, lon2 = map(math.radians, (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))
