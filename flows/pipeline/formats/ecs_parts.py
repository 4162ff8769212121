"""The parts of an ECS document that events have in common: who, from where, with what, to whom. JSON text in, pieces of JSON out.

Each function makes what `ecs.EcsMapper` remembers by the bytes it was made of. A piece that stands between others begins with a comma and
may be empty. What is null or empty is left out, and so is a value that no mapping of its field would take: it costs that field alone.
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from flows.pipeline.formats.user_agents import user_agent
from flows.pipeline.formats.values import (
    cleaned,
    dump,
    email,
    filled,
    ip,
    member,
    named,
    objects,
    parse,
    parsed_text,
    scalar,
    snake,
    text,
    whole_number,
)

__all__ = [
    "Actor",
    "Outcome",
    "Place",
    "Target",
    "actor",
    "device",
    "labels",
    "outcome",
    "place",
    "target",
    "transaction",
]

_OUTCOMES: Final = {"SUCCESS": "success", "ALLOW": "success", "FAILURE": "failure", "DENY": "failure"}
_TRUTH: Final = {True: True, False: False, "true": True, "false": False}
_DEVICE_TRUTHS: Final = frozenset({"managed", "registered", "jailbreak", "secure_hardware_present"})
# Newer events write these in camel case, and two of them under other names.
_DEVICE_NAMES: Final = {"platform": "os_platform", "device_integrator": "device_integrator"}
_CHAIN_NAMES: Final = {"geographicalContext": "geographical_context", "postalCode": "postal_code"}


class Actor(NamedTuple):
    """What an actor gives.

    Attributes:
        okta: `okta.actor`.
        user: The members of `user`, without braces.
        party: `client.user` and `source.user`, an object; empty where nothing is known.
        names: What `related.user` holds of them, in order.
    """

    okta: bytes
    user: bytes
    party: bytes
    names: tuple[bytes, ...]


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


class Outcome(NamedTuple):
    """What an outcome gives.

    Attributes:
        okta: `okta.outcome`.
        outcome: `event.outcome`.
    """

    okta: bytes
    outcome: str


class Target(NamedTuple):
    """What one target gives.

    Attributes:
        okta: An object among `okta.target`; empty where it says nothing.
        user: The members of `user.target` without braces, where it is a user.
        group: `group` of `user.target` with its name, where it is a group.
        name: A user's display name, for `related.user`.
    """

    okta: bytes
    user: bytes
    group: bytes
    name: bytes


def _inner(members: dict[str, Any]) -> bytes:
    """The members of an object without its braces."""
    return dump(members)[1:-1]


def actor(raw: bytes) -> Actor:
    """`actor`."""
    value = parse(raw)
    id_, type_ = scalar(member(value, "id")), scalar(member(value, "type"))
    name, full_name = scalar(member(value, "alternateId")), scalar(member(value, "displayName"))
    okta = filled(alternate_id=name, display_name=full_name, id=id_, type=type_)
    user = filled(email=email(name), full_name=full_name, name=name)
    party = filled(email=email(name), full_name=full_name, id=id_, name=name)
    names = tuple(dict.fromkeys(dump(part) for part in (full_name, name) if part is not None))
    return Actor(named("actor", okta), _inner(user), dump(party) if party else b"", names)


def place(raw: bytes) -> Place:
    r"""`client`, `securityContext` and `request`, with a line feed between each two of them."""
    client_raw, security_raw, request_raw = raw.split(b"\n")
    client = parse(client_raw)
    agent = member(client, "userAgent")
    address = ip(member(client, "ipAddress"))
    raw_agent = text(member(agent, "rawUserAgent"))
    agents = filled(browser=scalar(member(agent, "browser")), os=scalar(member(agent, "os")), raw_user_agent=raw_agent)
    okta_client = filled(
        device=scalar(member(client, "device")),
        id=scalar(member(client, "id")),
        ip=address,
        user_agent=agents,
        zone=scalar(member(client, "zone")),
    )
    security, network = _network(security_raw)
    side = _inner(filled(geo=_geo(member(client, "geographicalContext")), ip=address))
    return Place(
        okta=named("client", okta_client) + security + _chain(request_raw),
        side=b",".join(filter(None, (network, side))),
        related=b'"ip":[%b]' % dump(address) if address else b"",
        user_agent=named("user_agent", user_agent(raw_agent)) if raw_agent else b"",
    )


# Addresses and networks are fewer than places, and the longest to read. Bounded, since they come from the wire.
@lru_cache(maxsize=4096)
def _chain(raw: bytes) -> bytes:
    """`request` as `okta.request`."""
    chain = [_renamed(cleaned(hop)) for hop in objects(member(parse(raw), "ipChain"))]
    return named("request", filled(ip_chain=[hop for hop in chain if hop] or None))


@lru_cache(maxsize=4096)
def _network(raw: bytes) -> tuple[bytes, bytes]:
    """`securityContext` as `okta.security_context`, and the members of `client` and `source`."""
    security = parse(raw)
    domain = text(member(security, "domain"))
    autonomous = filled(number=_as_number(member(security, "asNumber")), organization=filled(name=text(member(security, "asOrg"))))
    return named("security_context", _security(security, autonomous, domain)), _inner(filled(**{"as": autonomous}, domain=domain))


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


def device(raw: bytes) -> bytes:
    """`device` as `okta.device`; the names of its members are those that Okta sent before they were in camel case."""
    value = cleaned(parse(raw))
    if not isinstance(value, dict):
        return b""
    known: dict[str, Any] = {}
    kept: Any
    for sent, item in value.items():
        name = snake(sent)
        name = _DEVICE_NAMES.get(name, name)
        if name == "device_integrator":
            integrator = parsed_text(item)
            kept = integrator if isinstance(integrator, dict) else None
        elif name in _DEVICE_TRUTHS:
            kept = _TRUTH.get(item) if isinstance(item, bool | str) else None
        else:
            kept = scalar(item)
        if kept is not None:
            known.setdefault(name, kept)
    return named("device", known)


def outcome(raw: bytes) -> Outcome:
    """`outcome`."""
    value = parse(raw)
    result = scalar(member(value, "result"))
    okta = filled(reason=scalar(member(value, "reason")), result=result)
    told = _OUTCOMES.get(result, "unknown") if isinstance(result, str) else "unknown"
    return Outcome(named("outcome", okta), told)


def labels(raw: bytes) -> bytes:
    r"""`displayMessage`, `severity` and `version`, with a line feed between each two of them."""
    message, severity, version = (scalar(parse(part)) for part in raw.split(b"\n"))
    return named("display_message", message) + named("severity", severity) + named("version", version)


def target(raw: bytes) -> Target:
    """A member of `target`."""
    value = parse(raw)
    known = _target(value) if isinstance(value, dict) else {}
    name, full_name = known.get("alternate_id"), known.get("display_name")
    user = group = b""
    if known.get("type") == "User":
        user = _inner(filled(email=email(name), full_name=full_name, id=known.get("id"), name=name))
    elif known.get("type") == "UserGroup" and (about := filled(id=known.get("id"), name=full_name)):
        group = b'"group":%b' % dump(about)
    return Target(dump(known) if known else b"", user, group, dump(full_name) if user and full_name is not None else b"")


def _target(item: dict[str, Any]) -> dict[str, Any]:
    known = filled(
        alternate_id=scalar(item.get("alternateId")),
        display_name=scalar(item.get("displayName")),
        id=scalar(item.get("id")),
        type=scalar(item.get("type")),
    )
    for name in ("changeDetails", "detailEntry"):
        value = cleaned(item.get(name))
        if value is not None:
            # One kind of value for one field: an index that has seen an object refuses a text.
            known[name] = value if isinstance(value, dict) else {"value": value}
    return known


def transaction(raw: bytes) -> bytes:
    """`transaction` as `okta.transaction`."""
    value = parse(raw)
    detail = member(value, "detail")
    known = filled(
        detail=filled(
            request_api_token_client_id=scalar(member(detail, "requestApiTokenClientId")),
            request_api_token_id=scalar(member(detail, "requestApiTokenId")),
            root_api_token_id=scalar(member(detail, "rootApiTokenId")),
        ),
        id=scalar(member(value, "id")),
        type=scalar(member(value, "type")),
    )
    return named("transaction", known)
