"""All dashboards."""

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator import delivery, detections, engine, events, fleet, tenant

__all__ = ["BOARDS"]

BOARDS: Mapping[str, Callable[[], models.Dashboard]] = {
    "dashboards/delivery": delivery.build,
    "dashboards/detections": detections.build,
    "dashboards/engine": engine.build,
    "dashboards/events": events.build,
    "dashboards-opensearch/events-opensearch": events.build_for_opensearch,
    "dashboards/fleet": fleet.build,
    "dashboards/tenant": tenant.build,
}
"""By the path of the file, without its ending. What needs a plugin of its own lies in a folder of its own: it is provided where that is."""
