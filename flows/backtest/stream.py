"""The files of an archive as one stream, each tenant's in the order in which it came in when the flow ran.

A file's lines stay in their order. Files are merged by `_okta_ingested_at`, which all events of a page share, so that a window goes on over
midnight and a late event comes when it came. A page that a sink spread over two daily files has the same arrival in both: its parts are put
together by `published`.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import attrgetter

from flows.backtest.lines import Counts, Line, LineHead, Slice, first_arrival, slices
from flows.reading.plan import ArchiveFile
from okta_source.events.fields import FieldReader

__all__ = ["joined", "merged"]

_ENOUGH_EVENTS = 1_000

_PUBLISHED = attrgetter("published")


class _Cursor:
    """A file that is being read."""

    def __init__(self, file: ArchiveFile, counts: Counts, reader: FieldReader | None) -> None:
        self._slices = slices(file, counts, reader)
        self._rest: Slice | None = next(self._slices, None)

    @property
    def arrival(self) -> str | None:
        """When what comes next arrived; None at the end."""
        return self._rest.heads[0].arrived if self._rest else None

    def take_before(self, limit: str | None) -> Iterator[Slice]:
        """What arrived before a moment; everything where there is none."""
        while self._rest is not None:
            heads = self._rest.heads
            # Mostly the whole slice, told by its last one: only a clock that was set back makes a later one older.
            end = len(heads) if limit is None or heads[-1].arrived < limit else _first_at(heads, limit)
            if end:
                yield self._advance(end)
            if end < len(heads):
                return

    def take_at(self, arrival: str) -> Iterator[Slice]:
        """What arrived at one moment."""
        while self._rest is not None and self._rest.heads[0].arrived == arrival:
            heads = self._rest.heads
            yield self._advance(next((place for place, head in enumerate(heads) if head.arrived != arrival), len(heads)))

    def _advance(self, end: int) -> Slice:
        taken = self._rest
        if taken is None:
            msg = "nothing is left"
            raise RuntimeError(msg)
        if end < len(taken.heads):
            self._rest = taken.part(end)
            return taken.part(0, end)
        self._rest = next(self._slices, None)
        return taken


def merged(files: Sequence[ArchiveFile], counts: Counts, reader: FieldReader | None = None) -> Iterator[Slice]:
    """The events of these files; each slice is one tenant's.

    Args:
        files: One tenant's, or such that don't say whose they are.
        counts: Takes what was read.
        reader: Reads the heads; see `lines.reader_beside_heads`.
    """
    # Only files whose turn has come are open: a year has 365.
    waiting = sorted(((first_arrival(file), file.path, file) for file in files), key=lambda entry: entry[:2])
    waiting.reverse()
    active: list[_Cursor] = []
    while waiting or active:
        arrivals = [cursor.arrival or "" for cursor in active]
        while waiting and (not active or waiting[-1][0] <= min(arrivals)):
            active.append(_Cursor(waiting.pop()[2], counts, reader))
            arrivals.append(active[-1].arrival or "")
        active = [cursor for cursor in active if cursor.arrival is not None]
        if not active:
            continue
        arrivals = [cursor.arrival or "" for cursor in active]
        first = min(arrivals)
        together = [cursor for cursor, arrival in zip(active, arrivals, strict=True) if arrival == first]
        if len(together) == 1:
            others = [arrival for cursor, arrival in zip(active, arrivals, strict=True) if cursor is not together[0]]
            limit = min([*others, *([waiting[-1][0]] if waiting else [])], default=None)
            taken = _taken(together[0], limit)
        else:
            taken = iter([_by_published([part for cursor in together for part in cursor.take_at(first)])])
        for part in taken:
            yield from _of_one_tenant(part)


def joined(parts: Iterable[Slice]) -> Iterator[Slice]:
    """Parts of one tenant put together until they are as long as a page of Okta's: what is done once a part costs less an event then."""
    heads: list[LineHead] = []
    lines: list[Line] = []
    reader: FieldReader | None = None
    for part in parts:
        if heads and (len(heads) >= _ENOUGH_EVENTS or part.reader is not reader or part.heads[0].tenant != heads[0].tenant):
            yield Slice(heads, lines, reader)
            heads, lines = [], []
        reader = part.reader
        heads += part.heads
        lines += part.lines
    if heads:
        yield Slice(heads, lines, reader)


def _taken(cursor: _Cursor, limit: str | None) -> Iterator[Slice]:
    """What a file has before anything of another one; at least what arrived at one moment, or nothing would ever come."""
    arrival = cursor.arrival
    if limit is not None and arrival is not None and arrival >= limit:
        return cursor.take_at(arrival)
    return cursor.take_before(limit)


def _first_at(heads: Sequence[LineHead], limit: str) -> int:
    return next((place for place, head in enumerate(heads) if head.arrived >= limit), len(heads))


def _by_published(parts: Sequence[Slice]) -> Slice:
    """Parts put together; each keeps its own order."""
    each = [zip(part.heads, part.lines, strict=True) for part in parts]
    pairs = list(merge(*each, key=lambda pair: _PUBLISHED(pair[0])))
    readers = {part.reader for part in parts}
    return Slice([head for head, _ in pairs], [line for _, line in pairs], readers.pop() if len(readers) == 1 else None)


def _of_one_tenant(part: Slice) -> Iterator[Slice]:
    start = 0
    tenant = part.heads[0].tenant
    if part.heads[-1].tenant == tenant and all(head.tenant == tenant for head in part.heads):
        yield part
        return
    for place, head in enumerate(part.heads):
        if head.tenant != tenant:
            yield part.part(start, place)
            start, tenant = place, head.tenant
    yield part.part(start)
