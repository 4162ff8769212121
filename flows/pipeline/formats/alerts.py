"""Alerts as ECS and as OCSF: what a rule found, with the event that completed it mapped like any other. Pure.

An alert is one JSON object; see the documentation of detections for its members. Alerts are few, so these decode what they need.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec

from flows.pipeline.formats import ecs
from flows.pipeline.formats.event import read_event
from flows.pipeline.formats.moments import normalised
from flows.pipeline.formats.ocsf_classes import CLASSES
from flows.pipeline.formats.ocsf_parties import party
from flows.pipeline.formats.ocsf_sessions import authentication
from flows.pipeline.formats.ocsf_sites import Sites
from flows.pipeline.formats.ocsf_targets import class_members
from flows.pipeline.formats.ocsf_values import short
from flows.pipeline.formats.values import cleaned, dump, objects, parse, text, whole_number

__all__ = ["alert_to_ecs", "alert_to_ocsf"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_ACTION: Final = "detection"
_DETECTION_FINDING: Final = 2004
_FRAMEWORK: Final = "MITRE ATT&CK"
# As Elastic Security scores the severity of its own rules.
_ECS_SEVERITIES: Final = MappingProxyType({"informational": 1, "low": 21, "medium": 47, "high": 73, "critical": 99})
_OCSF_SEVERITIES: Final = MappingProxyType({
    "informational": (1, "Informational"), "low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical"),
})  # fmt: skip
# Names and ids of the tactics of MITRE ATT&CK for enterprises.
_TACTICS: Final = MappingProxyType({
    "reconnaissance": "TA0043", "resource_development": "TA0042", "initial_access": "TA0001", "execution": "TA0002",
    "persistence": "TA0003",
    "privilege_escalation": "TA0004", "defense_evasion": "TA0005", "credential_access": "TA0006", "discovery": "TA0007",
    "lateral_movement": "TA0008", "collection": "TA0009", "command_and_control": "TA0011", "exfiltration": "TA0010", "impact": "TA0040",
})  # fmt: skip


class _Alert(msgspec.Struct, gc=False):
    """The members that are read."""

    uuid: str
    published: datetime
    rule: dict[str, Any]
    event: msgspec.Raw
    kind: str = ""
    group: Any = None
    count: Any = None
    first_event_at: Any = None
    last_event_at: Any = None
    events: Any = None


_ALERT = msgspec.json.Decoder(_Alert)
_MOMENT = msgspec.json.Decoder(datetime)
_SITES: Final = Sites()


def alert_to_ecs(alert: bytes, *, event_original: bool = True, namespace: str = "default", mapper: ecs.EcsMapper | None = None) -> bytes:
    """An ECS document with `event.kind` alert, `rule` and `threat`.

    `event.action` is `detection`, not the completing event's type, which stands in `okta.event_type`: a rule of Elastic's that has matched
    the event itself doesn't match the alert too.

    Args:
        alert: One JSON object.
        event_original: Whether it is in `event.original`, as it is.
        namespace: Of the data stream.
        mapper: Maps the completing event; by default a new one.

    Raises:
        msgspec.DecodeError: It is no alert.
    """
    found = _ALERT.decode(alert)
    tags = _tags(alert)
    event = read_event(bytes(found.event))
    name = msgspec.json.decode(event.event_type, type=str)
    pipeline = {tag.removeprefix("_okta_"): value for tag, value in tags.items()}
    start = ecs.prefix(name, pipeline, event_original=event_original, namespace=namespace)
    document = msgspec.json.decode(start + ecs.without_original((mapper or ecs.EcsMapper()).body(event, found.published, b"")))
    rule = found.rule
    title = text(rule.get("title")) or text(rule.get("name"))
    document["@timestamp"] = msgspec.json.decode(normalised(found.published))
    document["event"] |= {"action": _ACTION, "id": found.uuid, "kind": "alert"}
    if (severity := _ECS_SEVERITIES.get(str(rule.get("level")))) is not None:
        document["event"]["severity"] = severity
    for name, value in (("start", found.first_event_at), ("end", found.last_event_at)):
        if (moment := _moment(value)) is not None:
            document["event"][name] = msgspec.json.decode(normalised(moment))
    if title:
        document["message"] = title
    document["rule"] = cleaned({
        "author": _texts(rule.get("author")),
        "category": found.kind,
        "id": text(rule.get("id")),
        "name": title,
        "version": text(rule.get("version")),
    })  # fmt: skip
    if threat := _threat(_texts(rule.get("tags"))):
        document["threat"] = threat
    document["okta"]["detection"] = cleaned({
        "count": whole_number(found.count),
        "event_uuid": msgspec.json.decode(event.uuid),
        "events": [text(item.get("uuid")) for item in objects(found.events)],
        "group": found.group if isinstance(found.group, dict) else None,
        "level": text(rule.get("level")),
        "rule": text(rule.get("name")),
        "tags": _texts(rule.get("tags")),
    })  # fmt: skip
    if event_original:
        document["event"]["original"] = alert.decode()
    return dump(document)


def alert_to_ocsf(alert: bytes, *, version: str, raw_data: bool = False) -> bytes:
    """An OCSF Detection Finding.

    Args:
        alert: One JSON object.
        version: The version that the document claims.
        raw_data: Whether it is in `raw_data`, as it is.

    Raises:
        msgspec.DecodeError: It is no alert.
    """
    found = _ALERT.decode(alert)
    tags = _tags(alert)
    rule = found.rule
    title = short(rule.get("title")) or short(rule.get("name")) or found.uuid
    severity_id, severity = _OCSF_SEVERITIES.get(str(rule.get("level")), (0, "Unknown"))
    uid, rule_version = short(rule.get("id")), short(rule.get("version"))
    analytic = {
        "name": title,
        "type": "Rule",
        "type_id": 1,
        **({"uid": uid} if uid else {}),
        **({"version": rule_version} if rule_version else {}),
    }
    finding: dict[str, Any] = {"analytic": analytic, "title": title, "types": [found.kind or "event"], "uid": found.uuid}
    if attacks := _attacks(_texts(rule.get("tags"))):
        finding["attacks"] = attacks
    for name, value in (("first_seen_time", found.first_event_at), ("last_seen_time", found.last_event_at)):
        if (moment := _moment(value)) is not None:
            finding[name] = _milliseconds(moment)
    if related := [{"uid": uuid} for item in objects(found.events) if (uuid := short(item.get("uuid")))]:
        finding["related_events"] = related
    document: dict[str, Any] = {
        **class_members(_DETECTION_FINDING, 1),
        "finding_info": finding,
        "message": title,
        "metadata": {
            "event_code": uid or title,
            "product": {"name": "Okta System Log", "vendor_name": "Okta"},
            "profiles": CLASSES[_DETECTION_FINDING].profiles,
            **({"tenant_uid": tags["_okta_org"]} if short(tags.get("_okta_org")) else {}),
            "uid": found.uuid,
            "version": version,
        },
        "severity": severity,
        "severity_id": severity_id,
        "status": "New",
        "status_id": 1,
        "time": _milliseconds(found.published),
        "time_dt": msgspec.json.decode(normalised(found.published)),
    }
    if (count := whole_number(found.count)) is not None and count >= 1:
        document["count"] = count
    _add_evidence(document, bytes(found.event))
    rest = {name: rule[name] for name in ("author", "level", "name", "tags") if rule.get(name)}
    document["unmapped"] = tags | (cleaned({"group": found.group, "kind": found.kind, "rule": rest}) or {}) | {"event": found.event}
    if raw_data:
        document["raw_data"] = alert.decode()
    return dump(document)


def _add_evidence(document: dict[str, Any], text_of_event: bytes) -> None:
    """Who it was and from where, of the completing event."""
    event = read_event(text_of_event)
    who = party(bytes(event.actor))
    where = _SITES(b"\n".join((event.client, event.security_context, event.request)))
    session = authentication(bytes(event.authentication_context)).session
    actor = {name: msgspec.Raw(piece) for name, piece in (("session", session), ("user", who.user)) if piece}
    evidence: dict[str, Any] = {"actor": actor} if actor else {}
    if where.endpoint:
        evidence["src_endpoint"] = msgspec.Raw(where.endpoint)
    if actor:
        document["actor"] = actor
    if who.observables:
        document["observables"] = msgspec.Raw(b"[%b]" % who.observables[1:])
    if evidence:
        document["evidences"] = [evidence]


def _tags(alert: bytes) -> dict[str, Any]:
    """What this pipeline says of it."""
    return {name: value for name, value in (parse(alert) or {}).items() if name.startswith("_okta_") and name != "_okta_event_type"}


def _texts(value: Any) -> list[str]:
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str) and item]


def _moment(value: Any) -> datetime | None:
    try:
        moment = _MOMENT.decode(dump(value))
    except msgspec.DecodeError:
        return None
    return moment if moment.tzinfo is not None else None


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _techniques(tags: Sequence[str]) -> list[str]:
    """`attack.t1078.004` → `T1078.004`."""
    found = (tag.removeprefix("attack.").upper() for tag in tags if tag.lower().startswith("attack.t"))
    return list(dict.fromkeys(name for name in found if name[1:5].isdigit()))


def _tactics(tags: Sequence[str]) -> Mapping[str, str]:
    """`attack.initial-access` → its name and its id."""
    names = (tag.lower().removeprefix("attack.").replace("-", "_") for tag in tags if tag.lower().startswith("attack."))
    return {name.replace("_", " ").title().replace(" And ", " and "): _TACTICS[name] for name in names if name in _TACTICS}


def _threat(tags: Sequence[str]) -> dict[str, Any]:
    techniques, tactics = _techniques(tags), _tactics(tags)
    threat: dict[str, Any] = {}
    if tactics:
        threat["tactic"] = {"id": list(tactics.values()), "name": list(tactics)}
    if techniques:
        threat["technique"] = {"id": list(dict.fromkeys(name.partition(".")[0] for name in techniques))}
        if detailed := [name for name in techniques if "." in name]:
            threat["technique"]["subtechnique"] = {"id": detailed}
    return {"framework": _FRAMEWORK, **threat} if threat else {}


def _attacks(tags: Sequence[str]) -> list[dict[str, Any]]:
    attacks: list[dict[str, Any]] = [{"tactic": {"name": name, "uid": uid}} for name, uid in _tactics(tags).items()]
    for name in _techniques(tags):
        whole, dot, _ = name.partition(".")
        attacks.append({"technique": {"uid": whole}, **({"sub_technique": {"uid": name}} if dot else {})})
    return attacks
