"""An event as the formats read it: its members as slices of its bytes, hardly anything decoded.

Most members of an event repeat from event to event: a session's actor, client, network and device are the same bytes each time. So they
are kept as bytes, and what is made of them is looked up by them (`remembered.Remembered`). One decode in C finds all slices, 2 µs an event.
"""

import re
from typing import Final

import msgspec

__all__ = ["MEMBERS", "NOTHING", "DebugContext", "Event", "OddEvent", "read_event"]

NOTHING: Final = msgspec.Raw()
"""A member that isn't there: empty."""


class DebugContext(msgspec.Struct, gc=False, rename="camel", forbid_unknown_fields=True):
    """`debugContext`."""

    debug_data: msgspec.Raw = NOTHING


class Event(msgspec.Struct, gc=False, rename="camel", forbid_unknown_fields=True):
    """The members that Okta documents for a `LogEvent`; each is JSON text, whatever it holds, or `NOTHING`.

    Source: the schema `LogEvent` of Okta's OpenAPI document; `device` and `insertionTimestamp` as real events have them.
    """

    uuid: msgspec.Raw = NOTHING
    published: msgspec.Raw = NOTHING
    event_type: msgspec.Raw = NOTHING
    version: msgspec.Raw = NOTHING
    severity: msgspec.Raw = NOTHING
    legacy_event_type: msgspec.Raw = NOTHING
    display_message: msgspec.Raw = NOTHING
    actor: msgspec.Raw = NOTHING
    client: msgspec.Raw = NOTHING
    device: msgspec.Raw = NOTHING
    authentication_context: msgspec.Raw = NOTHING
    security_context: msgspec.Raw = NOTHING
    request: msgspec.Raw = NOTHING
    outcome: msgspec.Raw = NOTHING
    target: msgspec.Raw = NOTHING
    transaction: msgspec.Raw = NOTHING
    debug_context: DebugContext | None = None


class OddEvent(Event):
    """An event with members that Okta doesn't document, or with one of another kind than it documents.

    Attributes:
        others: Those members, and the whole of a `debugContext` with members that nobody documents.
    """

    others: dict[str, msgspec.Raw] = {}


MEMBERS: Final = dict(zip(Event.__struct_encode_fields__, Event.__struct_fields__, strict=True))
"""The name that Okta gives a member → the attribute of `Event`."""

# An escape in a text: a pair of surrogates, a surrogate without its other half, or another one.
_ESCAPE: Final = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_EVENT = msgspec.json.Decoder(Event)
_ANY = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_event(text: bytes) -> Event:
    """Cut an event into its members.

    Args:
        text: The whole event, a JSON object.

    Returns:
        The event; an `OddEvent` where there is anything that `Event` has no place for. Half a surrogate pair, which no UTF-8 can hold, is
        a replacement character in it.

    Raises:
        msgspec.DecodeError: It is no JSON object.
        RecursionError: It is nested too deep to be read.
    """
    try:
        return _EVENT.decode(text)
    except msgspec.DecodeError:
        pass
    try:
        return _read_odd(text)
    except msgspec.DecodeError:
        return _read_odd(_ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text))


def _read_odd(text: bytes) -> OddEvent:
    event = OddEvent(others={})
    for name, raw in _ANY.decode(text).items():
        if name == "debugContext":
            try:
                context = _ANY.decode(raw)
            except msgspec.ValidationError:  # null, or no object
                context = {}
            event.debug_context = DebugContext(context.pop("debugData", NOTHING))
            if context or bytes(raw)[:1] != b"{":
                event.others[name] = raw
        elif name in MEMBERS:
            setattr(event, MEMBERS[name], raw)
        else:
            event.others[name] = raw
    return event
