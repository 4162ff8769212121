"""A condition → a predicate over a decoded event.

What Okta's documentation leaves open is decided as the simulator decides it: a path through a list means any of its elements, `ne` means
none of them, what isn't there is equal to nothing, and texts, numbers and truth values are different things (RFC 7644, section 3.4.2.2).
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import translate
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any as Anything
from typing import Final

from flows.pipeline.scim.names import DATES
from flows.pipeline.scim.syntax import All, Any, Comparison, Condition, Element, Keywords, Network, Not, Path, Pattern

__all__ = ["Event", "Predicate", "compile_condition", "keywords", "moment", "values"]

Event = dict[str, Anything]
Predicate = Callable[[Event], bool]

_WORDS: Final = re.compile(r"[\w.@]+")
_ABSENT: Final = (None, "", [], {})
_OWN_OF_ALERTS: Final = frozenset(
    ("uuid", "published", "rule", "kind", "group", "count", "first_event_at", "last_event_at", "events", "event")
)


def compile_condition(condition: Condition, *, alerts: bool = False) -> Predicate:
    """Compile a condition.

    Args:
        condition: What a filter says.
        alerts: Whether it is asked of alerts: a name that an alert doesn't have is looked for in the event that completed it.
    """
    locate = _in_alert if alerts else _in_event
    match condition:
        case Comparison():
            return _comparison(condition, locate(condition.path))
        case Element(path, inner):
            within, place = compile_condition(inner), locate(path)
            return lambda event: any(isinstance(element, dict) and within(element) for element in values(event, place))
        case Pattern(paths, glob, cased):
            return _texts([locate(path) for path in paths], _glob(glob, cased=cased))
        case Network(paths, network):
            return _texts([locate(path) for path in paths], lambda text: (found := _address(text)) is not None and found in network)
        case Keywords(words):
            return lambda event: words <= _words(event)
        case Not(part):
            inner_part = compile_condition(part, alerts=alerts)
            return lambda event: not inner_part(event)
        case All(parts):
            return _all([compile_condition(part, alerts=alerts) for part in parts])
        case Any(parts):
            some = [compile_condition(part, alerts=alerts) for part in parts]
            return lambda event: any(part(event) for part in some)


def values(value: Anything, path: Path) -> list[Anything]:
    """What stands behind a path: nothing, one value, or those of a list's elements."""
    for number, name in enumerate(path):
        if isinstance(value, list):
            return [found for element in value for found in values(element, path[number:])]
        if not isinstance(value, dict) or name not in value:
            return []
        value = value[name]
    return value if isinstance(value, list) else [value]


def keywords(text: str) -> Keywords:
    """The words of `q`; those with a hyphen are found by their parts."""
    return Keywords(frozenset(_WORDS.findall(text.lower())))


@lru_cache(maxsize=65536)
def moment(text: str) -> datetime | None:
    """A time as Okta writes it; None where it is none. Without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _in_event(path: Path) -> Path:
    return path


def _in_alert(path: Path) -> Path:
    return path if path[0] in _OWN_OF_ALERTS or path[0].startswith("_okta_") else ("event", *path)


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 1:
        return parts[0]
    return lambda event: all(part(event) for part in parts)


def _texts(paths: list[Path], test: Callable[[str], Anything]) -> Predicate:
    return lambda event: any(
        isinstance(value, str) and bool(test(value)) for path in paths for value in values(event, path)
    )


def _glob(glob: str, *, cased: bool) -> Callable[[str], Anything]:
    match = re.compile(translate(glob if cased else glob.lower())).match
    return match if cased else lambda text: match(text.lower())


def _comparison(comparison: Comparison, path: Path) -> Predicate:
    operator, wanted = comparison.operator, comparison.value
    if operator == "pr":
        return lambda event: any(value not in _ABSENT for value in values(event, path))
    test = _test(operator, wanted, is_date=path[-1] in DATES)
    if operator == "ne":
        return lambda event: not any(test(value) for value in values(event, path))
    return lambda event: any(test(value) for value in values(event, path))


def _test(operator: str, wanted: Anything, *, is_date: bool) -> Callable[[Anything], bool]:
    """What one value is asked; for `ne` whether it is the one that must not be."""
    if is_date and isinstance(wanted, str) and (instant := moment(wanted)) and operator not in ("co", "sw", "ew"):
        same = _same_kind(operator, instant)
        return lambda value: isinstance(value, str) and (found := moment(value)) is not None and same(found)
    if isinstance(wanted, str):
        test = _same_kind(operator, wanted)
        return lambda value: isinstance(value, str) and test(value)
    if isinstance(wanted, bool) or wanted is None:
        return lambda value: value is wanted
    number = _same_kind(operator, wanted)
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and number(value)


def _same_kind(operator: str, wanted: Anything) -> Callable[[Anything], bool]:
    """The comparison of values of one kind."""
    return {
        "eq": lambda value: bool(value == wanted),
        "ne": lambda value: bool(value == wanted),
        "co": lambda value: wanted in value,
        "sw": lambda value: value.startswith(wanted),
        "ew": lambda value: value.endswith(wanted),
        "gt": lambda value: bool(value > wanted),
        "ge": lambda value: bool(value >= wanted),
        "lt": lambda value: bool(value < wanted),
        "le": lambda value: bool(value <= wanted),
    }[operator]


@lru_cache(maxsize=65536)
def _address(text: str) -> Anything:
    """The address that a text is, an IPv4 one also where it is written as an IPv6 one; None for what is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _words(event: Event) -> set[str]:
    """All words of all of Okta's values, in lower case."""
    found: set[str] = set()
    stack: list[Anything] = [value for name, value in event.items() if not name.startswith("_okta_")]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif value is not None:
            found.update(_WORDS.findall((value if isinstance(value, str) else json.dumps(value)).lower()))
    return found
