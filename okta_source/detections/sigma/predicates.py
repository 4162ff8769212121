"""From a test to a function of the field's value: what equal, contained, greater and so on mean for JSON's values.

| subject | decision |
|---|---|
| upper and lower case | the same, but for `re` and `cased` |
| numbers, truth values | by their text: `true` is `'true'`, 5 and 5.0 are `'5'` |
| arrays | any member; `all` wants each value in some member; `neq` is the opposite of the whole |
| `null` | absent, or null; `''` is there and empty; `exists` looks at presence only |
| `lt`, `lte`, `gt`, `gte` | numbers, and texts that are numbers; anything else doesn't match |
| `re` | anywhere in the text, by RE2: its time grows with the text's length and no pattern can make it hang |
| `cidr` | texts that are addresses |
| keywords | anywhere in any text of the event |
"""

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import product
from typing import Any, Final

import re2

from okta_source.detections.sigma.expression import Test, Value
from okta_source.detections.sigma.modifiers import FLAGS, NUMERIC, TIME_PARTS, encoders
from okta_source.detections.sigma.numbers import number
from okta_source.detections.sigma.patterns import Text, Wild, matcher, parse_text, plain
from okta_source.detections.sigma.placeholders import Lists, split_placeholders
from okta_source.detections.sigma.re2_words import refusal
from okta_source.events.fields import MISSING, members

__all__ = ["Predicate", "compare_fields", "predicate", "text_of"]

Predicate = Callable[[Any], bool]
"""Takes what a path led to."""

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False


def predicate(test: Test, lists: Lists) -> Predicate:
    """What tells whether a field's value passes a test.

    Args:
        test: Any but those with `fieldref`.
        lists: The values of placeholders.

    Raises:
        ValueError: A value can't be compared so; the message says why.
    """
    checks = list(_checks(test, lists))
    found = _all(checks) if "all" in test.modifiers else _any(checks)
    if "neq" in test.modifiers:
        return lambda value: not found(value)
    return found


