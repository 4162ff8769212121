"""What sinks count. Names, types and labels are public API; label values are bounded by the configuration.

Bytewax counts pages; these count events. They live in the default registry of `prometheus_client`, which
Bytewax's own `/metrics` appends.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from sinks.documents import DocumentHead

__all__ = [
    "BatchResult",
    "EventResult",
    "LatencyHistogram",
    "SinkMetrics",
    "counted_events",
    "delivered_events",
    "outboxes",
    "tell_sink",
    "watch_outbox",
]

EventResult = Literal["delivered", "duplicate", "dead_letter", "dropped"]
BatchResult = Literal["delivered", "failed"]

# From a healthy poll to a day's outage: where the answer to "how late are we" changes what to do.
_LATENCY_BUCKETS_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)
_WRITE_BUCKETS_SECONDS = (0.001, 0.01, 0.1, 0.5, 2.0, 10.0, 60.0)


class LatencyHistogram(Collector):
    """A histogram that takes a page at a time, as `prometheus_client.Histogram` can't.

    `observe` costs 1 µs per call there, more than writing the event. Most pages lie in one bucket as a
    whole, which the earliest and the latest event tell: the bucket then grows by the number of events. Others
    are sorted (they nearly are: 0.07 µs an event) and cut at the buckets' bounds. The counts are exact; the sum
    takes each event for the middle of the earliest and the latest in its bucket.
    """

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry | None = REGISTRY) -> None:
        self._name = name
        self._documentation = documentation
        self._lock = threading.Lock()
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        if registry is not None:
            registry.register(self)

    def observe_page(self, sink: str, heads: Sequence[DocumentHead], now: datetime, span: tuple[datetime, datetime]) -> None:
        """Count a page's events by the seconds from `published` to now; a clock behind Okta's counts as 0.

        Args:
            sink: The label.
            heads: The events.
            now: When they were delivered.
            span: The earliest and the latest `published` among them.
        """
        longest, shortest = _age(span[0], now), _age(span[1], now)
        first = bisect_left(_LATENCY_BUCKETS_SECONDS, shortest)
        last = bisect_left(_LATENCY_BUCKETS_SECONDS, longest)
        if first == last:
            parts = [(first, len(heads), shortest + longest)]
        else:
            parts = list(_parts(sorted([head.published for head in heads]), now, first, last))
        with self._lock:
            counts = self._of(sink)
            for bucket, count, doubled_middle in parts:
                counts[bucket] += count
                self._sums[sink] += count * doubled_middle / 2

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """The metric without values, by which the registry refuses a second one of its name."""
        return [HistogramMetricFamily(self._name, self._documentation, labels=["sink"])]

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """The metric as it is now."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=["sink"])
        with self._lock:
            for sink, counts in self._counts.items():
                total = 0
                buckets: list[tuple[str, float]] = []
                for bound, count in zip((*_LATENCY_BUCKETS_SECONDS, "+Inf"), counts, strict=True):
                    total += count
                    buckets.append((str(bound), total))
                family.add_metric([sink], buckets, self._sums[sink])
        return [family]

    def _of(self, sink: str) -> list[int]:
        if sink not in self._counts:
            self._counts[sink] = [0] * (len(_LATENCY_BUCKETS_SECONDS) + 1)
            self._sums[sink] = 0.0
        return self._counts[sink]


def _age(published: datetime, now: datetime) -> float:
    return max(0.0, (now - published).total_seconds())


def _parts(published: Sequence[datetime], now: datetime, first: int, last: int) -> Iterator[tuple[int, int, float]]:
    """Cut a page, sorted, at the bounds of the buckets: bucket, number of events, and the least plus the greatest age."""
    end = len(published)
    for bucket in range(first, last + 1):
        is_last = bucket == last
        start = 0 if is_last else bisect_left(published, now - timedelta(seconds=_LATENCY_BUCKETS_SECONDS[bucket]))
        if start < end:
            yield bucket, end - start, _age(published[start], now) + _age(published[end - 1], now)
        end = start


