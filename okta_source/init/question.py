"""One thing that `init` has to know, and the checks by which a secret that was pasted in the place of its name is seen."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Question", "env_prefix", "is_like_a_secret", "path", "variable", "yes_no"]

_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,100}")
_LIKE_A_SECRET: Final = (
    re.compile(r"(?=.*[a-z])(?=.*[A-Z0-9])[A-Za-z0-9_-]{30,}={0,2}"),
    re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9+/]{40,}={0,2}"),  # Base64
    re.compile(r"whsec_.*"),
)


def variable(value: str) -> str:
    """Check a variable's name."""
    # Stricter than the file: a secret that was pasted here by mistake must not get into the file as a "name".
    if not _VARIABLE.fullmatch(value):
        msg = "a variable's name in capitals, digits and _, such as ACME_OKTA_TOKEN; not the secret itself"
        raise ValueError(msg)
    return value


def path(value: str) -> str:
    """Check a file's path."""
    if not value or "\n" in value or "-----" in value or "://" in value or is_like_a_secret(value):
        msg = "the path of a file; not the secret itself"
        raise ValueError(msg)
    return value


def is_like_a_secret(value: str) -> bool:
    """Whether a text looks like a token or a key, and not like something that a person would type."""
    return any(pattern.fullmatch(value) for pattern in _LIKE_A_SECRET)


def yes_no(value: str) -> str:
    """Check a yes or no; gives it as TOML."""
    answers = {"yes": "true", "y": "true", "true": "true", "no": "false", "n": "false", "false": "false"}
    try:
        return answers[value.lower()]
    except KeyError:
        msg = "yes or no"
        raise ValueError(msg) from None


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know.

    Attributes:
        key: The configuration's key.
        text: The question.
        where: Where the answer is to be found, or what it is for.
        check: Gives the answer as it is to be written; raises `ValueError` with what is allowed.
        suggestion: An answer that usually fits, `{name}` and `{NAME}` being the new table's name; empty for none.
        instead: Keys that may be given in this one's place, each with its check: a file where the key is a variable, or the reverse.
        optional: Whether nothing is an answer too.
        literal: Whether it is written without quotes.
    """

    key: str
    text: str
    where: str
    check: Callable[[str], str]
    suggestion: str = ""
    instead: Sequence[tuple[str, Callable[[str], str]]] = ()
    optional: bool = False
    literal: bool = False

    def suggested(self, name: str) -> str:
        """The suggestion for a table of this name."""
        return self.suggestion.format(name=name, NAME=env_prefix(name))

    def forms(self) -> Iterator[tuple[str, Callable[[str], str]]]:
        """The keys that an answer on a terminal may be meant for, each with its check, the strictest first."""
        every = [(self.key, self.check), *self.instead]
        if len(every) == 1:
            return iter(every)
        return ((key, _typed_path if check is path else check) for key, check in sorted(every, key=lambda form: _strictness(form[0])))


def _typed_path(value: str) -> str:
    # Where a variable's name is an answer too, a word alone may be the secret of somebody who has not read the question.
    if "/" not in value:
        msg = "the path of a file with a / in it, such as ./acme.token; not the secret itself"
        raise ValueError(msg)
    return path(value)


def _strictness(key: str) -> int:
    return 0 if key.endswith("_env") else 2 if key.endswith("_file") else 1


def env_prefix(name: str) -> str:
    """A name as the beginning of a variable's."""
    capitals = name.upper().replace("-", "_")
    return f"OKTA_{capitals}" if capitals[:1].isdigit() else capitals
