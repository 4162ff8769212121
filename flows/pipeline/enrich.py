"""From what the source gives to what the sinks take: pages with their tags."""

from collections.abc import Mapping

from okta_source.config.tenant import TenantConfig
from okta_source.events.tags import Tagger
from okta_source.polling.event import Batch
from sinks.documents import Documents

__all__ = ["Enricher"]


class Enricher:
    """Tags the events of every tenant: see `okta_source.events.tags`.

    Args:
        tenants: The tenants by name.
    """

    def __init__(self, tenants: Mapping[str, TenantConfig]) -> None:
        self._tagger = Tagger(tenants)

    def __call__(self, batch: Batch) -> Documents:
        """Tag one page."""
        tagged = self._tagger(batch)
        return Documents(tagged.tenant, tagged.heads, tagged.prefixes, tagged.bodies)
