"""One tenant's fetching: drives the pure poller on the fetch threads, with at most one request in flight and two pages ahead."""

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime

from okta_source.fetching.control import RunControl
from okta_source.fetching.pool import Shared
from okta_source.fetching.transport import Transport
from okta_source.http.connection_slots import LONGEST_IDLE_SECONDS, SlotHolder
from okta_source.metrics import TenantMetrics
from okta_source.polling.clock import ClockWatch, skew_seconds, skew_words
from okta_source.polling.outcome import Failure, Response
from okta_source.polling.pace import next_turn
from okta_source.polling.poller import Poller
from okta_source.polling.repeats import Repeats
from okta_source.polling.step import Page, Step

__all__ = ["TenantFeed"]

_LOG = logging.getLogger(__name__)

PAGES_AHEAD = 2
_FIRST_ESTIMATE_BYTES = 1024 * 1024
_SMALLEST_ESTIMATE_BYTES = 16 * 1024
_MEMORY_NAP_SECONDS = 0.01
# Less is the budget looking twice, not a wait.
_TOLD_WAIT_SECONDS = 0.1


class TenantFeed:
    """Pages of one tenant, fetched ahead of the dataflow.

    The worker calls `poke`, `take` and `idle_seconds`; everything else happens on fetch threads. `_busy` hands the state over: only the
    worker touches it while False, only one fetch thread while True.

    Args:
        label: The tenant for people: name and display name.
        tenant: The tenant's name.
        poller: Decides what to ask.
        transport: Asks.
        shared: Threads, memory and rate-limit budgets of the process.
        org_host: Whose rate limit is spent.
        rate_limit_reserve: Share of it that is left to others.
        metrics: The tenant's series.
        control: Whether to stop, and whether to end after a drain.
        now: The clock, UTC.
    """

    def __init__(
        self,
        *,
        label: str,
        tenant: str,
        poller: Poller,
        transport: Transport,
        shared: Shared,
        org_host: str,
        rate_limit_reserve: float,
        metrics: TenantMetrics,
        control: RunControl,
        now: Callable[[], datetime],
    ) -> None:
        self._label = label
        self._tenant = tenant
        self._poller = poller
        self._transport = transport
        self._shared = shared
        self._limiter = shared.host(org_host)
        self._rate_limit_reserve = rate_limit_reserve
        self._metrics = metrics
        self._control = control
        self._now = now
        self._waiting: deque[tuple[Page, bool, int]] = deque()
        self._busy = False
        self._busy_since = 0.0
        self._slot = SlotHolder(shared.connections)
        # A run until drained has no turns to take: its threads alone bound how many begin at once.
        self._has_place = control.until_drained
        self._origin = self._due = 0.0
        self._answer_seconds = 0.0
        self._is_patient = False
        self._estimate_bytes = _FIRST_ESTIMATE_BYTES
        self._allowed_at = 0.0
        self._repeats = Repeats()
        self._was_failing = False
        self._clocks = ClockWatch()
        self._resting = False
        self._finished = False
        metrics.follow(lambda: max(self._due, self._allowed_at))

    @property
    def in_flight(self) -> bool:
        """Whether a request is under way or queued."""
        return self._busy

    @property
    def is_patient(self) -> bool:
        """Whether nothing is known that would have to be caught up with."""
        return self._is_patient

    @property
    def finished(self) -> bool:
        """In a run until drained: the tenant has been drained or given up, and every page has been taken."""
        return self._finished and not self._busy and not self._waiting

    def rests(self) -> bool:
        """Whether there is nothing to do, and nothing to hand over, before the next request is due."""
        return self._has_place and not (self._busy or self._waiting or self._finished) and self._shared.clock() < self._due

    def poke(self) -> None:
        """Start the next request if it is due and everything allows it. Called often by the worker; costs a microsecond when it isn't."""
        if self._busy:
            if self._shared.pool.is_backed_up():
                self._shared.pool.relieve()
            return
        if self._finished or self._control.stopping or len(self._waiting) >= PAGES_AHEAD:
            return
        now = self._shared.clock()
        if not self._has_place:
            self._has_place = True
            self._origin = self._due = self._shared.starts.start_at(now)
        if now < self._due or not self._may_start(now):
            return
        self._busy_since = now
        self._busy = True
        self._shared.pool.submit(self._run)

    def wake(self) -> bool:
        """Let the next poll be due now, if the tenant rests after a drain: never in the midst of a request, a drain or a back-off.

        Returns:
            Whether it is; what the host's budget says still counts.
        """
        if self._busy or not self._resting or not self._has_place:
            return False
        self._due = min(self._due, self._shared.clock())
        return True

    def take(self) -> tuple[Page, bool] | None:
        """The next page and whether it ended a drain, or None. The page's memory is the taker's from here on."""
        if not self._waiting:
            return None
        page, drained, size_bytes = self._waiting.popleft()
        self._shared.memory.adjust(-size_bytes)
        return page, drained

    def idle_seconds(self) -> float:
        """How long the worker may leave this tenant alone: 0.0 while pages wait or at the end, milliseconds while an answer is expected."""
        if self._waiting or (self._finished and not self._busy):
            return 0.0
        now = self._shared.clock()
        if self._busy:
            # A fast answer is picked up within a millisecond or two, a slow one costs few wake-ups: none before half of the time that the
            # last one took.
            elapsed_seconds = now - self._busy_since
            return min(max(self._answer_seconds / 2.0 - elapsed_seconds, elapsed_seconds / 4.0, 0.001), 0.1)
        return max(self._due - now, 0.001)

    def close(self) -> None:
        """Give the connection back; a request that hangs keeps it."""
        if not self._busy:
            self._transport.close()
            self._slot.release()

    def _may_start(self, now: float) -> bool:
        """Take memory and a request of the host's budget, or note until when there is none."""
        if not self._shared.memory.try_reserve(self._estimate_bytes):
            self._due = now + _MEMORY_NAP_SECONDS
            return False
        wait_seconds = self._limiter.try_start(self._rate_limit_reserve)
        self._metrics.waits(now, wait_seconds)
        self._allowed_at = now + wait_seconds
        if wait_seconds > 0.0:
            self._shared.memory.adjust(-self._estimate_bytes)
            # Looked at again at least every quarter of a second: another tenant's answer may change what the host's budget allows.
            self._due = now + min(wait_seconds, 0.25)
            return False
        return True

    def _run(self) -> None:
        try:
            while self._fetch():
                now = self._shared.clock()
                if not self._may_start(now):
                    break
                self._busy_since = now
        except Exception:  # noqa: BLE001  # a tenant must outlive a defect, and the others must not notice
            self._due = self._shared.clock() + 60.0
            _LOG.exception("%s: polling failed in a way that is a defect of bytewax-okta; it goes on in a minute", self._label)
        finally:
            self._busy = False

    def _fetch(self) -> bool:
        """One request; memory and budget for it are taken. Returns whether the next one may follow at once on this thread."""
        reserved_bytes = self._estimate_bytes
        if self._control.stopping:
            self._limiter.finish(None, answered=False)
            self._shared.memory.adjust(-reserved_bytes)
            return False
        started = self._shared.clock()
        finished = False
        try:
            sent_at = self._now().timestamp()
            outcome = self._transport.get(self._poller.cursor.url)
            ended = self._shared.clock()
            if isinstance(outcome, Response):
                self._look_at_clock(outcome, sent_at)
                self._metrics.request(str(outcome.status), ended - started)
            elif outcome.stage != "token":
                self._metrics.request("error", ended - started)
            step = self._poller.receive(outcome, self._now())
            self._limiter.finish(step.rate_limit, step.block_seconds, answered=isinstance(outcome, Response))
            finished = True
        finally:
            if not finished:
                self._limiter.finish(None, answered=False)
                self._shared.memory.adjust(-reserved_bytes)
        size_bytes = step.page.memory_bytes(outcome.body) if isinstance(outcome, Response) and step.page else 0
        self._shared.memory.adjust(size_bytes - reserved_bytes)
        if size_bytes:
            self._estimate_bytes = max(size_bytes, _SMALLEST_ESTIMATE_BYTES)
        # A drain is paced from its last request on, so that a slow answer doesn't stretch the interval.
        turn = next_turn(self._origin, step.due_seconds, started) if step.drained else ended + step.due_seconds
        self._due = max(turn, ended)
        self._answer_seconds = ended - started
        self._is_patient = step.due_seconds > 0.0
        self._resting = step.drained and step.failure is None
        self._keep_or_close(answered=isinstance(outcome, Response), idle_seconds=step.due_seconds)
        if step.block_seconds:
            self._due = ended  # the host's budget holds it back, which counts the wait
            self._allowed_at = ended + step.block_seconds
        self._report(step, ended)
        if self._control.until_drained and (step.drained or step.exhausted or step.late):
            self._finished = True
            if why := step.late or (step.failure if step.exhausted else None):
                self._control.gave_up(self._tenant, why)
        if step.page:
            self._waiting.append((step.page, step.drained, size_bytes))
        return step.due_seconds == 0.0 and len(self._waiting) < PAGES_AHEAD and not self._shared.pool.is_backed_up()

    def _keep_or_close(self, *, answered: bool, idle_seconds: float) -> None:
        """Leave the connection open for the next request, if that comes soon enough and the process has room for it."""
        if not answered or idle_seconds > LONGEST_IDLE_SECONDS:
            self._slot.release()
        elif self._slot.keeps_open(draining=idle_seconds == 0.0):
            return
        self._transport.close()

    def _look_at_clock(self, answer: Response, sent_at: float) -> None:
        seconds = skew_seconds(answer.headers.get("Date") or "", sent_at, self._now().timestamp())
        if seconds is None:
            return
        self._metrics.clock_skew_seconds = seconds
        if not self._clocks.changes(seconds):
            return
        if self._clocks.is_far:
            _LOG.warning(
                "%s: %s: set it, best by NTP; until then proofs may be refused, and times are wrong", self._label, skew_words(seconds)
            )
        else:
            _LOG.info("%s: this machine's clock agrees with Okta's again", self._label)

    def _report(self, step: Step, ended: float) -> None:
        metrics, rate_limit = self._metrics, step.rate_limit
        if rate_limit:
            metrics.rate_limited(rate_limit.limit, rate_limit.remaining, rate_limit.reset_epoch_seconds)
        if step.reset:
            metrics.cursor_reset()
        if step.failure:
            self._report_failure(step, step.failure, ended)
            return
        metrics.succeeded()
        told = self._repeats.succeeded(self._now())
        if self._was_failing:
            self._was_failing = False
            _LOG.info("%s: polling succeeds again (%s)", self._label, told)

    def _report_failure(self, step: Step, failure: Failure, ended: float) -> None:
        self._metrics.error(failure.error_type, failure.stage)
        if step.failures:
            self._was_failing = True
            self._metrics.failed(failure.error_type, failure.stage)
        before = self._repeats.failed(failure, self._now())
        if before is None:
            return
        wait_seconds = max(self._due - ended, self._limiter.wait_seconds(self._rate_limit_reserve))
        follow_up = f"next try in {wait_seconds:.1f} s" if wait_seconds >= _TOLD_WAIT_SECONDS else "going on at once"
        _LOG.warning("%s: %s %s (%s)%s", self._label, failure.message, failure.fix, follow_up, before)
