"""Reads an archive's file as whole lines, whatever state it is in: compressed, being written at this moment, or damaged.

A file that a flow is writing ends in half a line, or in a compressed frame that is still open: what can be read of it is read, and what
can't is as if it weren't there yet.
"""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import zstandard
from isal import isal_zlib

__all__ = ["LineReader"]

_READ_BYTES: Final = 1 << 18
_LONGEST_LINE_BYTES: Final = 64 * 1024 * 1024
_GZIP_WINDOW_BITS: Final = 31  # 15 bits of window, plus 16 for gzip's header and checksum
_NOT_READABLE: Final[Any] = (zlib.error, isal_zlib.error, zstandard.ZstdError)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class LineReader:
    """One pass over a file.

    Args:
        path: The file; `.gz` and `.zst` are inflated, all members or frames of it.

    Attributes:
        unfinished: Whether the file ends in half a line or in an open frame: someone is writing it, or was stopped while writing.
        damage: Why the rest of the file can't be read; empty where all of it was.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.unfinished = False
        self.damage = ""

    def blocks(self) -> Iterator[bytes]:
        """Yield pieces of some hundred kilobytes that end with a line feed.

        Raises:
            OSError: The file can't be read. `FileNotFoundError`: someone has moved it.
        """
        rest = b""
        for piece in self._pieces():
            end = piece.rfind(b"\n") + 1
            if not end:
                rest += piece
                if len(rest) > _LONGEST_LINE_BYTES:
                    self.damage = f"a line of over {_LONGEST_LINE_BYTES // 1024 // 1024} MiB"
                    return
                continue
            yield rest + piece[:end] if rest else piece[:end]
            rest = piece[end:]
        if rest:
            self.unfinished = True

    def _pieces(self) -> Iterator[bytes]:
        suffix = Path(self._path).suffix
        with Path(self._path).open("rb") as file:
            if suffix == ".gz":
                yield from self._inflated(file, _gzip_decoder)
            elif suffix == ".zst":
                yield from self._inflated(file, _zstd_decoder)
            else:
                while data := file.read(_READ_BYTES):
                    yield data

    def _inflated(self, file: BinaryIO, new_decoder: Callable[[], _Decoder]) -> Iterator[bytes]:
        decoder, begun = new_decoder(), False
        while data := file.read(_READ_BYTES):
            while data:
                begun = True
                try:
                    piece = decoder.decompress(data)
                except _NOT_READABLE as error:
                    self.damage = f"can't be inflated before byte {file.tell():,}: {error}"
                    return
                if piece:
                    yield piece
                data = b""
                if decoder.eof:
                    data = decoder.unused_data
                    decoder, begun = new_decoder(), False
        self.unfinished = begun


def _gzip_decoder() -> Any:
    return isal_zlib.decompressobj(_GZIP_WINDOW_BITS)


def _zstd_decoder() -> Any:
    return zstandard.ZstdDecompressor().decompressobj()
