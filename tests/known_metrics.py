"""The metrics that exist: what the code registers, Bytewax's own, and what Prometheus adds. With their labels, where the code says them."""

from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

import flows.pipeline.formatting
import okta_source.detections.metrics
import okta_source.hooks.metrics
import okta_source.metrics
import sinks.dead_letters.waiting
import sinks.metrics
from grafana.generator.metrics import BYTEWAX, PROMETHEUS, RULES

__all__ = ["known_metrics", "registered_metrics", "tenant_metrics"]

# Importing them registers what they count.
_MODULES = (
    okta_source.hooks.metrics,
    okta_source.metrics,
    sinks.dead_letters.waiting,
    sinks.metrics,
    okta_source.detections.metrics,
    flows.pipeline.formatting,
)
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("", "_count", "_sum")}


def registered_metrics() -> set[str]:
    """The names under which a scrape shows the code's own metrics, and the process's."""
    return {name for name in _families() if name.startswith(("okta_", "process_", "python_"))}


def tenant_metrics() -> set[str]:
    """The source's metrics: each has a label `tenant`."""
    return {
        name
        for name in registered_metrics()
        if name.startswith("okta_") and not name.startswith(("okta_sink_", "okta_delivery_", "okta_detection_"))
    } - {
        "okta_hook_connections",
        "okta_pipeline_info",
        "okta_last_snapshot_timestamp_seconds",
    }


def known_metrics() -> set[str]:
    """Every metric that a dashboard or a rule may read."""
    return registered_metrics() | BYTEWAX | PROMETHEUS | RULES


def _families() -> set[str]:
    found = set()
    for collector in set(REGISTRY._names_to_collectors.values()):
        for family in _described(collector):
            found |= {family.name + suffix for suffix in _SUFFIXES.get(family.type, ("",))}
    return found


def _described(collector: Collector) -> list[Metric]:
    described = list(collector.describe()) if hasattr(collector, "describe") else []
    return described or list(collector.collect())
