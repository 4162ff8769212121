"""How a delivery stands in a segment of the spool: framed, so that a torn or damaged piece is recognised and stepped over. Pure.

A frame is a mark of four bytes, the body's length (4 bytes), when it was received (8 bytes, Unix milliseconds), a CRC-32 of both and the
body, and the body as it came. All numbers are big-endian.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["HEADER_BYTES", "LONGEST_BODY_BYTES", "Frame", "Frames", "encode", "read_frames"]

LONGEST_BODY_BYTES: Final = 8 * 1024 * 1024
"""The largest body that the receiver takes: a frame that says more is damaged."""

_MARK: Final = b"OkH\x01"
_HEADER: Final = struct.Struct(">4sIQI")
_CHECKED: Final = struct.Struct(">IQ")
HEADER_BYTES: Final = _HEADER.size


@dataclass(frozen=True, slots=True)
class Frame:
    """One delivery.

    Attributes:
        received_ms: When the receiver had the whole body, Unix milliseconds.
        body: As it was sent.
    """

    received_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Frames:
    """What a piece of a segment holds.

    Attributes:
        frames: The whole frames in it, in order.
        used_bytes: How much of the piece is done with: frames, and what is damaged between them.
        damaged: Whether something had to be stepped over.
        wanted_bytes: How long the piece would have to be at least to hold the next frame; 0 where it ends with a whole one.
    """

    frames: tuple[Frame, ...]
    used_bytes: int
    damaged: bool
    wanted_bytes: int


def encode(frame: Frame) -> bytes:
    """The frame's bytes."""
    return _HEADER.pack(_MARK, len(frame.body), frame.received_ms, _checksum(frame.received_ms, frame.body)) + frame.body


def read_frames(piece: bytes) -> Frames:
    """Read the frames of a piece of a segment.

    Args:
        piece: From a position in the segment on; it may end within a frame, and begin there too if the segment was cut meanwhile.
    """
    frames: list[Frame] = []
    place, damaged = 0, False
    while True:
        start = _next_mark(piece, place)
        damaged = damaged or start > place
        place = start
        if len(piece) - place < HEADER_BYTES:
            wanted_bytes = place + HEADER_BYTES if place < len(piece) else 0
            return Frames(tuple(frames), place, damaged, wanted_bytes)
        _, length, received_ms, checksum = _HEADER.unpack_from(piece, place)
        end = place + HEADER_BYTES + length
        if length <= LONGEST_BODY_BYTES:
            if end > len(piece):
                return Frames(tuple(frames), place, damaged, end)
            body = piece[place + HEADER_BYTES : end]
            if _checksum(received_ms, body) == checksum:
                frames.append(Frame(received_ms, body))
                place = end
                continue
        damaged = True
        place += 1


def _checksum(received_ms: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_CHECKED.pack(len(body), received_ms)))


def _next_mark(piece: bytes, place: int) -> int:
    """Where the next frame may begin: at a mark, or at what may be the beginning of one at the piece's end."""
    found = piece.find(_MARK, place)
    if found >= 0:
        return found
    for length in range(min(len(_MARK) - 1, len(piece) - place), 0, -1):
        if piece.endswith(_MARK[:length]):
            return len(piece) - length
    return len(piece)
