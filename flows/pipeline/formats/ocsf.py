"""Events → OCSF documents, valid for every event type and every shape of event. Pure.

A document is put together from pieces of ready-made JSON (see `ocsf_parties`, `ocsf_sites`, `ocsf_sessions`, `ocsf_targets`). In the
order of its bytes:

    prefix  {"unmapped":{"_okta_event_type":…,            what this pipeline says of an event, one for each event type of a page
    body    ,"transaction":…, what else no attribute took },"activity_id":…, the attributes
    tail    } or ,"raw_data":"…"}                         as the sink wants it
"""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import orjson

from flows.pipeline.formats import ocsf_parties, ocsf_sessions, ocsf_sites
from flows.pipeline.formats.event import MEMBERS, Event, OddEvent
from flows.pipeline.formats.moments import timestamp
from flows.pipeline.formats.ocsf_classes import CLASSES
from flows.pipeline.formats.ocsf_debug import debug_of, debug_rest, privileges_of, text_of
from flows.pipeline.formats.ocsf_kinds import Kind, sign_in
from flows.pipeline.formats.ocsf_risk import risk_level, severity_of
from flows.pipeline.formats.ocsf_targets import Chosen, Target, TargetSet
from flows.pipeline.formats.transaction import usual
from flows.pipeline.formats.values import cleaned, dump, named, parse
from okta_source.events.remembered import Remembered

