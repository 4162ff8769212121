"""Where an event came from and in which session, as OCSF has them: JSON text in, pieces of JSON out, as in `ocsf_parties`."""

import re
from typing import Any, Final, NamedTuple

from flows.pipeline.formats.ocsf_values import observable, pruned, short
from flows.pipeline.formats.values import cleaned, dump, ip, member, named, objects, parse, whole_number

__all__ = ["Machine", "Session", "Site", "authentication", "device", "site"]

_ENDPOINT_TYPES: Final = {"Mobile": (5, "Mobile"), "Tablet": (4, "Tablet"), "Unknown": (0, "Unknown")}
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


class Site(NamedTuple):
    """Where it came from.

    Attributes:
        endpoint: The object `src_endpoint`; empty where nothing tells which.
        user_agent: A JSON text; empty without one.
        observables: Of both.
        unmapped: `,"client":{…},"securityContext":{…},"request":{…}`.
        unmapped_agent: The same in a class without `http_request`, where nothing takes the user agent.
    """

    endpoint: bytes
    user_agent: bytes
    observables: bytes
    unmapped: bytes
    unmapped_agent: bytes


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


def site(raw: bytes) -> Site:
    r"""`client`, `securityContext` and `request`, with a line feed between each two of them."""
    client, security, request = (parse(part) for part in raw.split(b"\n"))
    agent = member(client, "userAgent")
    taken: dict[str, list[tuple[str, ...]]] = {"client": [], "securityContext": []}
    user_agent = short(member(agent, "rawUserAgent"))
    address, uid = ip(member(client, "ipAddress")), short(member(client, "id"))
    endpoint: dict[str, Any] = {}
    if address or uid:
        endpoint, endpoint_taken = _endpoint(client, security, request, address, uid)
        for part, paths in endpoint_taken.items():
            taken[part] += paths
    client = pruned(client, tuple(taken["client"]))
    rest = named("securityContext", pruned(security, tuple(taken["securityContext"]))) + named("request", cleaned(request))
    return Site(
        dump(endpoint) if endpoint else b"",
        dump(user_agent) if user_agent else b"",
        observable("src_endpoint.ip", "ip", address) + observable("http_request.user_agent", "user_agent", user_agent),
        named("client", pruned(client, (("userAgent", "rawUserAgent"),)) if user_agent else client) + rest,
        named("client", client) + rest,
    )


def _endpoint(
    client: Any, security: Any, request: Any, address: str | None, uid: str | None
) -> tuple[dict[str, Any], dict[str, list[tuple[str, ...]]]]:
    of_client: list[tuple[str, ...]] = []
    of_security: list[tuple[str, ...]] = []
    endpoint: dict[str, Any] = {}
    number, organization = whole_number(member(security, "asNumber")), short(member(security, "asOrg"))
    if number is not None or organization:
        endpoint["autonomous_system"] = {
            **({"name": organization} if organization else {}),
            **({"number": number} if number is not None else {}),
        }
        of_security += [("asNumber",)] if number is not None else []
        of_security += [("asOrg",)] if organization else []
    if domain := short(member(security, "domain")):
        endpoint["domain"] = domain
        of_security.append(("domain",))
    hops = [hop for item in objects(member(request, "ipChain"))[1:] if (hop := ip(item.get("ip")))]
    if hops:
        endpoint["intermediate_ips"] = hops
    if address:
        endpoint["ip"] = address
        of_client.append(("ipAddress",))
    location, location_taken = _location(member(client, "geographicalContext"))
    if location:
        of_client += [("geographicalContext", *path) for path in location_taken]
        if isp := short(member(security, "isp")):
            location["isp"] = isp
            of_security.append(("isp",))
        endpoint["location"] = location
    if system := _operating_system(member(member(client, "userAgent"), "os")):
        endpoint["os"] = system
        of_client.append(("userAgent", "os"))
    if told := short(member(client, "device")):
        type_id, caption = _ENDPOINT_TYPES.get(told, (99, told))
        endpoint |= {"type": caption, "type_id": type_id}
        of_client.append(("device",))
    if uid:
        endpoint["uid"] = uid
        of_client.append(("id",))
    return endpoint, {"client": of_client, "securityContext": of_security}


def _location(value: Any) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    location: dict[str, Any] = {}
    taken: list[tuple[str, ...]] = []
    code = member(value, "postalCode")
    if isinstance(code, int) and not isinstance(code, bool):
        code = str(code)
    for name, sent, text in (
        ("city", "city", short(member(value, "city"))),
        ("country", "country", short(member(value, "country"))),
        ("postal_code", "postalCode", short(code)),
        ("region", "state", short(member(value, "state"))),
    ):
        if text:
            location[name] = text
            taken.append((sent,))
    if not location:
        return {}, []
    geolocation = member(value, "geolocation")
    lat, lon = member(geolocation, "lat"), member(geolocation, "lon")
    if all(isinstance(number, int | float) and not isinstance(number, bool) for number in (lat, lon)):
        location |= {"lat": lat, "long": lon}
        taken.append(("geolocation",)) if set(geolocation) <= {"lat", "lon"} else None
    return location, taken


def _operating_system(name: Any) -> dict[str, Any] | None:
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
    if platform and (system := _operating_system(value[platform])):
        known["os"] = system
        taken.append((platform,))
        if version:
            system["version"] = value[version]
            taken.append((version,))
    return Machine(dump(known), named("device", pruned(value, tuple(taken))), whole)
