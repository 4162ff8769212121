"""The parts of an ECS document that events have in common: who, from where, with what, to whom. JSON text in, pieces of JSON out.

Each function makes what `ecs.EcsMapper` remembers by the bytes it was made of. A piece that stands between others begins with a comma and
may be empty. What is null or empty is left out, and so is a value that no mapping of its field would take: it costs that field alone.
"""

from typing import Any, Final, NamedTuple

from flows.pipeline.formats.values import (
    cleaned,
    dump,
    email,
    filled,
    member,
    named,
    parse,
    parsed_text,
    scalar,
    snake,
)

__all__ = [
    "Actor",
    "Outcome",
    "Target",
    "actor",
    "device",
    "labels",
    "outcome",
    "target",
    "transaction",
]

_OUTCOMES: Final = {"SUCCESS": "success", "ALLOW": "success", "FAILURE": "failure", "DENY": "failure"}
_TRUTH: Final = {True: True, False: False, "true": True, "false": False}
_DEVICE_TRUTHS: Final = frozenset({"managed", "registered", "jailbreak", "secure_hardware_present"})
# Newer events write these in camel case, and two of them under other names.
_DEVICE_NAMES: Final = {"platform": "os_platform", "device_integrator": "device_integrator"}


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
