"""From the tenants' numbers to metric families, made at each scrape: so nothing can be stale, and what isn't known has no series."""

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Literal

from prometheus_client import REGISTRY
from prometheus_client.core import Metric, Sample
from prometheus_client.registry import Collector, CollectorRegistry

from okta_source.metrics.hooks import DELAY_BUCKETS_SECONDS, HookMetrics
from okta_source.metrics.process import PROCESS
from okta_source.metrics.tenant import BUCKETS_SECONDS, TENANTS, TenantMetrics

__all__ = ["TenantCollector"]

_Read = Callable[[TenantMetrics], float | None]
_BOUNDS = (*(str(bound) for bound in BUCKETS_SECONDS), "+Inf")
_DELAY_BOUNDS = (*(str(bound) for bound in DELAY_BUCKETS_SECONDS), "+Inf")

_PLAIN: tuple[tuple[str, Literal["counter", "gauge"], str, _Read], ...] = (
    ("okta_tenant_up", "gauge", "1 while the last poll succeeded; absent before the first outcome.", lambda it: it.is_up),
    (
        "okta_poll_lag_seconds",
        "gauge",
        "0 once drained; in a drain, now less the newest `published`; while polls fail, at least the time since the last success.",
        TenantMetrics.lag_seconds,
    ),
    (
        "okta_drain_ends_timestamp_seconds",
        "gauge",
        "When a drain will be done if it goes on so; absent without a drain, or while it gets no nearer.",
        TenantMetrics.drain_ends,
    ),
    ("okta_last_success_timestamp_seconds", "gauge", "When a poll last succeeded.", lambda it: it.last_success),
    ("okta_last_event_timestamp_seconds", "gauge", "Highest `published` received.", lambda it: it.high_water),
    ("okta_next_poll_timestamp_seconds", "gauge", "When the next request is due: interval, back-off or reset.", TenantMetrics.next_poll),
    ("okta_tenant_started_timestamp_seconds", "gauge", "When this process took the tenant up.", lambda it: it.started_at),
    (
        "okta_resumed_from_timestamp_seconds",
        "gauge",
        "Highest `published` of the run before, where this process resumed from it; absent for a tenant that is new.",
        lambda it: it.resumed_from,
    ),
    ("okta_poll_interval_seconds", "gauge", "From one poll to the next once drained; configured.", lambda it: it.poll_interval_seconds),
    ("okta_rate_limit_reserve_ratio", "gauge", "Share of the rate limit left to others; configured.", lambda it: it.rate_limit_reserve),
    ("okta_rate_limit_limit", "gauge", "Requests per window that the organisation allows.", lambda it: it.rate_limit and it.rate_limit[0]),
    (
        "okta_rate_limit_remaining",
        "gauge",
        "Requests left in the window at the last answer.",
        lambda it: it.rate_limit and it.rate_limit[1],
    ),
    (
        "okta_rate_limit_reset_timestamp_seconds",
        "gauge",
        "When the window ends, by the organisation's clock.",
        lambda it: it.rate_limit and it.rate_limit[2],
    ),
    (
        "okta_rate_limit_wait_seconds",
        "counter",
        "Time spent waiting for a rate-limit reset; grows while the wait lasts.",
        TenantMetrics.rate_limit_wait_seconds,
    ),
    (
        "okta_clock_skew_seconds",
        "gauge",
        "How far this machine's clock is ahead of the organisation's, negative behind; by the Date of the last answer.",
        lambda it: it.clock_skew_seconds,
    ),
    (
        "okta_access_token_expires_timestamp_seconds",
        "gauge",
        "When the access token ends; absent without one.",
        TenantMetrics.token_expires,
    ),
    ("okta_pages", "counter", "Pages handed to the dataflow, empty ones included.", lambda it: it.counts.pages),
    ("okta_events_received", "counter", "Events in the pages that Okta sent, before deduplication.", lambda it: it.counts.events_received),
    ("okta_events_duplicate", "counter", "Events dropped because their uuid had been seen.", lambda it: it.counts.events_duplicate),
    (
        "okta_events_malformed",
        "counter",
        "Events (or whole bodies) that went to the dead letters undecoded.",
        lambda it: it.counts.events_malformed,
    ),
    (
        "okta_events_unlikely_time",
        "counter",
        "Events whose `published` is over a year ago or over two days ahead: `{date}` and `{hour}` are `other` for them.",
        lambda it: it.counts.events_unlikely,
    ),
    (
        "okta_input_letters_dropped",
        "counter",
        "Of the malformed ones, those beyond the tenant's dead letters of a day: counted here alone.",
        lambda it: it.counts.letters_dropped,
    ),
    (
        "okta_cursor_resets",
        "counter",
        "Restarts from the high-water mark because a cursor could not be used.",
        lambda it: it.counts.cursor_resets,
    ),
    ("okta_token_refreshes", "counter", "Access tokens or rotated secrets fetched anew.", lambda it: it.counts.token_refreshes),
)
"""Metrics of one series a tenant: name (a counter's without `_total`), type, help, and the value; None for no series."""

