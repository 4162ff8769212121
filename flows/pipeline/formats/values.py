"""Values of an event, read leniently: an odd one is left out, and everything beside it stays."""

import re
from ipaddress import ip_address
from typing import Any, Final

import msgspec

__all__ = [
    "cleaned",
    "dump",
    "email",
    "filled",
    "ip",
    "member",
    "named",
    "objects",
    "parse",
    "parsed_text",
    "scalar",
    "snake",
    "text",
    "whole_number",
]

_NOT_JSON: Final = (msgspec.DecodeError, RecursionError)
_ANY = msgspec.json.Decoder()
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ENCODER = msgspec.json.Encoder()
# The shape that OCSF's email_t and most people's idea of an address have in common.
_EMAIL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+")
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_DEPTH: Final = 100

dump = _ENCODER.encode
"""A value as JSON text."""


def parse(raw: bytes | msgspec.Raw) -> Any:
    """Decode JSON text; what can't be decoded in it (half a surrogate pair, a number beyond any float) is left out.

    Returns:
        The value; None where nothing can be read, or nothing is there.
    """
    if not raw:
        return None
    try:
        return _ANY.decode(raw)
    except _NOT_JSON:
        return _salvage(bytes(raw), 0)


def _salvage(raw: bytes, depth: int) -> Any:
    if depth > _MOST_DEPTH:
        return None
    try:
        if raw.lstrip()[:1] == b"{":
            return {name: value for name, part in _MEMBERS.decode(raw).items() if (value := _salvage(bytes(part), depth + 1)) is not None}
        if raw.lstrip()[:1] == b"[":
            return [value for part in _ITEMS.decode(raw) if (value := _salvage(bytes(part), depth + 1)) is not None]
        return _ANY.decode(raw)
    except _NOT_JSON:
        return None


def parsed_text(value: Any) -> Any:
    """JSON in a text, as Okta has some; the text itself where it isn't an object or an array."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return _ANY.decode(value)
        except (*_NOT_JSON, UnicodeEncodeError):
            return value
    return value


def cleaned(value: Any, depth: int = 0) -> Any:
    """A value without members and items that are null, empty texts, empty objects or empty arrays; None where nothing is left."""
    if depth > _MOST_DEPTH:
        return None
    if type(value) is dict:
        kept: dict[str, Any] = {}
        for name, item in value.items():
            if type(item) is dict or type(item) is list:
                item = cleaned(item, depth + 1)  # noqa: PLW2901
            if item is not None and item != "":
                kept[name] = item
        return kept or None
    if type(value) is list:
        items = [part for item in value if (part := cleaned(item, depth + 1)) is not None]
        return items or None
    return None if value == "" else value


def member(value: Any, name: str) -> Any:
    """A member of an object; None where there is none, or no object."""
    return value.get(name) if isinstance(value, dict) else None


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of an array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """A text that isn't empty."""
    return value if isinstance(value, str) and value else None


def scalar(value: Any) -> Any:
    """A text that isn't empty, a number or a truth value: what a keyword can hold."""
    return value if isinstance(value, int | float) or (isinstance(value, str) and value) else None


def whole_number(value: Any) -> int | None:
    """An integer of at most 64 bits, also one that is written as a text: Okta's `asNumber` has been seen as both."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63 else None


def ip(value: Any) -> str | None:
    """An address; the text "null", which Okta writes now and then, is none. One with a zone (`%eth0`) no index takes."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        ip_address(value)
    except ValueError:
        return None
    return value


def email(value: Any) -> str | None:
    """An e-mail address."""
    return value if isinstance(value, str) and _EMAIL.fullmatch(value) else None


def snake(name: str) -> str:
    """`osVersion` → `os_version`."""
    return _WORD_START.sub("_", name).lower()


def named(name: str, value: Any) -> bytes:
    """`,"name":value`; nothing for a value that is null or empty."""
    return b',"%b":%b' % (name.encode(), dump(value)) if value not in (None, {}, []) else b""


def filled(**members: Any) -> dict[str, Any]:
    """The members that hold something."""
    return {name: value for name, value in members.items() if value is not None and value != {}}
