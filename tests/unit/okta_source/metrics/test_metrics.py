"""The names, types and labels of the source's metrics are public: dashboards and alerts are built on them."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from okta_source.hooks.metrics import REQUESTS
from okta_source.metrics import PROCESS, TENANTS, TenantCollector, TenantMetrics, count_error, tell_pipeline
from tests.unit.okta_source.fakes import NOW, Clock

PINNED = {
    "okta_events_received_total": ("counter", {"tenant"}),
    "okta_events_duplicate_total": ("counter", {"tenant"}),
    "okta_events_malformed_total": ("counter", {"tenant"}),
    "okta_pages_total": ("counter", {"tenant"}),
    "okta_requests_total": ("counter", {"tenant", "code"}),
    "okta_request_duration_seconds": ("histogram", {"tenant"}),
    "okta_errors_total": ("counter", {"tenant", "error_type", "stage"}),
    "okta_rate_limit_limit": ("gauge", {"tenant"}),
    "okta_rate_limit_remaining": ("gauge", {"tenant"}),
    "okta_rate_limit_reset_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_rate_limit_wait_seconds_total": ("counter", {"tenant"}),
    "okta_rate_limit_reserve_ratio": ("gauge", {"tenant"}),
    "okta_poll_interval_seconds": ("gauge", {"tenant"}),
    "okta_poll_lag_seconds": ("gauge", {"tenant"}),
    "okta_next_poll_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_clock_skew_seconds": ("gauge", {"tenant"}),
    "okta_last_success_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_last_event_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_access_token_expires_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_tenant_up": ("gauge", {"tenant"}),
    "okta_tenant_failing": ("gauge", {"tenant", "error_type", "stage"}),
    "okta_tenant_info": ("gauge", {"tenant", "display_name", "org"}),
    "okta_tenant_started_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_resumed_from_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_drain_ends_timestamp_seconds": ("gauge", {"tenant"}),
    "okta_cursor_resets_total": ("counter", {"tenant"}),
    "okta_events_unlikely_time_total": ("counter", {"tenant"}),
    "okta_input_letters_dropped_total": ("counter", {"tenant"}),
    "okta_token_refreshes_total": ("counter", {"tenant"}),
    "okta_hook_events_total": ("counter", {"tenant", "result"}),
    "okta_hook_delay_seconds": ("histogram", {"tenant"}),
    "okta_hook_unconfirmed_total": ("counter", {"tenant"}),
    "okta_hook_missed_total": ("counter", {"tenant"}),
    "okta_hook_delivery_failures_total": ("counter", {"tenant"}),
    "okta_hook_spool_bytes": ("gauge", {"tenant"}),
    "okta_hook_requests_total": ("counter", {"tenant", "result"}),
    "okta_hook_connections": ("gauge", set()),
    "okta_last_snapshot_timestamp_seconds": ("gauge", set()),
    "okta_pipeline_info": ("gauge", {"version", "process_id"}),
}
UNTIL_KNOWN = {
    "okta_drain_ends_timestamp_seconds",
    "okta_resumed_from_timestamp_seconds",
    "okta_access_token_expires_timestamp_seconds",
    "okta_clock_skew_seconds",
    "okta_errors_total",
    "okta_hook_connections",
    "okta_hook_delay_seconds",
    "okta_hook_delivery_failures_total",
    "okta_hook_events_total",
    "okta_hook_missed_total",
    "okta_hook_requests_total",
    "okta_hook_spool_bytes",
    "okta_hook_unconfirmed_total",
    "okta_last_event_timestamp_seconds",
    "okta_last_success_timestamp_seconds",
    "okta_next_poll_timestamp_seconds",
    "okta_poll_lag_seconds",
    "okta_rate_limit_limit",
    "okta_rate_limit_remaining",
    "okta_rate_limit_reset_timestamp_seconds",
    "okta_requests_total",
    "okta_tenant_failing",
    "okta_tenant_up",
}
"""What has no series before there is something to say."""


@pytest.fixture(autouse=True)
def only_these_tenants(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(PROCESS, "info", None)
    monkeypatch.setattr(PROCESS, "last_snapshot", None)
    monkeypatch.setattr(PROCESS, "_errors", {})
    kept = dict(TENANTS)
    TENANTS.clear()
    yield
    TENANTS.clear()
    TENANTS.update(kept)


def touched(tenant: str = "acme") -> TenantMetrics:
    """A tenant of which every series exists."""
    metrics = TenantMetrics(tenant, display_name="Acme Inc.", org="acme.okta.com", now=Clock().now, clock=Clock())
    metrics.resumed(NOW, drained=True)
    metrics.request("200", 0.2)
    metrics.error("auth", "fetch")
    metrics.rate_limited(60, 55, 1_772_366_423)
    metrics.page(3, 1, NOW, drained=True)
    metrics.succeeded()
    metrics.failed("auth", "fetch")
    metrics.follow(lambda: 1030.0)
    metrics.clock_skew_seconds = -1.5
    metrics.follow_token(lambda: 240.0)
    hooks = metrics.with_hooks()
    hooks.event("delivered", 1)
    hooks.delayed(10.2)
    REQUESTS.labels(tenant, "accepted").inc()
    PROCESS.snapshotted()
    tell_pipeline("0.1.0", "0")
    return metrics


def scraped() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every series by name and labels."""
    registry = CollectorRegistry()
    TenantCollector(registry)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def value(name: str, tenant: str = "acme", **labels: str) -> float | None:
    return scraped().get((name, frozenset({"tenant": tenant, **labels}.items())))


