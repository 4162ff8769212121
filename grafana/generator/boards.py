"""All dashboards."""

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator import delivery, detections, engine, events, fleet, tenant

__all__ = ["BOARDS"]

BOARDS: Mapping[str, Callable[[], models.Dashboard]] = {
    "delivery": delivery.build,
    "detections": detections.build,
    "engine": engine.build,
    "events": events.build,
    "events-opensearch": events.build_for_opensearch,
    "fleet": fleet.build,
    "tenant": tenant.build,
}
"""By the name of the file, without its ending."""
