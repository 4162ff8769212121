"""Dead letters read back: line by line, and made into documents again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from sinks.dead_letters.line import decode
from sinks.documents import Documents, Rejected
from sinks.event_head import NOT_JSON, members_of

__all__ = ["Head", "Line", "head_of", "read_lines", "to_documents"]

_BRACE: Final = b"{"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file that is not blank.

    Attributes:
        number: Counted from 1, blank lines included.
        start: Its offset in the file, in bytes.
        end: The offset behind its line feed.
        letter: What it says; None where it is no dead letter, as after an edit by hand.
        problem: Why it is none.
    """

    number: int
    start: int
    end: int
    letter: Rejected | None
    problem: str = ""


class Head(msgspec.Struct, frozen=True):
    """What sinks look at, of an event that was a dead letter; see `sinks.documents.DocumentHead`."""

    uuid: Annotated[str, msgspec.Meta(min_length=1)]
    published: Annotated[datetime, msgspec.Meta(tz=True)]
    event_type: str = ""


class _Members(msgspec.Struct):
    uuid: Any = None
    published: Any = None
    eventType: Any = None  # noqa: N815 (Okta's name)


_MEMBERS = msgspec.json.Decoder(_Members)


def read_lines(path: Path) -> Iterator[Line]:
    """Read a file from its beginning, a line at a time.

    Raises:
        OSError: The operating system refuses.
    """
    with path.open("rb") as file:
        end = 0
        for number, line in enumerate(file, start=1):
            start, end = end, end + len(line)
            if line.isspace():
                continue
            try:
                yield Line(number, start, end, decode(line))
            except ValueError as error:
                yield Line(number, start, end, None, str(error))


def head_of(letter: Rejected) -> Head:
    """What a sink has to know of a letter's event: from the event itself, where it says so, else from the letter.

    Raises:
        ValueError: The event is no document of this pipeline; the message says why.
    """
    if not letter.event.startswith(_BRACE):
        message = "its event is no JSON object"
        raise ValueError(message)
    members = _members(letter.event)
    uuid = members.uuid if isinstance(members.uuid, str) and members.uuid else letter.uuid
    event_type = members.eventType if isinstance(members.eventType, str) else ""
    for published in (members.published, letter.published):
        try:
            return msgspec.convert({"uuid": uuid, "published": published, "event_type": event_type}, Head)
        except msgspec.ValidationError:
            continue
    message = "its event has no uuid" if not uuid else "nothing says when its event was published"
    raise ValueError(message)


def to_documents(tenant: str, letters: Iterable[tuple[Head, bytes]]) -> Documents:
    """The documents of one tenant as the sink was given them, in this order.

    Args:
        tenant: The tenant's name.
        letters: Each letter's head and event, a JSON object.
    """
    heads, events = zip(*letters, strict=True)
    return Documents(tenant, heads, [_BRACE] * len(heads), [memoryview(event)[1:] for event in events])


def _members(event: bytes) -> _Members:
    try:
        return _MEMBERS.decode(event)
    except NOT_JSON:
        pass
    # The letter itself helps where nobody can read the event.
    try:
        members = members_of(event)
    except ValueError:
        return _Members()
    return _Members(members.get("uuid"), members.get("published"), members.get("eventType"))
