"""Fields that Okta's events don't have but that rules ask for, each made of members that they have.

| field | is |
|---|---|
| `target.user.*`, `.app.*`, `.group.*`, `.device.*` | of the first target of that type: `User`, `AppInstance`, `UserGroup`, `Device` |
| `behaviors.*` | `POSITIVE`, `NEGATIVE`, `UNKNOWN`: `behaviors.new_device` is the `New Device` of `debugContext.debugData.behaviors` |
| `risk.level`, `risk.reasons` | the same of `debugContext.debugData.risk`, else of `securityContext.risk` |
| `actor.domain` | what stands behind the `@` of `actor.alternateId`, in lower case |
| `tenant` | the tenant's name |

Okta writes behaviors and risk as `{New Device=POSITIVE, New IP=NEGATIVE}`, not as JSON, and for sign-on policies as JSON inside the text of
`logOnlySecurityData`; both are read.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from okta_source.events.fields.values import MISSING, members, walk

__all__ = ["TARGET_TYPES", "TENANT_MEMBER", "VIRTUAL_FIELDS", "Virtual", "find_virtual"]

TARGET_TYPES: Final = {"user": "User", "app": "AppInstance", "group": "UserGroup", "device": "Device"}

TENANT_MEMBER: Final = "_okta_tenant"
"""Where what this pipeline writes says whose it is; no event has such a member by itself."""

_BEHAVIORS: Final = "debugContext.debugData.behaviors"
_RISK: Final = "debugContext.debugData.risk"
_LOG_ONLY: Final = "debugContext.debugData.logOnlySecurityData"

VIRTUAL_FIELDS: Final = (
    *(f"target.{kind}.{member}" for kind in TARGET_TYPES for member in ("id", "type", "alternateId", "displayName")),
    *(f"behaviors.{name}" for name in ("new_geo_location", "new_device", "new_ip", "new_state", "new_country", "new_city", "velocity")),
    "risk.level",
    "risk.reasons",
    "actor.domain",
    "tenant",
)
"""The usual ones, for suggestions; any name may follow `behaviors.` and `target.user.`."""

_PAIR: Final = re.compile(r"\s*([^=,{}]+?)\s*=\s*([^=]*?)\s*(?=,[^=,]+=|$)")


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual field.

    Attributes:
        sources: Paths of the event's own members that it is made of.
        make: What makes it of their values, in that order.
    """

    sources: tuple[str, ...]
    make: Callable[..., Any]


def find_virtual(path: str) -> Virtual | None:
    """The virtual field of this path, None where the path is one of the event's own."""
    first, _, rest = path.partition(".")
    first = first.lower()
    if first == "target":
        kind, _, member = rest.partition(".")
        if kind.lower() in TARGET_TYPES and member:
            return Virtual(("target",), _of_target(TARGET_TYPES[kind.lower()].lower(), member.split(".")))
    elif first == "behaviors" and rest:
        return Virtual((_BEHAVIORS, _LOG_ONLY), _of_text("behaviors", _plain(rest)))
    elif first == "risk" and rest.lower() in ("level", "reasons"):
        named = rest.lower()
        return Virtual((_RISK, _LOG_ONLY, f"securityContext.risk.{named}"), _of_text("risk", named))
    elif path.lower() == "tenant":
        return Virtual((TENANT_MEMBER,), _itself)
    elif path.lower() == "actor.domain":
        return Virtual(("actor.alternateId",), _domain)
    return None


def _of_target(kind: str, segments: Sequence[str]) -> Callable[[Any], Any]:
    def make(targets: Any) -> Any:
        for target in members(targets):
            if type(target) is dict and str(walk(target, ("type",))).lower() == kind:
                return walk(target, segments)
        return MISSING

    return make


def _of_text(subject: str, name: str) -> Callable[..., Any]:
    """The value of a name in `{a=b, c=d}`, else in the object of that subject in JSON text, else what else there is."""

    def make(text: Any, log_only: Any, other: Any = MISSING) -> Any:
        if isinstance(text, str):
            found = _pairs(text).get(name, MISSING)
            if found is not MISSING:
                return found
        if isinstance(log_only, str) and subject in log_only:
            found = _of_object(log_only, subject, name)
            if found is not MISSING:
                return found
        return other

    return make


def _of_object(text: str, subject: str, name: str) -> Any:
    try:
        inner = walk(msgspec.json.decode(text), (subject,))
    except (msgspec.DecodeError, RecursionError):
        return MISSING
    return next((value for key, value in inner.items() if _plain(key) == name), MISSING) if type(inner) is dict else MISSING


@lru_cache(maxsize=1024)
def _pairs(text: str) -> Mapping[str, str]:
    """`{a=b, c=d}`; the same few texts come again and again, and each is asked for several names."""
    return dict(map(_pair, _PAIR.findall(text.strip().removeprefix("{").removesuffix("}"))))


def _pair(found: tuple[str, str]) -> tuple[str, str]:
    return _plain(found[0]), found[1]


def _plain(name: str) -> str:
    """`New Geo-Location` as `new_geo_location`."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _itself(value: Any) -> Any:
    return value


def _domain(alternate_id: Any) -> Any:
    return alternate_id.rpartition("@")[2].lower() if isinstance(alternate_id, str) and "@" in alternate_id else MISSING
