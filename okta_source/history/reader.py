"""The state machine that reads one slice. Pure: it holds no socket, no clock and no thread.

Okta documents a request with `since` and `until` as bounded: ordered and filtered by `published`, finite, the last page without a `next`
link. Some servers in between and some releases have sent a link beyond the end, so two empty pages end a slice as well: of one alone, a
filter on the way may have taken the events out. Events that Okta persists late, after their slice was read, are not among its pages; Okta
calls that rare.
"""

import logging
import sys
from dataclasses import replace
from datetime import datetime, timedelta

from okta_source.config.start_from import OLDEST_SINCE
from okta_source.history.slices import Slice, bounded_query
from okta_source.history.state import SliceState
from okta_source.polling.body_reader import DECODE_TRIES, BodyReader, Undecodable
from okta_source.polling.event import SlicedPage
from okta_source.polling.limits import Backoff, RateLimitHeaders, read_rate_limit, seconds_until_retry
from okta_source.polling.link import host_of, is_allowed, next_link, query_limit
from okta_source.polling.outcome import Failure, Response, TransportFailure
from okta_source.polling.query import Query, okta_time
from okta_source.polling.state import Cursor
from okta_source.polling.step import Page, Step
from okta_source.polling.verdict import failure_of, foreign_link, refuses_cursor

__all__ = ["OVERLAP", "SliceReader", "tries_of"]

_LOG = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=1)
"""How far behind the newest event seen a refused cursor restarts: pages are in order, but an event may have been persisted meanwhile."""
_TRIES = 10
_TRIES_OF_THE_LASTING = 5
_LASTING = frozenset({"auth", "permission", "bad_request", "not_found", "foreign_link"})


def tries_of(failure: Failure) -> int:
    """After how many failures in a row nothing more is hoped for in this run: fewer where somebody has to mend something first.

    A spent rate limit is waited for without end.
    """
    if failure.error_type == "rate_limited":
        return sys.maxsize
    return _TRIES_OF_THE_LASTING if failure.error_type in _LASTING else _TRIES


