"""The subset of SCIM filters that the System Log understands, compiled to a predicate over an event.

Operators: `eq ne co sw ew gt ge lt le pr`, `and or not`, parentheses. Attribute names are case-sensitive, operators are
not; `and` binds tighter than `or`. A path through a list matches when any of its elements does.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from okta_source.simulator.errors import OktaError

Predicate = Callable[[dict[str, Any]], bool]

_TOKEN = re.compile(r'\s*(?:(?P<paren>[()])|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[^\s()"]+))')
_OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr")
_EXPECTED = "eq,ne,co,sw,ew,pr,gt,ge,lt,le"
_ROOTS = (
    "actor", "authenticationContext", "client", "debugContext", "device", "displayMessage", "eventType", "legacyEventType", "outcome",
    "request", "securityContext", "severity", "target", "transaction", "uuid", "version",
)  # fmt: skip
_ENTITY = ("id", "type", "alternateId", "displayName", "detailEntry")
_SECOND = {
    "actor": _ENTITY,
    "target": _ENTITY,
    "outcome": ("result", "reason"),
    "transaction": ("id", "type", "detail"),
    "debugContext": ("debugData",),
    "request": ("ipChain",),
}
_WITHOUT_CO = ("debugContext.debugData.url", "debugContext.debugData.requestUri")


def compile_filter(text: str) -> Predicate:
    """Compile a filter.

    Args:
        text: The expression, decoded from the URL.

    Raises:
        OktaError: The expression can't be understood (400 E0000053), or not on that attribute (400 E0000031).
    """
    parser = _Parser(text)
    predicate = parser.either()
    if parser.peek():
        parser.refuse(f"Unexpected '{parser.peek()}'")
    return predicate


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if not found or not found.lastgroup:
                self.refuse(f"Unreadable text at position {len(text) - len(text[place:].lstrip())}")
            self._tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            place = found.end()
        self._next = 0

    def refuse(self, reason: str, code: str = "E0000053") -> NoReturn:
        raise OktaError(400, code, f"Invalid filter '{self._text}': {reason}" if code == "E0000053" else reason)

    def peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def take(self, expected: str) -> tuple[str, str, int]:
        if self._next >= len(self._tokens):
            self.refuse(f"Unexpected end. Expected: {expected}")
        self._next += 1
        return self._tokens[self._next - 1]

    def either(self) -> Predicate:
        left = self._both()
        while self.peek().lower() == "or":
            self._next += 1
            left = _or(left, self._both())
        return left

    def _both(self) -> Predicate:
        left = self._one()
        while self.peek().lower() == "and":
            self._next += 1
            left = _and(left, self._one())
        return left

    def _one(self) -> Predicate:
        kind, value, _ = self.take("attribute")
        if kind == "word" and value.lower() == "not":
            inner = self._one()
            return lambda event: not inner(event)
        if value == "(" and kind == "paren":
            inner = self.either()
            if self.take(")")[1] != ")":
                self.refuse("Missing ')'")
            return inner
        if kind != "word":
            self.refuse(f"Expected an attribute, found {value}")
        return self._comparison(value)

    def _comparison(self, attribute: str) -> Predicate:
        path = _path(attribute)
        _, operator, place = self.take(_EXPECTED)
        operator = operator.lower()
        if operator not in _OPERATORS:
            self.refuse(f"Unrecognized attribute operator '{operator}' at position {place}. Expected: {_EXPECTED}")
        if operator == "pr":
            return lambda event: any(value not in (None, "", [], {}) for value in _values(event, path))
        if operator == "co" and ".".join(path) in _WITHOUT_CO:
            self.refuse(f"{attribute} {operator}", "E0000031")
        kind, text, place = self.take("a value")
        try:
            wanted = json.loads(text)
        except ValueError:
            self.refuse(f"Unreadable value '{text}' at position {place}")
        if kind == "paren":
            self.refuse(f"Expected a value, found {text}")
        if isinstance(wanted, list | dict):
            self.refuse(f"Unreadable value '{text}' at position {place}")
        if operator in ("co", "sw", "ew") and not isinstance(wanted, str):
            self.refuse(f"Operator '{operator}' needs a string at position {place}")
        if operator in ("gt", "ge", "lt", "le") and (wanted is None or isinstance(wanted, bool)):
            # RFC 7644, section 3.4.2.2: truth values have no order.
            self.refuse(f"Operator '{operator}' needs a string or a number at position {place}")
        return _compare(path, operator, wanted)


def _path(attribute: str) -> tuple[str, ...]:
    """The members to follow; snake_case names, which Okta's own examples use, become camelCase."""
    path = attribute.split(".")
    # A device's own names are in snake_case: device.os_platform.
    if path[:2] != ["debugContext", "debugData"] and path[0] != "device":
        path = [re.sub(r"_([a-z])", lambda found: found[1].upper(), part) for part in path]
    known = _SECOND.get(path[0])
    refused = path[0] not in _ROOTS or "changeDetails" in path or (known and len(path) > 1 and path[1] not in known)
    if refused or not all(path):
        raise OktaError(400, "E0000053", f"field is not valid: {attribute}")
    return tuple(path)


def _values(value: Any, path: tuple[str, ...]) -> list[Any]:
    for number, name in enumerate(path):
        if isinstance(value, list):
            return [found for element in value for found in _values(element, path[number:])]
        if not isinstance(value, dict) or name not in value:
            return []
        value = value[name]
    return value if isinstance(value, list) else [value]


def _or(left: Predicate, right: Predicate) -> Predicate:
    return lambda event: left(event) or right(event)


def _and(left: Predicate, right: Predicate) -> Predicate:
    return lambda event: left(event) and right(event)


def _compare(path: tuple[str, ...], operator: str, wanted: Any) -> Predicate:
    if operator == "ne":
        return lambda event: not any(_holds("eq", value, wanted) for value in _values(event, path))
    return lambda event: any(_holds(operator, value, wanted) for value in _values(event, path))


def _holds(operator: str, value: Any, wanted: Any) -> bool:
    if _kind(value) != _kind(wanted):
        return False
    if operator in ("co", "sw", "ew"):
        return bool({"co": wanted in value, "sw": value.startswith(wanted), "ew": value.endswith(wanted)}[operator])
    if operator == "eq":
        return bool(value == wanted)
    return bool({"gt": value > wanted, "ge": value >= wanted, "lt": value < wanted, "le": value <= wanted}[operator])


def _kind(value: Any) -> str:
    """Texts, numbers and truth values are different things; 1 and 1.0 are one number."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
