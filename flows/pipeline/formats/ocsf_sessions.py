"""In which session and on which device it happened, as OCSF has them: JSON text in, pieces of JSON out, as in `ocsf_parties`."""

import re
from typing import Any, Final, NamedTuple

from flows.pipeline.formats.ocsf_values import pruned, short
from flows.pipeline.formats.values import cleaned, dump, member, named, parse

__all__ = ["Machine", "Session", "authentication", "device", "operating_system"]

_SYSTEMS: Final = (
    (re.compile(r"ipad", re.IGNORECASE), 302, "iPadOS"),
    (re.compile(r"iphone|\bios\b", re.IGNORECASE), 301, "iOS"),
    (re.compile(r"mac|osx|darwin", re.IGNORECASE), 300, "macOS"),
    (re.compile(r"android", re.IGNORECASE), 201, "Android"),
    (re.compile(r"windows (?:phone|mobile)", re.IGNORECASE), 101, "Windows Mobile"),
    (re.compile(r"windows", re.IGNORECASE), 100, "Windows"),
    (re.compile(r"linux|ubuntu|chrome ?os", re.IGNORECASE), 200, "Linux"),
    (re.compile(r"unknown", re.IGNORECASE), 0, "Unknown"),
)


class Session(NamedTuple):
    """`authenticationContext`.

    Attributes:
        session: The object; empty where there is none.
        unmapped: `,"authenticationContext":{…}`.
    """

    session: bytes
    unmapped: bytes


class Machine(NamedTuple):
    """`device`.

    Attributes:
        device: The object; empty where nothing tells which.
        unmapped: `,"device":{…}`.
        whole: The same where the class has no `device`.
    """

    device: bytes
    unmapped: bytes
    whole: bytes


def operating_system(name: Any) -> dict[str, Any] | None:
    """`os` for a name of one, as Okta writes them."""
    if not (told := short(name)):
        return None
    for pattern, type_id, caption in _SYSTEMS:
        if pattern.search(told):
            return {"name": told, "type": caption, "type_id": type_id}
    return {"name": told, "type": told, "type_id": 99}


def authentication(raw: bytes) -> Session:
    """`authenticationContext`."""
    value = parse(raw)
    uid, root = short(member(value, "externalSessionId")), short(member(value, "rootSessionId"))
    issuer = short(member(member(value, "issuer"), "id"))
    if not uid:
        return Session(b"", named("authenticationContext", cleaned(value)))
    session = {"uid": uid}
    taken: list[tuple[str, ...]] = [("externalSessionId",)]
    if root:
        session["uid_alt"] = root
        taken.append(("rootSessionId",))
    if issuer:
        session["issuer"] = issuer
        taken.append(("issuer", "id"))
    return Session(dump(session), named("authenticationContext", pruned(value, tuple(taken))))


def device(raw: bytes) -> Machine:
    """`device`."""
    value = cleaned(parse(raw))
    uid, name = short(member(value, "id")), short(member(value, "name"))
    whole = named("device", value)
    if not uid and not name:
        return Machine(b"", whole, whole)
    known: dict[str, Any] = {"type": "Unknown", "type_id": 0}
    taken: list[tuple[str, ...]] = []
    for attribute, sent, told in (("uid", "id", uid), ("name", "name", name)):
        if told:
            known[attribute] = told
            taken.append((sent,))
    if isinstance(managed := member(value, "managed"), bool):
        known["is_managed"] = managed
        taken.append(("managed",))
    platform = next((sent for sent in ("os_platform", "osPlatform", "platform") if short(member(value, sent))), "")
    version = next((sent for sent in ("os_version", "osVersion") if short(member(value, sent))), "")
    if platform and (system := operating_system(value[platform])):
        known["os"] = system
        taken.append((platform,))
        if version:
            system["version"] = value[version]
            taken.append((version,))
    return Machine(dump(known), named("device", pruned(value, tuple(taken))), whole)
