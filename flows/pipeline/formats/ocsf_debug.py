"""`debugData` in OCSF documents: the members that attributes are made of, and what is left of it."""

from typing import Final

import msgspec

from flows.pipeline.formats.event import NOTHING, Event, OddEvent
from flows.pipeline.formats.ocsf_values import short
from flows.pipeline.formats.values import dump, parse

__all__ = ["Debug", "debug_of", "debug_rest", "privileges_of", "text_of"]

_TEXT: Final = 34  # a quotation mark
_COMMA: Final = 44
_LONGEST_TEXT_BYTES: Final = 65_537


class Debug(msgspec.Struct, gc=False, rename="camel"):
    """The members of `debugData` that attributes are made of."""

    factor: msgspec.Raw = NOTHING
    privilege_granted: msgspec.Raw = NOTHING
    request_id: msgspec.Raw = NOTHING
    request_uri: msgspec.Raw = NOTHING
    sign_on_mode: msgspec.Raw = NOTHING
    url: msgspec.Raw = NOTHING


_DEBUG = msgspec.json.Decoder(Debug)
_NO_DEBUG: Final = Debug()


def debug_of(event: Event) -> tuple[bytes, Debug]:
    """`debugData` as it is, and the members that attributes are made of."""
    context = event.debug_context
    if context is None:
        return b"", _NO_DEBUG
    raw = bytes(context.debug_data)
    try:
        debug = _DEBUG.decode(raw) if raw else _NO_DEBUG
    except (msgspec.DecodeError, RecursionError):
        debug = _NO_DEBUG
    # The whole context is among an odd event's others.
    return b"" if type(event) is OddEvent and "debugContext" in event.others else raw, debug


def debug_rest(raw: bytes, request_id: bytes, url: bytes) -> bytes:
    """`debugData` without what attributes took."""
    if not raw:
        return b""
    if request_id:
        raw = _without(raw, b'"requestId":', request_id)
    if url:
        raw = _without(raw, b'"url":', url)
    return b"".join((b',"debugContext":{"debugData":', raw, b"}")) if len(raw) > 2 and raw != b"null" else b""


def _without(raw: bytes, name: bytes, value: bytes) -> bytes:
    """An object without a member: cut out where it stands as Okta writes it, which saves making the object anew."""
    at = raw.find(name + value)
    if at < 0:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        members.pop(name[1:-2].decode(), None)
        return dump(members)
    end = at + len(name) + len(value)
    if raw[end] == _COMMA:
        return b"".join((raw[:at], raw[end + 1 :]))
    return b"".join((raw[: at - 1] if raw[at - 1] == _COMMA else raw[:at], raw[end:]))


def privileges_of(debug: Debug) -> bytes:
    """`privilegeGranted`, a text of several with commas between them, as a JSON array; nothing where there are none."""
    granted = parse(debug.privilege_granted)
    names = [name for part in granted.split(",") if (name := short(part.strip()))] if isinstance(granted, str) else []
    return dump(names) if names else b""


def text_of(raw: msgspec.Raw) -> bytes:
    """A JSON text that isn't empty, of a length that OCSF allows; else nothing."""
    text = bytes(raw)
    return text if 2 < len(text) <= _LONGEST_TEXT_BYTES and text[0] == _TEXT else b""
