"""Events → ECS documents, as Elastic's own Okta integration fills them: its rules, dashboards and hunts work on ours. Pure.

A document is put together from pieces of ready-made JSON (see `ecs_parts`); no object tree of an event is built. In the order of its bytes:

    prefix  {"data_stream":…,"ecs":…,"tags":…,"okta":{"event_type":…,"pipeline":{…}     one for each event type of a page
    body    ,"uuid":…, the other members of okta },"@timestamp":…,"client":…,"source":…,"user":…,"related":…,"user_agent":…,"event":{…
    tail    ,"original":"…"}} or }}                                                     as the sink wants it
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

from flows.pipeline.formats import ecs_parts
from flows.pipeline.formats.ecs_debug import DebugData
from flows.pipeline.formats.ecs_kinds import kind
from flows.pipeline.formats.event import Event
from flows.pipeline.formats.moments import timestamp
from flows.pipeline.formats.remembered import Remembered
from flows.pipeline.formats.values import dump

__all__ = ["DATASET", "ECS_VERSION", "EcsMapper", "prefix", "with_original", "without_original"]

ECS_VERSION: Final = "8.11.0"
DATASET: Final = "okta.system"
_NAMESPACE: Final = "default"
_ORIGINAL_TAG: Final = "preserve_original_event"
_TEXT: Final = 34  # a quotation mark


def prefix(event_type: str, pipeline: Mapping[str, Any], *, event_original: bool, namespace: str = _NAMESPACE) -> bytes:
    """The beginning of all documents of one event type.

    Args:
        event_type: Okta's name of what happened.
        pipeline: What this pipeline says of the events, the members of `okta.pipeline`.
        event_original: Whether the documents hold what Okta sent.
        namespace: Of the data stream.
    """
    members: dict[str, Any] = {
        "data_stream": {"dataset": DATASET, "namespace": namespace, "type": "logs"},
        "ecs": {"version": ECS_VERSION},
        **({"tags": [_ORIGINAL_TAG]} if event_original else {}),
        "okta": {"event_type": event_type, "pipeline": pipeline},
    }
    return dump(members)[:-2]


class EcsMapper:
    """Makes the bodies of ECS documents; remembers the parts that come again."""

    def __init__(self) -> None:
        self._actors = Remembered(ecs_parts.actor)
        self._places = Remembered(ecs_parts.place)
        self._authentications = Remembered(ecs_parts.authentication)
        self._devices = Remembered(ecs_parts.device)
        self._outcomes = Remembered(ecs_parts.outcome)
        self._labels = Remembered(ecs_parts.labels)
        self._targets = Remembered(ecs_parts.targets)
        self._details = Remembered(ecs_parts.transaction_detail)
        self._kinds: Remembered[bytes] = Remembered(_event)
        self._debug = DebugData()

    def body(self, event: Event) -> bytes:
        """Everything between the prefix and the tail."""
        who = self._actors[bytes(event.actor)]
        where = self._places[b"\n".join((event.client, event.security_context, event.request))]
        told = self._outcomes[bytes(event.outcome)]
        whom = self._targets[bytes(event.target)]
        user = who.user
        related = who.related
        if whom.user:
            user = b"%b,%b" % (user, whom.user) if user else whom.user
            if whom.name and whom.name not in who.names:
                # The actor's display name, the target's, the actor's login.
                related = b",".join((*who.names[:1], whom.name, *who.names[1:]))
        return b"".join((
            b',"uuid":', event.uuid,
            self._labels[b"\n".join((event.display_message, event.severity, event.version))],
            who.okta, where.okta,
            self._authentications[bytes(event.authentication_context)],
            self._devices[bytes(event.device)],
            told.okta,
            self._transaction(event),
            self._debug(bytes(event.debug_context.debug_data)) if event.debug_context is not None else b"",
            whom.okta,
            b'},"@timestamp":', timestamp(event.published),
            _sides(who.party, where),
            b',"user":{%b}' % user if user else b"",
            _related(where.related, related),
            where.user_agent,
            self._kinds[bytes(event.event_type)],
            b'"id":', event.uuid, b",", told.outcome,
        ))  # fmt: skip

    def _transaction(self, event: Event) -> bytes:
        transaction = event.transaction
        if transaction is None:
            return b""
        id_, type_ = bytes(transaction.id), bytes(transaction.type)
        members = b""
        if len(id_) > 2 and id_[0] == _TEXT:
            members = b',"id":' + id_
        if len(type_) > 2 and type_[0] == _TEXT:
            members += b',"type":' + type_
        if len(transaction.detail) > 4:
            members += self._details[bytes(transaction.detail)]
        return b',"transaction":{%b}' % members[1:] if members else b""


def with_original(body: bytes, text: bytes) -> bytes:
    """A body with its tail, which holds the event as Okta sent it.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return b"".join((body, b',"original":', _quoted(text), b"}}"))


def without_original(body: bytes) -> bytes:
    """A body with its tail."""
    return body + b"}}"


def _quoted(text: bytes) -> bytes:

    return orjson.dumps(text.decode())


def _event(event_type: bytes) -> bytes:
    """The beginning of `event`, the document's last member, up to a comma."""
    name = msgspec.json.decode(event_type, type=str)
    categories, types = kind(name)
    members = {"action": name, "category": categories, "dataset": DATASET, "kind": "event", "module": "okta", "type": types}
    return b',"event":' + dump(members)[:-1] + b","


def _sides(party: bytes, where: ecs_parts.Place) -> bytes:
    """`client` and `source`: the same person at the same place."""
    if party:
        if where.client:
            return b',"client":{%b,"user":%b},"source":{%b,"user":%b}' % (where.client, party, where.source, party)
        return b',"client":{"user":%b},"source":{"user":%b}' % (party, party)
    return b',"client":{%b},"source":{%b}' % (where.client, where.source) if where.client else b""


def _related(addresses: bytes, users: bytes) -> bytes:
    if addresses:
        return b',"related":{%b,"user":[%b]}' % (addresses, users) if users else b',"related":{%b}' % addresses
    return b',"related":{"user":[%b]}' % users if users else b""
