"""Comparisons with numbers: of numbers, of texts that are numbers, and of parts of a moment."""

import math
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from okta_source.detections.sigma.expression import Value
from okta_source.detections.sigma.modifiers import NUMERIC
from okta_source.events.fields import members

__all__ = ["number"]

_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


def number(given: frozenset[str], part: str | None, value: Value) -> Callable[[Any], bool]:
    """What tells whether some member of a field's value compares with a number as wanted.

    Args:
        given: The test's modifiers; none that compares means equal.
        part: The part of a moment that is compared, such as `hour`; None for the value itself.
        value: What it is compared with.

    Raises:
        ValueError: That is no number.
    """
    wanted = _to_number(value)
    if wanted is None:
        msg = f"{value!r} is no number"
        raise ValueError(msg)
    compare = _OPERATORS[next(iter(given & NUMERIC))] if given & NUMERIC else operator.eq

    def test(found: Any) -> bool:
        found_numbers = (_part_of_time(member, part) if part else _to_number(member) for member in members(found))
        return any(each is not None and compare(each, wanted) for each in found_numbers)

    return test


def _to_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _part_of_time(value: object, part: str) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    found: int = moment.isocalendar().week if part == "week" else getattr(moment, part)
    return found
