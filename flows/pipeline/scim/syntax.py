"""What a filter says, as a tree.

SCIM's filters (RFC 7644, section 3.4.2.2) with what Okta's System Log knows of them, and three conditions that only our own options make.

    Condition
    ├── Comparison    a path, an operator and a value
    ├── Element       one element of a list meets a condition of its own: target[type eq "User" and id pr]
    ├── Pattern       one of several paths matches a glob: an event type, a user
    ├── Network       one of several paths is an address of a network
    ├── Keywords      every word is there, wherever
    └── All, Any, Not
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

__all__ = ["All", "Any", "Comparison", "Condition", "Element", "Keywords", "Network", "Not", "Operator", "Path", "Pattern", "Value"]

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"]
Path = tuple[str, ...]
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A path compared with a value; `pr` has none."""

    path: Path
    operator: Operator
    value: Value = None


@dataclass(frozen=True, slots=True)
class Element:
    """At least one element behind a path meets the condition, whose paths begin at the element."""

    path: Path
    inner: "Condition"


@dataclass(frozen=True, slots=True)
class Pattern:
    """The text behind one of the paths matches a glob (`*`, `?`, `[…]`); upper and lower case are the same unless it is `cased`."""

    paths: tuple[Path, ...]
    glob: str
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """The text behind one of the paths is an address of this network."""

    paths: tuple[Path, ...]
    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Keywords:
    """Each word, in lower case, is a whole word of some value, as Okta's `q` wants it."""

    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts, always."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part doesn't hold."""

    part: "Condition"


Condition = Comparison | Element | Pattern | Network | Keywords | All | Any | Not
