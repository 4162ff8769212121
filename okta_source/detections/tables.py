"""Which tests events pass, told by their fields' values: a bit for each test, column by column.

Each field has a table that fills itself, from a value to the bits of the tests that it passes: most values, such as an outcome or a display
message, come again and again. So a page costs a few look-ups an event, in loops that run in C, and not a test for each rule.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import or_
from typing import Any, Final

from okta_source.detections.evaluate import Check, check_of
from okta_source.detections.sigma.expression import And, Expression, Or, Test, tests
from okta_source.detections.sigma.placeholders import Lists
from okta_source.detections.sigma.predicates import Predicate
from okta_source.events.fields import MISSING, FieldReader
from okta_source.events.fields.catalogue import ARRAYS
from okta_source.events.fields.virtual import find_virtual
from okta_source.events.remembered import Remembered

__all__ = ["Columns", "are_plain", "in_order", "remembered"]

_MOST_REMEMBERED: Final = 4_096
_LONGEST_VALUE: Final = 256
_PLAIN: Final = frozenset({str, type(None), type(MISSING)})
_UNSELECTIVE: Final = frozenset({"neq", "exists"})


def remembered(make: Callable[[Any], Any]) -> Remembered[Any, Any]:
    """What is known of a field's values, or of rows of them: the short ones that came lately."""
    return Remembered(make, _MOST_REMEMBERED, _LONGEST_VALUE)


def are_plain(values: Iterable[Any]) -> bool:
    """Whether all are texts or nothing: other values are no keys, since `True` and 1 would be one, and arrays are none at all."""
    return _PLAIN.issuperset(map(type, values))


class _Table:
    """One field's tests: value → the bits of those that it passes."""

    def __init__(self, tests: Sequence[tuple[int, Predicate]]) -> None:
        self._tests = tuple(tests)
        self._known = remembered(self._test)

    def look_up(self, values: Sequence[Any]) -> list[int]:
        if are_plain(values):
            return list(map(self._known.__getitem__, values))
        return [self._known[value] if type(value) in _PLAIN else self._test(value) for value in values]

    def _test(self, value: Any) -> int:
        found = 0
        for bit, passes in self._tests:
            if passes(value):
                found |= bit
        return found


class Columns:
    """Tests that are looked up, and those that have to see the event as a whole.

    Args:
        tests: The tests with their bits.
        reader: Decodes the events; it must read all the fields of the tests.
        predicate: What a test asks of a field's value.
        lists: The values of placeholders.
    """

    def __init__(
        self, tests: Iterable[tuple[Test, int]], reader: FieldReader, predicate: Callable[[Test], Predicate], lists: Lists
    ) -> None:
        by_field: dict[str, list[tuple[int, Predicate]]] = {}
        self._checks: list[tuple[int, Check]] = []  # they compare fields
        self._keywords: list[tuple[int, Predicate]] = []
        for test, bit in tests:
            if "fieldref" in test.modifiers:
                self._checks.append((bit, check_of(test, reader, lists)))
            elif test.field:
                by_field.setdefault(test.field, []).append((bit, predicate(test)))
            else:
                self._keywords.append((bit, predicate(test)))
        self._reader = reader
        self._whole = FieldReader([""]) if self._keywords else None
        self._tables = [(field, _Table(tests)) for field, tests in by_field.items()]

    def masks(self, events: Sequence[Any], data: Sequence[Any], tenant: str) -> list[int]:
        """The bits of the tests that each event passes.

        Args:
            events: What the reader has decoded.
            data: The events' bytes, brace to brace.
            tenant: Whose they are.
        """
        found = [0] * len(events)
        for field, table in self._tables:
            found = list(map(or_, found, table.look_up(self._reader.column(field, events))))
        for bit, check in self._checks:
            found = [mask | bit if check(event) else mask for mask, event in zip(found, events, strict=True)]
        if self._whole is not None:
            for place, text in enumerate(data):
                event = self._whole.decode(text, tenant)
                for bit, passes in self._keywords:
                    if passes(event):
                        found[place] |= bit
        return found


def in_order(expressions: Sequence[Expression]) -> list[list[Test]]:
    """All tests of some rules, a list for each field, in the order in which to look at them.

    Each rule has tests of which at least one must pass for it to match, such as one arm of an and. The cheapest come first, so that most
    events are done with after a field or two; then the fields that are read at once, those that are made of others, arrays, and last what
    has to see more of the event than a field.

    Args:
        expressions: What is open of each rule.
    """
    deciding: set[str] = set()
    for expression in expressions:
        deciding.update(test.field for test in _necessary(expression, deciding) or ())
    by_field: dict[str, list[Test]] = {}
    last: list[Test] = []
    for test in dict.fromkeys(test for expression in expressions for test in tests(expression)):
        if "fieldref" in test.modifiers or not test.field:
            last.append(test)
        else:
            by_field.setdefault(test.field, []).append(test)
    fields = sorted(by_field, key=lambda field: (field not in deciding, _is_array(field), find_virtual(field) is not None))
    return [*(by_field[field] for field in fields), *([last] if last else [])]


def _is_array(field: str) -> bool:
    return any(field == array or field.startswith(f"{array}.") for array in ARRAYS)


def _necessary(expression: Expression, used: set[str]) -> list[Test] | None:
    """Tests of which one must pass; None where there are none that could be looked up."""
    if isinstance(expression, Test):
        return None if "fieldref" in expression.modifiers or not expression.field else [expression]
    if isinstance(expression, Or):
        arms = [_necessary(arg, used) for arg in expression.args]
        return None if None in arms else [test for arm in arms if arm is not None for test in arm]
    if isinstance(expression, And):
        found = [arm for arg in expression.args if (arm := _necessary(arg, used)) is not None]
        return min(found, key=lambda arm: _price(arm, used), default=None)
    return None


def _price(tests: Sequence[Test], used: set[str]) -> tuple[int, int, int]:
    """What it costs to look: such as nearly everything passes last, then fields that nobody reads yet or that are made of others."""
    unselective = sum(1 for test in tests if _UNSELECTIVE & set(test.modifiers) or None in test.values)
    new = {test.field for test in tests} - used
    return unselective, sum(1 if find_virtual(field) is None else 2 for field in new), len(tests)
