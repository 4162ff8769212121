"""Events → ECS documents, as Elastic's own Okta integration fills them: its rules, dashboards and hunts work on ours. Pure.

A document is put together from pieces of ready-made JSON (see `ecs_parts`, `ecs_places`); no object tree of an event is built. In the
order of its bytes:

    prefix  {"data_stream":…,"ecs":…,"tags":…,"okta":{"event_type":…,"pipeline":{…}     one for each event type of a page
    body    ,"uuid":…, the other members of okta },"@timestamp":…,"client":…,"source":…,"user":…,"related":…,"user_agent":…,"event":{…
    tail    ,"original":"…"}} or }}                                                     as the sink wants it
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from flows.pipeline.formats import ecs_parts
from flows.pipeline.formats.ecs_authentication import authentication
from flows.pipeline.formats.ecs_debug import DebugData
from flows.pipeline.formats.ecs_kinds import kind
from flows.pipeline.formats.ecs_places import Places
from flows.pipeline.formats.event import Event
from flows.pipeline.formats.moments import timestamp
from flows.pipeline.formats.transaction import usual
from flows.pipeline.formats.values import dump
from okta_source.events.remembered import Remembered

__all__ = ["DATASET", "ECS_VERSION", "EcsMapper", "prefix", "with_original", "without_original"]

ECS_VERSION: Final = "8.11.0"
DATASET: Final = "okta.system"
_NAMESPACE: Final = "default"
_ORIGINAL_TAG: Final = "preserve_original_event"
# A scene takes 4 KB and comes again soon or never: of 1,000 events 236 bring a new one, with four times as many remembered 235.
_MOST_SCENES: Final = 1024
_MOST_TRANSACTIONS: Final = 1024
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw] | None)


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


class _Scene(NamedTuple):
    """Who, from where, on which device: what the events of somebody's sessions have in common.

    Attributes:
        okta: Their members of `okta`.
        sides: `client` and `source`.
        alone: `user`, `related` and `user_agent` where no target is a user or a group.
        user: The members of `user`, without braces.
        names: The actor's names for `related.user`.
        addresses: `related.ip` with its name; empty without an address.
        user_agent: `user_agent` with its name.
    """

    okta: bytes
    sides: bytes
    alone: bytes
    user: bytes
    names: tuple[bytes, ...]
    addresses: bytes
    user_agent: bytes


class EcsMapper:
    """Makes the bodies of ECS documents; remembers the parts that come again.

    Scenes come again with each request of somebody, their parts in many scenes.
    """

    def __init__(self) -> None:
        self._scenes = Remembered(self._scene, most=_MOST_SCENES)
        self._actors = Remembered(ecs_parts.actor)
        self._places = Remembered(Places())
        self._authentications = Remembered(authentication)
        self._devices = Remembered(ecs_parts.device)
        self._plots = Remembered(_plot)
        self._target_lists = Remembered(self._target_list)
        self._targets = Remembered(ecs_parts.target)
        self._transactions = Remembered(ecs_parts.transaction, most=_MOST_TRANSACTIONS)
        self._debug = DebugData()

    def body(self, event: Event, published: datetime, context: bytes) -> bytes:  # noqa: ARG002 (other formats need them)
        """Everything between the prefix and the tail.

        Args:
            event: The event.
            published: When it happened.
            context: What a page's events have in common: all of it stands in the prefix.
        """
        scene = self._scenes[b"\n".join((event.client, event.security_context, event.request, event.actor, event.device))]
        okta, outcome = self._plots[b"\n".join((event.event_type, event.outcome, event.display_message, event.severity, event.version))]
        targets, user_target, name = self._target_lists[bytes(event.target)]
        return b"".join((
            b',"uuid":', event.uuid, okta, scene[0], self._authentications[bytes(event.authentication_context)],
            self._transaction(bytes(event.transaction)),
            self._debug(bytes(event.debug_context.debug_data)) if event.debug_context is not None else b"",
            targets, b'},"@timestamp":', timestamp(event.published), scene[1],
            _with_target(scene, user_target, name) if user_target else scene[2],
            outcome, event.uuid,
        ))  # fmt: skip

    def _transaction(self, raw: bytes) -> bytes:
        web = usual(raw)
        return b',"transaction":' + web if web else self._transactions[raw]

    def _target_list(self, raw: bytes) -> tuple[bytes, bytes, bytes]:
        """`okta.target`, `user.target` with its name, and the first user's display name.

        What Okta says of the first user and of the first group among the targets stands in `user.target`.
        """
        try:
            items = _ITEMS.decode(raw or b"[]") or ()
        except (msgspec.DecodeError, RecursionError):
            return b"", b"", b""
        shown: list[bytes] = []
        user = group = name = b""
        # Every second event has targets that no other one has had together, so this is a plain loop: 2 µs, where generators took 5.
        for item in items:
            target = self._targets[bytes(item)]
            if target.okta:
                shown.append(target.okta)
            if target.user and not user:
                user, name = target.user, target.name
            elif target.group and not group:
                group = target.group
        about = b",".join((user, group)) if user and group else user or group
        return b',"target":[%b]' % b",".join(shown) if shown else b"", b'"target":{%b}' % about if about else b"", name

    def _scene(self, raw: bytes) -> _Scene:
        place, actor, machine = raw.rsplit(b"\n", 2)
        who, where = self._actors[actor], self._places[place]
        okta = b"".join((who.okta, where.okta, self._devices[machine]))
        user = b"".join((b',"user":{', who.user, b"}")) if who.user else b""
        alone = b"".join((user, _related(where.related, who.names), where.user_agent))
        return _Scene(okta, _sides(who.party, where.side), alone, who.user, who.names, where.related, where.user_agent)


def with_original(body: bytes, text: bytes) -> bytes:
    """A body with its tail, which holds the event as Okta sent it.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return b"".join((body, b',"original":', orjson.dumps(text.decode()), b"}}"))