_INFO = ("okta_tenant_info", "gauge", "1; how the tenant is called for people, and its organisation's host.")
_FAILING = ("okta_tenant_failing", "gauge", "1 while the last poll failed, with the reason; absent otherwise.")
_REQUESTS = ("okta_requests", "counter", "Requests for logs by HTTP status; `error` without an answer.")
_DURATION = ("okta_request_duration_seconds", "histogram", "Time from a request for logs to the last byte of its answer.")
_HOOK_EVENTS = (
    "okta_hook_events",
    "counter",
    "Events that push has brought, by what became of them: delivered, woke, duplicate, too_old, doubtful, malformed.",
)
_HOOK_DELAY = ("okta_hook_delay_seconds", "histogram", "From an event's `published` to its delivery by push.")
_HOOK_PLAIN: tuple[tuple[str, Literal["counter", "gauge"], str, Callable[[HookMetrics], float]], ...] = (
    (
        "okta_hook_unconfirmed",
        "counter",
        "Events that push has brought and polling should have and has not: forged, or made up by the console's Preview.",
        lambda it: it.unconfirmed,
    ),
    (
        "okta_hook_missed",
        "counter",
        "Events that polling has brought and whose hook has not come within five minutes.",
        lambda it: it.missed,
    ),
    ("okta_hook_delivery_failures", "counter", "Failed deliveries that Okta's log tells of.", lambda it: it.delivery_failures),
    ("okta_hook_spool_bytes", "gauge", "Size of the tenant's spool, read or not.", lambda it: it.spool_bytes),
)
"""Of a tenant that has hooks; others have no such series."""
_ERRORS = ("okta_errors", "counter", "Failed polls and deliveries by cause.")
_LAST_SNAPSHOT = ("okta_last_snapshot_timestamp_seconds", "gauge", "When Bytewax last took a snapshot of a partition of the source.")
_PIPELINE = ("okta_pipeline_info", "gauge", "1; the release, and which process of its cluster this is.")


class TenantCollector(Collector):
    """Every series of the source.

    Args:
        registry: Where to register, if anywhere.
    """

    def __init__(self, registry: CollectorRegistry | None = REGISTRY) -> None:
        if registry is not None:
            registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """The metrics without values, by which the registry refuses a second one of a name."""
        others = (_INFO, _FAILING, _REQUESTS, _DURATION, _ERRORS, _LAST_SNAPSHOT, _PIPELINE)
        hooks = (*(plain[:3] for plain in _HOOK_PLAIN), _HOOK_EVENTS, _HOOK_DELAY)
        return [_family(*told) for told in (*(plain[:3] for plain in _PLAIN), *others, *hooks)]

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now; one family after the other, so that a scrape of many tenants never holds them all."""
        tenants = tuple(TENANTS.values())
        for name, kind, text, read in _PLAIN:
            family = _family(name, kind, text)
            series = f"{name}_total" if kind == "counter" else name
            family.samples = [Sample(series, it.labels, value) for it in tenants if (value := read(it)) is not None]
            yield family
        yield _labelled(*_INFO, ((_with(it, display_name=it.display_name, org=it.org), 1) for it in tenants))
        yield _labelled(
            *_FAILING, ((_with(it, error_type=it.failing[0], stage=it.failing[1]), 1) for it in tenants if it.failing is not None)
        )
        yield _labelled(*_REQUESTS, ((_with(it, code=code), count) for it in tenants for code, count in list(it.counts.requests.items())))
        yield _histogram(_DURATION, _BOUNDS, ((it.labels, it.counts.buckets, it.counts.duration_seconds) for it in tenants))
        yield from _hooks([(it.labels, it.counts.hooks) for it in tenants if it.counts.hooks is not None])
        yield _labelled(*_ERRORS, PROCESS.errors())
        last_snapshot = PROCESS.last_snapshot
        yield _labelled(*_LAST_SNAPSHOT, () if last_snapshot is None else [({}, last_snapshot)])
        yield _labelled(*_PIPELINE, () if PROCESS.info is None else [(PROCESS.info, 1)])


def _family(name: str, kind: str, text: str) -> Metric:
    return Metric(name, text, kind)


def _with(it: TenantMetrics, **more: str) -> dict[str, str]:
    return {**it.labels, **more}


def _labelled(name: str, kind: str, text: str, values: Iterable[tuple[dict[str, str], float]]) -> Metric:
    family = _family(name, kind, text)
    series = f"{name}_total" if kind == "counter" else name
    family.samples = [Sample(series, labels, value) for labels, value in values]
    return family


def _histogram(described: tuple[str, str, str], bounds: Iterable[str], values: Iterable[tuple[dict[str, str], list[int], float]]) -> Metric:
    name = described[0]
    family = _family(*described)
    samples = family.samples
    for labels, buckets, total in values:
        counts = list(accumulate(buckets))
        for bound, count in zip(bounds, counts, strict=True):
            samples.append(Sample(f"{name}_bucket", {**labels, "le": bound}, count))
        samples.append(Sample(f"{name}_count", labels, counts[-1]))
        samples.append(Sample(f"{name}_sum", labels, total))
    return family


def _hooks(tenants: list[tuple[dict[str, str], HookMetrics]]) -> Iterable[Metric]:
    for name, kind, text, read in _HOOK_PLAIN:
        yield _labelled(name, kind, text, ((labels, read(it)) for labels, it in tenants))
    yield _labelled(
        *_HOOK_EVENTS, (({**labels, "result": result}, count) for labels, it in tenants for result, count in list(it.events.items()))
    )
    yield _histogram(_HOOK_DELAY, _DELAY_BOUNDS, ((labels, it.delays, it.delay_seconds) for labels, it in tenants))


TENANT_COLLECTOR = TenantCollector()
"""Registered once, where Bytewax's endpoint looks."""
