"""What has to become of an array of events: told by Python's own parser, and by the bytes that are left over."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from okta_source.polling.event import LINE_BREAKS_TO_SPACES, MOST_EVENTS, SlicedPage

__all__ = ["assert_accounted", "assert_judged_rightly", "certain_heads", "head_of", "members_of", "readable"]

_MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]
_BETWEEN = b" \t,"


def readable(body: bytes) -> list[Any] | None:
    """The elements, where the standard library finds a list in it; None where it finds none, or would have to go too deep."""
    try:
        found = json.loads(body.decode(), parse_int=float, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def members_of(document: bytes) -> list[tuple[str, Any]] | None:
    """A document's members as they stand, also those that are there twice; None where it is too deep for the standard library.

    Raises:
        ValueError: It is no JSON object.
    """
    try:
        found = json.loads(document.decode(), parse_int=float, parse_constant=_refuse, object_pairs_hook=_Pairs)
    except RecursionError:
        return None
    if not isinstance(found, _Pairs):
        msg = f"no object: {document[:200]!r}"
        raise ValueError(msg)
    return list(found)


def assert_accounted(body: bytes, sliced: SlicedPage, letters: Sequence[bytes]) -> None:
    """Every byte of the array is in an event, in a dead letter, or a comma, bracket or blank between them; each once, in its order."""
    text = bytes(body).translate(LINE_BREAKS_TO_SPACES).strip()
    assert text[:1] == b"[", "it begins with its bracket"
    assert text[-1:] == b"]", "it ends with its bracket"
    assert len(sliced.heads) == len(sliced.bodies)
    assert sliced.events == len(sliced.heads) + len(letters) <= MOST_EVENTS, "each element is counted once"
    events, refused = [b"{" + bytes(each) for each in sliced.bodies], list(letters)
    events.reverse()
    refused.reverse()
    place, end = 1, len(text) - 1
    while events or refused:
        while text[place : place + 1] and text[place] in _BETWEEN:
            place += 1
        if events and text.startswith(events[-1], place):
            place += len(events.pop())
        else:
            assert refused, f"an event that is not in the body, at {place}"
            assert text.startswith(refused[-1], place), f"neither an event nor a dead letter at {place}"
            place += len(refused.pop())
    assert not text[place:end].strip(_BETWEEN), f"left over: {text[place:end][:200]!r}"


def assert_judged_rightly(body: bytes, elements: Sequence[Any], sliced: SlicedPage) -> None:
    """The events are exactly the elements that are well-formed, and their heads say what their last members of each name say."""
    found = [(head.uuid, head.event_type, head.published) for head in sliced.heads]
    expected = [head for head in map(head_of, elements) if head is not None]
    if found == expected:
        return
    certain = certain_heads(body, elements)
    left = iter(expected)
    assert all(head in left for head in found), f"events {found}, and well-formed are {expected}"
    assert all(head in found for head in certain), f"events {found}, and well-formed are {certain}"


def certain_heads(body: bytes, elements: Sequence[Any]) -> list[tuple[str, str, datetime]]:
    """The heads of elements that are events without a doubt.

    Where one of the three members is there twice and one of them is no good, the event may be called malformed.
    """
    pairs = json.loads(body.decode(), parse_int=float, object_pairs_hook=_Pairs)
    return [head for head, told in zip(map(head_of, elements), pairs, strict=True) if head is not None and not _repeats(told)]


def _repeats(members: list[tuple[str, Any]]) -> bool:
    names = [name for name, _ in members]
    return any(names.count(name) > 1 for name in ("uuid", "published", "eventType"))


def head_of(element: Any) -> tuple[str, str, datetime] | None:
    """What an event's head has to say, None for what is no event."""
    if not isinstance(element, dict) or any(name.startswith("_okta_") for name in element):
        return None
    uuid, event_type = element.get("uuid"), element.get("eventType")
    try:
        for text in (uuid, event_type):
            if not isinstance(text, str) or not text or not text.encode():
                return None
        published = msgspec.convert(element.get("published"), _MOMENT)
        published.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return uuid, event_type, published


class _Pairs(list[tuple[str, Any]]):
    """An object as the parser came upon it."""


def _refuse(constant: str) -> None:
    msg = f"{constant} is no JSON"
    raise ValueError(msg)
