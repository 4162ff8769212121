"""Where an event came from, as OCSF has it: JSON text in, pieces of JSON out, as in `ocsf_parties`.

A site as a whole is one person's, but its parts are many people's: browsers, cities, networks and addresses are few. So each part is
remembered by itself, and a new site is put together of them: a third of the time that reading and writing it whole took.
"""

from typing import Any, Final, NamedTuple

import msgspec

from flows.pipeline.formats.ocsf_sessions import operating_system
from flows.pipeline.formats.ocsf_values import observable, pruned, short
from flows.pipeline.formats.values import cleaned, dump, ip, member, named, objects, parse, whole_number
from okta_source.events.remembered import Remembered

__all__ = ["Site", "Sites"]

_ENDPOINT_TYPES: Final = {"Mobile": (5, "Mobile"), "Tablet": (4, "Tablet"), "Unknown": (0, "Unknown")}
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


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


class _Agent(NamedTuple):
    """`client.userAgent`: its raw text, `os`, an observable, and what is left of it without neither, the one, the other or both."""

    text: bytes
    system: bytes
    observable: bytes
    whole: bytes
    without_text: bytes
    without_system: bytes
    without_both: bytes


class _Geography(NamedTuple):
    """`client.geographicalContext`: the members of `location`, and what is left of it where they are taken and where they aren't."""

    members: bytes
    rest: bytes
    whole: bytes


class _Network(NamedTuple):
    """`securityContext`: members of the endpoint and of `location`, and what is left without none, the former, or both."""

    members: bytes
    isp: bytes
    whole: bytes
    without_members: bytes
    without_both: bytes


class Sites:
    """Makes a `Site` of `client`, `securityContext` and `request`, with a line feed between each two of them."""

    def __init__(self) -> None:
        self._agents = Remembered(_agent)
        self._places = Remembered(_geography)
        self._networks = Remembered(_network)
        self._requests = Remembered(_request)
        self._addresses = Remembered(_address)
        self._types = Remembered(_endpoint_type)
        self._texts = Remembered(_text)
        self._others = Remembered(_whole)

    def __call__(self, raw: bytes) -> Site:
        """See the class."""
        client_raw, security_raw, request_raw = raw.split(b"\n")
        odd = b""
        try:
            client = _MEMBERS.decode(client_raw)
        except (msgspec.DecodeError, RecursionError):  # it isn't there, or no object
            client, odd = {}, named("client", cleaned(parse(client_raw)))
        agent, place = self._agents[_of(client, "userAgent")], self._places[_of(client, "geographicalContext")]
        network, (hops, request) = self._networks[security_raw], self._requests[request_raw]
        (address, observed), uid = self._addresses[_of(client, "ipAddress")], self._texts[_of(client, "id")]
        if address or uid:
            machine = self._types[_of(client, "device")]
            members = b"".join((
                network.members, hops, b',"ip":' + address if address else b"",
                b',"location":{%b}' % (place.members + network.isp)[1:] if place.members else b"",
                agent.system, machine, b',"uid":' + uid if uid else b"",
            ))  # fmt: skip
            endpoint = b"{%b}" % members[1:]
            taken = {"geographicalContext": place.rest, **{
                name: b"" for name, piece in (("ipAddress", address), ("id", uid), ("device", machine)) if piece
            }}  # fmt: skip
            whole_agent, less_agent = agent.without_system, agent.without_both
            security = network.without_both if place.members else network.without_members
        else:
            endpoint, taken = b"", {"geographicalContext": place.whole}
            whole_agent, less_agent, security = agent.whole, agent.without_text, network.whole
        left = {name: taken[name] if name in taken else self._left(name, part) for name, part in client.items()}
        rest = security + request
        return Site(
            endpoint, agent.text, observed + agent.observable,
            (_client(left, less_agent) or odd) + rest,
            (_client(left, whole_agent) or odd) + rest,
        )  # fmt: skip

    def _left(self, name: str, part: msgspec.Raw) -> bytes:
        """A member that no attribute takes; nothing where it is null or empty."""
        value = self._others[bytes(part)]
        return b",%b:%b" % (dump(name), value) if value else b""


def _of(client: dict[str, msgspec.Raw], name: str) -> bytes:
    part = client.get(name)
    return bytes(part) if part is not None else b""


def _client(left: dict[str, bytes], agent: bytes) -> bytes:
    """What is left of `client`, in the order in which Okta sent it."""
    if "userAgent" in left:
        left["userAgent"] = agent
    members = b"".join(left.values())
    return b',"client":{%b}' % members[1:] if members else b""


def _agent(raw: bytes) -> _Agent:
    value = parse(raw)
    text, system = short(member(value, "rawUserAgent")), operating_system(member(value, "os"))
    of_text, of_system = (("rawUserAgent",),) if text else (), (("os",),) if system else ()
    return _Agent(
        dump(text) if text else b"",
        named("os", system or None),
        observable("http_request.user_agent", "user_agent", text),
        *(named("userAgent", pruned(value, taken)) for taken in ((), of_text, of_system, of_text + of_system)),
    )


def _geography(raw: bytes) -> _Geography:
    value = parse(raw)
    location, taken = _location(value)
    name = "geographicalContext"
    return _Geography(
        b"," + dump(location)[1:-1] if location else b"", named(name, pruned(value, tuple(taken))), named(name, cleaned(value))
    )


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


def _network(raw: bytes) -> _Network:
    value = parse(raw)
    number, organization = whole_number(member(value, "asNumber")), short(member(value, "asOrg"))
    domain, isp = short(member(value, "domain")), short(member(value, "isp"))
    autonomous_system: dict[str, Any] = {"name": organization} if organization else {}
    if number is not None:
        autonomous_system["number"] = number
    found = (("asNumber", number), ("asOrg", organization), ("domain", domain))
    taken = tuple((name,) for name, told in found if told is not None)
    return _Network(
        named("autonomous_system", autonomous_system) + named("domain", domain),
        named("isp", isp),
        *(named("securityContext", pruned(value, some)) for some in ((), taken, (*taken, ("isp",)) if isp else taken)),
    )


def _request(raw: bytes) -> tuple[bytes, bytes]:
    """`intermediate_ips`, and the whole."""
    value = parse(raw)
    hops = [hop for item in objects(member(value, "ipChain"))[1:] if (hop := ip(item.get("ip")))]
    return named("intermediate_ips", hops), named("request", cleaned(value))


def _address(raw: bytes) -> tuple[bytes, bytes]:
    """An address as a JSON text, and its observable; nothing where it is none."""
    address = ip(parse(raw))
    return dump(address) if address else b"", observable("src_endpoint.ip", "ip", address)


def _endpoint_type(raw: bytes) -> bytes:
    if not (told := short(parse(raw))):
        return b""
    type_id, caption = _ENDPOINT_TYPES.get(told, (99, told))
    return b"," + dump({"type": caption, "type_id": type_id})[1:-1]


def _text(raw: bytes) -> bytes:
    text = short(parse(raw))
    return dump(text) if text else b""


def _whole(raw: bytes) -> bytes:
    value = cleaned(parse(raw))
    return dump(value) if value is not None else b""
