"""The polling state machine of one tenant. Pure: it holds no socket, no clock and no thread.

Okta documents polling as: no `until`, ascending; ordered by persistence; the `next` link always present, even on an empty page. So that
link is followed byte for byte, a page shorter than the limit ends the drain where it is empty or its end is fresh (see `drain`), and
`published` (which steps back within a page) is used only where a cursor is refused: then from the high-water mark minus an overlap, and the
window of seen uuids removes what comes again.
"""

import logging
import sys
from dataclasses import replace
from datetime import datetime, timedelta

from okta_source.polling.body_reader import BodyReader, Undecodable
from okta_source.polling.drain import DrainEnd
from okta_source.polling.event import SlicedPage
from okta_source.polling.limits import Backoff, RateLimitHeaders, read_rate_limit, seconds_until_retry
from okta_source.polling.link import host_of, is_allowed, next_link, query_limit
from okta_source.polling.outcome import Failure, Response, TransportFailure
from okta_source.polling.query import Query, okta_time
from okta_source.polling.retry_after import http_date
from okta_source.polling.state import Cursor, TenantState
from okta_source.polling.step import Page, Step
from okta_source.polling.verdict import failure_of, foreign_link, refuses_cursor

__all__ = ["Poller"]

_LOG = logging.getLogger(__name__)

RETENTION = timedelta(days=90)
"""Okta keeps events for 90 days; a `since` over 180 days back is refused with E0000053."""
DRAIN_TRIES = 5
"""After how many failures in a row a run until drained goes on without the tenant."""