def test_names_types_and_labels_are_pinned() -> None:
    touched()
    clock = Clock()
    draining = TenantMetrics("globex", now=clock.now, clock=clock)
    draining.page(3, 0, NOW - timedelta(hours=9), drained=False)
    clock.advance(1)
    draining.page(3, 0, NOW - timedelta(hours=8), drained=False)
    found: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
        if family.name.startswith("okta_") and not family.name.startswith(
            ("okta_sink_", "okta_delivery_", "okta_detection_", "okta_mapping_")
        ):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
            assert family.samples, name
            assert family.documentation
    assert found == PINNED


def test_what_is_not_known_yet_has_no_series() -> None:
    TenantMetrics("acme")
    there = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name, _ in scraped()}
    assert PINNED.keys() - there == UNTIL_KNOWN | {"okta_last_snapshot_timestamp_seconds", "okta_pipeline_info"}
    assert value("okta_pages_total") == 0.0  # so that a rate is right from the first page on


def test_there_are_no_created_series_which_would_double_a_scrape() -> None:
    touched()
    assert b"_created" not in b"\n".join(line for line in generate_latest(REGISTRY).splitlines() if line.startswith(b"okta_"))


def test_a_tenants_histogram_has_few_buckets_and_counts_like_one() -> None:
    metrics = TenantMetrics("acme")
    for seconds in (0.05, 0.1, 0.2, 31.0):
        metrics.request("200", seconds)
    buckets = {dict(labels)["le"]: count for (name, labels), count in scraped().items() if name == "okta_request_duration_seconds_bucket"}
    assert len(buckets) <= 10
    assert (buckets["0.1"], buckets["0.25"], buckets["30.0"], buckets["+Inf"]) == (2, 3, 3, 4)
    assert value("okta_request_duration_seconds_count") == 4.0
    assert value("okta_request_duration_seconds_sum") == pytest.approx(31.35)


def test_values_are_what_was_told() -> None:
    touched()
    assert value("okta_rate_limit_limit") == 60.0
    assert value("okta_rate_limit_remaining") == 55.0
    assert value("okta_rate_limit_reset_timestamp_seconds") == 1_772_366_423.0
    assert value("okta_last_event_timestamp_seconds") == NOW.timestamp()
    assert value("okta_events_received_total") == 3.0
    assert value("okta_events_malformed_total") == 1.0
    assert value("okta_tenant_info", display_name="Acme Inc.", org="acme.okta.com") == 1.0
    assert value("okta_next_poll_timestamp_seconds") == NOW.timestamp() + 30.0
    assert value("okta_access_token_expires_timestamp_seconds") == NOW.timestamp() + 240.0
    assert value("okta_tenant_started_timestamp_seconds") == NOW.timestamp()


def test_a_limit_of_nothing_is_a_value_too() -> None:
    TenantMetrics("acme").rate_limited(0, 0, 0)
    assert (value("okta_rate_limit_limit"), value("okta_rate_limit_remaining")) == (0.0, 0.0)


def test_a_tenant_is_neither_up_nor_down_before_the_first_outcome() -> None:
    metrics = TenantMetrics("acme")
    metrics.resumed(NOW, drained=False)
    assert value("okta_tenant_up") is None
    metrics.succeeded()
    assert value("okta_tenant_up") == 1.0
    metrics.failed("dns", "fetch")
    assert value("okta_tenant_up") == 0.0