class OutboxGauges(Collector):
    """How much waits in each sink's outbox, and since when: looked at when somebody asks.

    The second one has no series while nothing waits: 1970 would look like an outage of 56 years.
    """

    def __init__(self, registry: CollectorRegistry | None = REGISTRY) -> None:
        self._looks: dict[str, Callable[[], tuple[int, float | None]]] = {}
        if registry is not None:
            registry.register(self)

    def watch(self, sink: str, look: Callable[[], tuple[int, float | None]]) -> None:
        """From now on tell of a sink's outbox what this returns: bytes, and when the oldest were written in epoch seconds."""
        self._looks[sink] = look

    def look(self) -> dict[str, tuple[int, float | None]]:
        """Sink → bytes, and when the oldest were written."""
        return {sink: look() for sink, look in list(self._looks.items())}

    def describe(self) -> Iterable[Metric]:
        """The metrics without values, by which the registry refuses others of their names."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        size, oldest = families = self._families()
        for sink, (size_bytes, oldest_at) in self.look().items():
            size.add_metric([sink], size_bytes)
            if size_bytes and oldest_at is not None:
                oldest.add_metric([sink], oldest_at)
        return families

    def _families(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        return (
            GaugeMetricFamily("okta_sink_outbox_bytes", "What waits in a sink's outbox to be sent.", labels=["sink"]),
            GaugeMetricFamily(
                "okta_sink_outbox_oldest_timestamp_seconds",
                "When the oldest events that wait in a sink's outbox were put there; absent while none do.",
                labels=["sink"],
            ),
        )


_EVENTS = Counter(
    "okta_sink_events_total",
    "Events that a sink is done with: delivered, known to be there already, dropped by the target, or put with the dead letters.",
    ["sink", "tenant", "result"],
)
_FILTERED = Counter(
    "okta_sink_filtered_total",
    "Events that a sink's own filter left out: dropped on purpose, for this sink alone.",
    ["sink", "tenant"],
)
_BATCHES = Counter("okta_sink_batches_total", "Batches that a sink sent or wrote.", ["sink", "result"])
_WRITE_SECONDS = Histogram(
    "okta_sink_write_duration_seconds",
    "Time that a batch took to be sent or written.",
    ["sink"],
    buckets=_WRITE_BUCKETS_SECONDS,
)
_RETRIES = Counter("okta_sink_retries_total", "Batches that were sent again after a failure.", ["sink"])
_BREAKERS_OPEN = Gauge(
    "okta_sink_breakers_open",
    "Targets, or single indices of one, that count as down: nothing has got through for a minute, and their events wait.",
    ["sink"],
)
_BREAKER_OPENINGS = Counter(
    "okta_sink_breaker_openings_total",
    "How often a target, or an index of it, came to count as down: also where it was up again before the next scrape.",
    ["sink"],
)
_OUTBOXES = OutboxGauges()
_INFO = Gauge("okta_sink_info", "1; of which type the sink is.", ["sink", "type"])
_LAST_SUCCESS = Gauge("okta_sink_last_success_timestamp_seconds", "When a target last had an event, new or known to it.", ["sink"])
_LATENCY = LatencyHistogram("okta_delivery_latency_seconds", "Time from an event's published to its delivery.")


def tell_sink(sink: str, kind: str) -> None:
    """Say that this process has a sink, and of which type."""
    _INFO.labels(sink, kind).set(1)


def counted_events(sink: str, result: EventResult) -> int:
    """How many events of a sink have had this fate in this process."""
    samples = (sample for family in _EVENTS.collect() for sample in family.samples if sample.name.endswith("_total"))
    return int(sum(sample.value for sample in samples if sample.labels["sink"] == sink and sample.labels["result"] == result))


def delivered_events() -> dict[str, int]:
    """Sink → the events that are with its target, those included that it had already."""
    counts: dict[str, int] = {}
    for family in _EVENTS.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") and sample.labels["result"] in {"delivered", "duplicate"}:
                counts[sample.labels["sink"]] = counts.get(sample.labels["sink"], 0) + int(sample.value)
    return counts


def outboxes() -> dict[str, tuple[int, float | None]]:
    """Sink → the bytes that wait in its outbox, and since when in epoch seconds; sinks without an outbox aren't there."""
    return _OUTBOXES.look()


def watch_outbox(sink: str, look: Callable[[], tuple[int, float | None]]) -> None:
    """Tell of a sink's outbox: see `OutboxGauges.watch`."""
    _OUTBOXES.watch(sink, look)


class SinkMetrics:
    """The metrics of one sink. Looking up a child by its labels costs more than counting, so they are kept."""

    def __init__(self, sink: str) -> None:
        self._sink = sink
        self._events: dict[tuple[str, EventResult], Counter] = {}
        self._filtered: dict[str, Counter] = {}
        self._batches = {
            "delivered": _BATCHES.labels(sink, "delivered"),
            "failed": _BATCHES.labels(sink, "failed"),
        }
        self._seconds = _WRITE_SECONDS.labels(sink)
        self._retries = _RETRIES.labels(sink)
        self._last_success: Gauge | None = None
        self._open: int | None = None

    def events(self, tenant: str, result: EventResult, count: int) -> None:
        """Count events that the sink is done with."""
        child = self._events.get((tenant, result))
        if child is None:
            child = self._events[tenant, result] = _EVENTS.labels(self._sink, tenant, result)
        child.inc(count)
        if result != "dead_letter":
            self._succeeded_at(time.time())

    def filtered(self, tenant: str, count: int) -> None:
        """Count events that the sink's filter left out."""
        child = self._filtered.get(tenant)
        if child is None:
            child = self._filtered[tenant] = _FILTERED.labels(self._sink, tenant)
        child.inc(count)

    def batch(self, result: BatchResult, seconds: float) -> None:
        """Count a batch and the time that it took."""
        self._batches[result].inc()
        self._seconds.observe(seconds)

    def retry(self) -> None:
        """Count a batch that is sent again."""
        self._retries.inc()

    def open_breakers(self, count: int) -> None:
        """Tell how many of the sink's breakers are open."""
        if count == self._open:  # nearly always: it is told at every request
            return
        _BREAKERS_OPEN.labels(self._sink).set(count)
        _BREAKER_OPENINGS.labels(self._sink).inc(max(0, count - (self._open or 0)))
        self._open = count

    def _succeeded_at(self, epoch_seconds: float) -> None:
        # No series before the first, since 1970 would look like an outage of 56 years.
        if self._last_success is None:
            self._last_success = _LAST_SUCCESS.labels(self._sink)
        self._last_success.set(epoch_seconds)

    def latency(
        self,
        heads: Sequence[DocumentHead],
        now: datetime,
        span: tuple[datetime, datetime] | None = None,
    ) -> None:
        """Count how late events were delivered.

        Args:
            heads: The events; may be empty.
            now: When they were delivered, with a time zone.
            span: The earliest and the latest `published` among them, where known.
        """
        if not heads:
            return
        if span is None:
            published = [head.published for head in heads]
            span = min(published), max(published)
        _LATENCY.observe_page(self._sink, heads, now, span)