class Poller:
    """Decides what to ask a tenant and what its answers mean.

    Args:
        query: What to ask for.
        backoff: Waits after failures.
        since: From when on events are wanted where there is no state.
        now: UTC.
        state: The saved state, if there is one.
    """

    def __init__(self, query: Query, backoff: Backoff, *, since: datetime, now: datetime, state: TenantState | None = None) -> None:
        self._query = query
        self._backoff = backoff
        self._failures = 0
        self._bodies = BodyReader(query.tenant, query.org_url)
        self._end = DrainEnd(query.poll_interval_seconds)
        self._resets_in_a_row = 0
        self.started_at = since
        self.high_water: datetime | None = None
        self.was_restarted = False
        if state is None:
            self.cursor = self._cursor_since(since, now)
            return
        self.started_at = state.started_at
        self.high_water = state.high_water
        self.cursor = state.cursor
        if state.query != query.fingerprint():
            self._restart(now, "filter, q or page_limit have changed")
        elif not is_allowed(state.cursor.url, query.org_url, query.allowed_hosts):
            self._restart(now, f"the saved cursor belongs to {host_of(state.cursor.url)}, not to {query.org_url}")
        elif not state.cursor.from_link:
            # Retention moves on while the pipeline is stopped.
            self.cursor = self._cursor_since(self._rewind_to() if self.high_water else self.started_at, now)

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
            wait_seconds = min(max(step.due_seconds, outcome.least_wait_seconds), outcome.most_wait_seconds)
            return replace(step, due_seconds=wait_seconds)
        rate_limit = read_rate_limit(outcome.headers, now.timestamp())
        if outcome.status == 200:
            return self._page(outcome, rate_limit, now)
        failure = failure_of(outcome, self._query.org_url)
        if self.cursor.from_link and refuses_cursor(outcome, failure):
            return self._refused_cursor(failure, rate_limit, now)
        if failure.error_type == "rate_limited":
            return self._rate_limited(failure, rate_limit, seconds_until_retry(outcome.headers, rate_limit, now.timestamp()))
        return self._failed(failure, rate_limit)

    def _page(self, response: Response, rate_limit: RateLimitHeaders | None, now: datetime) -> Step:
        link = next_link(response.headers.get("Link"))
        foreign = link is not None and not is_allowed(link, self._query.org_url, self._query.allowed_hosts)
        read = self._bodies.read(response, now, may_skip=link is not None and not foreign)
        if isinstance(read, Undecodable):
            return self._undecodable(read, None if foreign else link, rate_limit)
        sliced = read.sliced
        limit = query_limit(self.cursor.url)
        high_water = self.high_water
        newest = sliced.newest
        if newest is not None:
            # A `published` ahead of time must not empty the window of seen uuids, nor let a rewind skip what is still to come.
            high_water = max(min(newest, now), high_water) if high_water else min(newest, now)
        okta_now = http_date(response.headers.get("Date")) or now
        leads_on = link is not None and link != self.cursor.url
        end = self._end.judge(sliced, limit, newest, okta_now=okta_now, leads_on=leads_on)
        cursor, failure, reset = self.cursor, None, False
        if link is not None and foreign:
            failure = foreign_link(link, self._query.org_url)
        elif link is not None:
            cursor = Cursor(link, from_link=True)
        elif not end.ended:
            # Not documented for polling. Asking again would give the same page for ever, so go on from the newest event.
            reset = True
            cursor = self._cursor_since(high_water or self.started_at, now)
        if self.cursor.from_link and not failure:
            self._resets_in_a_row = 0
        stuck = cursor.url == self.cursor.url  # never documented; asking at once would only bring the same page again
        self.cursor, self.high_water = cursor, high_water
        page = Page(sliced, cursor, high_water, now, read.malformed)
        if failure:
            return self._failed(failure, rate_limit, page=page)
        self._failures = 0
        due_seconds = self._query.poll_interval_seconds if end.ended or stuck else end.pause_seconds
        return Step(due_seconds, page, None, rate_limit, reset=reset, drained=end.ended, late=end.late)

    def _undecodable(self, read: Undecodable, link: str | None, rate_limit: RateLimitHeaders | None) -> Step:
        if link is None:
            return self._failed(read.failure, rate_limit)
        if read.letter is None:
            return self._failed(read.failure, rate_limit, tries=sys.maxsize)
        self._failures = 0
        self.cursor = Cursor(link, from_link=True)
        page = Page(SlicedPage((), (), (), 0), self.cursor, self.high_water, read.letter.last_at, (read.letter,))
        return Step(0.0, page, read.failure, rate_limit)

    def _refused_cursor(self, failure: Failure, rate_limit: RateLimitHeaders | None, now: datetime) -> Step:
        self._resets_in_a_row += 1
        refused = self.cursor.url
        self._restart(now, f"Okta refuses the saved cursor: {failure.message}")
        # The first restart is immediate; one refusal after the other backs off.
        due_seconds = 0.0 if self._resets_in_a_row == 1 else self._backoff.seconds(self._resets_in_a_row - 1)
        self._failures = 0 if self._resets_in_a_row == 1 else self._resets_in_a_row
        told = Failure(
            failure.error_type,
            failure.stage,
            f"{failure.message} The cursor {refused[:300]} is refused.",
            "Polling restarts at the newest event seen, less an overlap; what comes again is removed.",
            failure.code,
        )
        return Step(due_seconds, None, told, rate_limit, reset=True, failures=self._failures, exhausted=self._failures >= DRAIN_TRIES)

    def _rate_limited(self, failure: Failure, rate_limit: RateLimitHeaders | None, asked_seconds: float | None) -> Step:
        self._failures += 1
        wait = self._backoff.seconds(self._failures) if asked_seconds is None else asked_seconds
        return Step(wait, None, failure, rate_limit, block_seconds=wait, failures=self._failures, exhausted=self._failures >= DRAIN_TRIES)

    def _failed(self, failure: Failure, rate_limit: RateLimitHeaders | None, *, tries: int = DRAIN_TRIES, page: Page | None = None) -> Step:
        self._failures += 1
        return Step(
            self._backoff.seconds(self._failures),
            page,
            failure,
            rate_limit,
            failures=self._failures,
            exhausted=self._failures >= tries,
        )

    def _restart(self, now: datetime, why: str) -> None:
        self.was_restarted = True
        since = self._rewind_to()
        if self._resets_in_a_row <= 1:  # refused again and again, the failure itself is told
            _LOG.warning("%s: polling restarts from %s: %s", self._query.tenant, okta_time(since), why)
        self.cursor = self._cursor_since(since, now)

    def _rewind_to(self) -> datetime:
        if self.high_water is None or self.high_water - self.started_at <= self._query.overlap:
            return self.started_at  # the mark itself may stand at the calendar's very beginning
        return self.high_water - self._query.overlap

    def _cursor_since(self, since: datetime, now: datetime) -> Cursor:
        oldest = now - RETENTION
        if since < oldest:
            _LOG.warning(
                "%s: events from %s are asked for, but Okta keeps them for 90 days: starting at %s. Earlier ones can't be had.",
                self._query.tenant,
                okta_time(since),
                okta_time(oldest),
            )
            since = oldest
        return Cursor(self._query.url_since(since), from_link=False)
