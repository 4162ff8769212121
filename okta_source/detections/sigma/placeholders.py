"""`%name%` in a rule's values: a list that the configuration gives."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

__all__ = ["Lists", "placeholders", "split_placeholders"]

Lists = Mapping[str, tuple[str, ...]]
"""The values of each list by its name."""

_PLACEHOLDER: Final = re.compile(r"(?<!\\)%([A-Za-z0-9_-]+)%")


def split_placeholders(value: str) -> Iterator[tuple[str, str]]:
    """A value as pieces in their order: `(text, "")` and `("", name)`."""
    end = 0
    for found in _PLACEHOLDER.finditer(value):
        if found.start() > end:
            yield value[end : found.start()], ""
        yield "", found[1]
        end = found.end()
    if end < len(value):
        yield value[end:], ""


def placeholders(values: Iterable[object]) -> list[str]:
    """The names of the lists that these values refer to."""
    names = (name for value in values if isinstance(value, str) for _, name in split_placeholders(value) if name)
    return list(dict.fromkeys(names))
