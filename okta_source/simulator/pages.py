"""One page of the log: which events a query gets, and where its next link leads."""

import contextlib
import itertools
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from okta_source.simulator.cursor import Cursors
from okta_source.simulator.errors import OktaError
from okta_source.simulator.log import EventLog
from okta_source.simulator.query import RETENTION_MS, Query
from okta_source.simulator.schedule import unix_ms_of_uuid1

_SCAN_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        after: The cursor of the next page as it stands in a URL; None when there is none.
        span: First position and end of the page when it is a run of the log, whose bytes needn't be made; else None.
        events: The exact bytes of its events when it is no run of the log.
        full: Whether it holds as many events as were asked for, and so never changes.
    """

    after: str | None
    span: tuple[int, int] | None = None
    events: Sequence[bytes] = ()
    full: bool = False

    @property
    def count(self) -> int:
        """How many events it holds."""
        return self.span[1] - self.span[0] if self.span else len(self.events)


class Pager:
    """Finds pages in one organisation's log."""

    def __init__(self, log: EventLog, cursors: Cursors) -> None:
        self._log = log
        self._cursors = cursors

    def page(self, query: Query, now_ms: int, *, reserve: int = 0) -> Page:
        """The page that `query` asks for.

        Args:
            query: What is wanted.
            now_ms: The present in Unix milliseconds.
            reserve: So many events fewer than the limit.

        Raises:
            OktaError: 400, the cursor isn't one of this log.
        """
        limit = max(0, query.limit - reserve)
        return self._poll(query, now_ms, limit) if query.polling else self._bounded(query, limit)

    def start_of(self, after: str | None) -> int:
        """The position at which a cursor continues; 0 without a good one."""
        return (after is not None and self._cursors.decode(after)) or 0

    def events_of(self, page: Page) -> Sequence[bytes]:
        """The exact bytes of a page's events."""
        return self._log.slice(*page.span) if page.span else page.events

    def _poll(self, query: Query, now_ms: int, limit: int) -> Page:
        log = self._log
        if query.after is None:
            start = log.first_at(query.since_ms)
        else:
            found = self._cursors.decode(query.after)
            if found is None:
                raise _bad_cursor()
            start = found
        oldest_ms = now_ms - RETENTION_MS
        if start < len(log) and log.persisted_ms(start) < oldest_ms:
            start = log.first_at(oldest_ms)
        end = len(log)
        if query.matches is None:
            stop = min(start + limit, end)
            return Page(self._cursors.encode(stop), span=(start, stop), full=stop - start == query.limit)
        events: list[bytes] = []
        position = start
        while position < end and len(events) < limit:
            for event in log.slice(position, min(position + _SCAN_EVENTS, end)):
                position += 1
                if _matches(query, event):
                    events.append(event)
                    if len(events) == limit:
                        break
        return Page(self._cursors.encode(position), events=events)

    def _bounded(self, query: Query, limit: int) -> Page:
        log = self._log
        if query.descending:
            positions = iter(self._descending(query))
        else:
            behind = (-1, -1) if query.after is None else self._behind(query.after)
            positions = log.by_published(query.since_ms, query.until_ms, behind)
        if query.matches is not None:
            positions = (position for position in positions if _matches(query, log.slice(position, position + 1)[0]))
        found = list(itertools.islice(positions, limit + 1))
        # There is one more: only then is there a next link.
        after = log.uuid(found[limit - 1]) if limit and len(found) > limit else None
        return Page(after, events=self._bytes_of(found[:limit]))

    def _bytes_of(self, positions: Sequence[int]) -> Sequence[bytes]:
        """The exact bytes of these events: of all around them at once where they lie close together."""
        if not positions:
            return ()
        first, last = min(positions), max(positions)
        if last - first > 2 * len(positions):
            return [self._log.slice(position, position + 1)[0] for position in positions]
        around = self._log.slice(first, last + 1)
        return [around[position - first] for position in positions]

    def _behind(self, after: str) -> tuple[int, int]:
        """`published` and position of the event whose uuid is `after`; of copies the last."""
        log = self._log
        found = -1
        # Generated uuids tell their time, which narrows the search; bytes that a test supplied may have any.
        with contextlib.suppress(ValueError):
            time_ms = unix_ms_of_uuid1(uuid.UUID(after))
            found = max((position for position in log.by_published(time_ms, time_ms + 1) if log.uuid(position) == after), default=-1)
        if found < 0:
            found = max((position for position in log.strays() if log.uuid(position) == after), default=-1)
        if found < 0:
            raise _bad_cursor()
        return log.published_ms(found), found

    def _descending(self, query: Query) -> list[int]:
        """What is left of a query from the newest on."""
        positions = self._log.between(query.since_ms, query.until_ms)[::-1]
        if query.after is None:
            return positions
        behind = self._behind(query.after)
        return [position for position in positions if (self._log.published_ms(position), position) < behind]


def _bad_cursor() -> OktaError:
    return OktaError(400, "E0000001", "after", causes=("after: The after parameter is not a valid cursor",))


def _matches(query: Query, event: bytes) -> bool:
    """Whether a filter wants the event; one that is no JSON object is never wanted."""
    try:
        parsed: Any = json.loads(event)
    except ValueError:
        return False
    return isinstance(parsed, dict) and query.matches is not None and query.matches(parsed)
