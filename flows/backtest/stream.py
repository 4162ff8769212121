"""The files of an archive as one stream, each tenant's in the order in which it came in when the flow ran.

A file's lines stay in their order. Files are merged by `_okta_ingested_at`, which all events of a page share, so that a window goes on over
midnight and a late event comes when it came. A page that a sink spread over two daily files has the same arrival in both: its parts are put
together by `published`. Of an event that several sinks wrote, which has the same arrival in each, one copy is taken. What doesn't say when
it came, such as somebody else's export, is taken to have come when it was published.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import attrgetter

from flows.backtest.lines import Counts, Line, LineHead, Slice, arrival_of, first_arrival, slices
from flows.reading.plan import ArchiveFile
from okta_source.events.fields import FieldReader

__all__ = ["joined", "merged"]

_ENOUGH_EVENTS = 1_000

_PUBLISHED = attrgetter("published")


class _Cursor:
    """A file that is being read.

    Attributes:
        arrival: When what comes next arrived; None at the end.
    """

    def __init__(self, file: ArchiveFile, counts: Counts, reader: FieldReader | None) -> None:
        self._slices = slices(file, counts, reader)
        self.arrival: str | None = None
        self._rest: Slice | None = None
        self._go_on_with(next(self._slices, None))

    def take_before(self, limit: str | None) -> Iterator[Slice]:
        """What arrived before a moment; everything where there is none."""
        while self._rest is not None:
            heads = self._rest.heads
            # Mostly the whole slice, told by its last one: only a clock that was set back makes a later one older.
            end = len(heads) if limit is None or arrival_of(heads[-1]) < limit else _first_at(heads, limit)
            if end:
                yield self._advance(end)
            if end < len(heads):
                return

    def take_at(self, arrival: str) -> Iterator[Slice]:
        """What arrived at one moment."""
        while self._rest is not None and self.arrival == arrival:
            heads = self._rest.heads
            yield self._advance(next((place for place, head in enumerate(heads) if arrival_of(head) != arrival), len(heads)))

    def _advance(self, end: int) -> Slice:
        taken = self._rest
        if taken is None:
            msg = "nothing is left"
            raise RuntimeError(msg)
        if end < len(taken.heads):
            self._go_on_with(taken.part(end))
            return taken.part(0, end)
        self._go_on_with(next(self._slices, None))
        return taken

    def _go_on_with(self, rest: Slice | None) -> None:
        self._rest = rest
        self.arrival = arrival_of(rest.heads[0]) if rest else None


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
            taken = iter([_by_published(_each_once([list(cursor.take_at(first)) for cursor in together], counts))])
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
    return next((place for place, head in enumerate(heads) if arrival_of(head) >= limit), len(heads))


def _each_once(files: Sequence[Sequence[Slice]], counts: Counts) -> list[list[Slice]]:
    """What several files hold of one arrival, without what another one of them holds too.

    The one that holds most keeps all of it: its order is the flow's own, where a sink that filters has only some of the events.
    """
    found: list[list[Slice]] = []
    seen: set[tuple[str, str]] = set()
    for parts in sorted(files, key=lambda parts: (-sum(len(part.heads) for part in parts), parts[0].reader is None)):
        kept = []
        for part in parts:
            keys = [(head.tenant, head.uuid) for head in part.heads]
            places = [place for place, key in enumerate(keys) if key not in seen]
            counts.copies += len(keys) - len(places)
            if places:
                kept.append(part if len(places) == len(keys) else part.at(places))
            seen.update(keys)
        if kept:
            found.append(kept)
    return found


def _by_published(files: Sequence[Sequence[Slice]]) -> Slice:
    """What several files hold of one arrival, put together; each keeps its own order."""
    each = [[pair for part in parts for pair in zip(part.heads, part.lines, strict=True)] for parts in files]
    pairs = list(merge(*each, key=lambda pair: _PUBLISHED(pair[0])))
    readers = {part.reader for parts in files for part in parts}
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
