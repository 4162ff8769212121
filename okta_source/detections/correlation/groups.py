"""The groups of one correlation and one tenant: bounded, forgotten by the events' time, and remembered as bytes."""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any, Final

import msgspec

from okta_source.detections.correlation.absence import Absence
from okta_source.detections.correlation.counts import Counted, Distinct, Ordered, Summed
from okta_source.detections.correlation.learned import FirstSeen, Travel
from okta_source.detections.correlation.window import LATENESS_MS
from okta_source.detections.sigma.rule import Correlation

__all__ = ["MOST_GROUPS", "Group", "Groups"]

Group = Counted | Distinct | Ordered | Summed | FirstSeen | Travel | Absence

MOST_GROUPS: Final = 100_000
"""Of one correlation and one tenant; a further one is refused and counted until others are forgotten."""

_KINDS: Final[dict[str, Callable[..., Group]]] = {
    "event_count": Counted,
    "value_count": Distinct,
    "value_sum": Summed,
    "temporal": Distinct,
    "temporal_ordered": Ordered,
    "first_seen": FirstSeen,
    "travel": Travel,
    "absence": Absence,
}
_Written = tuple[int, bytes]
"""A group's newest mark, and what its constructor takes."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Groups:
    """What a correlation remembers.

    A group that isn't touched from one snapshot to the next is kept as the bytes that it was written as: a snapshot writes anew only what
    has changed, and what rests takes little memory.

    Args:
        rule: The correlation.
        most: How many groups there may be.

    Attributes:
        began_ms: When the first match of all happened; None before it.
    """

    def __init__(self, rule: Correlation, most: int = MOST_GROUPS) -> None:
        self._rule = rule
        self._most = most
        self._make = _KINDS[rule.type]
        self._live: dict[bytes, Group] = {}
        self._unchanged: dict[bytes, _Written] = {}  # of the live ones, those that are as they were last written
        self._resting: dict[bytes, _Written] = {}
        self._swept_at = 0
        self._ages: list[tuple[int, bytes]] | None = None  # a heap: every group's key, with a mark that its own isn't below
        self.began_ms: int | None = None

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self._live) + len(self._resting)

    def horizon(self, newest: int) -> int:
        """The mark before which things are forgotten."""
        return newest - self._rule.timespan_ms - LATENESS_MS

    def get(self, key: bytes, newest: int) -> Group | None:
        """The group of a key, to be changed; made where there is none, None where there is no room for it."""
        group = self._live.get(key)
        if group is not None:
            self._unchanged.pop(key, None)
            return group
        written = self._resting.pop(key, None)
        if written is not None:
            group = self._live[key] = self._read(written)
            return group
        if len(self) >= self._most:
            self._make_room(newest)
            if len(self) >= self._most:
                return None
        if self._ages is not None:
            heappush(self._ages, (newest, key))
        group = self._live[key] = self._make(self._rule)
        return group

    def known(self, key: bytes) -> Group | None:
        """The group of a key, to be changed; None where there is none."""
        if key not in self._live and key not in self._resting:
            return None
        return self.get(key, 0)

    def all(self) -> Iterator[tuple[bytes, Group]]:
        """Every group by its key, to look at only."""
        yield from self._live.items()
        for key, written in self._resting.items():
            yield key, self._read(written)

    def dump(self, newest: int) -> dict[str, Any]:
        """What `load` takes."""
        # A sweep looks at every group; now and then is enough, since a group that is touched forgets by itself.
        if newest - self._swept_at > (self._rule.timespan_ms + LATENESS_MS) // 4:
            self._sweep(newest)
        for key in list(self._unchanged):
            self._resting[key] = self._unchanged.pop(key)
            del self._live[key]
        self._unchanged = {key: (group.mark, _encode(group.dump())) for key, group in self._live.items()}
        return {"began": self.began_ms, "groups": {**self._resting, **self._unchanged}}

    def load(self, saved: dict[str, Any]) -> None:
        """Take up what `dump` gave."""
        self.began_ms = saved["began"]
        self._ages = None
        self._resting = {key: (mark, data) for key, (mark, data) in saved["groups"].items()}

    def _read(self, written: _Written) -> Group:
        mark, data = written
        group = self._make(self._rule, *_decode(data))
        group.mark = mark
        return group

    def _make_room(self, newest: int) -> None:
        """Forget what `_sweep` would, without a look at every group.

        A flood of made-up user names comes here with each of its events: at 100,000 groups a sweep took 4 ms, this takes less than 1 µs
        where nothing can go, and 4 µs for each group that does.
        """
        horizon = self.horizon(newest)
        if self._ages is None:
            self._ages = [(group.mark, key) for key, group in self._live.items()]
            self._ages += [(mark, key) for key, (mark, _) in self._resting.items()]
            heapify(self._ages)
        while self._ages and self._ages[0][0] < horizon:
            _, key = heappop(self._ages)
            group = self._live.get(key)
            mark = self._resting[key][0] if group is None else group.mark
            if mark >= horizon:  # touched since
                heappush(self._ages, (mark, key))
            elif group is None:
                del self._resting[key]
            else:
                del self._live[key]
                self._unchanged.pop(key, None)

    def _sweep(self, newest: int) -> None:
        """Forget the groups of which nothing would be left if they were touched."""
        self._ages = None  # costs memory and is seldom needed
        horizon = self.horizon(newest)
        over = [key for key, group in self._live.items() if group.mark < horizon]
        for key in over:
            del self._live[key]
            self._unchanged.pop(key, None)
        for key in [key for key, (mark, _) in self._resting.items() if mark < horizon]:
            del self._resting[key]
        self._swept_at = newest
