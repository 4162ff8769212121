"""What an event is, for everything that reads one: the source, the audit, replay, dead letters, search. Pure.

msgspec reads an event in a microsecond and refuses some of what RFC 8259 allows: half a surrogate pair in a string, of which half an emoji
in a display name is enough. An event that one reader takes and the next one doesn't is delivered, called missing, delivered again. So all
of them read here: by msgspec, and what that refuses by the standard library's parser, which knows all of JSON.

`okta_source/polling/` and `sinks/` have the same file each, since neither package imports the other; a test compares them.
"""

import json
from datetime import datetime
from typing import Annotated, Any

import msgspec

__all__ = ["NOT_JSON", "Head", "members_of", "read_head"]


class Head(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The three members without which an event can't be placed: Okta documents them as never null.

    Attributes:
        uuid: The event's unique id.
        published: When the event happened, time-zone aware.
        event_type: Name in Okta's event-type catalogue, such as `user.session.start`.
    """

    uuid: Annotated[str, msgspec.Meta(min_length=1)]
    published: Annotated[datetime, msgspec.Meta(tz=True)]
    event_type: Annotated[str, msgspec.Meta(min_length=1)]


NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for what it doesn't read: half a character in a text that it wants is no `DecodeError` of its own, and nesting counts
against the interpreter's recursion limit."""
_HEAD = msgspec.json.Decoder(Head)


def read_head(event: bytes | memoryview) -> Head:
    """Read one event.

    Args:
        event: A JSON object, with or without the members that this pipeline puts in front.

    Raises:
        ValueError: It is none, or lacks a member; the message says why.
    """
    try:
        return _HEAD.decode(event)
    except msgspec.ValidationError:
        raise
    except NOT_JSON:
        members = members_of(bytes(event))
    found = {name: members.get(name) for name in ("uuid", "published", "eventType")}
    for value in found.values():
        if isinstance(value, str):
            value.encode()  # half a character in a name of ours would stop whatever writes it
    return msgspec.convert(found, Head)


def members_of(event: bytes) -> dict[str, Any]:
    """The members of a JSON object that msgspec refuses to read; numbers are not to be relied on.

    Raises:
        ValueError: It is none; the message says why.
    """
    try:
        # Whole numbers as any others: those of 5,000 digits are JSON, and Python refuses them.
        members = json.loads(event.decode(), parse_int=float, parse_constant=_refuse)
    except RecursionError:
        msg = "it is nested too deeply"
        raise ValueError(msg) from None
    if not isinstance(members, dict):
        msg = f"expected an object, got {type(members).__name__}"
        raise ValueError(msg)  # noqa: TRY004  # to the caller it is one of several reasons
    return members


def _refuse(constant: str) -> None:
    msg = f"{constant} is no JSON"
    raise ValueError(msg)
