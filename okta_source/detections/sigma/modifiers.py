"""Sigma's modifiers: what each wants before and behind it, and what the encoding ones make of a value.

| kind | modifiers |
|---|---|
| how it is compared | none (equal), `contains`, `startswith`, `endswith`, `re` (with `i`, `m`, `s`), `cidr`, `exists`, `fieldref` |
| | `lt`, `lte`, `gt`, `gte` |
| what the values become | `base64`, `base64offset`, `wide` = `utf16le`, `utf16be`, `utf16`, `windash`, `expand` |
| a part of a time, in UTC | `minute`, `hour`, `day`, `week`, `month`, `year` |
| of the item as a whole | `all` (each value must be found), `neq` (the opposite), `cased` (upper and lower case differ) |
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import product
from typing import Final

from okta_source.detections.sigma.patterns import Text, Wild

__all__ = ["COMPARISONS", "FLAGS", "NUMERIC", "TIME_PARTS", "encoders", "problem_of"]

NUMERIC: Final = frozenset({"lt", "lte", "gt", "gte"})
FLAGS: Final = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
TIME_PARTS: Final = frozenset({"minute", "hour", "day", "week", "month", "year"})
COMPARISONS: Final = frozenset({"contains", "startswith", "endswith", "re", "cidr", "exists", "fieldref"}) | NUMERIC
_ENCODINGS: Final = frozenset({"base64", "base64offset", "wide", "utf16le", "utf16be", "utf16", "windash", "expand"})
_WHOLE: Final = frozenset({"all", "neq", "cased"})
_KNOWN: Final = COMPARISONS | _ENCODINGS | _WHOLE | TIME_PARTS | FLAGS.keys()
_BESIDE_FIELDREF: Final = frozenset({"contains", "startswith", "endswith"})
_WIDE: Final = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16"}
_DASH: Final = re.compile(r"\B[-/]\b")
_DASHES: Final = "-/–—―"  # noqa: RUF001 - these are what windash is about
_MOST_DASHES: Final = 3


def problem_of(modifiers: Sequence[str]) -> str:
    """Why these modifiers can't stand together in this order; nothing where they can."""
    for modifier in modifiers:
        if modifier not in _KNOWN:
            close = get_close_matches(modifier, _KNOWN, n=1)
            return f"{modifier} is no modifier of Sigma 2.1" + (f"; did you mean {close[0]}?" if close else "")
    twice = next((modifier for modifier in modifiers if modifiers.count(modifier) > 1), "")
    if twice:
        return f"{twice} stands there twice"
    given = set(modifiers)
    return _more_than_one(given) or _misplaced(modifiers, given) or _unfitting(given)


def _more_than_one(given: set[str]) -> str:
    compared = given & COMPARISONS - ({"fieldref"} if given & _BESIDE_FIELDREF else set())
    if len(compared) > 1:
        return f"{' and '.join(sorted(compared))} can't be one comparison; write two items"
    if len(given & TIME_PARTS) > 1:
        return "only one part of a time can be compared; write two items"
    return ""


def _misplaced(modifiers: Sequence[str], given: set[str]) -> str:
    if given & FLAGS.keys() and (FLAGS.keys() & set(modifiers[: modifiers.index("re")] if "re" in given else modifiers)):
        return "i, m and s belong behind re"
    compared = False
    for modifier in modifiers:
        compared = compared or modifier in _BESIDE_FIELDREF
        # It would encode the wildcards too; Sigma's own rules have windash and expand there.
        if compared and modifier in _ENCODINGS - {"windash", "expand"}:
            return f"{modifier} belongs in front of contains, startswith and endswith"
    return ""


def _unfitting(given: set[str]) -> str:
    alone = given & {"re", "cidr", "exists", "fieldref", *NUMERIC, *TIME_PARTS}
    encoded = given & _ENCODINGS - {"expand"}
    if alone and encoded:
        return f"{min(encoded)} encodes texts, and {min(alone)} compares none"
    if given & TIME_PARTS and given & COMPARISONS - NUMERIC:
        return f"{min(given & COMPARISONS)} compares texts, and a part of a time is a number"
    if "cased" in given and given & {"re", "cidr", "exists", *NUMERIC, *TIME_PARTS}:
        return "cased is for texts that are compared as they are, or by contains, startswith, endswith"
    if "exists" in given and given & {"all", "expand"}:
        return "exists takes true or false, and nothing beside it"
    return ""


def encoders(modifiers: Iterable[str]) -> list[Callable[[Text | bytes], Iterator[Text | bytes]]]:
    """What the values go through, one after the other."""
    return [_ENCODERS[modifier] for modifier in modifiers if modifier in _ENCODERS]


def _base64(value: Text | bytes) -> Iterator[Text | bytes]:
    yield (base64.b64encode(_bytes(value)).decode(),)


def _base64offset(value: Text | bytes) -> Iterator[Text | bytes]:
    """The three forms that a value can have within longer base64, each without what depends on its neighbours."""
    data = _bytes(value)
    for offset, start in enumerate((0, 2, 3)):
        encoded = base64.b64encode(b" " * offset + data).decode()
        end = (None, -3, -2)[(len(data) + offset) % 3]
        if encoded[start:end]:  # of a single letter nothing is left in one of them, and nothing is in everything
            yield (encoded[start:end],)


def _wide(encoding: str) -> Callable[[Text | bytes], Iterator[Text | bytes]]:
    def encode(value: Text | bytes) -> Iterator[Text | bytes]:
        text = _bytes(value).decode()
        # With its byte order mark utf-16 would follow this machine's order; Windows writes the little end first.
        yield b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16" else text.encode(encoding)

    return encode


def _windash(value: Text | bytes) -> Iterator[Text | bytes]:
    if isinstance(value, bytes):
        msg = "windash stands in front of an encoding"
        raise ValueError(msg)  # noqa: TRY004 - the rule is wrong, not the caller
    joined = "".join("\0" if isinstance(part, Wild) else part for part in value)
    places = [found.start() for found in _DASH.finditer(joined)]
    if len(places) > _MOST_DASHES:
        msg = f"windash makes 5 values of each dash; more than {_MOST_DASHES} in one value are too many"
        raise ValueError(msg)
    wild = iter([part for part in value if isinstance(part, Wild)])
    positions = {place: next(wild) for place, character in enumerate(joined) if character == "\0"}
    for dashes in product(_DASHES, repeat=len(places)):
        characters = list(joined)
        for place, dash in zip(places, dashes, strict=True):
            characters[place] = dash
        yield _assemble(characters, positions)


def _assemble(characters: Sequence[str], wild: dict[int, Wild]) -> Text:
    parts: list[str | Wild] = []
    for place, character in enumerate(characters):
        if place in wild:
            parts.append(wild[place])
        elif parts and isinstance(parts[-1], str):
            parts[-1] += character
        else:
            parts.append(character)
    return tuple(parts)


def _bytes(value: Text | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    if any(isinstance(part, Wild) for part in value):
        msg = "a value with wildcards can't be encoded; write \\* or \\? for the characters themselves"
        raise ValueError(msg)
    return "".join(part for part in value if isinstance(part, str)).encode()


_ENCODERS: Final[dict[str, Callable[[Text | bytes], Iterator[Text | bytes]]]] = {
    "base64": _base64,
    "base64offset": _base64offset,
    "windash": _windash,
    **{name: _wide(encoding) for name, encoding in _WIDE.items()},
}