class SliceReader:
    """Decides what to ask for a slice and what the answers mean.

    A step's `drained` says that the slice is complete, its `exhausted` that it is given up in this run.

    Args:
        query: What to ask the tenant for.
        wanted: The slice.
        backoff: Waits after failures.
        now: UTC.
        state: The saved state, if there is one.
    """

    def __init__(self, query: Query, wanted: Slice, backoff: Backoff, *, now: datetime, state: SliceState | None = None) -> None:
        self._query = query
        self._slice = wanted
        self._backoff = backoff
        self._bodies = BodyReader(query.tenant, query.org_url)
        self._failures = 0
        self._resets_in_a_row = 0
        self._confirms = False
        self._was_empty = False
        self.high_water = state.high_water if state else None
        self.was_restarted = False
        # A plan may be older than the span that Okta takes a `since` from; it holds nothing that old anyway.
        self._oldest = max(wanted.since, now - OLDEST_SINCE)
        self.cursor = state.cursor if state else self._cursor_since(self._oldest)
        if state is None or state.done:
            return
        if state.query != query.fingerprint():
            self._restart("filter, q or page_limit have changed")
        elif not is_allowed(state.cursor.url, query.org_url, query.allowed_hosts):
            self._restart(f"the saved cursor belongs to {host_of(state.cursor.url)}, not to {query.org_url}")

    def receive(self, outcome: Response | TransportFailure, now: datetime) -> Step:
        """Take what came back for `cursor` and decide what follows.

        Args:
            outcome: The answer, or why there was none.
            now: UTC.

        Returns:
            The step; `cursor` already names the next request.
        """
        if isinstance(outcome, TransportFailure):
            failure = Failure(outcome.error_type, outcome.stage, outcome.detail, outcome.fix, "error")
            step = self._failed(failure, None)
            return replace(step, due_seconds=min(max(step.due_seconds, outcome.least_wait_seconds), outcome.most_wait_seconds))
        rate_limit = read_rate_limit(outcome.headers, now.timestamp())
        if outcome.status == 200:
            return self._page(outcome, rate_limit, now)
        failure = failure_of(outcome, self._query.org_url)
        if self.cursor.from_link and refuses_cursor(outcome, failure):
            return self._refused_cursor(failure, rate_limit)
        if failure.error_type == "rate_limited":
            self._failures += 1
            wait = seconds_until_retry(outcome.headers, rate_limit, now.timestamp())
            wait = self._backoff.seconds(self._failures) if wait is None else wait
            return Step(wait, None, failure, rate_limit, block_seconds=wait, failures=self._failures)
        return self._failed(failure, rate_limit)

    def _page(self, response: Response, rate_limit: RateLimitHeaders | None, now: datetime) -> Step:
        link = next_link(response.headers.get("Link"))
        foreign = link is not None and not is_allowed(link, self._query.org_url, self._query.allowed_hosts)
        read = self._bodies.read(response, now, may_skip=link is not None and not foreign)
        if isinstance(read, Undecodable):
            return self._undecodable(read, None if foreign else link, rate_limit)
        sliced = read.sliced
        limit = query_limit(self.cursor.url)
        before = self.high_water
        if sliced.newest:
            newest = min(sliced.newest, self._slice.until)
            self.high_water = max(newest, before) if before else newest
        if self.cursor.from_link and not foreign:
            self._resets_in_a_row = 0
        if link is not None and foreign:
            page = Page(sliced, self.cursor, self.high_water, now, read.malformed)
            return self._failed(foreign_link(link, self._query.org_url), rate_limit, page=page)
        self._failures = 0
        ended = self._advance(link, sliced.events, limit, before)
        return Step(0.0, Page(sliced, self.cursor, self.high_water, now, read.malformed), None, rate_limit, drained=ended)

    def _advance(self, link: str | None, events: int, limit: int, before: datetime | None) -> bool:
        """Go on behind a page; returns whether it was the last one."""
        leads_on = link is not None and link != self.cursor.url
        if events == 0 and (self._was_empty or not leads_on):
            return True
        self._was_empty = events == 0
        if link is not None and link != self.cursor.url:
            self.cursor = Cursor(link, from_link=True)
            self._confirms = False
            return False
        if events < limit or (self._confirms and self.high_water == before):
            return True
        # A full page without a link is the end by chance, or the link was lost on the way: one request more from its newest event tells.
        self._confirms = True
        self.cursor = self._cursor_since(self.high_water or self._oldest)
        return False

    def _undecodable(self, read: Undecodable, link: str | None, rate_limit: RateLimitHeaders | None) -> Step:
        if link is None or read.letter is None:
            return self._failed(read.failure, rate_limit, tries=DECODE_TRIES if link is None else sys.maxsize)
        self._failures = 0
        self.cursor = Cursor(link, from_link=True)
        page = Page(SlicedPage((), (), (), 0), self.cursor, self.high_water, read.letter.last_at, (read.letter,))
        return Step(0.0, page, read.failure, rate_limit)

    def _refused_cursor(self, failure: Failure, rate_limit: RateLimitHeaders | None) -> Step:
        self._resets_in_a_row += 1
        refused = self.cursor.url
        self._restart(f"Okta refuses the cursor: {failure.message}")
        # The first restart is immediate; one refusal after the other backs off.
        self._failures = self._resets_in_a_row - 1
        due_seconds = self._backoff.seconds(self._failures) if self._failures else 0.0
        told = Failure(
            failure.error_type,
            failure.stage,
            f"{failure.message} The cursor {refused[:300]} is refused.",
            "The rest of the slice is asked for anew; what comes again is removed.",
            failure.code,
        )
        return Step(due_seconds, None, told, rate_limit, reset=True, failures=self._failures, exhausted=self._failures >= _TRIES)

    def _failed(self, failure: Failure, rate_limit: RateLimitHeaders | None, *, tries: int = 0, page: Page | None = None) -> Step:
        self._failures += 1
        exhausted = self._failures >= (tries or tries_of(failure))
        return Step(self._backoff.seconds(self._failures), page, failure, rate_limit, failures=self._failures, exhausted=exhausted)

    def _restart(self, why: str) -> None:
        self.was_restarted = True
        self._confirms = self._was_empty = False
        mark = self.high_water
        since = mark - OVERLAP if mark and mark - self._oldest > OVERLAP else self._oldest
        if self._resets_in_a_row <= 1:  # refused again and again, the failure itself is told
            _LOG.warning(
                "%s: the slice from %s restarts at %s: %s", self._query.tenant, okta_time(self._slice.since), okta_time(since), why
            )
        self.cursor = self._cursor_since(since)

    def _cursor_since(self, since: datetime) -> Cursor:
        return Cursor(bounded_query(self._query, self._slice, min(since, self._slice.until)), from_link=False)
