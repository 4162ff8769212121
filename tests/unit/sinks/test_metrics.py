import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest

from sinks import metrics
from sinks.metrics import LatencyHistogram, SinkMetrics, tell_sink

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def heads(*seconds_ago):
    return [SimpleNamespace(uuid="u", event_type="t", published=NOW - timedelta(seconds=s)) for s in seconds_ago]


def span(page):
    published = [head.published for head in page]
    return min(published), max(published)


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("okta_sink_events", "counter", {"sink", "tenant", "result"}),
        ("okta_sink_filtered", "counter", {"sink", "tenant"}),
        ("okta_sink_batches", "counter", {"sink", "result"}),
        ("okta_sink_write_duration_seconds", "histogram", {"sink"}),
        ("okta_sink_retries", "counter", {"sink"}),
        ("okta_sink_breakers_open", "gauge", {"sink"}),
        ("okta_sink_breaker_openings", "counter", {"sink"}),
        ("okta_sink_info", "gauge", {"sink", "type"}),
        ("okta_sink_last_success_timestamp_seconds", "gauge", {"sink"}),
        ("okta_delivery_latency_seconds", "histogram", {"sink"}),
    ],
)
def test_names_types_and_labels(name, kind, labels):
    own = SinkMetrics("pinned")
    own.events("acme", "delivered", 1)
    own.filtered("acme", 1)
    own.latency(heads(1), NOW)
    own.open_breakers(0)
    tell_sink("pinned", "file")
    (family,) = [family for family in REGISTRY.collect() if family.name == name]
    assert family.type == kind
    assert {frozenset(sample.labels) - {"le"} for sample in family.samples} == {frozenset(labels)}


def test_a_breaker_that_opens_and_closes_between_two_scrapes_is_counted():
    own = SinkMetrics("flapping")
    for count in (0, 1, 0, 2, 1, 1, 2, 0):
        own.open_breakers(count)
    assert value("okta_sink_breakers_open", sink="flapping") == 0
    assert value("okta_sink_breaker_openings_total", sink="flapping") == 4


def test_events_batches_and_retries_are_counted():
    own = SinkMetrics("counting")
    own.events("acme", "delivered", 5)
    own.events("acme", "delivered", 2)
    own.events("acme", "duplicate", 1)
    own.filtered("acme", 4)
    own.filtered("acme", 5)
    own.batch("delivered", 0.2)
    own.batch("failed", 3.0)
    own.retry()
    assert value("okta_sink_events_total", sink="counting", tenant="acme", result="delivered") == 7
    assert value("okta_sink_events_total", sink="counting", tenant="acme", result="duplicate") == 1
    assert value("okta_sink_filtered_total", sink="counting", tenant="acme") == 9
    assert value("okta_sink_batches_total", sink="counting", result="delivered") == 1
    assert value("okta_sink_batches_total", sink="counting", result="failed") == 1
    assert value("okta_sink_retries_total", sink="counting") == 1
    assert value("okta_sink_write_duration_seconds_sum", sink="counting") == pytest.approx(3.2)


def test_a_success_is_an_event_that_is_with_the_target():
    def last_success():
        return REGISTRY.get_sample_value("okta_sink_last_success_timestamp_seconds", {"sink": "succeeding"})

    own = SinkMetrics("succeeding")
    own.events("acme", "dead_letter", 3)
    own.batch("failed", 1.0)
    assert last_success() is None
    before = time.time()
    own.events("acme", "duplicate", 1)
    first = last_success()
    assert before <= first <= time.time()
    own.events("acme", "dead_letter", 3)
    assert last_success() == first
    own.events("acme", "delivered", 1)
    assert last_success() > first


def test_a_sinks_type_is_told():
    tell_sink("typed", "webhook")
    assert value("okta_sink_info", sink="typed", type="webhook") == 1


PAGES = [
    heads(2, 3, 4), heads(0.5), heads(0.5, 30, 4000), heads(1), heads(5, 5.001), heads(100_000, 200_000),
    heads(86_400, 86_401), heads(-20, 0.5), heads(59, 61, 60),
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_a_page_counts_like_its_events_one_by_one(page):
    registry = CollectorRegistry()
    ours = LatencyHistogram("ours", "x", registry)
    theirs = Histogram("theirs", "x", ["sink"], buckets=metrics._LATENCY_BUCKETS_SECONDS, registry=registry)
    ours.observe_page("s", page, NOW, span(page))
    for head in page:
        theirs.labels("s").observe(max(0.0, (NOW - head.published).total_seconds()))
    samples = {name: {} for name in ("ours", "theirs")}
    for family in registry.collect():
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                key = sample.name.removeprefix(family.name), sample.labels.get("le")
                samples[family.name][key] = sample.value
    assert samples["ours"].pop(("_sum", None)) == pytest.approx(samples["theirs"].pop(("_sum", None)), abs=0.01)
    assert samples["ours"] == samples["theirs"]


def test_pages_add_up_and_the_output_is_prometheus_text():
    registry = CollectorRegistry()
    histogram = LatencyHistogram("late", "How late.", registry)
    for page in PAGES[:3]:
        histogram.observe_page("s", page, NOW, span(page))
    text = generate_latest(registry).decode()
    assert "# TYPE late histogram\n" in text
    assert 'late_bucket{le="1.0",sink="s"} 2.0\n' in text
    assert 'late_bucket{le="+Inf",sink="s"} 7.0\n' in text
    assert 'late_count{sink="s"} 7.0\n' in text


def test_a_second_one_of_the_same_name_is_refused():
    registry = CollectorRegistry()
    LatencyHistogram("late", "x", registry)
    with pytest.raises(ValueError, match="Duplicated"):
        LatencyHistogram("late", "x", registry)


def test_the_span_is_found_where_it_is_not_given():
    own = SinkMetrics("spanless")
    own.latency(heads(2, 400), NOW)
    own.latency([], NOW)
    assert value("okta_delivery_latency_seconds_count", sink="spanless") == 2
    assert value("okta_delivery_latency_seconds_bucket", sink="spanless", le="5.0") == 1
