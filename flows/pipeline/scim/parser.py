"""A filter's text → its condition, or an error that says where and what was expected.

    filter      = conjunction *( "or" conjunction )
    conjunction = term *( "and" term )
    term        = "not" term | "(" filter ")" | path "pr" | path operator value | path "[" filter "]" [ "." path operator value ]

Names are case-sensitive, operators are not, and `and` binds tighter than `or` (Okta's core API reference, "Filter"). Okta's own
examples also spell names in snake_case. Value paths (`[ ]`) are SCIM's; Okta's System Log itself refuses them.
"""

import json
import re
from typing import Final, NoReturn, get_args

from flows.pipeline.scim.names import Names, name_in_event
from flows.pipeline.scim.problem import FilterError, did_you_mean
from flows.pipeline.scim.syntax import All, Any, Comparison, Condition, Element, Not, Operator, Path, Value
from flows.pipeline.scim.tokens import Token, tokens

__all__ = ["parse_filter", "parse_path"]

_OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
_EXPECTED: Final = ", ".join(_OPERATORS)
_TEXT_ONLY: Final = ("co", "sw", "ew")
_ORDERED: Final = ("gt", "ge", "lt", "le")
_DEEPEST: Final = 100


def parse_filter(text: str, names: Names | None = name_in_event) -> Condition:
    """Read a filter.

    Args:
        text: The filter; an empty one always holds.
        names: The names that it may use; None lets any name pass.

    Raises:
        FilterError: It can't be understood.
    """
    parser = _Parser(text, names)
    if parser.next.kind == "end":
        return All(())
    return parser.whole()


def parse_path(text: str, names: Names | None = name_in_event) -> Path:
    """Read a field's name as an option names it.

    Raises:
        FilterError: There is no such field.
    """
    return _Parser(text, names).path(Token("word", text, 0), ())


class _Parser:
    def __init__(self, text: str, names: Names | None) -> None:
        self._text = text
        self._names = names
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._place]

    def whole(self) -> Condition:
        """The filter to its end."""
        condition = self.either()
        if self.next.kind != "end":
            self.refuse(self.next, f"unexpected {self.next.named}; expected: and, or, the end")
        return condition

    def refuse(self, token: Token, reason: str) -> NoReturn:
        raise FilterError(self._text, token.position, reason)

    def either(self, front: Path = ()) -> Condition:
        parts = [self._both(front)]
        while self._take_word("or"):
            parts.append(self._both(front))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def path(self, token: Token, front: Path) -> Path:
        """A name as the members to follow, checked."""
        parts = token.text.split(".")
        if self._names and not front and self._names(token.text):
            camel = [re.sub(r"_([a-z])", lambda found: found[1].upper(), part) for part in parts]
            parts = parts if self._names(".".join(camel)) else camel
        if not all(parts):
            self.refuse(token, f"field is not valid: {token.text}; expected: names with a dot in between, such as actor.alternateId")
        problem = self._names(".".join((*front, *parts))) if self._names else ""
        if problem:
            self.refuse(token, problem)
        return tuple(parts)

    def _both(self, front: Path) -> Condition:
        parts = [self._term(front)]
        while self._take_word("and"):
            parts.append(self._term(front))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _term(self, front: Path) -> Condition:
        token = self._take()
        self._depth += 1
        if self._depth > _DEEPEST:
            self.refuse(token, f"more than {_DEEPEST} conditions inside each other")
        try:
            if token.kind == "word" and token.text.lower() == "not":
                return Not(self._term(front))
            if token.text == "(" and token.kind == "bracket":
                inner = self.either(front)
                self._close(")", token)
                return inner
            if token.kind != "word":
                self.refuse(token, f"unexpected {token.named}; expected: a field such as eventType, not, (")
            if self.next.text == "[" and self.next.kind == "bracket":
                return self._element(token, front)
            return self._comparison(token, front)
        finally:
            self._depth -= 1

    def _element(self, name: Token, front: Path) -> Condition:
        path = self.path(name, front)
        opening = self._take()
        inner = self.either((*front, *path))
        self._close("]", opening)
        if self.next.kind == "word" and self.next.text.startswith("."):
            token = self._take()
            rest = Token("word", token.text[1:], token.position + 1)
            inner = All((inner, self._comparison(rest, (*front, *path))))
        return Element(path, inner)

    def _comparison(self, name: Token, front: Path) -> Condition:
        path = self.path(name, front)
        token = self._take()
        operator = next((known for known in _OPERATORS if token.kind == "word" and known == token.text.lower()), None)
        if operator is None:
            hint = did_you_mean(token.text, _OPERATORS) if token.kind == "word" else ""
            what = "unexpected the end" if token.kind == "end" else f"unrecognized attribute operator {token.named}"
            self.refuse(token, f"{what}; expected: {_EXPECTED}{hint}".replace("unexpected the end", "the filter ends here"))
        if operator == "pr":
            return Comparison(path, operator)
        token = self._take()
        return Comparison(path, operator, self._value(token, operator))

    def _value(self, token: Token, operator: Operator) -> Value:
        if token.kind == "end":
            self.refuse(token, 'the filter ends here; expected: a value, such as "text" in double quotes, a number, true, false, null')
        try:
            value = json.loads(token.text)
        except ValueError:
            hint = f'; did you mean "{token.text}"?' if token.kind == "word" else ""
            self.refuse(token, f'unreadable value {token.named}; expected: "text" in double quotes, a number, true, false, null{hint}')
        if not isinstance(value, str | int | float | bool | None):
            self.refuse(token, f"unreadable value {token.named}; expected: one value")
        if operator in _TEXT_ONLY and not isinstance(value, str):
            self.refuse(token, f'{operator} looks for text; expected: "text" in double quotes')
        if operator in _ORDERED and (value is None or isinstance(value, bool)):
            self.refuse(token, f"{operator} compares numbers, times and texts; expected: one of these")
        return value

    def _take(self) -> Token:
        token = self._tokens[self._place]
        if token.kind != "end":
            self._place += 1
        return token

    def _take_word(self, word: str) -> bool:
        if self.next.kind == "word" and self.next.text.lower() == word:
            self._place += 1
            return True
        return False

    def _close(self, bracket: str, opening: Token) -> None:
        token = self._take()
        if token.text != bracket or token.kind != "bracket":
            self.refuse(
                token, f"unexpected {token.named}; expected: {bracket} for the {opening.text} at position {opening.position}, and, or"
            )
