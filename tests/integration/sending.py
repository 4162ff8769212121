"""Sends events of a test's making to a real server, as the pipeline would."""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.elasticsearch import ElasticsearchTarget
from sinks.http.client import HttpClient

PUBLISHED = datetime(2026, 5, 1, 9, 30, 0, 123_000, tzinfo=UTC)


@dataclass(frozen=True)
class Head:
    uuid: str
    published: datetime = PUBLISHED
    event_type: str = "user.session.start"


def batch(*events: dict[str, Any] | bytes, uuids: Sequence[str] | None = None, tenant: str = "acme") -> Batch:
    """Events as objects, or as what stands between their braces."""
    bodies = [event if isinstance(event, bytes) else json.dumps(event).encode()[1:-1] for event in events]
    heads = [Head(name) for name in uuids or [str(uuid.uuid4()) for _ in events]]
    return Batch((Documents(tenant, heads, [b'{"_okta_tenant":"%s",' % tenant.encode()] * len(events), [body + b"}" for body in bodies]),))


@contextmanager
def target_of(url: str, index: str, sink_name: str = "", *, prepare: bool = True, **settings: Any) -> Iterator[ElasticsearchTarget]:
    """A target whose template is installed."""
    settings = {"http": HttpClient(4, None, "test"), "authorization": dict, "manage_template": True, "compression": "none"} | settings
    target = ElasticsearchTarget(sink_name or index.replace("{", "").replace("}", ""), [url], index, **settings)
    try:
        if prepare:
            again = target.prepare(60)
            assert again is None, again
        yield target
    finally:
        target.close()
