"""An organisation's log: every event in the order of its persistence, most of them made only when they are asked for."""

import heapq
import itertools
import json
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from okta_source.simulator.blocks import BlockCache
from okta_source.simulator.events import EventFactory, Stretch
from okta_source.simulator.schedule import MAX_LAG_MS, Schedule

_BACKLOG_BLOCK_EVENTS = 1000
_LIVE_BLOCK_EVENTS = 64


@dataclass(slots=True)
class _Run:
    """Consecutive events of the log that come from one place: a stretch, or bytes that a test supplied."""

    first: int
    count: int
    stretch: Stretch | None
    offset: int = 0
    literal: list[bytes] = field(default_factory=list)
    literal_ms: int = 0

    def persisted_ms(self, place: int) -> int:
        return self.stretch.schedule.persisted_ms(self.offset + place) if self.stretch else self.literal_ms


_BLOCKS = BlockCache()
# An id() may be used again once its log is gone; this number is not.
_SERIALS = itertools.count()


class EventLog:
    """The events of one organisation.

    Args:
        factory: Makes the generated events.
        seed: Seed of the events' times.
        late_probability: Share of events persisted long after they were published.

    All methods may be called from any thread.
    """

    def __init__(self, factory: EventFactory, seed: int, late_probability: float) -> None:
        self._serial = next(_SERIALS)
        self._factory = factory
        self._seed = seed
        self._late_probability = late_probability
        self._runs: list[_Run] = []
        self._firsts: list[int] = []
        self._stretches = 0
        self._count = 0
        self._last_ms = 0
        self._live: Stretch | None = None
        self._live_count = 0
        self._published: list[tuple[int, int]] = []
        self._published_upto = 0
        self._strays: list[tuple[int, int]] = []
        self._strays_upto = 0
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._count

    def _stretch(self, start_ms: int, step_ms: float, block_events: int) -> Stretch:
        number = self._stretches
        self._stretches += 1
        key = self._seed * 0x5851F42D4C957F2D + number * 0x14057B7EF767814F
        return Stretch(number, Schedule(start_ms, step_ms, self._late_probability, key), block_events)

    def _extend(self, run: _Run) -> None:
        self._runs.append(run)
        self._firsts.append(run.first)
        self._count += run.count
        self._last_ms = max(self._last_ms, run.persisted_ms(run.count - 1))

    def fill(self, start_ms: int, end_ms: int, count: int) -> None:
        """Persist a backlog of `count` events, evenly from `start_ms` to `end_ms` (Unix milliseconds)."""
        with self._lock:
            if count:
                stretch = self._stretch(start_ms, (end_ms - start_ms) / count, min(_BACKLOG_BLOCK_EVENTS, count))
                self._extend(_Run(self._count, count, stretch))

    def fill_around(self, start_ms: int, end_ms: int, count: int, raw: Sequence[tuple[int, bytes]]) -> None:
        """As `fill`, with certain bytes among the events, each persisted at its time.

        Args:
            start_ms: Unix milliseconds.
            end_ms: Likewise.
            count: How many events are made up.
            raw: Time and bytes of each of the others, in the order of their times, all between start and end.
        """
        step_ms = (end_ms - start_ms) / max(1, count)
        done, from_ms = 0, start_ms
        for ms, data in raw:
            due = min(count, int((ms - start_ms) / step_ms))
            self.fill(from_ms, ms, due - done)
            self.append_raw(ms, [data])
            done, from_ms = due, ms
        self.fill(from_ms, end_ms, count - done)

    def start_live(self, now_ms: int, rate_per_second: float) -> None:
        """Let `rate_per_second` further events a second be persisted from now on; `grow` brings them in."""
        with self._lock:
            self._live = self._stretch(now_ms, 1000.0 / rate_per_second, _LIVE_BLOCK_EVENTS) if rate_per_second else None
            self._live_count = 0

    def grow(self, now_ms: int) -> None:
        """Bring in the live events that are due by `now_ms`."""
        with self._lock:
            if self._live is None:
                return
            due = self._live.schedule.due(now_ms)
            new = due - self._live_count
            if new <= 0:
                return
            last = self._runs[-1] if self._runs else None
            if last and last.stretch is self._live:
                last.count += new
                self._count += new
                self._last_ms = max(self._last_ms, last.persisted_ms(last.count - 1))
            else:
                self._extend(_Run(self._count, new, self._live, offset=self._live_count))
            self._live_count = due

    def append_generated(self, now_ms: int, count: int) -> int:
        """Persist `count` events now; returns the position of the first."""
        with self._lock:
            self.grow(now_ms)
            if count:
                stretch = self._stretch(max(now_ms, self._last_ms), 0.0, min(count, _LIVE_BLOCK_EVENTS))
                self._extend(_Run(self._count, count, stretch))
            return self._count - count

    def append_raw(self, now_ms: int, events: Sequence[bytes]) -> int:
        """Persist exactly these bytes now, whatever they are; returns the position of the first."""
        with self._lock:
            self.grow(now_ms)
            if events:
                literal_ms = max(now_ms, self._last_ms)
                self._extend(_Run(self._count, len(events), None, literal=list(events), literal_ms=literal_ms))
            return self._count - len(events)

    def _run_of(self, position: int) -> _Run:
        return self._runs[bisect_right(self._firsts, position) - 1]

    def persisted_ms(self, position: int) -> int:
        """Unix milliseconds at which the event at `position` was persisted."""
        with self._lock:
            run = self._run_of(position)
            return run.persisted_ms(position - run.first)

    def published_ms(self, position: int) -> int:
        """Unix milliseconds of the event's `published`; the time of persistence for bytes that have none."""
        with self._lock:
            run = self._run_of(position)
        place = position - run.first
        if run.stretch:
            return run.stretch.schedule.published_ms(run.offset + place)
        try:
            text = json.loads(run.literal[place])["published"]
            return round(datetime.fromisoformat(text).timestamp() * 1000)
        except (ValueError, KeyError, TypeError, AttributeError):
            return run.literal_ms

    def uuid(self, position: int) -> str:
        """The event's uuid; empty for bytes that have none."""
        with self._lock:
            run = self._run_of(position)
        place = position - run.first
        if run.stretch:
            return self._factory.uuid(run.stretch, run.offset + place)
        try:
            return str(json.loads(run.literal[place])["uuid"])
        except (ValueError, KeyError, TypeError):
            return ""

    def first_at(self, time_ms: int) -> int:
        """The first position persisted at or after `time_ms`; the end of the log when there is none."""
        with self._lock:
            return bisect_left(range(self._count), time_ms, key=self.persisted_ms)

    def slice(self, start: int, stop: int) -> list[bytes]:
        """The exact bytes of the events from `start` up to `stop`, clipped to the log."""
        events: list[bytes] = []
        with self._lock:
            stop = min(stop, self._count)
        while start < stop:
            with self._lock:
                run = self._run_of(start)
                first, count = run.first, run.count
            place, end = start - first, min(stop - first, count)
            if run.stretch is None:
                events += run.literal[place:end]
            else:
                events += self._generated(run.stretch, run.offset + place, run.offset + end)
            start = first + end
        return events

    def _generated(self, stretch: Stretch, start: int, stop: int) -> list[bytes]:
        events: list[bytes] = []
        size = stretch.block_events
        for number in range(start // size, (stop - 1) // size + 1):
            key = (self._serial, stretch.number, number)
            block = _BLOCKS.get(key, lambda number=number: self._factory.block(stretch, number))  # type: ignore[misc]
            events += block[max(0, start - number * size) : stop - number * size]
        return events

    def iterate(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes of the events from `start` to `stop` (default: the present end), page by page."""
        end = self._count if stop is None else min(stop, self._count)
        for first in range(start, end, _BACKLOG_BLOCK_EVENTS):
            yield from self.slice(first, min(first + _BACKLOG_BLOCK_EVENTS, end))

    def by_published(self, since_ms: int, until_ms: int, behind: tuple[int, int] = (-1, -1)) -> Iterator[int]:
        """Positions of the events published from `since_ms` up to but without `until_ms`, in the order of `published`, then of persistence.

        Found as they are asked for: a page in the middle of five million events costs no more than its own.

        Args:
            since_ms: Unix milliseconds.
            until_ms: Likewise.
            behind: `published` (Unix milliseconds) and position of an event to go on behind.
        """
        first = max((since_ms, -1), behind)
        strays = self._strays_from(first)
        for found in heapq.merge(self._regular_from(first[0], until_ms), strays):
            if found[0] >= until_ms:
                return
            if found > first:
                yield found[1]

    def strays(self) -> list[int]:
        """Positions of the events whose `published` says little of when they were persisted: late ones, and bytes that a test supplied."""
        self._strays_from((-1, -1))
        return [position for _, position in self._strays]

    def _regular_from(self, since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
        """`published` and position of all events that are no strays, in order: they are persisted at most `MAX_LAG_MS` later."""
        waiting: list[tuple[int, int]] = []
        for position in range(self.first_at(since_ms), self._count):
            persisted_ms = self.persisted_ms(position)
            if persisted_ms - MAX_LAG_MS >= until_ms:
                break
            while waiting and waiting[0][0] < persisted_ms - MAX_LAG_MS:
                yield heapq.heappop(waiting)
            if not self._is_stray(position):
                heapq.heappush(waiting, (self.published_ms(position), position))
        while waiting:
            yield heapq.heappop(waiting)

    def _strays_from(self, first: tuple[int, int]) -> list[tuple[int, int]]:
        with self._lock:
            if self._strays_upto < self._count:
                self._strays += [(self.published_ms(place), place) for place in self._new_strays()]
                self._strays.sort()
                self._strays_upto = self._count
            return self._strays[bisect_left(self._strays, first) :]

    def _new_strays(self) -> Iterator[int]:
        for run in self._runs[bisect_right(self._firsts, self._strays_upto) - 1 :]:
            if run.stretch is None or run.stretch.schedule.late_probability:
                places = range(max(run.first, self._strays_upto), run.first + run.count)
                yield from (place for place in places if self._is_stray(place))

    def _is_stray(self, position: int) -> bool:
        run = self._run_of(position)
        if run.stretch is None:
            return True
        schedule = run.stretch.schedule
        return bool(schedule.late_probability) and schedule.is_late(run.offset + position - run.first)

    def between(self, since_ms: int, until_ms: int) -> list[int]:
        """Positions of the events published from `since_ms` up to but without `until_ms`, in the order of `published`."""
        with self._lock:
            if self._published_upto < self._count:
                self._published += [(self.published_ms(p), p) for p in range(self._published_upto, self._count)]
                self._published.sort()
                self._published_upto = self._count
            first = bisect_left(self._published, (since_ms, -1))
            last = bisect_left(self._published, (until_ms, -1))
            return [position for _, position in self._published[first:last]]