def _all(checks: Sequence[Callable[[Any], bool]]) -> Callable[[Any], bool]:
    if len(checks) == 1:
        return checks[0]

    def test(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - a loop, since a generator costs three times as much
            if not check(value):
                return False
        return True

    return test


def _any(checks: Sequence[Callable[[Any], bool]]) -> Callable[[Any], bool]:
    if len(checks) == 1:
        return checks[0]

    def test(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - as above
            if check(value):
                return True
        return False

    return test


def compare_fields(modifiers: Sequence[str]) -> Callable[[Any, Any], bool]:
    """What tells whether two fields of an event are as `fieldref` says, `neq` aside: any member of the one with any of the other."""
    how: Callable[[str, str], bool] = operator.eq
    if "contains" in modifiers:
        how = operator.contains
    elif "startswith" in modifiers:
        how = str.startswith
    elif "endswith" in modifiers:
        how = str.endswith
    cased = "cased" in modifiers

    def compare(value: Any, other: Any) -> bool:
        ones, others = list(_texts(value)), list(_texts(other))
        if not cased:
            ones, others = [text.lower() for text in ones], [text.lower() for text in others]
        return any(how(one, two) for one in ones for two in others)

    return compare


def text_of(value: object) -> str | None:
    """A scalar as text: `true`, `5`, `0.5`; None for null, objects and arrays."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else None


def _texts(value: Any) -> Iterator[str]:
    return (text for member in members(value) if (text := text_of(member)) is not None)


def _checks(test: Test, lists: Lists) -> Iterator[Predicate]:
    """The predicates of a test's values; those of texts as one, unless each counts for itself."""
    given = frozenset(test.modifiers)
    part = next(iter(given & TIME_PARTS), None)
    if "exists" in given:
        wanted = bool(test.values[0])
        yield lambda value: (value is not MISSING) is wanted
    elif "re" in given:
        flags = "".join(sorted(FLAGS[modifier] for modifier in given & FLAGS.keys()))
        yield from (
            _any([_regular(text, flags, whole_event=not test.field) for text in texts]) for texts in _expanded(test, lists, re2.escape)
        )
    elif "cidr" in given:
        yield from (_any([_network(text) for text in texts]) for texts in _expanded(test, lists, str))
    elif given & NUMERIC or part:
        yield from (number(given, part, value) for value in test.values)
    else:
        nulls = [value for value in test.values if value is None]
        if nulls:
            yield _is_null
        groups = [[value] for value in test.values] if "all" in given else [list(test.values)]
        for group in groups:
            texts = [text for value in group if value is not None for text in _encoded(value, test.modifiers, lists)]
            if texts or not nulls:
                yield _of_texts(texts, given, whole_event=not test.field)


def _expanded(test: Test, lists: Lists, literally: Callable[[str], str]) -> Iterator[list[str]]:
    """The texts that each value stands for; what a list holds is meant literally."""
    for value in map(str, test.values):
        pieces = split_placeholders(value) if "expand" in test.modifiers else ((value, ""),)
        yield ["".join(parts) for parts in product(*[map(literally, lists[name]) if name else (text,) for text, name in pieces])]


def _encoded(value: Value, modifiers: Sequence[str], lists: Lists) -> Iterator[Text]:
    """The texts that a value stands for: placeholders filled in, encodings applied."""
    if "expand" in modifiers and isinstance(value, str):
        # What a list holds is meant literally, what the rule itself says may hold wildcards.
        pieces = [[(entry,) for entry in lists[name]] if name else [parse_text(literal)] for literal, name in split_placeholders(value)]
        started: Iterable[Text] = (_joined(parts) for parts in product(*pieces))
    else:
        started = [parse_text(text_of(value) or "")]
    steps = encoders(modifiers)
    for text in started:
        results: list[Text | bytes] = [text]
        for step in steps:
            results = [after for before in results for after in step(before)]
        yield from ((result.decode("latin-1"),) if isinstance(result, bytes) else result for result in results)


def _joined(texts: Iterable[Text]) -> Text:
    parts: list[str | Wild] = []
    for part in (part for text in texts for part in text):
        if parts and isinstance(part, str) and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    return tuple(parts)


def _of_texts(texts: Sequence[Text], given: frozenset[str], *, whole_event: bool) -> Predicate:
    fold = "cased" not in given
    if fold:
        texts = [tuple(part.lower() if isinstance(part, str) else part for part in text) for text in texts]
    contains = "contains" in given or whole_event
    front = contains or "endswith" in given
    back = contains or "startswith" in given
    check = _any_text([((Wild.ANY,) if front else ()) + text + ((Wild.ANY,) if back else ()) for text in texts])
    return _anywhere(check, fold=fold) if whole_event else _of_members(check, fold=fold)


def _any_text(texts: Sequence[Text]) -> Callable[[str], bool]:
    literals = frozenset(literal for text in texts if (literal := plain(text)) is not None)
    checks = [matcher(text) for text in texts if plain(text) is None]
    if not checks:
        if len(literals) == 1:
            [only] = literals
            return lambda value: value == only
        return literals.__contains__
    if len(checks) == 1 and not literals:
        return checks[0]
    return _any([literals.__contains__, *checks] if literals else checks)


def _of_members(check: Callable[[str], bool], *, fold: bool) -> Predicate:
    def test(value: Any) -> bool:
        if type(value) is str:
            return check(value.lower() if fold else value)
        if type(value) is list:
            return any(map(test, value))
        text = text_of(value)
        return text is not None and check(text)

    return test


def _anywhere(check: Callable[[str], bool], *, fold: bool) -> Predicate:
    """The same for any text in a whole event."""

    def test(value: Any) -> bool:
        if type(value) is str:
            return check(value.lower() if fold else value)
        if type(value) is dict:
            return any(map(test, value.values()))
        return type(value) is list and any(map(test, value))

    return test


def _is_null(value: Any) -> bool:
    return value is MISSING or value is None or (type(value) is list and None in members(value))


def _regular(pattern: str, flags: str, *, whole_event: bool) -> Predicate:
    try:
        search = re2.compile(f"(?{flags}:{pattern})" if flags else pattern, _OPTIONS).search
    except re2.error as error:
        raise ValueError(refusal(error)) from None

    def check(text: str) -> bool:
        try:
            return search(text) is not None
        except UnicodeError:  # half of a surrogate pair, which is no text
            return False

    return _anywhere(check, fold=False) if whole_event else _of_members(check, fold=False)


def _network(value: str) -> Predicate:
    network = ip_network(value, strict=False)

    def check(text: str) -> bool:
        address = _address(text)
        return address is not None and address.version == network.version and address in network

    return _of_members(check, fold=False)


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip())
    except ValueError:
        return None