__all__ = ["OcsfMapper", "page_metadata", "prefix", "with_raw_data", "without_raw_data"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_OKTA_ENDPOINT: Final = b',"src_endpoint":{"svc_name":"Okta"}'
_MOST_SCENES: Final = 1024
_MOST_TRANSACTIONS: Final = 1024


def prefix(tags: bytes) -> bytes:
    """The beginning of a document.

    Args:
        tags: What this pipeline puts in front of raw events, from the opening brace to the comma.
    """
    return b'{"unmapped":' + tags[:-1]


def page_metadata(organisation: str, received_at: datetime) -> bytes:
    """The members of `metadata` that a page's events have in common."""
    return b"," + dump({"logged_time": (received_at - _EPOCH) // _MILLISECOND, "tenant_uid": organisation})[1:-1]


class _Scene(NamedTuple):
    """Who, from where, in which session, on which device: what the events of a session have in common.

    Attributes:
        who: The actor.
        where: The site.
        session: The object; empty where there is none.
        actor: `,"actor":{…}`.
        device: `,"device":{…}`.
        endpoint: `,"src_endpoint":{…}`.
        rest: What no attribute takes of them, the device apart.
        device_rest: What no attribute takes of the device.
        device_whole: The same in API Activity, which has no `device`.
        observables: Of actor and endpoint.
    """

    who: ocsf_parties.Party
    where: ocsf_sites.Site
    session: bytes
    actor: bytes
    device: bytes
    endpoint: bytes
    rest: bytes
    device_rest: bytes
    device_whole: bytes
    observables: bytes


class _Plot(NamedTuple):
    """What happened, what it is called, and how it ended.

    Attributes:
        kind: Its type.
        labels: What it is called.
        told: How it ended.
        rest: What no attribute takes of both.
        metadata: The beginning of `metadata`, up to its uid.
        end: `message`, severity and status.
    """

    kind: Kind
    labels: ocsf_parties.Labels
    told: ocsf_parties.Status
    rest: bytes
    metadata: bytes
    end: bytes


class OcsfMapper:
    """Makes the bodies of OCSF documents; remembers the parts that come again.

    Scenes come again within a session, their parts in many scenes.

    Args:
        version: The version that they claim, one of `ocsf_classes.VERSIONS`.
    """

    def __init__(self, version: str) -> None:
        self._scenes = Remembered(self._scene, most=_MOST_SCENES)
        self._parties = Remembered(ocsf_parties.party)
        self._sites = Remembered(ocsf_sites.Sites())
        self._authentications = Remembered(ocsf_sessions.authentication)
        self._devices = Remembered(ocsf_sessions.device)
        self._plots = Remembered(self._plot)
        self._kinds = Remembered(Kind)
        self._targets = Remembered(Target)
        self._target_sets: Remembered[bytes, TargetSet] = Remembered(lambda raw: TargetSet(raw, version, self._targets.__getitem__))
        self._transactions = Remembered(_seldom_transaction, most=_MOST_TRANSACTIONS)
        self._versions = {uid: b',"profiles":%b,"version":%b}' % (dump(of.profiles), dump(version)) for uid, of in CLASSES.items()}

    def body(self, event: Event, published: datetime, page: bytes) -> bytes:
        """Everything between the prefix and the tail.

        Args:
            event: The event.
            published: When it happened.
            page: What `page_metadata` made.
        """
        plot = self._plots[
            b"\n".join((event.event_type, event.outcome, event.display_message, event.severity, event.version, event.legacy_event_type))
        ]
        scene = self._scenes[
            b"\n".join((event.client, event.security_context, event.request, event.actor, event.authentication_context, event.device))
        ]
        kind = plot.kind
        raw, debug = debug_of(event)
        privileges = privileges_of(debug) if kind.tells_privileges else b""
        has_actor = bool(scene.who.user)
        chosen = self._target_sets[bytes(event.target)].choose(kind.key + 2 * has_actor + bool(privileges), kind.plan, has_actor=has_actor)
        class_uid = chosen.class_uid
        end = plot.end
        if class_uid in (0, 2004):
            whole, made, observables, end = self._seldom(event, plot, scene, chosen, raw)
            rest, attributes = (whole, b"", b"", b"", b""), (made, b"", b"", b"", b"", b"")
        else:
            request_id, url = text_of(debug.request_id), text_of(debug.url)
            transaction = bytes(event.transaction)
            observables = scene.observables
            if class_uid == 6003:
                device, endpoint, device_rest = b"", scene.endpoint or _OKTA_ENDPOINT, scene.device_whole
                special = b"".join((
                    b',"api":{"operation":', kind.code, b',"request":{"uid":%b}' % request_id if request_id else b"",
                    b',"service":{"name":"Okta"}}',
                ))  # fmt: skip
            else:
                device, endpoint, device_rest = scene.device, scene.endpoint, scene.device_rest
                special = b""
                if chosen.actor_is_user:
                    observables += scene.who.as_user
                    special = b',"user":' + scene.who.user
                else:
                    observables += chosen.observables
                if class_uid == 3002:
                    special += sign_in(transaction, kind, chosen, debug, url, scene.session)
                elif privileges and class_uid != 3004:
                    special += b',"privileges":' + privileges
            rest = scene.rest, device_rest, self._transaction(transaction), debug_rest(raw, request_id, url), chosen.unmapped
            http_request = _http_request(request_id, url, scene.where.user_agent)
            attributes = scene.actor, device, endpoint, chosen.attributes, special, http_request
        # Joined once: a copy of a kilobyte costs as much as looking it up.
        return b"".join((
            *rest, plot.rest, _others(event) if type(event) is OddEvent else b"",
            b"},", chosen.head, *attributes, plot.metadata, event.uuid, page, self._versions[class_uid],
            b',"observables":[%b]' % observables[1:] if observables else b"",
            end, b',"time":%d,"time_dt":' % ((published - _EPOCH) // _MILLISECOND), timestamp(event.published),
        ))  # fmt: skip

    def _scene(self, raw: bytes) -> _Scene:
        place, actor, session_raw, device = raw.rsplit(b"\n", 3)
        who, where = self._parties[actor], self._sites[place]
        session, session_rest = self._authentications[session_raw]
        machine, machine_rest, machine_whole = self._devices[device]
        return _Scene(
            who, where, session,
            actor=_actor(who.user, session),
            device=b',"device":' + machine if machine else b"",
            endpoint=b',"src_endpoint":' + where.endpoint if where.endpoint else b"",
            rest=b"".join((who.unmapped, where.unmapped, session_rest)),
            device_rest=machine_rest,
            device_whole=machine_whole,
            observables=where.observables + who.observables,
        )  # fmt: skip

    def _plot(self, raw: bytes) -> _Plot:
        event_type, outcome, names = raw.split(b"\n", 2)
        kind, told, labels = self._kinds[event_type], ocsf_parties.status(outcome), ocsf_parties.labels(names)
        product = b'"product":{"name":"Okta System Log","vendor_name":"Okta"%b}' % labels.version
        return _Plot(
            kind=kind,
            labels=labels,
            told=told,
            rest=told.unmapped + labels.unmapped,
            metadata=b',"metadata":{"event_code":%b,%b,"uid":' % (kind.code, product),
            end=_message(labels) + labels.attributes + told.attributes,
        )

    def _seldom(self, event: Event, plot: _Plot, scene: _Scene, chosen: Chosen, raw: bytes) -> tuple[bytes, bytes, bytes, bytes]:
        """What no attribute took, attributes, observables and end of a Base Event, and of what Okta found itself."""
        if chosen.class_uid == 0:
            return self._whole(event, raw), chosen.attributes, b"", plot.end
        kind, labels, told = plot.kind, plot.labels, plot.told
        level = risk_level(event.security_context, raw)
        title = told.reason or labels.message or kind.code
        endpoint = scene.where.endpoint
        attributes = b"".join((
            scene.actor, chosen.attributes, scene.device, _evidences(scene.actor, endpoint),
            b',"finding_info":{%b"title":%b,"types":[%b],"uid":%b}' % (
                b'"desc":%b,' % labels.message if labels.message else b"", title, kind.code, bytes(event.uuid)
            ),
            b',"risk_level":"%b","risk_level_id":%d' % (level.caption.encode(), level.uid) if level else b"",
        ))  # fmt: skip
        _, session_rest = self._authentications[bytes(event.authentication_context)]
        rest = b"".join((
            scene.who.unmapped, scene.where.unmapped_agent, session_rest, scene.device_rest, self._transaction(bytes(event.transaction)),
            debug_rest(raw, b"", b""), chosen.unmapped,
        ))  # fmt: skip
        return rest, attributes, scene.who.observables, _message(labels) + severity_of(labels, level) + told.of_finding

    def _whole(self, event: Event, raw: bytes) -> bytes:
        """What Base Event, which has no attributes for it, leaves unmapped."""
        parts = _members(event, "actor", "client", "device", "authentication_context", "security_context", "request", "target")
        return parts + self._transaction(bytes(event.transaction)) + debug_rest(raw, b"", b"")

    def _transaction(self, raw: bytes) -> bytes:
        web = usual(raw)
        return b',"transaction":' + web if web else self._transactions[raw]


def with_raw_data(body: bytes, text: bytes) -> bytes:
    """A body with its tail, which holds the event as Okta sent it.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return b"".join((body, b',"raw_data":', orjson.dumps(text.decode()), b"}"))


def without_raw_data(body: bytes) -> bytes:
    """A body with its tail."""
    return body + b"}"


def _message(labels: ocsf_parties.Labels) -> bytes:
    return b',"message":' + labels.message if labels.message else b""


def _actor(user: bytes, session: bytes) -> bytes:
    if user:
        return b',"actor":{"session":%b,"user":%b}' % (session, user) if session else b',"actor":{"user":%b}' % user
    return b',"actor":{"session":%b}' % session if session else b""


def _evidences(actor: bytes, endpoint: bytes) -> bytes:
    found = (actor[1:] if actor else b"", b'"src_endpoint":' + endpoint if endpoint else b"")
    shown = b",".join(filter(None, found))
    return b',"evidences":[{%b}]' % shown if shown else b""


def _http_request(request_id: bytes, url: bytes, user_agent: bytes) -> bytes:
    if not (request_id or url or user_agent):
        return b""
    members = b"".join((
        b',"uid":' if request_id else b"", request_id,
        b',"url":{"path":' if url else b"", url, b"}" if url else b"",
        b',"user_agent":' if user_agent else b"", user_agent,
    ))  # fmt: skip
    return b"".join((b',"http_request":{', members[1:], b"}"))


def _seldom_transaction(raw: bytes) -> bytes:
    return named("transaction", cleaned(parse(raw)))


def _members(event: Event, *names: str) -> bytes:
    """Members as Okta sent them, those that hold something."""
    pieces = ((okta_name, bytes(getattr(event, name))) for okta_name, name in MEMBERS.items() if name in names)
    return b"".join(b',"%b":%b' % (name.encode(), raw) for name, raw in pieces if len(raw) > 2 and raw != b"null")


def _others(event: OddEvent) -> bytes:
    """Members that Okta doesn't document, or of another kind than it documents."""
    return b"".join(b",%b:%b" % (dump(name), bytes(raw)) for name, raw in event.others.items() if raw and bytes(raw) != b"null")
