"""The events of a body that msgspec refuses as a whole, where Okta sends the same body again.

RFC 8259 allows half a surrogate pair in a string, and half an emoji in a display name is all it takes; msgspec and orjson refuse it.
Whoever may choose a display name must not be able to hold a page back. So once a second, equal answer has shown that the bytes are Okta's
own and no accident of the way, the array is cut by its brackets and each element is read by itself.
"""

import re

from okta_source.polling.event import LINE_BREAKS_TO_SPACES, MOST_EVENTS, PageError, SlicedPage, check_event, span_of
from okta_source.polling.event_head import Head

__all__ = ["salvage"]

# What tells where an element of an array ends: strings, which may be without an end, brackets and commas.
_STRUCTURE = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[\[\]{},]', re.DOTALL)
_DEPTH = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


def salvage(page: bytes | bytearray) -> SlicedPage:
    """Cut a body into events, element by element.

    Args:
        page: A body that `slice_page` has refused.

    Returns:
        What can be read; the rest is among `malformed`.

    Raises:
        PageError: The brackets don't add up, or not one element is an event: then nothing is certain about any of them.
    """
    elements = _cut(bytes(page).translate(LINE_BREAKS_TO_SPACES).strip())
    heads: list[Head] = []
    bodies: list[memoryview] = []
    malformed: list[tuple[bytes, str, str | None, str | None]] = []
    for element in elements:
        try:
            element.decode()  # msgspec doesn't look inside the strings that it skips
            head = check_event(element)
        except ValueError as error:
            malformed.append((element, f"not an event: {error}", None, None))
            continue
        heads.append(head)
        bodies.append(memoryview(element)[1:])
    if not heads:
        msg = "no event in the body can be read"
        raise PageError(msg)
    return SlicedPage(heads, bodies, malformed, len(elements), *span_of(heads))


def _cut(array: bytes) -> list[bytes]:
    """The elements of an array as they stand, or none where the brackets don't add up."""
    ends: list[int] = []
    depth = 0
    for token in _STRUCTURE.finditer(array):
        mark = token[0][:1]
        depth += _DEPTH.get(mark, 0)
        if depth <= 0 or (depth == 1 and mark == b","):
            ends.append(token.start())
        if depth <= 0 or len(ends) == MOST_EVENTS:  # and one element more behind this comma
            break
    if array[:1] != b"[" or depth or not ends or ends[-1] != len(array) - 1:
        return []
    starts = [1, *(end + 1 for end in ends)]
    elements = [array[start:end].strip() for start, end in zip(starts, ends, strict=False)]
    return elements if all(elements) else []
