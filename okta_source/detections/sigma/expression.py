"""What a rule's detection says, as a tree: tests of fields, joined by and, or and not.

The tree says nothing of how an event is read. `specialise` reduces it by what is known already, which is what rules are indexed by.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field

__all__ = ["EVENT_TYPE", "And", "Expression", "Not", "Or", "Test", "Value", "both", "paths", "specialise", "tests", "to_plain"]

EVENT_TYPE = "eventtype"

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Test:
    """One item of a detection: a field, how it is compared, and with what.

    Two tests are the same where they ask the same. To Python `1 == True`, to a rule it isn't, so the values' types count too.

    Attributes:
        field: The field's path; empty for keywords, which are looked for in the whole event.
        modifiers: Sigma's modifiers in their order, `all` and `neq` included.
        values: What it is compared with, as YAML gave it; any of them, or each of them with `all`.
    """

    field: str
    modifiers: tuple[str, ...]
    values: tuple[Value, ...]
    _types: tuple[type, ...] = dataclass_field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_types", tuple(map(type, self.values)))


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    args: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    args: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    arg: "Expression"


Expression = And | Or | Not | Test


def both(expressions: Iterable[Expression]) -> Expression:
    """All of these; the only one where there is one."""
    args = tuple(expressions)
    return args[0] if len(args) == 1 else And(args)


def tests(expression: Expression) -> Iterator[Test]:
    """Every test in a tree."""
    if isinstance(expression, Test):
        yield expression
    elif isinstance(expression, Not):
        yield from tests(expression.arg)
    else:
        for arg in expression.args:
            yield from tests(arg)


def paths(expression: Expression) -> list[str]:
    """The fields that a tree reads, each once; those that `fieldref` names too."""
    found = dict.fromkeys(test.field for test in tests(expression))
    found |= dict.fromkeys(str(value) for test in tests(expression) if "fieldref" in test.modifiers for value in test.values)
    return list(found)


def specialise(expression: Expression, decide: Callable[[Test], bool | None]) -> Expression | bool:
    """What is left of a tree once some tests are decided.

    Args:
        expression: The tree.
        decide: Tells a test's outcome; None where it is open.

    Returns:
        The outcome where nothing is left open, otherwise the tree of what is.
    """
    if isinstance(expression, Test):
        decided = decide(expression)
        return expression if decided is None else decided
    if isinstance(expression, Not):
        inner = specialise(expression.arg, decide)
        return not inner if isinstance(inner, bool) else Not(inner)
    decisive = isinstance(expression, Or)  # one true arm decides an or, one false arm an and
    left: list[Expression] = []
    for arg in expression.args:
        inner = specialise(arg, decide)
        if isinstance(inner, bool):
            if inner is decisive:
                return decisive
        else:
            left.append(inner)
    if not left:
        return not decisive
    if len(left) == 1:
        return left[0]
    return type(expression)(tuple(left))


def to_plain(expression: Expression) -> list[object]:
    """A tree as lists and texts: what a rule's version is a hash of."""
    if isinstance(expression, Test):
        return ["test", expression.field, list(expression.modifiers), list(expression.values)]
    if isinstance(expression, Not):
        return ["not", to_plain(expression.arg)]
    return ["or" if isinstance(expression, Or) else "and", *map(to_plain, expression.args)]
