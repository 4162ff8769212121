"""A condition → a matcher of events' bytes.

What Okta's documentation leaves open is decided as the simulator decides it: a path through a list means any of its elements, `ne` means
none of them, what isn't there is equal to nothing, and texts, numbers and truth values are different things (RFC 7644, section 3.4.2.2).
Paths are read by `okta_source.events.fields`, as those of Sigma rules are: only the members that the filter names are decoded.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import translate
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any as Anything
from typing import Final

from flows.pipeline.scim.names import DATES, OF_ALERTS
from flows.pipeline.scim.syntax import All, Any, Comparison, Condition, Element, Keywords, Network, Not, Path, Pattern
from okta_source.events.fields import MISSING, Accessor, FieldReader, TreeReader, members

__all__ = ["Matcher", "keywords", "moment"]

_Predicate = Callable[[Anything], bool]
_Access = Callable[[Path], Accessor]

_WORDS: Final = re.compile(r"[\w.@]+")
_ABSENT: Final[tuple[Anything, ...]] = (None, "", [], {})


class Matcher:
    """Reads events and asks them.

    Args:
        condition: What a filter says.
        fields: Further fields to read, as dotted names.
        alerts: Whether alerts are asked: a name that an alert doesn't have is looked for in the event that completed it.

    Attributes:
        words: Of each event all of these must be words of its values; they need it whole, so it is for the caller to look (`has_words`).
    """

    def __init__(self, condition: Condition, fields: Sequence[str] = (), *, alerts: bool = False) -> None:
        self._locate = _in_alert if alerts else ".".join
        parts = condition.parts if isinstance(condition, All) else (condition,)
        self.words: frozenset[str] = frozenset().union(*(part.words for part in parts if isinstance(part, Keywords)))
        rest = All(tuple(part for part in parts if not isinstance(part, Keywords)))
        own = [self._locate(path) for path in _paths(rest)]
        self._reader = FieldReader([*own, *(self._locate(tuple(field.split("."))) for field in fields)])
        self.matches: _Predicate = _compile(rest, lambda path: self._reader.accessor(self._locate(path)))
        self.decode = self._reader.decode

    def accessor(self, field: str) -> Accessor:
        """What gives the value of one of the fields."""
        return self._reader.accessor(self._locate(tuple(field.split("."))))

    def has_words(self, data: bytes) -> bool:
        """Whether the event has all the words."""
        return not self.words or self.words <= _words(TreeReader().decode(data))


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


def _in_alert(path: Path) -> str:
    name = ".".join(path)
    return name if path[0] in OF_ALERTS else f"event.{name}"


def _paths(condition: Condition) -> Iterator[Path]:
    match condition:
        case Comparison(path) | Element(path):
            yield path
        case Pattern(paths) | Network(paths):
            yield from paths
        case Not(part):
            yield from _paths(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from _paths(part)
        case Keywords():
            pass


def _compile(condition: Condition, access: _Access) -> _Predicate:  # noqa: PLR0911 (one answer for each kind of condition)
    match condition:
        case Comparison():
            return _comparison(condition, access(condition.path))
        case Element(path, inner):
            within, get = _compile(inner, lambda path: TreeReader().accessor(".".join(path))), access(path)
            return lambda event: any(type(element) is dict and within(element) for element in members(get(event)))
        case Pattern(paths, glob, cased):
            return _texts([access(path) for path in paths], _glob(glob, cased=cased))
        case Network(paths, network):
            return _texts([access(path) for path in paths], lambda text: (found := _address(text)) is not None and found in network)
        case Not(part):
            inner_part = _compile(part, access)
            return lambda event: not inner_part(event)
        case All((part,)) | Any((part,)):
            return _compile(part, access)
        case All(parts):
            every = [_compile(part, access) for part in parts]
            return lambda event: all(part(event) for part in every)
        case Any(parts):
            some = [_compile(part, access) for part in parts]
            return lambda event: any(part(event) for part in some)
        case Keywords():
            message = "words are asked of whole events only"
            raise ValueError(message)


def _texts(accessors: Iterable[Accessor], test: Callable[[str], Anything]) -> _Predicate:
    gets = tuple(accessors)
    return lambda event: any(isinstance(value, str) and bool(test(value)) for get in gets for value in members(get(event)))


def _glob(glob: str, *, cased: bool) -> Callable[[str], Anything]:
    match = re.compile(translate(glob if cased else glob.lower())).match
    return match if cased else lambda text: match(text.lower())


def _comparison(comparison: Comparison, get: Accessor) -> _Predicate:
    operator, wanted = comparison.operator, comparison.value
    if operator == "pr":
        return lambda event: _is_present(get(event))
    test = _test(operator, wanted, is_date=comparison.path[-1] in DATES)
    if operator == "ne":
        return lambda event: not any(test(value) for value in members(get(event)))

    def holds(event: Anything) -> bool:
        value = get(event)
        # One value, by far the most frequent case, is worth no generator.
        return value is not MISSING and test(value) if type(value) is not list else any(test(one) for one in members(value))

    return holds


def _is_present(value: Anything) -> bool:
    """Whether a path leads to a value that is something."""
    if type(value) is list:
        return any(_is_present(one) for one in members(value))
    return value is not MISSING and value not in _ABSENT


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


def _words(event: Anything) -> set[str]:
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
