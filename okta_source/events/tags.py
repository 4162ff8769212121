"""Batch → Tagged: the members that this pipeline puts in front of Okta's own.

Nothing is parsed and nothing of Okta's is touched: each document is a prefix, the same bytes for all events of one type in a page, and the
event's bytes behind its opening brace. A prefix is put together once per event type, tenant and page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from operator import attrgetter
from typing import Any

import orjson

from okta_source.config.tenant import TenantConfig
from okta_source.events.categories import action, category
from okta_source.polling.event import Batch, Head

__all__ = ["Tagged", "Tagger"]

_EVENT_TYPE = attrgetter("event_type")


@dataclass(frozen=True, slots=True)
class Tagged:
    """One page's events with their tags: the *i*-th document is `prefixes[i] + bodies[i]`.

    Attributes:
        tenant: The tenant's name.
        heads: One head an event, in Okta's order of persistence.
        prefixes: Each document's own members, from the opening brace to the comma.
        bodies: Okta's own bytes behind the opening brace; never with a line break.
    """

    tenant: str
    heads: Sequence[Head]
    prefixes: Sequence[bytes]
    bodies: Sequence[memoryview | bytes]

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy the views: Bytewax pickles an item that crosses processes, and a `memoryview` has no pickle."""
        return Tagged, (self.tenant, list(self.heads), list(self.prefixes), [bytes(body) for body in self.bodies])


class _Prefixes(dict[str, bytes]):
    """Event type → prefix, made when first asked for."""

    def __init__(self, front: bytes, kind: Callable[[str], bytes], back: bytes) -> None:
        super().__init__()
        self._front, self._kind, self._back = front, kind, back

    def __missing__(self, event_type: str) -> bytes:
        prefix = self[event_type] = b"".join((self._front, self._kind(event_type), self._back))
        return prefix


class Tagger:
    """Tags the events of every tenant.

    Args:
        tenants: The tenants by name.
    """

    def __init__(self, tenants: Mapping[str, TenantConfig]) -> None:
        self._fronts = {name: _front(tenant) for name, tenant in tenants.items()}
        self._labels = {name: _labels(tenant) for name, tenant in tenants.items()}
        self._kinds: dict[str, bytes] = {}

    def __call__(self, batch: Batch) -> Tagged:
        """Tag one page."""
        prefixes = _Prefixes(self._fronts[batch.tenant], self._kind, self._back(batch))
        # One dictionary lookup an event in C (0.05 µs), one concatenation for each of the few dozen event types of a page.
        column = list(map(prefixes.__getitem__, map(_EVENT_TYPE, batch.heads)))
        return Tagged(batch.tenant, batch.heads, column, batch.bodies)

    def _kind(self, event_type: str) -> bytes:
        kind = self._kinds.get(event_type)
        if kind is None:
            members = {"_okta_category": category(event_type)}
            told_apart = action(event_type)
            if told_apart:
                members["_okta_action"] = told_apart
            kind = orjson.dumps(members)[1:-1]
            if len(self._kinds) < 10_000:  # names come from the wire: remember no more than a catalogue's worth
                self._kinds[event_type] = kind
        return kind

    def _back(self, batch: Batch) -> bytes:
        received_at = batch.received_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        members = orjson.dumps({"_okta_source": batch.source, "_okta_ingested_at": received_at})
        return b"," + members[1:-1] + self._labels[batch.tenant] + b","


def _front(tenant: TenantConfig) -> bytes:
    members = {"_okta_event_type": "systemLog", "_okta_tenant": tenant.name, "_okta_org": tenant.org_host}
    return orjson.dumps(members)[:-1] + b","


def _labels(tenant: TenantConfig) -> bytes:
    members: dict[str, Any] = {"_okta_labels": dict(tenant.labels)}
    return b"," + orjson.dumps(members)[1:-1] if tenant.labels else b""
