"""`ocsf` as a `Format`: the mapper for events and for alerts, and what each document begins with. Pure."""

from datetime import datetime
from typing import Any, Final

import msgspec

from flows.pipeline.formats import ocsf
from flows.pipeline.formats.alerts import alert_to_ocsf
from sinks.documents import DocumentHead

__all__ = ["OcsfFormat"]


class OcsfFormat:
    """`ocsf`.

    Args:
        version: The version that documents claim.
    """

    name: Final = "ocsf"

    def __init__(self, version: str) -> None:
        self._version = version
        self.body = ocsf.OcsfMapper(version).body
        self.with_original = ocsf.with_raw_data
        self.without_original = ocsf.without_raw_data

    def context(self, tags: bytes) -> bytes:
        """See `ocsf.page_metadata`."""
        members: dict[str, Any] = msgspec.json.decode(tags[:-1] + b"}")
        return ocsf.page_metadata(members["_okta_org"], datetime.fromisoformat(members["_okta_ingested_at"]))

    def prefix(self, tags: bytes, event_type: str, *, with_original: bool, namespace: str) -> bytes:  # noqa: ARG002
        """See `ocsf.prefix`."""
        return ocsf.prefix(tags)

    def unmapped(self, head: DocumentHead) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""

    def alert(self, text: bytes, *, with_original: bool, namespace: str) -> bytes:  # noqa: ARG002
        """See `alerts.alert_to_ocsf`."""
        return alert_to_ocsf(text, version=self._version, raw_data=with_original)
