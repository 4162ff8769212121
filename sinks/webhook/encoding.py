"""A batch as the body of one request. Pure; every document goes out byte for byte, and is copied once.

| encoding | body | content type |
|---|---|---|
| json | one array | `application/json` |
| ndjson | each document, ended by a line feed | `application/x-ndjson` |
| hec | each document in an envelope, ended by a line feed: Splunk takes any white space between them, or none | `application/json` |
| slack, pagerduty | one message for the one alert, see `sinks.webhook.messages` | `application/json` |
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Literal

from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.webhook.messages import pagerduty, slack
from sinks.webhook.words import json_value

__all__ = ["CONTENT_TYPES", "MESSAGES", "Encoding", "HecFields", "encode"]

Encoding = Literal["json", "ndjson", "hec", "slack", "pagerduty"]

MESSAGES = frozenset[Encoding]({"slack", "pagerduty"})
"""Those that are for people: of alerts only, and one a request."""

CONTENT_TYPES = MappingProxyType[Encoding, str]({
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "hec": "application/json",
    "slack": "application/json",
    "pagerduty": "application/json",
})  # fmt: skip

# Different for every page, and in the event.
_NO_FIELDS = ("_okta_ingested_at",)

# The organisation's host among the members that this pipeline puts in front, as each format has them: nothing that Okta sent is looked at.
_TEXT = rb'"(?:[^"\\]|\\.)*"'
_ORG = re.compile(
    rb'(?:\{"unmapped":)?\{(?:"_okta_\w+":"[^"\\]*",)*?"_okta_org":"([^"\\]+)"'
    rb'|\{"data_stream":\{[^{}]*\},"ecs":\{[^{}]*\},(?:"tags":\[[^\]]*\],)?"okta":\{"event_type":' + _TEXT
    + rb',"pipeline":\{(?:"\w+":"[^"\\]*",)*?"org":"([^"\\]+)"'
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HecFields:
    """What Splunk is told of every event, beside its time and host.

    The source type is the one that the Splunk Add-on for Okta Identity Cloud gives the System Log, so that its field extractions and CIM
    mappings, and whatever searches are built on them, find these events.

    Attributes:
        source: Splunk's `source`; empty for the token's own, as below.
        sourcetype: Splunk's `sourcetype`.
        index: The index.
        host: Splunk's `host`; empty for the host of the event's organisation, which the add-on puts there too.
    """

    source: str = "okta"
    sourcetype: str = "OktaIM2:log"
    index: str = ""
    host: str = ""


def encode(batch: Batch, encoding: Encoding, hec: HecFields, routing_key: str = "") -> bytes:
    """The body of the request that carries a batch.

    Args:
        batch: At least one event.
        encoding: The form.
        hec: Used for `hec` only.
        routing_key: Used for `pagerduty` only.

    Raises:
        ValueError: A message is to be made of what is no alert.
    """
    if encoding in MESSAGES:
        part, index = next(batch.locate())
        document = part.document(index)
        return slack(document) if encoding == "slack" else pagerduty(document, routing_key)
    # Slices fill the list in C; a generator or a loop of appends costs three times as much.
    prefixes = list(chain.from_iterable(part.prefixes for part in batch.parts))
    bodies = list(chain.from_iterable(part.bodies for part in batch.parts))
    parts: list[bytes | memoryview]
    if encoding == "json":
        parts = [b","] * (3 * len(bodies) + 1)
        parts[0], parts[-1] = b"[", b"]"
        parts[1::3], parts[2::3] = prefixes, bodies
    elif encoding == "ndjson":
        parts = [b"\n"] * (3 * len(bodies))
        parts[0::3], parts[1::3] = prefixes, bodies
    else:
        parts = [b"}\n"] * (4 * len(bodies))
        parts[0::4] = chain.from_iterable(_envelopes(part, hec) for part in batch.parts)
        parts[1::4], parts[2::4] = prefixes, bodies
    return b"".join(parts)


def _envelopes(documents: Documents, hec: HecFields) -> Iterator[bytes]:
    """What stands in front of each document of a part; the brace that ends it is missing.

    Splunk cuts long events (`TRUNCATE`) and reads no fields behind the cut, where `uuid` may stand: so it is told apart from the event.
    """
    about = {"host": hec.host or _host(documents), "source": hec.source, "sourcetype": hec.sourcetype, "index": hec.index}
    same = json.dumps({name: value for name, value in about.items() if value}, separators=(",", ":"))[1:-1]
    tags: dict[bytes, str] = {}  # the events of a page share the prefixes of their event types
    for head, prefix in zip(documents.heads, documents.prefixes, strict=True):
        told = tags.get(prefix)
        if told is None:
            told = tags[prefix] = _tags(prefix, documents.tenant)
        yield f'{{"time":{head.published.timestamp():.3f},{same},"fields":{{"uuid":{json.dumps(head.uuid)},{told}}},"event":'.encode()


def _tags(prefix: bytes, tenant: str) -> str:
    """What this pipeline says of an event, as indexed fields: `okta.tenant`, `okta.labels.customer`; the tenant alone in other formats."""
    parsed = json_value(prefix[:-1] + b"}") if prefix.startswith(b'{"_okta_') else None
    found = {"okta.tenant": tenant}
    for name, value in (parsed or {}).items():
        if name == "_okta_labels" and isinstance(value, dict):
            found |= {f"okta.labels.{key}": str(label) for key, label in value.items()}
        elif name.startswith("_okta_") and name not in _NO_FIELDS and isinstance(value, str):
            found[f"okta.{name.removeprefix('_okta_')}"] = value
    return json.dumps(found, separators=(",", ":"))[1:-1]


def _host(documents: Documents) -> str:
    """The organisation's host; the tenant's name where the format doesn't say it.

    All documents of a part are one tenant's, so the first one tells.
    """
    found = _ORG.match(documents.prefixes[0]) or _ORG.match(documents.document(0))
    return (found[1] or found[2]).decode() if found else documents.tenant
