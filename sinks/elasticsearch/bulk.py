"""A batch → the body of a `_bulk` request: two lines a document, joined once.

Pure. Each document is asked to be created (`create`) under its event's uuid, so a server that has it already says so (409) instead of
writing it twice. `@timestamp`, which data streams require, is put in front of a document that has none; every other byte of the document
stays as it is.
"""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import TypeVar

import msgspec

from sinks.delivery.batch import Batch
from sinks.documents import DocumentHead, Documents
from sinks.paths import OTHER, likely_span

__all__ = ["PLACEHOLDERS", "BulkEncoder"]

PLACEHOLDERS = ("tenant", "date")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_UUID = attrgetter("uuid")
_PUBLISHED = attrgetter("published")
_MOMENTS = msgspec.json.Encoder()
_WHOLE_SECOND = re.compile(rb'(:\d\d)Z"')

_T = TypeVar("_T")

_BEHIND_ID = b'"}}\n{"@timestamp":'
_BEHIND_ID_ALONE = b'"}}\n'
_PIECES = 6


class BulkEncoder:
    """Encodes batches for one target.

    Every piece of a line is made once per page, not once per document, and slices fill the list of pieces in C: 0.6 µs per document of
    2 KB in batches of 2,000, of which 0.2 are the copying that any join costs; 0.8 µs where `{date}` changes within the page.

    Args:
        target: A data stream or an index; `{tenant}` and `{date}` (YYYY-MM-DD of `published`, UTC; `other` for unlikely times, see
            `sinks.paths.likely_span`) may stand in it.
        now: The clock, UTC.
        timestamped: Whether documents have their `@timestamp` already, as those in format ecs do: JSON with a member twice is refused.

    Raises:
        ValueError: Another placeholder stands in it.
    """

    def __init__(self, target: str, now: Callable[[], datetime] = lambda: datetime.now(UTC), *, timestamped: bool = False) -> None:
        names = _PLACEHOLDER.findall(target)
        if not set(names).issubset(PLACEHOLDERS):
            message = f"target {target!r}: the placeholders are {{tenant}} and {{date}}"
            raise ValueError(message)
        self._target = target
        self._now = now
        self._dated = "date" in names
        self._constant = not names
        self._timestamped = timestamped

    def encode(self, batch: Batch) -> bytes:
        """The body, each line ended by a line feed."""
        pieces: list[bytes | memoryview] = [_BEHIND_ID] * (_PIECES * len(batch))
        fronts = _Fronts()
        start = 0
        for part in batch.parts:
            end = start + _PIECES * len(part)
            moments = _moments(part.heads) if self._dated or not self._timestamped else ()
            pieces[start:end:_PIECES] = self._per_day(part, moments, _action)
            pieces[start + 1 : end : _PIECES] = _ids(part.heads)
            if self._timestamped:
                pieces[start + 2 : end : _PIECES] = [_BEHIND_ID_ALONE] * len(part)
                pieces[start + 3 : end : _PIECES] = [b""] * len(part)
                pieces[start + 4 : end : _PIECES] = part.prefixes
            else:
                pieces[start + 3 : end : _PIECES] = moments
                pieces[start + 4 : end : _PIECES] = map(fronts.__getitem__, part.prefixes)
            pieces[start + 5 : end : _PIECES] = part.bodies
            start = end
        # An action begins with the line feed that ends the document before it: one piece less a document.
        pieces[0] = memoryview(pieces[0])[1:]
        pieces.append(b"\n")
        return b"".join(pieces)

    def indices(self, batch: Batch) -> Sequence[str]:
        """The data stream or index of each document."""
        if self._constant:
            return [self._target] * len(batch)
        indices: list[str] = []
        for part in batch.parts:
            moments = _moments(part.heads) if self._dated else ()
            indices.extend(self._per_day(part, moments, lambda index: index))
        return indices

    def _per_day(self, part: Documents, moments: Sequence[bytes], make: Callable[[str], _T]) -> Sequence[_T]:
        """What is made of each document's index; made once a day."""
        if not self._dated:
            return [make(self._index(part.tenant, ""))] * len(part)
        days = [moment[1:11] for moment in moments]
        first, last = (moment.date().isoformat() for moment in likely_span(self._now()))
        made = {day: make(self._index(part.tenant, text if first <= (text := day.decode()) <= last else OTHER)) for day in set(days)}
        return list(map(made.__getitem__, days))

    def _index(self, tenant: str, day: str) -> str:
        return self._target.replace("{date}", day).replace("{tenant}", tenant)


class _Fronts(dict[bytes, bytes]):
    """A document's prefix → the same behind another member; a page has a few dozen."""

    def __missing__(self, prefix: bytes) -> bytes:
        front = self[prefix] = b"," + prefix[1:]
        return front


def _action(index: str) -> bytes:
    """The beginning of a document's first line, up to the id."""
    return b'\n{"create":{"_index":%b,"_id":"' % json.dumps(index).encode()


def _moments(heads: Sequence[DocumentHead]) -> Sequence[bytes]:
    """Each `published` as a JSON string, in UTC: milliseconds as Okta writes them, microseconds only where there are some."""
    published: list[datetime] = list(map(_PUBLISHED, heads))
    text = _MOMENTS.encode(published)
    if text.count(b'Z"') != len(published):  # another time zone than UTC
        text = _MOMENTS.encode(list(map(_to_utc, published)))
    text = text[1:-1].replace(b'000Z"', b'Z"')
    if text.count(b".") != len(published):
        text = _WHOLE_SECOND.sub(rb'\1.000Z"', text)
    return text.split(b",")


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # in the first or the last hours of the calendar
        return moment.replace(tzinfo=UTC)


def _ids(heads: Sequence[DocumentHead]) -> Sequence[bytes]:
    """Each uuid as the inside of a JSON string."""
    uuids: list[str] = list(map(_UUID, heads))
    text = " ".join(uuids)
    # Okta's are plain, which a few passes in C over all of them at once tell.
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        ids = text.encode().split(b" ")
        if len(ids) == len(uuids):
            return ids
    return [json.dumps(uuid)[1:-1].encode() for uuid in uuids]
