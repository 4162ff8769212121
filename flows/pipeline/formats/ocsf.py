"""Events → OCSF documents, valid for every event type and every shape of event. Pure.

A document is put together from pieces of ready-made JSON (see `ocsf_parties`, `ocsf_sites`, `ocsf_targets`). In the order of its bytes:

    prefix  {"unmapped":{"_okta_event_type":…,            what this pipeline says of an event, one for each event type of a page
    body    ,"transaction":…, what else no attribute took },"activity_id":…, the attributes
    tail    } or ,"raw_data":"…"}                         as the sink wants it
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import orjson

from flows.pipeline.formats import ocsf_parties, ocsf_sites
from flows.pipeline.formats.event import MEMBERS, NOTHING, Event, OddEvent
from flows.pipeline.formats.moments import timestamp
from flows.pipeline.formats.ocsf_classes import CLASSES, Plan, plan
from flows.pipeline.formats.ocsf_risk import risk_level, severity_of
from flows.pipeline.formats.ocsf_targets import Chosen, TargetSet
from flows.pipeline.formats.ocsf_values import short
from flows.pipeline.formats.remembered import Remembered
from flows.pipeline.formats.values import dump, parse

__all__ = ["OcsfMapper", "page_metadata", "prefix", "with_raw_data", "without_raw_data"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TEXT: Final = 34  # a quotation mark
_OKTA: Final = b'"Okta"'
_PROTOCOLS: Final = {b'"OpenID Connect"': (4, "OpenID"), b'"SAML 2.0"': (5, "SAML"), b'"SAML 1.1"': (5, "SAML")}
_PROTOCOL_OF_TYPE: Final = {"user.authentication.auth_via_radius": (10, "RADIUS"), "user.authentication.auth_via_inbound_SAML": (5, "SAML")}
_MFA_TYPES: Final = frozenset({"user.authentication.auth_via_mfa", "user.mfa.okta_verify", "user.mfa.okta_verify.deny_push"})
_LONGEST_TEXT_BYTES: Final = 65_537


class _Debug(msgspec.Struct, gc=False, rename="camel"):
    """The members of `debugData` that attributes are made of."""

    factor: msgspec.Raw = NOTHING
    privilege_granted: msgspec.Raw = NOTHING
    request_id: msgspec.Raw = NOTHING
    request_uri: msgspec.Raw = NOTHING
    sign_on_mode: msgspec.Raw = NOTHING
    url: msgspec.Raw = NOTHING


_DEBUG = msgspec.json.Decoder(_Debug)
_NO_DEBUG: Final = _Debug()


class _Kind:
    """What all events of one type have in common.

    Attributes:
        name: The type.
        plan: Its class.
        code: The same as a JSON text.
        protocol: `auth_protocol` where the type alone tells it.
        is_mfa: Whether it is about a second factor.
    """

    __slots__ = ("code", "is_mfa", "name", "plan", "protocol")

    def __init__(self, event_type: bytes) -> None:
        self.name = msgspec.json.decode(event_type, type=str)
        self.plan: Plan = plan(self.name)
        self.code = dump(self.name)
        self.protocol = _PROTOCOL_OF_TYPE.get(self.name, (0, "Unknown"))
        self.is_mfa = self.name in _MFA_TYPES


def prefix(tags: bytes) -> bytes:
    """The beginning of a document.

    Args:
        tags: What this pipeline puts in front of raw events, from the opening brace to the comma.
    """
    return b'{"unmapped":' + tags[:-1]


def page_metadata(organisation: str, received_at: datetime) -> bytes:
    """The members of `metadata` that a page's events have in common."""
    return b"," + dump({"logged_time": (received_at - _EPOCH) // _MILLISECOND, "tenant_uid": organisation})[1:-1]


class OcsfMapper:
    """Makes the bodies of OCSF documents; remembers the parts that come again.

    Args:
        version: The version that they claim, one of `ocsf_classes.VERSIONS`.
    """

    def __init__(self, version: str) -> None:
        self._parties = Remembered(ocsf_parties.party)
        self._sites = Remembered(ocsf_sites.site)
        self._authentications = Remembered(ocsf_sites.authentication)
        self._devices = Remembered(ocsf_sites.device)
        self._statuses = Remembered(ocsf_parties.status)
        self._labels = Remembered(ocsf_parties.labels)
        self._kinds = Remembered(_Kind)
        self._targets = Remembered(lambda raw: TargetSet(raw, version))
        self._versions = {uid: b',"profiles":%b,"version":%b' % (dump(of.profiles), dump(version)) for uid, of in CLASSES.items()}

    def body(self, event: Event, published: datetime, page: bytes) -> bytes:
        """Everything between the prefix and the tail.

        Args:
            event: The event.
            published: When it happened.
            page: What `page_metadata` made.
        """
        kind = self._kinds[bytes(event.event_type)]
        who = self._parties[bytes(event.actor)]
        raw, debug = _debug(event)
        privileges = _privileges(debug) if kind.plan.class_uid in (3005, 3006) else b""
        chosen = self._targets[bytes(event.target)].choose(kind.plan, bool(who.user), bool(privileges))
        told = self._statuses[bytes(event.outcome)]
        named = self._labels[b"\n".join((event.display_message, event.severity, event.version, event.legacy_event_type))]
        severity = named.attributes
        if chosen.class_uid == 0:
            unmapped, attributes, observables = _whole(event), chosen.attributes, b""
        elif chosen.class_uid == 2004:
            unmapped, attributes, severity = self._finding(event, kind, chosen, who, told, named, raw)
            observables = who.observables
        else:
            unmapped, attributes, observables = self._activity(event, kind, chosen, who, raw, debug, privileges)
        return b"".join((
            unmapped, told.unmapped, named.unmapped, _others(event) if type(event) is OddEvent else b"",
            b"},", chosen.head, attributes,
            b',"metadata":{"event_code":', kind.code, b',"product":{"name":"Okta System Log","vendor_name":"Okta"', named.version,
            b'},"uid":', event.uuid, page, self._versions[chosen.class_uid], b"}",
            b',"message":' + named.message if named.message else b"",
            b',"observables":[%b]' % observables[1:] if observables else b"",
            severity, told.of_finding if chosen.class_uid == 2004 else told.attributes,
            b',"time":%d,"time_dt":' % ((published - _EPOCH) // _MILLISECOND), timestamp(event.published),
        ))  # fmt: skip

    def _activity(
        self, event: Event, kind: _Kind, chosen: Chosen, who: ocsf_parties.Party, raw: bytes, debug: _Debug, privileges: bytes
    ) -> tuple[bytes, bytes, bytes]:
        """What no attribute took, the attributes and the observables of what somebody did."""
        where = self._sites[b"\n".join((event.client, event.security_context, event.request))]
        session, session_rest = self._authentications[bytes(event.authentication_context)]
        machine, machine_rest, machine_whole = self._devices[bytes(event.device)]
        request_id, url = _text(debug.request_id), _text(debug.url)
        class_uid = chosen.class_uid
        observables = where.observables + who.observables
        if class_uid == 6003:
            machine_rest = machine_whole
            special = b"".join((
                b',"api":{"operation":', kind.code, b',"request":{"uid":%b}' % request_id if request_id else b"",
                b',"service":{"name":"Okta"}}',
                b',"src_endpoint":', where.endpoint or b'{"svc_name":"Okta"}',
            ))  # fmt: skip
        else:
            special = b"".join((
                b',"user":' + who.user if chosen.actor_is_user else b"",
                b',"privileges":' + privileges if privileges and class_uid != 3004 else b"",
                b',"device":' + machine if machine else b"",
                b',"src_endpoint":' + where.endpoint if where.endpoint else b"",
                self._sign_in(event, kind, chosen, debug, url, session) if class_uid == 3002 else b"",
            ))  # fmt: skip
            observables += who.as_user if chosen.actor_is_user else chosen.observables
        attributes = b"".join((_actor(who.user, session), chosen.attributes, special, _http_request(request_id, url, where.user_agent)))
        unmapped = b"".join((
            who.unmapped, where.unmapped, session_rest, machine_rest, _transaction(event), _debug_rest(raw, request_id, url),
            chosen.unmapped,
        ))  # fmt: skip
        return unmapped, attributes, observables

    def _sign_in(self, event: Event, kind: _Kind, chosen: Chosen, debug: _Debug, url: bytes, session: bytes) -> bytes:
        """What Authentication has beyond what other classes have."""
        protocol_id, protocol = _PROTOCOLS.get(bytes(debug.sign_on_mode), kind.protocol) if debug.sign_on_mode else kind.protocol
        service = url or _text(debug.request_uri)
        is_web = event.transaction is not None and bytes(event.transaction.type) == b'"WEB"'
        return b"".join((
            b',"auth_protocol":"%b","auth_protocol_id":%d' % (protocol.encode(), protocol_id),
            b',"dst_endpoint":{"svc_name":%b}' % (service or _OKTA) if service or not chosen.has_service else b"",
            b',"is_mfa":true' if kind.is_mfa or debug.factor else b"",
            b',"logon_type":"Other","logon_type_id":99' if is_web else b"",
            b',"session":' + session if session else b"",
        ))  # fmt: skip

    def _finding(
        self,
        event: Event,
        kind: _Kind,
        chosen: Chosen,
        who: ocsf_parties.Party,
        told: ocsf_parties.Status,
        named: ocsf_parties.Labels,
        raw: bytes,
    ) -> tuple[bytes, bytes, bytes]:
        """What no attribute took, the attributes and the severity of what Okta found."""
        where = self._sites[b"\n".join((event.client, event.security_context, event.request))]
        session, session_rest = self._authentications[bytes(event.authentication_context)]
        machine, machine_rest, _ = self._devices[bytes(event.device)]
        actor = _actor(who.user, session)
        level = risk_level(event.security_context, raw)
        title = told.reason or named.message or kind.code
        attributes = b"".join((
            actor, chosen.attributes,
            b',"device":' + machine if machine else b"",
            _evidences(actor, where.endpoint),
            b',"finding_info":{%b"title":%b,"types":[%b],"uid":%b}' % (
                b'"desc":%b,' % named.message if named.message else b"", title, kind.code, bytes(event.uuid)
            ),
            b',"risk_level":"%b","risk_level_id":%d' % (level.caption.encode(), level.uid) if level else b"",
        ))  # fmt: skip
        unmapped = b"".join((
            who.unmapped, where.unmapped_agent if where.endpoint else _members(event, "client", "security_context", "request"),
            session_rest,
            machine_rest, _transaction(event), _debug_rest(raw, b"", b""), chosen.unmapped,
        ))  # fmt: skip
        return unmapped, attributes, severity_of(named, level)


def with_raw_data(body: bytes, text: bytes) -> bytes:
    """A body with its tail, which holds the event as Okta sent it.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return b"".join((body, b',"raw_data":', orjson.dumps(text.decode()), b"}"))


def without_raw_data(body: bytes) -> bytes:
    """A body with its tail."""
    return body + b"}"


def _actor(user: bytes, session: bytes) -> bytes:
    if user:
        return b',"actor":{"session":%b,"user":%b}' % (session, user) if session else b',"actor":{"user":%b}' % user
    return b',"actor":{"session":%b}' % session if session else b""


def _evidences(actor: bytes, endpoint: bytes) -> bytes:
    found = (actor[1:] if actor else b"", b'"src_endpoint":' + endpoint if endpoint else b"")
    shown = b",".join(filter(None, found))
    return b',"evidences":[{%b}]' % shown if shown else b""


def _http_request(request_id: bytes, url: bytes, user_agent: bytes) -> bytes:
    members = b"".join((
        b',"uid":' + request_id if request_id else b"",
        b',"url":{"path":%b}' % url if url else b"",
        b',"user_agent":' + user_agent if user_agent else b"",
    ))  # fmt: skip
    return b',"http_request":{%b}' % members[1:] if members else b""


def _text(raw: msgspec.Raw) -> bytes:
    """A JSON text that isn't empty, of a length that OCSF allows; else nothing."""
    text = bytes(raw)
    return text if 2 < len(text) <= _LONGEST_TEXT_BYTES and text[0] == _TEXT else b""


def _debug(event: Event) -> tuple[bytes, _Debug]:
    """`debugData` as it is, and the members that attributes are made of."""
    context = event.debug_context
    if context is None:
        return b"", _NO_DEBUG
    raw = bytes(context.debug_data)
    try:
        debug = _DEBUG.decode(raw) if raw else _NO_DEBUG
    except (msgspec.DecodeError, RecursionError):
        debug = _NO_DEBUG
    # The whole context is among an odd event's others.
    return b"" if type(event) is OddEvent and "debugContext" in event.others else raw, debug


def _debug_rest(raw: bytes, request_id: bytes, url: bytes) -> bytes:
    """`debugData` without what attributes took."""
    if not raw:
        return b""
    for name, value in ((b'"requestId":', request_id), (b'"url":', url)):
        if value:
            raw = _without(raw, name, value)
    return b',"debugContext":{"debugData":%b}' % raw if len(raw) > 2 and raw != b"null" else b""


def _without(raw: bytes, name: bytes, value: bytes) -> bytes:
    """An object without a member: cut out where it stands as Okta writes it, which saves making the object anew."""
    at = raw.find(name + value)
    if at < 0:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        members.pop(name[1:-2].decode(), None)
        return dump(members)
    end = at + len(name) + len(value)
    if raw[end : end + 1] == b",":
        return raw[:at] + raw[end + 1 :]
    return raw[: at - 1] + raw[end:] if raw[at - 1 : at] == b"," else raw[:at] + raw[end:]


def _privileges(debug: _Debug) -> bytes:
    """`privilegeGranted`, a text of several with commas between them, as a JSON array; nothing where there are none."""
    granted = parse(debug.privilege_granted)
    names = [name for part in granted.split(",") if (name := short(part.strip()))] if isinstance(granted, str) else []
    return dump(names) if names else b""


def _transaction(event: Event) -> bytes:
    transaction = event.transaction
    if transaction is None or (type(event) is OddEvent and "transaction" in event.others):
        return b""
    members = b"".join([
        b',"%b":%b' % (name, raw)
        for name, raw in ((b"id", bytes(transaction.id)), (b"type", bytes(transaction.type)), (b"detail", bytes(transaction.detail)))
        if len(raw) > 2 and raw != b"null"
    ])  # fmt: skip
    return b',"transaction":{%b}' % members[1:] if members else b""


def _members(event: Event, *names: str) -> bytes:
    """Members as Okta sent them, those that hold something."""
    pieces = ((okta_name, bytes(getattr(event, name))) for okta_name, name in MEMBERS.items() if name in names)
    return b"".join(b',"%b":%b' % (name.encode(), raw) for name, raw in pieces if len(raw) > 2 and raw != b"null")


def _whole(event: Event) -> bytes:
    """What Base Event, which has no attributes for it, leaves unmapped."""
    raw = bytes(event.debug_context.debug_data) if event.debug_context is not None else b""
    parts = _members(event, "actor", "client", "device", "authentication_context", "security_context", "request", "target")
    return parts + _transaction(event) + _debug_rest(raw, b"", b"")


def _others(event: OddEvent) -> bytes:
    """Members that Okta doesn't document, or of another kind than it documents."""
    return b"".join(b",%b:%b" % (dump(name), bytes(raw)) for name, raw in event.others.items() if raw and bytes(raw) != b"null")
