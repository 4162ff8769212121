"""What the slices of one tenant share in one process: its connections, its lanes, its share of the rate limit, its metrics."""

import random
import threading
from collections.abc import Callable
from datetime import datetime

from okta_source.config.tenant import TenantConfig
from okta_source.fetching.pool import Shared
from okta_source.fetching.transport import Transport
from okta_source.history.lanes import Lanes
from okta_source.history.ledger import Ledger
from okta_source.history.slices import Slice
from okta_source.metrics import TenantMetrics
from okta_source.polling.limits import Backoff, reserved_requests
from okta_source.polling.outcome import Failure, Response, TransportFailure
from okta_source.polling.query import Query
from okta_source.polling.repeats import Repeats
from okta_source.polling.step import Step

__all__ = ["TenantHistory"]


class TenantHistory:
    """One tenant of a bounded read. Thread-safe.

    Args:
        tenant: Its configuration.
        shared: Threads, memory and rate-limit budgets of the process.
        ledger: The books.
        metrics: The tenant's series, which have one writer at a time: this object's lock.
        transport: Its connections, for any number of threads.
        others_per_second: Requests a second that a live flow makes of the organisation: it goes first.
        budget_share: Of what the reserve leaves, how much may be spent.
        now: The clock, UTC.
    """

    def __init__(
        self,
        tenant: TenantConfig,
        *,
        shared: Shared,
        ledger: Ledger,
        metrics: TenantMetrics,
        transport: Transport,
        others_per_second: float,
        budget_share: float,
        now: Callable[[], datetime],
    ) -> None:
        self.name = tenant.name
        self.label = tenant.name if tenant.display_name == tenant.name else f"{tenant.name} ({tenant.display_name})"
        self.query = Query(
            tenant=tenant.name,
            org_url=tenant.org_url,
            allowed_hosts=tenant.allowed_hosts,
            page_limit=tenant.page_limit,
            filter=tenant.filter,
            q=tenant.q,
        )
        self.backoff = Backoff(random.Random())  # noqa: S311  # jitter, not cryptography
        self.shared = shared
        self.ledger = ledger
        self.transport = transport
        self.lanes = Lanes(self.backoff)
        self.now = now
        self._org_host = tenant.org_host
        self._reserve = tenant.rate_limit_reserve
        self._limiter = shared.host(tenant.org_host)
        self._others_per_second = others_per_second
        self._budget_share = budget_share
        self._metrics = metrics
        self._repeats = Repeats()
        self._lock = threading.Lock()

    def try_start(self, now: float) -> float:
        """Take a request of the organisation's budget; returns 0.0, or the seconds to wait."""
        wait_seconds = self._limiter.try_start(self._reserve, self._others_per_second, self._budget_share)
        with self._lock:
            self._metrics.waits(now, wait_seconds)
        return wait_seconds

    def wait_seconds(self) -> float:
        """How long a request would have to wait now, for messages."""
        return self._limiter.wait_seconds(self._reserve, self._others_per_second, self._budget_share)

    def repeated(self, failure: Failure, *, given_up: bool) -> str | None:
        """Whether a failure is news, see `okta_source.polling.repeats`; slices that meet the same trouble tell it once between them."""
        with self._lock:
            return self._repeats.failed(failure, self.now(), "given up" if given_up else "")

    def not_sent(self) -> None:
        """A request that had been taken of the budget did not go out, or nobody knows what became of it."""
        self._limiter.finish(None, answered=False)

    def answered(self, outcome: Response | TransportFailure, step: Step, started: float, ended: float) -> None:
        """Take note of what came of a request."""
        self._limiter.finish(step.rate_limit, step.block_seconds, answered=isinstance(outcome, Response))
        rate_limit, was_sent = step.rate_limit, not (isinstance(outcome, TransportFailure) and outcome.stage == "token")
        code = str(outcome.status) if isinstance(outcome, Response) else "error"
        with self._lock:
            self._count(step, code if was_sent else None, ended - started)
        if rate_limit and not rate_limit.is_concurrency:
            self.ledger.budget(self._org_host, rate_limit.limit - reserved_requests(rate_limit.limit, self._reserve))
        if was_sent:
            self.ledger.asked()
        if step.failure is None:
            self.lanes.succeeded()
        elif rate_limit and rate_limit.is_concurrency and step.block_seconds:
            self.lanes.crowded()
        elif step.failures:
            self.lanes.failed(step.failure, started, ended)

    def _count(self, step: Step, code: str | None, seconds: float) -> None:
        metrics, rate_limit = self._metrics, step.rate_limit
        if code:
            metrics.request(code, seconds)
        if rate_limit:
            metrics.rate_limited(rate_limit.limit, rate_limit.remaining, rate_limit.reset_epoch_seconds)
        if step.reset:
            metrics.cursor_reset()
        if step.failure is None:
            metrics.succeeded()
            self._repeats.succeeded(self.now())
            return
        metrics.error(step.failure.error_type, step.failure.stage)
        if step.failures:
            metrics.failed(step.failure.error_type, step.failure.stage)

    def restarted(self) -> None:
        """A saved cursor could not be used."""
        with self._lock:
            self._metrics.cursor_reset()

    def handed_over(self, received: int, duplicate: int, malformed: int) -> None:
        """Count a page that has gone to the dataflow."""
        with self._lock:
            counts = self._metrics.counts
            counts.pages += 1
            counts.events_received += received
            counts.events_duplicate += duplicate
            counts.events_malformed += malformed

    def finished(self, wanted: Slice) -> None:
        """A slice needs nothing more; with the last one the connections go."""
        if self.lanes.finished(wanted):
            self.transport.close()
