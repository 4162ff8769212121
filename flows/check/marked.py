"""The one marked event, or alert, that `--send` delivers: made by the code that makes the real ones, and not to be mistaken for them. Pure.

| what | marks it |
|---|---|
| event | `eventType` `system.pipeline.test`, `_okta_event_type` `pipelineTest`, `_okta_source` `check`, a uuid that begins with `check-` |
| alert | rule `check`, level `informational`, a uuid that begins with `check-` |
"""

from datetime import datetime
from typing import Any, Final

import orjson

from flows.pipeline.alerts import AlertDocuments
from flows.pipeline.enrich import Enricher
from flows.pipeline.formatting import Formats
from okta_source.config.tenant import TenantConfig
from okta_source.detections.alerts import Alert, AlertedRule
from okta_source.polling.event import Batch, slice_page
from sinks.config import SinkConfig
from sinks.documents import Documents, rfc3339

__all__ = ["EVENT_TYPE", "marked_documents"]

EVENT_TYPE: Final = "system.pipeline.test"
_SOURCE: Final = "check"
_KIND, _MARKED_KIND = b'"_okta_event_type":"systemLog"', b'"_okta_event_type":"pipelineTest"'
_MESSAGE: Final = "Test event of bytewax-okta check: nothing happened, and nothing is to be done"


def marked_documents(name: str, sink: SinkConfig, tenant: TenantConfig, uuid: str, now: datetime, ocsf_version: str = "1.3.0") -> Documents:
    """The page of one document for a sink, in the sink's format; an alert where the sink takes nothing else.

    Args:
        name: The sink's name.
        sink: Its table.
        tenant: Whose event it pretends to be.
        uuid: Its id.
        now: When it happens, UTC.
        ocsf_version: What documents in format ocsf claim.
    """
    documents = _event(tenant, uuid, now) if "events" in sink.kinds else _alert(tenant, uuid, now)
    formats = Formats({name: sink}, ocsf_version)
    formatter = formats.formatter(name)
    return documents if formatter is None else formatter.keyed(formats.page_by_tenant(documents))[1]


def _event(tenant: TenantConfig, uuid: str, now: datetime) -> Documents:
    sliced = slice_page(b"[%b]" % orjson.dumps(_members(uuid, now)))
    documents = Enricher({tenant.name: tenant})(Batch(tenant.name, _SOURCE, now, sliced.heads, sliced.bodies))
    prefixes = [prefix.replace(_KIND, _MARKED_KIND, 1) for prefix in documents.prefixes]
    return Documents(documents.tenant, documents.heads, prefixes, documents.bodies)


def _members(uuid: str, now: datetime) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "published": rfc3339(now),
        "eventType": EVENT_TYPE,
        "version": "0",
        "severity": "INFO",
        "legacyEventType": None,
        "displayMessage": _MESSAGE,
        "actor": {
            "id": "bytewax-okta",
            "type": "SystemPrincipal",
            "alternateId": "bytewax-okta@localhost",
            "displayName": "bytewax-okta check",
            "detailEntry": None,
        },
        "outcome": {"result": "SUCCESS", "reason": None},
        "target": [],
    }


def _alert(tenant: TenantConfig, uuid: str, now: datetime) -> Documents:
    at_ms = int(now.timestamp() * 1000)
    alert = Alert(
        uuid=uuid,
        tenant=tenant.name,
        rule=AlertedRule("check", "check", _MESSAGE, "informational", (), "bytewax-okta", "1"),
        kind="event",
        group={},
        published_ms=at_ms,
        count=1,
        first_ms=at_ms,
        last_ms=at_ms,
        events=[{"uuid": uuid, "published": rfc3339(now), "eventType": EVENT_TYPE, "rule": "check"}],
        details={},
        body=orjson.dumps(_members(uuid, now))[1:],
    )
    return AlertDocuments({tenant.name: tenant})((tenant.name, [alert]))[1]
