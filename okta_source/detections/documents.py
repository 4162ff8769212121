"""Alerts as pages of documents, so that outputs are given them like events: the same tags in front, the alert's own members behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from okta_source.config.tenant import TenantConfig
from okta_source.detections.alerts import Alert
from okta_source.detections.sigma.rule import Level

__all__ = ["ALERT", "AlertHead", "AlertPage", "AlertPages"]

ALERT: Final = "alert"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AlertHead:
    """What outputs look at.

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


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One tenant's alerts, in their order: the *i*-th document is `prefixes[i] + bodies[i]`.

    Attributes:
        tenant: The tenant's name.
        heads: One head an alert, which holds the alert itself.
        prefixes: Each document's tags, from the opening brace to the comma.
        bodies: The alert's own members and the event that completed it, to the closing brace; never with a line break.
    """

    tenant: str
    heads: Sequence[AlertHead]
    prefixes: Sequence[bytes]
    bodies: Sequence[bytes]


class AlertPages:
    """Makes pages of alerts.

    Args:
        tenants: The tenants by name.
    """

    def __init__(self, tenants: Mapping[str, TenantConfig]) -> None:
        self._fronts = {name: _front(tenant) for name, tenant in tenants.items()}

    def __call__(self, item: tuple[str, Sequence[Alert]]) -> AlertPage:
        """The page of a tenant's alerts, at least one, with the tenant's name in front."""
        tenant, alerts = item
        heads = [
            AlertHead(alert.uuid, _EPOCH + timedelta(milliseconds=alert.published_ms), ALERT, alert.rule.level, alert) for alert in alerts
        ]
        return AlertPage(tenant, heads, [self._fronts[tenant]] * len(alerts), [alert.members() for alert in alerts])


def _front(tenant: TenantConfig) -> bytes:
    members: dict[str, object] = {"_okta_event_type": ALERT, "_okta_tenant": tenant.name, "_okta_org": tenant.org_host}
    if tenant.labels:
        members["_okta_labels"] = dict(tenant.labels)
    return orjson.dumps(members)[:-1] + b","
