"""Alerts as documents, so that sinks are given them like events: the same tags in front, the alert's own members behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from flows.pipeline.detections.alerts import Alert
from flows.pipeline.detections.sigma.rule import Level
from okta_source.config.tenant import TenantConfig
from sinks.documents import Documents

__all__ = ["ALERT", "AlertDocuments", "AlertHead"]

ALERT: Final = "alert"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AlertHead:
    """What sinks look at.

    Attributes:
        uuid: The alert's id.
        published: When the completing event happened.
        event_type: `alert`.
        level: How grave it is.
        alert: The alert itself, for formats and messages.
    """

    uuid: str
    published: datetime
    event_type: str
    level: Level
    alert: Alert


class AlertDocuments:
    """Makes documents of alerts.

    Args:
        tenants: The tenants by name.
    """

    def __init__(self, tenants: Mapping[str, TenantConfig]) -> None:
        self._fronts = {name: _front(tenant) for name, tenant in tenants.items()}

    def __call__(self, item: tuple[str, Sequence[Alert]]) -> tuple[str, Documents]:
        """The documents of a tenant's alerts, at least one, with the tenant's name in front."""
        tenant, alerts = item
        heads = [
            AlertHead(alert.uuid, _EPOCH + timedelta(milliseconds=alert.published_ms), ALERT, alert.rule.level, alert) for alert in alerts
        ]
        return tenant, Documents(tenant, heads, [self._fronts[tenant]] * len(alerts), [alert.members() for alert in alerts])


def _front(tenant: TenantConfig) -> bytes:
    members: dict[str, object] = {"_okta_event_type": ALERT, "_okta_tenant": tenant.name, "_okta_org": tenant.org_host}
    if tenant.labels:
        members["_okta_labels"] = dict(tenant.labels)
    return orjson.dumps(members)[:-1] + b","
