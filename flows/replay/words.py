"""What a replay says of reasons: a target's own words, made fit for a terminal and counted although each names another event."""

import re
from collections import Counter
from typing import Final

from sinks.documents import Rejected

__all__ = ["Reasons", "shown"]

_LONGEST: Final = 160
_MOST_KINDS: Final = 500
_OTHERS: Final = "… other reasons"
# What differs from event to event in the same complaint: ids, positions, sizes.
_VARIABLE: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{8,}|\d+", re.IGNORECASE)


class Reasons:
    """Counts letters by their reasons. Holds a bounded number of them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, letter: Rejected) -> None:
        """Count a letter."""
        text = shown(f"{letter.status}: {letter.reason}" if letter.status else letter.reason)
        kind = _VARIABLE.sub("#", text)
        if kind not in self._first and len(self._first) >= _MOST_KINDS:
            kind = text = _OTHERS
        self._first.setdefault(kind, text)
        self._counts[kind] += 1

    def most_common(self, number: int | None = None) -> list[tuple[str, int]]:
        """The reasons, the most frequent first, each in the words of the first letter that gave it."""
        return [(self._first[kind], count) for kind, count in self._counts.most_common(number)]


def shown(text: str) -> str:
    """A text on one line, shortened, without what could steer a terminal."""
    line = " ".join(text[: 4 * _LONGEST].split())
    printable = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return printable if len(printable) <= _LONGEST else printable[: _LONGEST - 1] + "…"
