r"""What must stand in an event's bytes for a condition to hold: it is looked for in megabytes at once, before any line is decoded.

A condition becomes conjuncts, and of each at least one needle stands in every line that the condition holds for; what can't be said so
(`not`, networks, an empty text) makes no conjunct. So nothing is missed, and a line that is found still has to be decoded and asked.

JSON can write any character as an escape. Needles hold only characters that are written as they are or as `\u00XX`, and a line with such
an escape of an ASCII character counts as one that may hold every needle (`HIDDEN`); Okta writes none but for what it must.
"""

import re
from functools import reduce
from ipaddress import IPv4Network, IPv6Network
from typing import Final, NamedTuple

from flows.pipeline.scim.names import DATES
from flows.pipeline.scim.syntax import All, Any, Comparison, Condition, Element, Keywords, Network, Not, Pattern

__all__ = ["HIDDEN", "Conjunct", "Needle", "needles"]


class Needle(NamedTuple):
    """Bytes to look for.

    Attributes:
        data: The bytes.
        folded: They are lower case, and are looked for in the line's own lower case.
    """

    data: bytes
    folded: bool = False


Conjunct = frozenset[Needle]

HIDDEN: Final = re.compile(rb"\\u00[0-7]")
"""An escape behind which an ASCII character may hide."""

# Printable ASCII without " / \, which may be escaped.
_SAFE: Final = re.compile(r"[ !#-.0-\[\]-~]+")
# In lower case also without k and i: the Kelvin sign and the dotted capital I become them.
_SAFE_FOLDED: Final = re.compile(r"[ !#-.0-@\[\]-hjl-~]+")
_WILD: Final = re.compile(r"[*?]|\[[^\]]*\]|\[")
_MOST_NEEDLES: Final = 12


def needles(condition: Condition, *, quoted: bool = True) -> list[Conjunct]:
    """The conjuncts of a condition.

    Args:
        condition: What a filter says.
        quoted: Whether a text's quotes stand beside it in the line; in an event that is kept as text inside another they are escaped.
    """
    found = _conjuncts(condition)
    if quoted:
        return found
    bare = [frozenset(Needle(needle.data.strip(b'"'), needle.folded) for needle in conjunct) for conjunct in found]
    return [conjunct for conjunct in bare if all(needle.data for needle in conjunct)]


def _conjuncts(condition: Condition) -> list[Conjunct]:  # noqa: PLR0911 (one answer for each kind of condition)
    match condition:
        case All(parts):
            return [conjunct for part in parts for conjunct in _conjuncts(part)]
        case Any(parts):
            return _any([_conjuncts(part) for part in parts])
        case Element(_, inner):
            return _conjuncts(inner)
        case Comparison():
            return _comparison(condition)
        case Pattern(_, glob, cased):
            return _text(_WILD.split(glob), cased=cased)
        case Keywords(words):
            return [conjunct for word in sorted(words) for conjunct in _text(["", word, ""], cased=False)]
        case Network(_, network):
            return _network(network)
        case Not():
            return []


def _any(branches: list[list[Conjunct]]) -> list[Conjunct]:
    """One conjunct for all branches: of each the one with the fewest and longest needles."""
    if not branches or not all(branches):
        return []
    best = [min(branch, key=lambda conjunct: (len(conjunct), -min(len(needle.data) for needle in conjunct))) for branch in branches]
    union = reduce(frozenset.union, best)
    return [union] if len(union) <= _MOST_NEEDLES else []


def _comparison(comparison: Comparison) -> list[Conjunct]:  # noqa: PLR0911 (one answer for each operator)
    wanted, name = comparison.value, comparison.path[-1]
    match comparison.operator:
        case "ne":
            return []
        case "eq" if isinstance(wanted, bool) or wanted is None:
            return [frozenset({Needle(b"null" if wanted is None else b"true" if wanted else b"false")})]
        case "eq" if isinstance(wanted, str) and name not in DATES:
            return _text([wanted])
        case "sw" if isinstance(wanted, str):
            return _text([wanted, ""])
        case "ew" if isinstance(wanted, str):
            return _text(["", wanted])
        case "co" if isinstance(wanted, str):
            return _text(["", wanted, ""])
        case _ if comparison.path[0].startswith("_okta_"):
            return []  # other formats have other names for the tags
        case _:
            return _text([name])


def _network(network: IPv4Network | IPv6Network) -> list[Conjunct]:
    """The bytes that all addresses of a network begin with; those of IPv4 in IPv6's spelling have `ffff:` somewhere."""
    if network.version == 6 or network.prefixlen < 8:
        return []
    whole = network.prefixlen // 8
    front = ".".join(str(network.network_address).split(".")[:whole]) + ("" if whole == 4 else ".")
    return [frozenset(Needle(data) for data in (front.encode(), b"ffff:", b"FFFF:"))]


def _text(pieces: list[str], *, cased: bool = True) -> list[Conjunct]:
    """The longest stretch of a text that can be written in one way only.

    Args:
        pieces: Those between which anything may stand; the first begins the text, the last ends it.
        cased: Whether upper and lower case differ.
    """
    best = b""
    for number, piece in enumerate(pieces):
        text = piece if cased else piece.lower()
        for run in (_SAFE if cased else _SAFE_FOLDED).finditer(text):
            front = b'"' if run.start() == 0 and number == 0 else b""
            back = b'"' if run.end() == len(text) and number == len(pieces) - 1 else b""
            best = max(best, front + run[0].encode() + back, key=len)
    return [frozenset({Needle(best, not cased)})] if best else []
