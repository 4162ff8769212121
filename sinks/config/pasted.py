"""Credentials in the forms in which people have them: in quotes, as NAME=value, behind their scheme, as the JSON that made them. Pure.

What can be understood is taken; what can't be is refused where it is read, with what was found and never with the value. Else the start is
silent, and what the server then says sends people to make new credentials in vain.

`okta_source/config/` and `sinks/config/` have the same file each, since neither package imports the other; a test compares them.
"""

import json
import re
from collections.abc import Sequence

__all__ = ["members_of", "unwrapped", "why_unusable"]

_NAMED = re.compile(r"(?:export\s+|set\s+|\$env:)?[A-Za-z_][A-Za-z0-9_.-]*(?:\s*=\s*|:\s+)([^\s=].*)", re.DOTALL)
_HEADER = re.compile(r"authorization\s*:\s*(\S.*)", re.DOTALL | re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_ANY_QUOTE = frozenset({*_QUOTES, *_QUOTES.values()})
_GIVEN_AWAY = (
    (_ANY_QUOTE, "begins with a quotation mark"),
    (frozenset("{["), "begins with a brace: it is JSON, or a placeholder that nobody has filled in"),
    (frozenset("$"), "begins with $: it is a placeholder that nobody has filled in"),
    (frozenset("%"), "begins with %: it is a placeholder that nobody has filled in"),
    (frozenset("<"), "begins with <: it is a placeholder that nobody has filled in"),
)


def unwrapped(text: str, schemes: Sequence[str]) -> str:
    """A credential without what is commonly put around it; the text itself where there is nothing of that.

    Args:
        text: As it was found.
        schemes: What may stand in front of it in an `Authorization` header, such as `SSWS`.
    """
    while True:
        inner = _inner(text.strip(), schemes)
        if inner is None:
            return text
        text = inner


def _inner(text: str, schemes: Sequence[str]) -> str | None:
    if len(text) > 2 and _QUOTES.get(text[0]) == text[-1]:
        return text[1:-1]
    first, _, rest = text.partition(" ")
    if rest.strip() and first.lower() in (scheme.lower() for scheme in schemes):
        return rest
    if found := _HEADER.fullmatch(text) or _NAMED.fullmatch(text):
        return found[1]
    return None


def members_of(text: str) -> dict[str, str] | None:
    """The texts of a JSON object; None for what is none."""
    if not text.strip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else None


def why_unusable(text: str) -> str:
    """What gives a text away that is no credential; empty where nothing does. The text itself is not in it."""
    stripped = text.strip()
    if stripped.startswith("-----BEGIN"):
        return "is a PEM file: a key or a certificate"
    if len(stripped.splitlines()) > 1:
        return ""  # whoever asks has words for what no header can carry
    if not stripped.strip("*\u2022"):
        return "is a mask, as it is shown in place of a secret" if stripped else "is blank"
    if stripped[-1] in _ANY_QUOTE and stripped[0] not in _ANY_QUOTE:
        return "ends with a quotation mark"
    return next((why for marks, why in _GIVEN_AWAY if stripped[0] in marks), "")
