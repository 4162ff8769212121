"""The condition of a detection: a text such as `selection and not 1 of filter_*`, parsed into a tree.

Precedence, weakest first: `or`, `and`, `not`, `x of`, brackets. `1 of` (or `any of`) and `all of` take a pattern or `them`; both skip
names that begin with an underscore, unless the pattern does too. A list of conditions means any of them.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from okta_source.detections.sigma.expression import And, Expression, Not, Or

__all__ = ["ConditionError", "parse_condition"]

_TOKEN: Final = re.compile(r"\s*(\(|\)|\||[^\s()|]+)")
_QUANTIFIERS: Final[dict[str, type[And | Or]]] = {"1": Or, "any": Or, "all": And}
_CLOSING: Final = (")",)
_MOST_NESTED: Final = 100


class ConditionError(ValueError):
    """The condition can't be understood; the message says why and what would be right."""


def parse_condition(text: str, names: Mapping[str, Expression]) -> Expression:
    """Parse a condition.

    Args:
        text: The condition.
        names: The search identifiers of the same detection.

    Raises:
        ConditionError: It can't be understood.
    """
    tokens = _TOKEN.findall(text)
    if not tokens:
        msg = "the condition is empty; needed: names of the detection, joined by and, or, not"
        raise ConditionError(msg)
    if "|" in tokens:
        msg = "aggregations behind | are no longer part of Sigma; write a correlation rule of type event_count or value_count"
        raise ConditionError(msg)
    parser = _Parser(tokens, names)
    expression = parser.parse_or()
    parser.expect_end()
    return expression


class _Parser:
    def __init__(self, tokens: Sequence[str], names: Mapping[str, Expression]) -> None:
        self._tokens = tokens
        self._names = names
        self._place = 0
        self._depth = 0

    def parse_or(self) -> Expression:
        args = [self._parse_and()]
        while self._take("or"):
            args.append(self._parse_and())
        return args[0] if len(args) == 1 else Or(tuple(args))

    def expect_end(self) -> None:
        token = self._peek()
        if token is None:
            return
        msg = "a ) closes nothing" if token in _CLOSING else f"{token} stands where and, or, or the end was expected"
        raise ConditionError(msg)

    def _parse_and(self) -> Expression:
        args = [self._parse_not()]
        while self._take("and"):
            args.append(self._parse_not())
        return args[0] if len(args) == 1 else And(tuple(args))

    def _parse_not(self) -> Expression:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            msg = f"brackets and not are nested more than {_MOST_NESTED} deep"
            raise ConditionError(msg)
        try:
            return Not(self._parse_not()) if self._take("not") else self._parse_atom()
        finally:
            self._depth -= 1

    def _parse_atom(self) -> Expression:
        token = self._peek()
        if token is None or token in _CLOSING or token.lower() in ("and", "or"):
            msg = f"{'the end' if token is None else token} stands where a name was expected"
            raise ConditionError(msg)
        self._place += 1
        if token == "(":  # noqa: S105 - a bracket, no password
            inner = self.parse_or()
            if not self._take(")"):
                msg = "a ( is never closed"
                raise ConditionError(msg)
            return inner
        if self._take("of"):
            return self._quantified(token)
        if token not in self._names:
            raise ConditionError(_unknown(token, self._names))
        return self._names[token]

    def _quantified(self, quantifier: str) -> Expression:
        joined = _QUANTIFIERS.get(quantifier.lower())
        if joined is None:
            msg = f"{quantifier} of is no quantifier; allowed: 1 of, any of, all of"
            raise ConditionError(msg)
        pattern = self._peek()
        if pattern is None or pattern in ("(", ")"):
            msg = f"{quantifier} of wants a name with * or them behind it"
            raise ConditionError(msg)
        self._place += 1
        if pattern.lower() == "them" and pattern not in self._names:
            found = [name for name in self._names if not name.startswith("_")]
        else:
            literal = pattern.replace("[", "[[]").replace("?", "[?]")
            found = [name for name in self._names if fnmatchcase(name, literal) and (not name.startswith("_") or pattern.startswith("_"))]
        if not found:
            msg = f"{quantifier} of {pattern} matches no name of the detection; there are: {', '.join(self._names)}"
            raise ConditionError(msg)
        args = tuple(self._names[name] for name in found)
        return args[0] if len(args) == 1 else joined(args)

    def _peek(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self, token: str) -> bool:
        found = self._peek()
        if found is None or found.lower() != token:
            return False
        self._place += 1
        return True


def _unknown(name: str, names: Mapping[str, Expression]) -> str:
    close = get_close_matches(name, names, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"{name} is no name of the detection; {guess}there are: {', '.join(names)}"
