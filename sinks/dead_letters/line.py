"""A dead letter as one line of JSON, written and read back. Pure.

`{"tenant","sink","reason","status","attempts","first_attempt_at","last_attempt_at","uuid","published","format","event"}`: the event is the
last member, byte for byte as the sink was given it.
"""

import json
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from sinks.documents import Rejected, rfc3339

__all__ = ["decode", "encode", "is_json"]

_LINE_BREAKS_TO_SPACES: Final = bytes.maketrans(b"\r\n", b"  ")
_EVENT: Final = b',"event":'
# msgspec counts nesting against the interpreter's recursion limit.
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(rejected: Rejected) -> bytes:
    r"""One line, with its line feed.

    An event that is JSON is spliced in untouched, but for line breaks, which only stand between tokens there
    and become spaces. Anything else becomes a JSON string, its undecodable bytes escaped as `\xff`; so does what
    is a JSON string itself, or nobody could tell which of the two it was.
    """
    published = rejected.published
    about = _encode({
        "tenant": rejected.tenant,
        "sink": rejected.sink,
        "reason": rejected.reason,
        "status": rejected.status,
        "attempts": rejected.attempts,
        "first_attempt_at": rfc3339(rejected.first_attempt_at),
        "last_attempt_at": rfc3339(rejected.last_attempt_at),
        "uuid": rejected.uuid,
        "published": published if published is None or isinstance(published, str) else rfc3339(published),
        "format": rejected.format,
    })  # fmt: skip
    if is_json(rejected.event) and not rejected.event.lstrip().startswith(b'"'):
        event = rejected.event.translate(_LINE_BREAKS_TO_SPACES)
    else:
        event = _encode(rejected.event.decode(errors="backslashreplace"))
    return b"".join((about[:-1], _EVENT, event, b"}\n"))


def decode(line: bytes) -> Rejected:
    """Read a line back: `encode` of the result is the same line, unless somebody wrote it in another way.

    Args:
        line: With or without its line feed.

    Raises:
        ValueError: It is no dead letter; the message says why and shows nothing of the event.
    """
    try:
        wire = _WHOLE.decode(line)
    except _NOT_JSON as error:
        wire = _split(line, error)
    event = bytes(wire.event)
    try:
        reason = json.loads(bytes(wire.reason))
        event.decode("utf-8")
        if event.startswith(b'"'):
            # What Python's parser refuses though it may be JSON, such as a number of 5,000 digits, was written as a string.
            event = json.loads(event).encode("utf-8")
    except UnicodeError:
        message = "its event is not UTF-8"
        raise ValueError(message) from None
    except (ValueError, RecursionError):
        message = "it is not JSON"
        raise ValueError(message) from None
    if not isinstance(reason, str):
        message = "its reason is no text"
        raise ValueError(message)  # noqa: TRY004 (callers know one kind of bad line)
    return Rejected(
        tenant=wire.tenant,
        sink=wire.sink,
        reason=reason,
        status=wire.status,
        attempts=wire.attempts,
        first_attempt_at=wire.first_attempt_at,
        last_attempt_at=wire.last_attempt_at,
        uuid=wire.uuid,
        published=wire.published,
        format=wire.format,
        event=event,
    )


def is_json(data: bytes) -> bool:
    """Whether these bytes are one JSON value."""
    try:
        # Not msgspec: it refuses a lone surrogate's escape, which is JSON. NaN and the infinities are not.
        json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Wire(msgspec.Struct, gc=False):
    tenant: Annotated[str, msgspec.Meta(min_length=1)]
    sink: str
    # Read by Python's parser: a target's words may hold a lone surrogate's escape.
    reason: msgspec.Raw
    status: int | None
    attempts: Annotated[int, msgspec.Meta(ge=0)]
    first_attempt_at: _Moment
    last_attempt_at: _Moment
    uuid: str | None
    published: str | None
    format: Literal["raw", "ecs", "ocsf"]
    event: msgspec.Raw


_WHOLE = msgspec.json.Decoder(_Wire)


def _split(line: bytes, error: Exception) -> _Wire:
    """Read a line whose strings msgspec can't follow: escapes of lone surrogates are JSON all the same.

    No string of JSON holds the separator, since its quotes would be escaped there.
    """
    head, separator, event = line.rstrip().partition(_EVENT)
    event = event[:-1]
    if not separator or not line.rstrip().endswith(b"}") or not is_json(event):
        raise ValueError(_why(line, error)) from None
    try:
        members = json.loads(head + b"}")
        # Other members never hold a lone surrogate: they come from the configuration, or from what msgspec has read.
        wire = msgspec.convert(
            {**members, "reason": msgspec.Raw(json.dumps(members.get("reason")).encode()), "event": msgspec.Raw()}, _Wire
        )
    except (ValueError, RecursionError) as convert_error:
        raise ValueError(_why(line, convert_error)) from None
    wire.event = msgspec.Raw(event)
    return wire


def _why(line: bytes, error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return f"it has not the members of one: {error}"
    return "it is not JSON" if line.rstrip().endswith(b"}") else "it is cut off, or not JSON"


def _encode(value: object) -> bytes:
    # A lone surrogate in a reason becomes its \\u escape, which JSON knows too.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _refuse(name: str) -> None:
    raise ValueError(name)
