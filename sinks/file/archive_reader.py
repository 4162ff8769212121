"""Reads an archive's file as whole lines, whatever state it is in: compressed, being written at this moment, or damaged.

A file that a flow is writing ends in half a line, or in a compressed frame that is still open: what can be read of it is read, and what
can't is as if it weren't there yet.
"""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import zstandard
from isal import isal_zlib

from sinks.file.frames import frame_starts

__all__ = ["LineReader"]

# What comes of it stays in the processor's cache: a third faster than pieces of 256 KiB, which compressed are megabytes of events.
_READ_BYTES: Final = 1 << 18
_READ_COMPRESSED_BYTES: Final = 1 << 15
# 98 KB of zstd can hold 3.2 GB: what is inflated at once is bounded, and so is a line.
_INFLATED_BYTES: Final = 1 << 20
_LONGEST_LINE_BYTES: Final = 64 * 1024 * 1024
_GZIP_WINDOW_BITS: Final = 31  # 15 bits of window, plus 16 for gzip's header and checksum
_COMPRESSED: Final = (".gz", ".zst")
_NOT_READABLE: Final[Any] = (zlib.error, isal_zlib.error, zstandard.ZstdError)


class LineReader:
    """One pass over a file, or over the part of it between two offsets: the lines that begin there.

    Parts of a file that follow one another hold each line once. They are cut anywhere in a plain file, and between frames in a compressed
    one; only a part that begins behind the file's start needs to know where the frame before it begins, to see whether that ended a line.

    Args:
        path: The file; `.gz` and `.zst` are inflated, all members or frames of it.
        start: Where the part begins.
        end: Where it ends; None for the end of the file.
        before: Where the frame before `start` begins, in a compressed file.

    Attributes:
        unfinished: Whether the file ends in half a line or in an open frame: someone is writing it, or was stopped while writing.
        damage: Why the rest of the file can't be read; empty where all of it was.
    """

    def __init__(self, path: str, start: int = 0, end: int | None = None, before: int = 0) -> None:
        self._path = path
        self._start = start
        self._end = end
        self._before = before
        self.unfinished = False
        self.damage = ""

    def blocks(self) -> Iterator[bytes]:
        """Yield pieces of some hundred kilobytes that end with a line feed.

        Raises:
            OSError: The file can't be read. `FileNotFoundError`: someone has moved it.
        """
        rest = b""
        for piece, beyond in self._pieces():
            end = (piece.find(b"\n") if beyond else piece.rfind(b"\n")) + 1
            if not end:
                rest += piece
                if len(rest) > _LONGEST_LINE_BYTES:
                    self.damage = f"a line of over {_LONGEST_LINE_BYTES // 1024 // 1024} MiB"
                    return
                continue
            # One copy, not three: a piece is all that is done here to most bytes of an archive.
            yield b"".join((rest, memoryview(piece)[:end]))
            rest = piece[end:]
            if beyond:
                return
        if rest:
            self.unfinished = True

    def _pieces(self) -> Iterator[tuple[bytes, bool]]:
        """The part's bytes from its first line on; then, marked so, those behind it: its last line may end there."""
        if self._end is None and not self._start:
            for piece in self._read(0, None):
                yield piece, False
            return
        skipping = self._start > 0 and not self._begins_a_line()
        ends_a_line = not skipping
        for piece in self._read(self._start, self._end):
            kept = piece
            if skipping:
                place = piece.find(b"\n") + 1
                if not place:
                    continue
                kept, skipping, ends_a_line = piece[place:], False, True
            if kept:
                ends_a_line = kept.endswith(b"\n")
                yield kept, False
        if self._end is None or ends_a_line or skipping or self.damage:
            return
        self.unfinished = False
        for piece in self._read(self._end, None):
            yield piece, True

    def _begins_a_line(self) -> bool:
        """Whether what stands before the part ends with a line feed."""
        before = self._before if Path(self._path).suffix in _COMPRESSED else self._start - 1
        last = b""
        while not last:
            for piece in self._read(before, self._start):
                last = piece[-1:]
            if not before:
                break
            before = 0  # a frame of nothing; then all that is before it
        self.unfinished, self.damage = False, ""
        return last in (b"", b"\n")

    def _read(self, start: int, end: int | None) -> Iterator[bytes]:
        suffix = Path(self._path).suffix
        with Path(self._path).open("rb") as file:
            file.seek(start)
            if suffix == ".gz":
                yield from self._gunzipped(file, end)
            elif suffix == ".zst":
                yield from self._unzstd(file, end)
            else:
                while data := _read_up_to(file, end, _READ_BYTES):
                    yield data

    def _gunzipped(self, file: BinaryIO, end: int | None) -> Iterator[bytes]:
        decoder, begun = isal_zlib.decompressobj(_GZIP_WINDOW_BITS), False
        while data := _read_up_to(file, end, _READ_COMPRESSED_BYTES):
            while data:
                begun = True
                try:
                    piece = decoder.decompress(data, _INFLATED_BYTES)
                except _NOT_READABLE as error:
                    self.damage = f"can't be inflated before byte {file.tell():,}: {error}"
                    return
                if piece:
                    yield piece
                data = decoder.unconsumed_tail
                if decoder.eof:
                    data = decoder.unused_data
                    decoder, begun = isal_zlib.decompressobj(_GZIP_WINDOW_BITS), False
        self.unfinished = begun

    def _unzstd(self, file: BinaryIO, end: int | None) -> Iterator[bytes]:
        part = _Part(file, end)
        with zstandard.ZstdDecompressor().stream_reader(part, _READ_COMPRESSED_BYTES, read_across_frames=True, closefd=False) as reader:  # type: ignore[arg-type]
            while True:
                try:
                    piece = reader.read1(_INFLATED_BYTES)
                except _NOT_READABLE as error:
                    self.damage = f"can't be inflated before byte {file.tell():,}: {error}"
                    return
                if not piece:
                    break
                yield piece
        # The reader takes an open frame for the end like any other.
        self.unfinished = end is None and frame_starts(self._path)[1] < file.seek(0, os.SEEK_END)


class _Part:
    """A file up to an offset, as far as zstandard wants to know it."""

    def __init__(self, file: BinaryIO, end: int | None) -> None:
        self._file = file
        self._end = end

    def read(self, size_bytes: int) -> bytes:
        """The next bytes."""
        return _read_up_to(self._file, self._end, size_bytes)


def _read_up_to(file: BinaryIO, end: int | None, most: int) -> bytes:
    return file.read(most if end is None else max(0, min(most, end - file.tell())))
