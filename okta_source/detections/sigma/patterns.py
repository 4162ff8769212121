r"""Sigma's texts: `*` for any number of characters, `?` for exactly one, and backslashes that take their meaning away.

`\*` and `\?` are the characters themselves, `\\` is one backslash, and a backslash before anything else is itself: `C:\Windows\\*` is a
backslash and a wildcard, `\\\*` a backslash and a star.

Matching walks the pieces between the stars from left to right, each at its first place: a pattern can't be made to backtrack.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

__all__ = ["Part", "Text", "Wild", "matcher", "parse_text", "plain"]


class Wild(Enum):
    """A wildcard."""

    ANY = "*"
    ONE = "?"


Part = str | Wild
Text = tuple[Part, ...]
"""Literal texts, none empty and no two beside each other, and wildcards between them."""


def parse_text(value: str) -> Text:
    """A value of a rule as its parts."""
    parts: list[Part] = []
    literal: list[str] = []
    index = 0
    while index < len(value):
        character = value[index]
        if character == "\\" and value[index + 1 : index + 2] in ("\\", "*", "?"):
            literal.append(value[index + 1])
            index += 2
            continue
        if character in "*?":
            if literal:
                parts.append("".join(literal))
                literal = []
            parts.append(Wild(character))
        else:
            literal.append(character)
        index += 1
    if literal:
        parts.append("".join(literal))
    return tuple(parts)


def plain(text: Text) -> str | None:
    """The text itself where it has no wildcard."""
    if not text:
        return ""
    return text[0] if len(text) == 1 and isinstance(text[0], str) else None


def matcher(text: Text) -> Callable[[str], bool]:
    """What tells whether the whole of a string is as the text says. Upper and lower case differ here."""
    first, *rest = _pieces(text)
    if not rest:
        if None not in first:
            literal = _joined(first)
            return lambda value: value == literal
        return lambda value: len(value) == len(first) and _fits(value, 0, first)
    last = rest.pop()
    middle = [piece for piece in rest if piece]
    if not first and not last and len(middle) == 1 and None not in middle[0]:
        contained = _joined(middle[0])
        return lambda value: contained in value
    return _walk(first, middle, last)


def _pieces(text: Text) -> list[list[str | None]]:
    """What stands between the stars: literal characters, and None for any one."""
    pieces: list[list[str | None]] = [[]]
    for part in text:
        if part is Wild.ANY:
            pieces.append([])
        elif part is Wild.ONE:
            pieces[-1].append(None)
        elif isinstance(part, str):
            pieces[-1].extend(part)
    return pieces


def _walk(first: list[str | None], middle: list[list[str | None]], last: list[str | None]) -> Callable[[str], bool]:
    def matches(value: str) -> bool:
        end = len(value) - len(last)
        if end < len(first) or not _fits(value, 0, first) or not _fits(value, end, last):
            return False
        place = len(first)
        for piece in middle:
            place = _find(value, place, end, piece)
            if place < 0:
                return False
            place += len(piece)
        return True

    return matches


def _joined(piece: Iterable[str | None]) -> str:
    return "".join(character for character in piece if character is not None)


def _fits(value: str, place: int, piece: Sequence[str | None]) -> bool:
    return all(wanted is None or value[place + index] == wanted for index, wanted in enumerate(piece))


def _find(value: str, start: int, end: int, piece: Sequence[str | None]) -> int:
    """The first place in `value[start:end]` where a piece fits; -1 where there is none."""
    if None not in piece:
        return value.find(_joined(piece), start, end)
    return next((place for place in range(start, end - len(piece) + 1) if _fits(value, place, piece)), -1)
