"""Who did it, how it ended and what it is called, as OCSF has them: JSON text in, pieces of JSON out.

A piece begins with a comma and may be empty. Every attribute is one that OCSF 1.3.0 to 1.8.0 have alike. OCSF knows no nulls and no empty
objects; what no attribute takes, a value of another kind than it wants included, stays in Okta's own nesting: `unmapped`.
"""

from typing import Any, Final, NamedTuple

from flows.pipeline.formats.ocsf_values import observable, pruned, short
from flows.pipeline.formats.values import cleaned, dump, email, member, named, parse

__all__ = ["Labels", "Party", "Status", "labels", "party", "status", "user_of"]

_USER_TYPES: Final = {"User": (1, "User"), "SystemPrincipal": (3, "System")}
_SEVERITIES: Final = {"DEBUG": 1, "INFO": 1, "WARN": 3, "ERROR": 4}
_SEVERITY_NAMES: Final = {0: "Unknown", 1: "Informational", 3: "Medium", 4: "High", 99: "Other"}
_STATUSES: Final = {"SUCCESS": (1, "Success"), "ALLOW": (1, "Success"), "FAILURE": (2, "Failure"), "DENY": (2, "Failure")}


class Party(NamedTuple):
    """An actor.

    Attributes:
        user: The object; empty where nothing tells who it is.
        observables: Of `actor.user`.
        as_user: The same where the actor is the `user` too.
        unmapped: `,"actor":{…}`.
    """

    user: bytes
    observables: bytes
    as_user: bytes
    unmapped: bytes


class Status(NamedTuple):
    """How it ended.

    Attributes:
        attributes: `status`, `status_code`, `status_detail`, `status_id`.
        of_finding: The same of a finding, whose status is what becomes of it: it is new.
        reason: A JSON text; empty without one.
        unmapped: `,"outcome":{…}`.
    """

    attributes: bytes
    of_finding: bytes
    reason: bytes
    unmapped: bytes


class Labels(NamedTuple):
    """What it is called.

    Attributes:
        attributes: `severity` and `severity_id`.
        severity_id: The latter.
        message: A JSON text; empty without one.
        version: `,"version":"0"` of the product; empty without one.
        unmapped: `,"legacyEventType":…`, and a severity that is lost otherwise.
    """

    attributes: bytes
    severity_id: int
    message: bytes
    version: bytes
    unmapped: bytes


def user_of(value: Any, *, known_types: dict[str, tuple[int, str]] = _USER_TYPES) -> tuple[dict[str, Any], Any]:
    """A user's object, of an actor or a target, and what it doesn't take.

    Returns:
        An empty object, and the whole value, where neither an id nor a name is there.
    """
    uid, name, login = short(member(value, "id")), short(member(value, "displayName")), short(member(value, "alternateId"))
    address = email(login)
    taken: list[tuple[str, ...]] = []
    if uid:
        taken.append(("id",))
    if name:
        taken.append(("displayName",))
    elif login:
        name = login
    if address or (login and login == name):
        taken.append(("alternateId",))
    if not uid and not name:
        return {}, cleaned(value)
    user: dict[str, Any] = {}
    if address:
        user["email_addr"] = address
    if name:
        user["name"] = name
    told = short(member(value, "type"))
    type_id, caption = known_types.get(told, (99, told)) if told else (0, "Unknown")
    user |= {"type": caption, "type_id": type_id}
    if told == caption:
        taken.append(("type",))
    if uid:
        user["uid"] = uid
    return user, pruned(value, tuple(taken))


def party(raw: bytes) -> Party:
    """`actor`."""
    user, rest = user_of(parse(raw))
    observed = [(name, user.get(member_name)) for name, member_name in (("user_name", "name"), ("email", "email_addr"))]
    fields = {"user_name": "user.name", "email": "user.email_addr"}
    return Party(
        dump(user) if user else b"",
        b"".join(observable(f"actor.{fields[kind]}", kind, value) for kind, value in observed),
        b"".join(observable(fields[kind], kind, value) for kind, value in observed),
        named("actor", rest),
    )


def status(raw: bytes) -> Status:
    """`outcome`."""
    value = parse(raw)
    result, reason = short(member(value, "result")), short(member(value, "reason"))
    taken: list[tuple[str, ...]] = []
    attributes: dict[str, Any] = {}
    if result:
        status_id, caption = _STATUSES.get(result, (99, result))
        attributes = {"status": caption, "status_code": result, "status_id": status_id}
        taken.append(("result",))
    else:
        attributes = {"status": "Unknown", "status_id": 0}
    if reason:
        attributes["status_detail"] = reason
        taken.append(("reason",))
    return Status(
        b"," + dump(attributes)[1:-1],
        b"," + dump(attributes | {"status": "New", "status_id": 1})[1:-1],
        dump(reason) if reason else b"",
        named("outcome", pruned(value, tuple(taken))),
    )


def labels(raw: bytes) -> Labels:
    r"""`displayMessage`, `severity`, `version` and `legacyEventType`, with a line feed between each two of them."""
    sent = dict(zip(("displayMessage", "severity", "version", "legacyEventType"), (parse(part) for part in raw.split(b"\n")), strict=True))
    message, severity = short(sent["displayMessage"]), short(sent["severity"])
    version = sent["version"]
    version = str(version) if isinstance(version, int) and not isinstance(version, bool) else short(version)
    severity_id = (_SEVERITIES.get(severity, 99)) if severity else 0
    attributes = {"severity": severity if severity_id == 99 else _SEVERITY_NAMES[severity_id], "severity_id": severity_id}
    if message:
        del sent["displayMessage"]
    if version:
        del sent["version"]
    if severity and severity != "DEBUG":  # INFO is written in the same way
        del sent["severity"]
    return Labels(
        b"," + dump(attributes)[1:-1],
        severity_id,
        dump(message) if message else b"",
        b',"version":%b' % dump(version) if version else b"",
        b"".join(named(name, cleaned(value)) for name, value in sent.items()),
    )
