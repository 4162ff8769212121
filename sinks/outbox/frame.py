"""A page as it lies in an outbox: a line of lengths, a line of what is known of each event, and each document on a line of its own. Pure.

    00000a1c 00000f3e2d
    {"v":1,"at":1790000000.0,"tenant":"acme","uuids":[…],"published":[…],"types":[…],"prefixes":[…]}
    {"_okta_event_type":"systemLog",…}

The first line has a fixed length: how long the second one is and how long all documents are, in hexadecimal digits. Pages keep their
borders, so that the same pages always make the same batches; and a document keeps the place where its two parts meet.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from operator import attrgetter

import msgspec

from sinks.documents import Documents

__all__ = [
    "LENGTHS_BYTES", "Damaged", "EventHead", "Lengths", "encode", "find_frame", "frame_head", "is_unfinished", "read_frame", "read_lengths",
]  # fmt: skip

_UUID, _PUBLISHED, _TYPE = attrgetter("uuid"), attrgetter("published"), attrgetter("event_type")
_VERSION = 1
_LENGTHS = re.compile(rb"[0-9a-f]{8} [0-9a-f]{10}\n")

LENGTHS_BYTES = 20
"""How long the first line is."""


class Damaged(ValueError):  # noqa: N818 (it names what is the case)
    """This is no frame."""


class EventHead(msgspec.Struct, frozen=True, gc=False):
    """What sinks know of an event: see `sinks.documents.DocumentHead`."""

    uuid: str
    published: datetime
    event_type: str


class Lengths(msgspec.Struct, frozen=True):
    """How long a frame's parts are, in bytes."""

    head: int
    documents: int

    @property
    def whole(self) -> int:
        """The frame with all its lines."""
        return LENGTHS_BYTES + self.head + self.documents


class _Head(msgspec.Struct):
    v: int
    at: float
    tenant: str
    uuids: list[str]
    published: list[datetime]
    types: list[str]
    prefixes: list[int]


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Head)


def encode(documents: Documents, at_epoch_seconds: float) -> tuple[int, Iterator[bytes]]:
    """A page as a frame.

    Args:
        documents: At least one.
        at_epoch_seconds: When it is written.

    Returns:
        How long the frame is, and its bytes in pieces.
    """
    heads = documents.heads
    prefixes = list(map(len, documents.prefixes))
    head = _ENCODER.encode(
        _Head(
            _VERSION,
            at_epoch_seconds,
            documents.tenant,
            list(map(_UUID, heads)),
            list(map(_PUBLISHED, heads)),
            list(map(_TYPE, heads)),
            prefixes,
        )
    )
    size = sum(prefixes) + sum(map(len, documents.bodies)) + len(documents)
    lengths = Lengths(len(head) + 1, size)
    return lengths.whole, _pieces(b"%08x %010x\n%b\n" % (lengths.head, size, head), documents)


def _pieces(head: bytes, documents: Documents) -> Iterator[bytes]:
    yield head
    yield from documents.ndjson_pieces()


def read_lengths(line: bytes) -> Lengths:
    """How long a frame is, from its first line.

    Raises:
        Damaged: It is no such line.
    """
    if not _LENGTHS.fullmatch(line):
        message = f"no frame begins with {line!r}"
        raise Damaged(message)
    return Lengths(int(line[:8], 16), int(line[9:19], 16))


def frame_head(data: bytes) -> tuple[float, int]:
    """When a page was written, and how many events it has, from the frame's second line.

    Raises:
        Damaged: It is no such line.
    """
    head = _decoded(data)
    return head.at, len(head.uuids)


def read_frame(data: bytes, lengths: Lengths, origin: object = None) -> tuple[Documents, float]:
    """The page of a frame, and when it was written.

    Args:
        data: All behind the first line.
        lengths: What the first line says.
        origin: The documents'.

    Raises:
        Damaged: It is no frame.
    """
    head = _decoded(data[: lengths.head])
    known: dict[bytes, bytes] = {}
    prefixes: list[bytes] = []
    rests: list[memoryview] = []
    view, find, start = memoryview(data), data.find, lengths.head
    # A document is a view of the frame: 0.4 µs for one of 2.4 KB, where splitting into copies takes 1.1.
    for length in head.prefixes:
        end = find(b"\n", start)
        if end < start + length:
            break
        prefix = data[start : start + length]
        prefixes.append(known.setdefault(prefix, prefix))
        rests.append(view[start + length : end])
        start = end + 1
    if start != len(data) or not len(rests) == len(head.prefixes) == len(head.uuids) == len(head.published) == len(head.types):
        message = "a frame's documents are not those that it names"
        raise Damaged(message)
    heads = list(map(EventHead, head.uuids, head.published, head.types))
    return Documents(head.tenant, heads, prefixes, rests, origin), head.at


def find_frame(data: bytes, start: int) -> int:
    """Where the next whole frame begins; -1 where there is none.

    Args:
        data: A piece of a segment.
        start: From where to look, in bytes.
    """
    for found in _LENGTHS.finditer(data, start):
        try:
            at = found.start() + LENGTHS_BYTES
            lengths = read_lengths(data[found.start() : at])
            read_frame(data[at : found.start() + lengths.whole], lengths)
        except Damaged:
            continue
        return found.start()
    return -1


def is_unfinished(data: bytes) -> bool:
    """Whether this is nothing but the beginning of a frame, as a kill leaves it at the end of a file."""
    if len(data) < LENGTHS_BYTES:
        return True
    try:
        lengths = read_lengths(data[:LENGTHS_BYTES])
        behind = LENGTHS_BYTES + lengths.head
        if len(data) < behind:
            return b"\n" not in data[LENGTHS_BYTES:]
        _, events = frame_head(data[LENGTHS_BYTES:behind])
    except Damaged:
        return False
    # One that has all of its lines, and should be longer, has damaged lengths.
    return len(data) < lengths.whole and data.count(b"\n", behind) < events


def _decoded(data: bytes) -> _Head:
    try:
        head = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"a frame's head can't be read: {error}"
        raise Damaged(message) from None
    if head.v != _VERSION:
        message = f"a frame of version {head.v}"
        raise Damaged(message)
    return head
