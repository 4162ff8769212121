"""What the source tells Prometheus. Bytewax's endpoint appends the default registry of `prometheus_client`, so no server of ours is needed.

Names, types and labels are public. Labels are bounded by the configuration; a tenant's series exist only in the process that polls it.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

__all__ = ["TenantMetrics", "count_error"]

# One more series for every counter and histogram, which nothing here reads: a scrape of 1,000 tenants took 1.5 s with them, 0.6 s without.
disable_created_metrics()  # type: ignore[no-untyped-call]

_TENANT = ("tenant",)
_EVENTS_RECEIVED = Counter("okta_events_received_total", "Events in the pages that Okta sent, before deduplication.", _TENANT)
_EVENTS_DUPLICATE = Counter("okta_events_duplicate_total", "Events dropped because their uuid had been seen.", _TENANT)
_EVENTS_MALFORMED = Counter("okta_events_malformed_total", "Events (or whole bodies) that went to the dead letters undecoded.", _TENANT)
_PAGES = Counter("okta_pages_total", "Pages handed to the dataflow, empty ones included.", _TENANT)
_REQUESTS = Counter("okta_requests_total", "Requests for logs by HTTP status; `error` without an answer.", ("tenant", "code"))
_REQUEST_DURATION = Histogram(
    "okta_request_duration_seconds",
    "Time from a request for logs to the last byte of its answer.",
    _TENANT,
    # Few buckets: each one is a series for each tenant in every scrape.
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
_ERRORS = Counter("okta_errors_total", "Failed polls and deliveries by cause.", ("tenant", "error_type", "stage"))
_RATE_LIMIT = Gauge("okta_rate_limit_limit", "Requests per window that the organisation allows.", _TENANT)
_RATE_REMAINING = Gauge("okta_rate_limit_remaining", "Requests left in the window at the last answer.", _TENANT)
_RATE_RESET = Gauge("okta_rate_limit_reset_timestamp_seconds", "When the window ends, by the organisation's clock.", _TENANT)
_RATE_WAIT = Counter(
    "okta_rate_limit_wait_seconds_total", "Time spent waiting for a rate-limit reset; grows while the wait lasts.", _TENANT
)
_POLL_LAG = Gauge("okta_poll_lag_seconds", "0 after a short page; while draining, now less the newest event's `published`.", _TENANT)
_LAST_SUCCESS = Gauge("okta_last_success_timestamp_seconds", "When a poll last succeeded.", _TENANT)
_LAST_EVENT = Gauge("okta_last_event_timestamp_seconds", "Highest `published` received.", _TENANT)
_UP = Gauge("okta_tenant_up", "1 while the last poll succeeded.", _TENANT)
_CURSOR_RESETS = Counter("okta_cursor_resets_total", "Restarts from the high-water mark because a cursor could not be used.", _TENANT)
_TOKEN_REFRESHES = Counter("okta_token_refreshes_total", "Access tokens or rotated secrets fetched anew.", _TENANT)


def count_error(tenant: str, error_type: str, stage: str) -> None:
    """Count a failure without making the tenant's other series, which exist only in the process that polls it."""
    _ERRORS.labels(tenant, error_type, stage).inc()


class TenantMetrics:
    """One tenant's series, looked up once.

    Args:
        tenant: The tenant's name.
    """

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self.events_received = _EVENTS_RECEIVED.labels(tenant)
        self.events_duplicate = _EVENTS_DUPLICATE.labels(tenant)
        self.events_malformed = _EVENTS_MALFORMED.labels(tenant)
        self.pages = _PAGES.labels(tenant)
        self.request_duration_seconds = _REQUEST_DURATION.labels(tenant)
        self.rate_limit_wait_seconds = _RATE_WAIT.labels(tenant)
        self.poll_lag_seconds = _POLL_LAG.labels(tenant)
        self.up = _UP.labels(tenant)
        self.cursor_resets = _CURSOR_RESETS.labels(tenant)
        self.token_refreshes = _TOKEN_REFRESHES.labels(tenant)

    def request(self, code: str, seconds: float) -> None:
        """A request for logs has ended with an HTTP status, or with `error`."""
        _REQUESTS.labels(self._tenant, code).inc()
        self.request_duration_seconds.observe(seconds)

    def error(self, error_type: str, stage: str) -> None:
        """A poll has failed."""
        _ERRORS.labels(self._tenant, error_type, stage).inc()

    def rate_limit(self, limit: int, remaining: int, reset_epoch_seconds: int) -> None:
        """What the last answer said of the rate limit."""
        _RATE_LIMIT.labels(self._tenant).set(limit)
        _RATE_REMAINING.labels(self._tenant).set(remaining)
        _RATE_RESET.labels(self._tenant).set(reset_epoch_seconds)

    def success(self, epoch_seconds: float) -> None:
        """A poll has succeeded; no series before the first, since 1970 would look like an outage of 56 years."""
        self.up.set(1)
        _LAST_SUCCESS.labels(self._tenant).set(epoch_seconds)

    def last_event(self, epoch_seconds: float) -> None:
        """The newest event so far; no series before there is one, for the same reason."""
        _LAST_EVENT.labels(self._tenant).set(epoch_seconds)
