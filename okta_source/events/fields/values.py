"""The values that a path leads to, and how to walk to them where nothing is known of the shape.

A path leads to `MISSING`, to one value, or, through an array, to a list with a value of each element that has one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

__all__ = ["MISSING", "members", "scalars", "walk"]

MISSING: Final = msgspec.UNSET
"""What a path leads to that the event doesn't have; null is a value."""


def walk(value: Any, segments: Sequence[str], exact: int = 0) -> Any:
    """Follow names through objects and arrays of plain Python.

    A name is looked up as it is written and, where that isn't there, without regard to case. Whatever is in the way (a text where an object
    was expected, null) leads nowhere: `MISSING`.

    Args:
        value: Where to start.
        segments: The names, outermost first.
        exact: How many of them, from the first on, are only looked up as they are written.
    """
    for place, segment in enumerate(segments):
        if type(value) is dict:
            value = value[segment] if segment in value else MISSING if place < exact else _in_any_case(value, segment)
        elif type(value) is list:
            found = [inner for element in value if (inner := walk(element, segments[place:], exact - place)) is not MISSING]
            return found or MISSING
        else:
            return MISSING
    return value


def _in_any_case(value: dict[str, Any], segment: str) -> Any:
    folded = segment.lower()
    return next((inner for name, inner in value.items() if name.lower() == folded), MISSING)


def members(value: Any) -> Iterator[Any]:
    """Each value that a path led to: the elements of an array, however nested, or the one value; nothing for `MISSING`."""
    if type(value) is list:
        for element in value:
            yield from members(element)
    elif value is not MISSING:
        yield value


def scalars(value: Any) -> Iterator[str | int | float | bool]:
    """The texts, numbers and truth values among `members`."""
    for member in members(value):
        if isinstance(member, str | int | float):
            yield member
