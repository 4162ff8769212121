"""From what detections give to what the sinks take: alerts as documents, by tenant."""

from collections.abc import Mapping, Sequence

import bytewax.operators as op
from bytewax.operators import KeyedStream

from okta_source.config.tenant import TenantConfig
from okta_source.detections.alerts import Alert
from okta_source.detections.documents import AlertPages
from sinks.documents import Documents

__all__ = ["AlertDocuments", "alert_documents"]


class AlertDocuments:
    """Makes documents of alerts.

    Args:
        tenants: The tenants by name.
    """

    def __init__(self, tenants: Mapping[str, TenantConfig]) -> None:
        self._pages = AlertPages(tenants)

    def __call__(self, item: tuple[str, Sequence[Alert]]) -> tuple[str, Documents]:
        """The documents of a tenant's alerts, at least one, with the tenant's name in front."""
        page = self._pages(item)
        return page.tenant, Documents(page.tenant, page.heads, page.prefixes, page.bodies)


def alert_documents(alerts: KeyedStream[list[Alert]], tenants: Mapping[str, TenantConfig]) -> KeyedStream[Documents]:
    """Make documents of the tenants' alerts, in steps whose ids never change.

    Args:
        alerts: Alerts, by tenant.
        tenants: The tenants by name. One that was taken out of the configuration may still have waits that end: its alerts would have no
            organisation, and are left out.
    """
    known = op.filter("alerts_of_tenants", alerts, lambda item: item[0] in tenants)
    return op.map("alert_documents", known, AlertDocuments(tenants))
