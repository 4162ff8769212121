"""Which of many rules a decoded event can match, told by a few of its fields.

Each rule has a *guard*: tests of which at least one must pass for the rule to match, such as one arm of an and. Guards are looked up by the
field's value, in a table that fills itself: most values, such as a display message or an outcome, come again and again. So an event that no
rule matches costs a look for each field and not a test for each rule.
"""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

from flows.pipeline.detections.sigma.expression import And, Expression, Or, Test
from flows.pipeline.detections.sigma.placeholders import Lists
from flows.pipeline.detections.sigma.predicates import Predicate, predicate
from flows.pipeline.fields import MISSING
from flows.pipeline.fields.virtual import find_virtual

__all__ = ["Guard", "guards_of"]

_MOST_VALUES_REMEMBERED = 4_096
_LONGEST_VALUE = 256
_REMEMBERED = frozenset({str, type(None), type(MISSING)})
_UNSELECTIVE = frozenset({"neq", "exists"})


class Guard(dict[Any, tuple[int, ...]]):
    """One field's part of the guards: value → the places of the rules whose guard it passes.

    Args:
        tests: What each rule asks of the field, by the rule's place.
    """

    def __init__(self, tests: Sequence[tuple[int, Predicate]]) -> None:
        super().__init__()
        self._tests = tuple(tests)

    def passed(self, values: Sequence[Any]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Look up the values of some events.

        Yields:
            The place of each value that passes the guard of some rule, and the places of these rules.
        """
        # Without loops in Python where all are texts or nothing; other values are no keys, since `True` and 1 would be one.
        found = list(map(self.__getitem__ if _REMEMBERED.issuperset(map(type, values)) else self._look_up, values))
        return compress(enumerate(found), found)

    def __missing__(self, value: Any) -> tuple[int, ...]:
        found = self._test(value)
        if type(value) is not str or len(value) <= _LONGEST_VALUE:
            if len(self) >= _MOST_VALUES_REMEMBERED:  # values come from the wire: begin anew rather than grow
                self.clear()
            self[value] = found
        return found

    def _look_up(self, value: Any) -> tuple[int, ...]:
        return self[value] if type(value) in _REMEMBERED else self._test(value)

    def _test(self, value: Any) -> tuple[int, ...]:
        return tuple([place for place, passes in self._tests if passes(value)])


def guards_of(expressions: Sequence[Expression], lists: Lists) -> tuple[list[tuple[str, Guard]], list[int], set[int]]:
    """The guards of some rules.

    Args:
        expressions: What is open of each rule.
        lists: The values of placeholders.

    Returns:
        For each field its part of the guards; the places of the rules that have no guard; and of those whose guard says all: what passes it
        matches.
    """
    by_field: dict[str, list[tuple[int, Predicate]]] = {}
    without: list[int] = []
    decisive: set[int] = set()
    for place, expression in enumerate(expressions):
        tests = _necessary(expression, by_field)
        if tests is None:
            without.append(place)
            continue
        if isinstance(expression, Test) or (isinstance(expression, Or) and all(isinstance(arg, Test) for arg in expression.args)):
            decisive.add(place)
        for test in tests:
            by_field.setdefault(test.field, []).append((place, predicate(test, lists)))
    return [(field, Guard(tests)) for field, tests in by_field.items()], without, decisive


def _necessary(expression: Expression, used: dict[str, list[tuple[int, Predicate]]]) -> list[Test] | None:
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


def _price(tests: Sequence[Test], used: dict[str, list[tuple[int, Predicate]]]) -> tuple[int, int, int]:
    """What a guard costs: such as nearly everything passes last, then fields that nobody reads yet or that are made of others."""
    unselective = sum(1 for test in tests if _UNSELECTIVE & set(test.modifiers) or None in test.values)
    new = {test.field for test in tests} - used.keys()
    return unselective, sum(1 if find_virtual(field) is None else 2 for field in new), len(tests)