def test_the_reason_of_a_failure_comes_with_it_is_one_at_a_time_and_goes_with_the_next_success() -> None:
    metrics = TenantMetrics("acme")

    def reasons() -> list[dict[str, str]]:
        return [dict(labels) for name, labels in scraped() if name == "okta_tenant_failing"]

    metrics.failed("dns", "fetch")
    metrics.failed("auth", "token")
    assert reasons() == [{"tenant": "acme", "error_type": "auth", "stage": "token"}]
    metrics.succeeded()
    assert reasons() == []


@pytest.mark.parametrize(
    ("high_water", "drained", "lag"),
    [
        (NOW - timedelta(hours=2), False, 7200.0),  # stopped in mid-drain: what is there is at least that late
        (NOW - timedelta(hours=2), True, None),  # what has happened since, nobody knows yet
        (NOW - timedelta(hours=2), None, None),
        (None, False, None),
    ],
)
def test_the_lag_after_a_resume(high_water: object, drained: bool | None, lag: float | None) -> None:
    TenantMetrics("acme", now=Clock().now).resumed(high_water, drained=drained)  # type: ignore[arg-type]
    assert value("okta_poll_lag_seconds") == lag


def test_when_a_drain_ends_is_told_from_its_pace() -> None:
    clock = Clock()
    metrics = TenantMetrics("acme", now=clock.now, clock=clock)
    metrics.resumed(NOW - timedelta(hours=9), drained=False)
    ends = "okta_drain_ends_timestamp_seconds"
    assert value(ends) is None
    metrics.page(3, 0, NOW - timedelta(hours=4), drained=False)
    assert value(ends) is None, "one page has no pace"
    clock.advance(600)
    assert value(ends) is None, "it gets no nearer"
    metrics.page(3, 0, NOW - timedelta(minutes=110), drained=False)
    # 130 minutes of the log in 10, in which the log has grown by 10: 120 minutes are left, at 12 a minute.
    assert value(ends) == pytest.approx(NOW.timestamp() + 600 + 600)
    metrics.page(0, 0, NOW, drained=True)
    assert value(ends) is None
    metrics.page(3, 0, NOW, drained=False)
    assert value(ends) is None, "another drain begins anew"


def test_the_lag_is_worked_out_at_the_scrape() -> None:
    clock = Clock()
    metrics = TenantMetrics("acme", now=clock.now)
    metrics.page(3, 0, NOW - timedelta(seconds=100), drained=False)
    assert value("okta_poll_lag_seconds") == 100.0
    clock.advance(50)
    assert value("okta_poll_lag_seconds") == 150.0
    metrics.page(1, 0, NOW + timedelta(seconds=70), drained=False)
    assert value("okta_poll_lag_seconds") == 0.0  # never negative
    metrics.page(0, 0, NOW, drained=True)
    clock.advance(5000)
    assert value("okta_poll_lag_seconds") == 0.0


def test_a_wait_for_the_rate_limit_grows_at_every_scrape_and_ends_with_the_reset() -> None:
    clock = Clock()
    metrics = TenantMetrics("acme", clock=clock)
    metrics.waits(clock(), 30.0)
    seen = []
    for _ in range(5):
        clock.advance(10)
        seen.append(value("okta_rate_limit_wait_seconds_total"))
    assert seen == [10.0, 20.0, 30.0, 30.0, 30.0]  # nobody looked any more, yet the reset had come
    metrics.waits(clock(), 0.0)
    clock.advance(10)
    assert value("okta_rate_limit_wait_seconds_total") == 30.0
    metrics.waits(clock(), 5.0)
    clock.advance(2)
    metrics.waits(clock(), 3.0)
    clock.advance(1)
    assert value("okta_rate_limit_wait_seconds_total") == 33.0


def test_counters_go_on_where_a_tenant_is_taken_up_again_in_the_same_process() -> None:
    TenantMetrics("acme").request("200", 1.0)
    again = TenantMetrics("acme")
    again.request("200", 1.0)
    assert value("okta_requests_total", code="200") == 2.0


def test_errors_from_elsewhere_make_no_other_series_of_a_tenant() -> None:
    count_error("gone", "server", "deliver")
    assert [name for name, labels in scraped() if ("tenant", "gone") in labels] == ["okta_errors_total"]


def test_errors_are_counted_from_many_threads() -> None:
    threads = [threading.Thread(target=lambda: [count_error("acme", "server", "deliver") for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value("okta_errors_total", error_type="server", stage="deliver") == 4000.0
