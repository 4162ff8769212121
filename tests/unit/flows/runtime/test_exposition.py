"""A scrape's text is the library's own, byte for byte."""

import math
from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary, generate_latest
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flows.runtime.exposition import exposition
from okta_source.metrics import TenantCollector, TenantMetrics
from tests.unit.okta_source.fakes import NOW, Clock

HARD = ['quo"te', "back\\slash", "line\nbreak", "tab\t", "Zürich 🏔", "", '\\"\n\\']


class At(Collector):
    """What a registry said at one moment: a lag grows between two scrapes."""

    def __init__(self, registry: Collector) -> None:
        self._metrics = list(registry.collect())

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def same(registry: Collector) -> str:
    moment = At(registry)
    text = exposition(moment)
    assert text.encode() == generate_latest(moment)
    return text


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_an_empty_registry_is_an_empty_text(registry: CollectorRegistry) -> None:
    assert same(registry) == ""


@pytest.mark.parametrize(
    "value", [0, 1, -1, 0.1, 1e-9, 123456, 1234567, 1.7e9, 1_772_366_423.25, 2.0**60, math.inf, -math.inf, math.nan, True]
)
def test_numbers(registry: CollectorRegistry, value: float) -> None:
    Gauge("g", "x", registry=registry).set(value)
    same(registry)


@pytest.mark.parametrize("text", HARD)
def test_labels_and_help(registry: CollectorRegistry, text: str) -> None:
    gauge = Gauge("g", f"help {text}", ["zulu", "alpha"], registry=registry)
    gauge.labels(text, "a").set(1)
    gauge.labels("z", text).set(2)
    Counter("c", "x", ["only"], registry=registry).labels(text).inc()
    same(registry)


def test_every_type(registry: CollectorRegistry) -> None:
    Counter("plain", "x", registry=registry).inc()
    Counter("untouched", "x", ["l"], registry=registry)
    Histogram("h", "x", ["l"], registry=registry).labels("a").observe(3)
    Summary("s", "x", registry=registry).observe(3)
    Info("i", "x", registry=registry).info({"version": "1"})
    Enum("e", "x", states=["a", "b"], registry=registry).state("b")
    text = same(registry)
    assert 'i_info{version="1"} 1.0' in text


class Odd(Collector):
    """What the library may say, and ours don't: timestamps, gauge histograms, families behind their family, names beyond ASCII."""

    def collect(self) -> Iterable[Metric]:
        timed = GaugeMetricFamily("timed", "x", labels=["l"])
        timed.add_metric(["a"], 1.0, timestamp=1_700_000_000.5)
        yield timed
        yield GaugeHistogramMetricFamily("gh", "x", buckets=[("1.0", 1), ("+Inf", 2)], gsum_value=3.0)
        created = Metric("made", "x", "counter")
        created.add_sample("made_total", {}, 1.0)
        created.add_sample("made_created", {}, 1.7e9)
        yield created
        yield GaugeMetricFamily("unknown_value", "x", value=1.0)
        untyped = Metric("untyped", "x", "untyped")
        untyped.add_sample("untyped", {"l": "a"}, 1.0)
        yield untyped


def test_what_is_out_of_the_ordinary(registry: CollectorRegistry) -> None:
    registry.register(Odd())
    assert "made_created 1.7e+09" in same(registry)


def test_the_tenants(registry: CollectorRegistry) -> None:
    TenantCollector(registry)
    clock = Clock()
    for number, name in enumerate(HARD):
        tenant = TenantMetrics(f"exposed-{number}", display_name=name, org="acme.okta.com", now=clock.now, clock=clock)
        tenant.request("200", 0.3)
        tenant.page(3, 1, NOW, drained=bool(number % 2))
        tenant.failed("auth", "fetch")
    assert 'okta_tenant_info{display_name="quo\\"te"' in same(registry)
