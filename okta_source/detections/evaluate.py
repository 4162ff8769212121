"""From a detection to a function of a decoded event."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from okta_source.detections.sigma.expression import EVENT_TYPE, And, Expression, Not, Test
from okta_source.detections.sigma.placeholders import Lists
from okta_source.detections.sigma.predicates import Predicate, compare_fields, predicate
from okta_source.events.fields import Accessor, TreeReader

__all__ = ["Check", "Reader", "check_of", "decided_by_type", "full_scan"]

Check = Callable[[Any], bool]
"""Takes what a reader has decoded."""


class Reader(Protocol):
    """`FieldReader` or `TreeReader`."""

    def accessor(self, path: str) -> Accessor:
        """What gives a path's value."""


def check_of(expression: Expression, reader: Reader, lists: Lists) -> Check:
    """What tells whether an event is as a detection says.

    Args:
        expression: The detection.
        reader: Decodes the events; it must read all the fields of the detection.
        lists: The values of placeholders.
    """
    if isinstance(expression, Test):
        return _check_of_test(expression, reader, lists)
    if isinstance(expression, Not):
        inner = check_of(expression.arg, reader, lists)
        return lambda event: not inner(event)
    checks = [check_of(arg, reader, lists) for arg in expression.args]
    return _all(checks) if isinstance(expression, And) else _any(checks)


def decided_by_type(event_type: str, predicate_of: Callable[[Test], Predicate]) -> Callable[[Test], bool | None]:
    """What tells the outcome of those tests that an event's type alone decides."""

    def decide(test: Test) -> bool | None:
        if test.field.lower() != EVENT_TYPE or "fieldref" in test.modifiers:
            return None
        return predicate_of(test)(event_type)

    return decide


def full_scan(detection: Expression, lists: Lists) -> Callable[[bytes, str], bool]:
    """A detection without any index, over plain objects: the judge of `RuleIndex`.

    Returns:
        What takes an event's bytes and the tenant's name.
    """
    reader = TreeReader()
    check = check_of(detection, reader, lists)
    return lambda data, tenant: check(reader.decode(data, tenant))


def _check_of_test(test: Test, reader: Reader, lists: Lists) -> Check:
    value = reader.accessor(test.field)
    if "fieldref" in test.modifiers:
        compare = compare_fields(test.modifiers)
        others = [reader.accessor(str(path)) for path in test.values]
        joined, opposite = all if "all" in test.modifiers else any, "neq" in test.modifiers
        # The opposite of the whole item: that it is neither of two fields isn't that it differs from one of them.
        return lambda event: joined(compare(value(event), other(event)) for other in others) is not opposite
    passes = predicate(test, lists)
    return lambda event: passes(value(event))


def _all(checks: Sequence[Check]) -> Check:
    def check(event: Any) -> bool:
        for one in checks:  # noqa: SIM110 - a loop, since a generator costs three times as much
            if not one(event):
                return False
        return True

    return check


def _any(checks: Sequence[Check]) -> Check:
    def check(event: Any) -> bool:
        for one in checks:  # noqa: SIM110 - as above
            if one(event):
                return True
        return False

    return check
