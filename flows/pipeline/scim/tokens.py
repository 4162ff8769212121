"""A filter's text as tokens, each with its place."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from flows.pipeline.scim.problem import FilterError

__all__ = ["Token", "tokens"]

Kind = Literal["bracket", "string", "word", "end"]

_TOKEN: Final = re.compile(r'\s*(?:(?P<bracket>[()\[\]])|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[^\s()\[\]"]+))', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text.

    Attributes:
        kind: What it is; the last one of a filter is its `end`.
        text: As it was typed.
        position: Where it begins.
    """

    kind: Kind
    text: str
    position: int

    @property
    def named(self) -> str:
        """How a message speaks of it."""
        return "the end" if self.kind == "end" else self.text if self.kind == "string" else f"'{self.text}'"


def tokens(text: str) -> list[Token]:
    """Cut a filter into tokens.

    Raises:
        FilterError: A string is not closed.
    """
    found: list[Token] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            start = len(text) - len(text[place:].lstrip())
            raise FilterError(text, start, 'this string has no end; expected: a closing "')
        kind: Kind = "bracket" if match["bracket"] else "string" if match["string"] else "word"
        found.append(Token(kind, match[kind], match.start(kind)))
        place = match.end()
    found.append(Token("end", "", len(text)))
    return found
