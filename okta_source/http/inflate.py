"""Bodies that came compressed: by libdeflate where it can, 0.6 against 2.1 µs per 2.2 KB event with zlib (python-isal: 0.75)."""

import contextlib
import zlib

import deflate
from isal import isal_zlib

__all__ = ["CORRUPT", "inflate"]

_CHUNK_BYTES = 1 << 18
# A trailer that promises more than deflate can do lies.
_DEFLATE_BEST_RATIO = 1032
CORRUPT: tuple[type[Exception], ...] = (isal_zlib.error, zlib.error, EOFError)  # type: ignore[assignment]  # isal types its error as an instance
"""What `inflate` raises for a body that is no gzip stream, or not all of one."""


def inflate(data: bytes, largest_bytes: int) -> tuple[bytes | bytearray, bool]:
    """Inflate a gzip body up to the largest body allowed; whether it would be larger.

    libdeflate inflates in one call what has one member and a size known before, which the trailer tells. It would leave further members out
    without a word: so the trailer's checksum has to be that of the outcome, else the body is taken member by member. Fetching and cutting a
    page take 4.65 instead of 4.95 µs per 2.2 KB event by it, since less of the processor's cache is touched.
    """
    size = int.from_bytes(data[-4:], "little")
    if 0 < size <= min(largest_bytes, len(data) * _DEFLATE_BEST_RATIO):
        with contextlib.suppress(deflate.DeflateError):
            body = deflate.gzip_decompress(data, size)
            if len(body) == size and deflate.crc32(body) == int.from_bytes(data[-8:-4], "little"):
                return body, False
    return _inflate_members(data, largest_bytes)


def _inflate_members(data: bytes, largest_bytes: int) -> tuple[bytes, bool]:
    """Inflate a gzip body of any number of members, and find out what is wrong with it."""
    pieces: list[bytes] = []
    room = largest_bytes
    while data:
        member = isal_zlib.decompressobj(wbits=31)
        bound = int.from_bytes(data[-4:], "little") + 1
        while not member.eof:
            piece = member.decompress(data, min(bound, room + 1))
            room -= len(piece)
            if room < 0:
                return b"".join(pieces) + piece[:room], True
            if not piece and not member.eof:
                msg = "the gzip stream ends early"
                raise EOFError(msg)
            pieces.append(piece)
            data, bound = member.unconsumed_tail, _CHUNK_BYTES
        data = member.unused_data
    return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), False