def without_original(body: bytes) -> bytes:
    """A body with its tail."""
    return body + b"}}"


def _plot(raw: bytes) -> tuple[bytes, bytes]:
    """What happened, and how it ended: members of `okta`, and `event`, the document's last member, up to its id.

    Args:
        raw: `eventType`, `outcome` and what `ecs_parts.labels` takes, with a line feed between each two of them.
    """
    event_type, outcome, labels = raw.split(b"\n", 2)
    name = msgspec.json.decode(event_type, type=str)
    categories, types = kind(name)
    told = ecs_parts.outcome(outcome)
    members = {
        "action": name,
        "category": categories,
        "dataset": DATASET,
        "kind": "event",
        "module": "okta",
        "outcome": told.outcome,
        "type": types,
    }
    return ecs_parts.labels(labels) + told.okta, b',"event":%b,"id":' % dump(members)[:-1]


def _sides(party: bytes, side: bytes) -> bytes:
    """`client` and `source`: the same person at the same place."""
    if party:
        members = b"".join((side, b',"user":' if side else b'"user":', party))
    elif side:
        members = side
    else:
        return b""
    return b"".join((b',"client":{', members, b'},"source":{', members, b"}"))


def _with_target(scene: _Scene, user_target: bytes, name: bytes) -> bytes:
    """`user`, `related` and `user_agent` where a target is a user or a group."""
    names = scene.names
    if name and name not in names:
        # The actor's display name, the target's, the actor's login.
        names = (*names[:1], name, *names[1:])
    user = b"%b,%b" % (scene.user, user_target) if scene.user else user_target
    return b"".join((b',"user":{', user, b"}", _related(scene.addresses, names), scene.user_agent))


def _related(addresses: bytes, names: tuple[bytes, ...]) -> bytes:
    if names:
        return b"".join((b',"related":{', addresses, b',"user":[' if addresses else b'"user":[', b",".join(names), b"]}"))
    return b',"related":{%b}' % addresses if addresses else b""
