"""One tenant's numbers, as plain attributes: counting costs a tenth of a microsecond, and what the time changes is worked out at a scrape.

No locks: an attribute has one writer at a time, either the worker or the one fetch thread that the tenant may have, and a scrape that reads
between two of them is as right as one a moment earlier.
"""

import time
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime

from okta_source.metrics.hooks import HookMetrics
from okta_source.metrics.process import PROCESS

__all__ = ["BUCKETS_SECONDS", "TENANTS", "Counts", "TenantMetrics"]

BUCKETS_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Of the duration of a request. Few: each one is a series for each tenant in every scrape."""

TENANTS: "dict[str, TenantMetrics]" = {}
"""The tenants that this process polls, by name."""


class Counts:
    """What only grows.

    Attributes:
        requests: Requests for logs by their code.
        buckets: Requests by their duration, one more than there are bounds.
        hooks: What push has counted; None for a tenant without hooks.
        rate_limit_wait: Seconds of waits that are over, and from when to when (monotonic seconds) the last one goes; read and set as one.
    """

    __slots__ = (
        "buckets",
        "cursor_resets",
        "duration_seconds",
        "events_duplicate",
        "events_malformed",
        "events_received",
        "events_unlikely",
        "hooks",
        "letters_dropped",
        "pages",
        "rate_limit_wait",
        "requests",
        "token_refreshes",
    )

    def __init__(self) -> None:
        self.events_received = 0
        self.events_duplicate = 0
        self.events_malformed = 0
        self.events_unlikely = 0
        self.letters_dropped = 0
        self.pages = 0
        self.requests: dict[str, int] = {}
        self.buckets = [0] * (len(BUCKETS_SECONDS) + 1)
        self.duration_seconds = 0.0
        self.rate_limit_wait = 0.0, 0.0, 0.0
        self.cursor_resets = 0
        self.token_refreshes = 0
        self.hooks: HookMetrics | None = None


class TenantMetrics:
    """One tenant's series, from the moment on that this process takes the tenant up.

    Args:
        tenant: The tenant's name. Where it was taken up before in this process, its counters go on.
        display_name: The tenant for people; by default its name.
        org: The organisation's host.
        poll_interval_seconds: As configured.
        rate_limit_reserve: As configured.
        now: The clock, UTC.
        clock: A monotonic clock in seconds.

    Attributes:
        labels: The label that all of its series have.
        started_at: When the tenant was taken up, epoch seconds.
        is_up: Whether the last poll succeeded; None before the first outcome.
        failing: Error type and stage of the last poll, if it failed.
        rate_limit: Limit, remaining and reset (epoch seconds) of the last answer that told them.
        last_success: Epoch seconds, None before the first: 1970 would look like an outage of 56 years.
        resumed_from: Where an earlier run stopped, as `high_water`; None for a tenant that is new.
        high_water: Highest `published` handed over, in this run or an earlier one, epoch seconds; None before the first.
        drained: Whether the last page ended a drain; None as long as that isn't known.
        clock_skew_seconds: How far this machine's clock is ahead of Okta's, negative behind; None before the first answer with a date.
    """

    def __init__(
        self,
        tenant: str,
        *,
        display_name: str = "",
        org: str = "",
        poll_interval_seconds: float = 10.0,
        rate_limit_reserve: float = 0.1,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.labels = {"tenant": tenant}
        self.display_name = display_name or tenant
        self.org = org
        self.poll_interval_seconds = poll_interval_seconds
        self.rate_limit_reserve = rate_limit_reserve
        self._now = now
        self._clock = clock
        self._due: Callable[[], float] | None = None
        self._token_seconds_left: Callable[[], float | None] | None = None
        self.started_at = now().timestamp()
        self.is_up: bool | None = None
        self.failing: tuple[str, str] | None = None
        self.rate_limit: tuple[int, int, int] | None = None
        self.last_success: float | None = None
        self.resumed_from: float | None = None
        self.high_water: float | None = None
        self.drained: bool | None = None
        self._drain: tuple[float, float] | None = None
        self.clock_skew_seconds: float | None = None
        earlier = TENANTS.get(tenant)
        self.counts: Counts = earlier.counts if earlier else Counts()
        TENANTS[tenant] = self

    def resumed(self, high_water: datetime | None, *, drained: bool | None) -> None:
        """The tenant goes on where an earlier run stopped; in mid-drain it lags from the start."""
        self.high_water = self.resumed_from = high_water.timestamp() if high_water else None
        # A tenant that was drained then may have had events since: nobody knows before the first page.
        self.drained = False if drained is False else None

    def follow(self, due: Callable[[], float]) -> None:
        """Where to see when the next request is due, on the monotonic clock."""
        self._due = due

    def follow_token(self, seconds_left: Callable[[], float | None]) -> None:
        """Where to see how long the access token lasts; None while there is nothing to tell."""
        self._token_seconds_left = seconds_left

    def request(self, code: str, seconds: float) -> None:
        """A request for logs has ended with an HTTP status, or with `error`."""
        counts = self.counts
        counts.requests[code] = counts.requests.get(code, 0) + 1
        counts.buckets[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        counts.duration_seconds += seconds

    def rate_limited(self, limit: int, remaining: int, reset_epoch_seconds: int) -> None:
        """What the last answer said of the rate limit."""
        self.rate_limit = limit, remaining, reset_epoch_seconds

    def with_hooks(self) -> HookMetrics:
        """The numbers of the tenant's push, which it has from now on."""
        if self.counts.hooks is None:
            self.counts.hooks = HookMetrics()
        return self.counts.hooks

    def waits(self, now: float, seconds: float) -> None:
        """A request waits for the rate limit, as it looks now for so many seconds; 0.0 when it waits no more.

        Args:
            now: The monotonic clock.
            seconds: How long.
        """
        counted, since, until = self.counts.rate_limit_wait
        self.counts.rate_limit_wait = counted + max(min(now, until) - since, 0.0), now, now + seconds

    def succeeded(self) -> None:
        """A poll has succeeded."""
        self.last_success = self._now().timestamp()
        self.is_up = True
        self.failing = None

    def error(self, error_type: str, stage: str) -> None:
        """Something has failed, which need not be a whole poll."""
        PROCESS.count_error(self.labels["tenant"], error_type, stage)

    def failed(self, error_type: str, stage: str) -> None:
        """The last poll has failed."""
        self.is_up = False
        self.failing = error_type, stage

    def page(self, events: int, malformed: int, high_water: datetime | None, *, drained: bool) -> None:
        """A page has been handed to the dataflow.

        Args:
            events: How many events Okta sent in it.
            malformed: How many things of it go to the dead letters undecoded.
            high_water: Highest `published` so far.
            drained: Whether it ended a drain: empty, or short with a fresh end.
        """
        counts = self.counts
        counts.pages += 1
        counts.events_received += events
        counts.events_malformed += malformed
        if high_water is not None:
            self.high_water = high_water.timestamp()
        self.drained = drained
        if drained:
            self._drain = None
        elif self._drain is None and self.high_water is not None:
            self._drain = self._now().timestamp(), self.high_water

    def malformed(self, count: int) -> None:
        """What push has brought goes to the dead letters undecoded."""
        self.counts.events_malformed += count

    def duplicates(self, count: int) -> None:
        """Events were dropped because their uuid had been seen."""
        self.counts.events_duplicate += count

    def unlikely_times(self, count: int) -> None:
        """Events happened, by their own word, over a year ago or over two days ahead."""
        self.counts.events_unlikely += count

    def letter_dropped(self) -> None:
        """Something malformed was not kept: the day's budget of dead letters is spent."""
        self.counts.letters_dropped += 1

    def cursor_reset(self) -> None:
        """Polling restarts from the high-water mark."""
        self.counts.cursor_resets += 1

    def token_refreshed(self) -> None:
        """An access token or a rotated secret was fetched anew."""
        self.counts.token_refreshes += 1

    def rate_limit_wait_seconds(self) -> float:
        """Seconds spent waiting for the rate limit, with the wait that lasts."""
        counted, since, until = self.counts.rate_limit_wait
        return counted + max(min(self._clock(), until) - since, 0.0)

    def new_events(self) -> int:
        """How many events have come, without those that had come before."""
        return self.counts.events_received - self.counts.events_duplicate

    def lag_seconds(self) -> float | None:
        """How far the tenant is behind, at least: 0 once drained; in a drain, however it stands still, the age of the newest event.

        While polls fail, at least the time since the last success: since the tenant was taken up where this process has seen none. None as
        long as nothing is known.
        """
        now = self._now().timestamp()
        lag: float | None = None
        if self.drained:
            lag = 0.0
        elif self.drained is not None and self.high_water is not None:
            lag = max(now - self.high_water, 0.0)
        if self.is_up is not False:
            return lag
        return max(now - (self.started_at if self.last_success is None else self.last_success), lag or 0.0)

    def drain_ends(self) -> float | None:
        """When a drain will be done if it goes on as it has since its first page, epoch seconds.

        None without a drain, before its second page, and while the log grows as fast as it is read.
        """
        # Read once: the worker may end the drain meanwhile.
        drain, high_water, now = self._drain, self.high_water, self._now().timestamp()
        if drain is None or high_water is None or now <= drain[0]:
            return None
        gained_per_second = (high_water - drain[1]) / (now - drain[0]) - 1.0
        return now + max(now - high_water, 0.0) / gained_per_second if gained_per_second > 0.0 else None

    def next_poll(self) -> float | None:
        """When the next request is due, epoch seconds."""
        return None if self._due is None else self._now().timestamp() + self._due() - self._clock()

    def token_expires(self) -> float | None:
        """When the access token ends, epoch seconds; None while none is held."""
        left = self._token_seconds_left() if self._token_seconds_left else None
        return None if left is None else self._now().timestamp() + left
