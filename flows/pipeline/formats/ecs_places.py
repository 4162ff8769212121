"""Where an event came from and with what, as ECS has it: JSON text in, pieces of JSON out, as in `ecs_parts`.

A place as a whole is one person's, but its parts are many people's: browsers, cities, networks and addresses are few. So each part is
remembered by itself, and a new place is put together of them: half the time that reading and writing it whole took.
"""

from typing import Any, Final, NamedTuple

import msgspec

from flows.pipeline.formats.event import NOTHING
from flows.pipeline.formats.user_agents import user_agent
from flows.pipeline.formats.values import cleaned, dump, filled, ip, member, named, objects, parse, scalar, snake, text, whole_number
from okta_source.events.remembered import Remembered

__all__ = ["Place", "Places"]

_TRUTH: Final = {True: True, False: False, "true": True, "false": False}
_CHAIN_NAMES: Final = {"geographicalContext": "geographical_context", "postalCode": "postal_code"}


class Place(NamedTuple):
    """What client, security context and request give.

    Attributes:
        okta: `okta.client`, `okta.security_context` and `okta.request`.
        side: The members of `client` and of `source`, without braces.
        related: `related.ip` with its name, without the braces around it; empty without an address.
        user_agent: `user_agent` with its name.
    """

    okta: bytes
    side: bytes
    related: bytes
    user_agent: bytes


class _Client(msgspec.Struct, gc=False, rename="camel"):
    """`client`; each member is JSON text, whatever it holds."""

    user_agent: msgspec.Raw = NOTHING
    zone: msgspec.Raw = NOTHING
    device: msgspec.Raw = NOTHING
    id: msgspec.Raw = NOTHING
    ip_address: msgspec.Raw = NOTHING
    geographical_context: msgspec.Raw = NOTHING


_CLIENT = msgspec.json.Decoder(_Client)
_NO_CLIENT: Final = _Client()


class Places:
    """Makes a `Place` of `client`, `securityContext` and `request`, with a line feed between each two of them."""

    def __init__(self) -> None:
        self._agents = Remembered(_agent)
        self._geographies = Remembered(_geography)
        self._networks = Remembered(_network)
        self._chains = Remembered(_chain)
        self._addresses = Remembered(_address)
        self._scalars = Remembered(_scalar)

    def __call__(self, raw: bytes) -> Place:
        """See the class."""
        client_raw, security_raw, request_raw = raw.split(b"\n")
        try:
            client = _CLIENT.decode(client_raw)
        except (msgspec.DecodeError, RecursionError):  # it isn't there, or no object
            client = _NO_CLIENT
        agents, agent = self._agents[bytes(client.user_agent)]
        address = self._addresses[bytes(client.ip_address)]
        device, uid, zone = (self._scalars[bytes(part)] for part in (client.device, client.id, client.zone))
        security, network = self._networks[security_raw]
        okta_client = b"".join((
            b',"device":' + device if device else b"", b',"id":' + uid if uid else b"", b',"ip":' + address if address else b"",
            agents, b',"zone":' + zone if zone else b"",
        ))  # fmt: skip
        side = network + self._geographies[bytes(client.geographical_context)] + (b',"ip":' + address if address else b"")
        return Place(
            okta=b"".join((b',"client":{%b}' % okta_client[1:] if okta_client else b"", security, self._chains[request_raw])),
            side=side[1:],
            related=b'"ip":[%b]' % address if address else b"",
            user_agent=agent,
        )


def _scalar(raw: bytes) -> bytes:
    value = scalar(parse(raw))
    return b"" if value is None else dump(value)


def _address(raw: bytes) -> bytes:
    address = ip(parse(raw))
    return dump(address) if address else b""


def _agent(raw: bytes) -> tuple[bytes, bytes]:
    """`userAgent` as a member of `okta.client`, and `user_agent`."""
    agent = parse(raw)
    raw_agent = text(member(agent, "rawUserAgent"))
    agents = filled(browser=scalar(member(agent, "browser")), os=scalar(member(agent, "os")), raw_user_agent=raw_agent)
    return named("user_agent", agents), named("user_agent", user_agent(raw_agent)) if raw_agent else b""


def _geography(raw: bytes) -> bytes:
    """`geographicalContext` as a member of `client` and of `source`."""
    return named("geo", _geo(parse(raw)))


def _chain(raw: bytes) -> bytes:
    """`request` as `okta.request`."""
    chain = [_renamed(cleaned(hop)) for hop in objects(member(parse(raw), "ipChain"))]
    return named("request", filled(ip_chain=[hop for hop in chain if hop] or None))


def _network(raw: bytes) -> tuple[bytes, bytes]:
    """`securityContext` as `okta.security_context`, and the members of `client` and `source`."""
    security = parse(raw)
    domain = text(member(security, "domain"))
    autonomous = filled(number=_as_number(member(security, "asNumber")), organization=filled(name=text(member(security, "asOrg"))))
    return named("security_context", _security(security, autonomous, domain)), named("as", autonomous) + named("domain", domain)


def _as_number(value: Any) -> int | None:
    number = whole_number(value)
    return number if number is not None and number >= 0 else None


def _security(security: Any, autonomous: dict[str, Any], domain: str | None) -> dict[str, Any]:
    proxy = member(security, "isProxy")
    known = filled(
        **{"as": autonomous},
        domain=domain,
        is_proxy=_TRUTH.get(proxy) if isinstance(proxy, bool | str) else None,
        isp=text(member(security, "isp")),
    )
    # Elastic's integration knows none of these.
    for name in ("ipDetails", "risk", "botProtection"):
        value = member(security, name)
        if isinstance(value, dict) and (kept := cleaned(value)):
            known[snake(name)] = _snaked(kept)
    if behaviors := cleaned(objects(member(security, "userBehaviors"))):
        known["user_behaviors"] = _snaked(behaviors)
    return known


def _geo(value: Any) -> dict[str, Any]:
    return filled(
        city_name=text(member(value, "city")),
        country_name=text(member(value, "country")),
        location=_location(member(value, "geolocation")),
        region_name=text(member(value, "state")),
    )


def _location(value: Any) -> dict[str, Any] | None:
    lat, lon = member(value, "lat"), member(value, "lon")
    numbers = all(isinstance(number, int | float) and not isinstance(number, bool) for number in (lat, lon))
    return {"lat": lat, "lon": lon} if numbers and -90 <= lat <= 90 and -180 <= lon <= 180 else None


def _renamed(value: Any) -> Any:
    """A hop of the chain, its members named as Elastic names them, everything else as it is."""
    if isinstance(value, dict):
        return {_CHAIN_NAMES.get(name, name): _renamed(item) for name, item in value.items()}
    return [_renamed(item) for item in value] if isinstance(value, list) else value


def _snaked(value: Any) -> Any:
    if isinstance(value, dict):
        return {snake(name): _snaked(item) for name, item in value.items()}
    return [_snaked(item) for item in value] if isinstance(value, list) else value
