"""From what the source gives to what the sinks take: pages with their tags, and dead letters of the input."""

from collections.abc import Mapping

from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import Batch, Malformed
from okta_source.tagging.tags import Tagger
from sinks.documents import Documents, Rejected

__all__ = ["Enricher", "to_rejected"]


class Enricher:
    """Tags the events of every tenant: see `okta_source.tagging.tags`.

    Args:
        tenants: The tenants by name.
    """

    def __init__(self, tenants: Mapping[str, TenantConfig]) -> None:
        self._tagger = Tagger(tenants)

    def __call__(self, batch: Batch) -> Documents:
        """Tag one page."""
        tagged = self._tagger(batch)
        return Documents(tagged.tenant, tagged.heads, tagged.prefixes, tagged.bodies)


def to_rejected(malformed: Malformed) -> Rejected:
    """What Okta sent and no sink can take, as a dead letter of the input."""
    return Rejected(
        tenant=malformed.tenant,
        sink="input",
        reason=malformed.reason,
        status=malformed.status,
        attempts=malformed.attempts,
        first_attempt_at=malformed.first_at,
        last_attempt_at=malformed.last_at,
        uuid=malformed.uuid,
        published=malformed.published,
        format="raw",
        event=malformed.raw,
    )
