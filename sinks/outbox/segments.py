"""The files of an outbox: segments named by the offset at which each begins, and the position behind which nothing is done with yet."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sinks.durable import sync_directory
from sinks.file.repair import cut_back
from sinks.outbox.frame import LENGTHS_BYTES, Damaged, frame_head, read_lengths

__all__ = ["gap_end", "read_exactly", "read_position", "segment_path", "segments_in", "store_position", "whole_end"]

_POSITION = "position"
_DIGITS = 20


def segment_path(folder: Path, offset: int) -> Path:
    """Where the segment lies that begins at an offset, in bytes."""
    return folder / f"{offset:0{_DIGITS}d}.ndjson"


def read_position(folder: Path) -> int:
    """The offset that was stored last, in bytes; 0 where none was, or it can't be made out: then events are sent again.

    Raises:
        OSError: The operating system refuses.
    """
    try:
        return int((folder / _POSITION).read_bytes()[:_DIGITS])
    except (FileNotFoundError, ValueError):
        return 0


def store_position(folder: Path, offset: int, *, sync: bool) -> None:
    """Store an offset, in bytes, over the one before it; survives a power cut with `sync` alone.

    Raises:
        OSError: The operating system refuses.
    """
    fd = os.open(folder / _POSITION, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(fd, b"%0*d\n" % (_DIGITS, offset), 0)
        if sync:
            os.fdatasync(fd)
    finally:
        os.close(fd)


def segments_in(folder: Path) -> Iterator[tuple[int, Path]]:
    """A tenant's segments, in order, by the offset at which each begins."""
    if folder.is_dir():
        for path in sorted(folder.glob("[0-9]*.ndjson")):
            if path.stem.isdigit():
                yield int(path.stem), path


def whole_end(segments: list[tuple[int, Path]]) -> int:
    """The offset behind the last whole frame, to which the last segment is cut.

    Raises:
        OSError: The operating system refuses.
    """
    start, path = segments[-1]
    size = path.stat().st_size
    offset = 0
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            try:
                lengths = read_lengths(file.read(LENGTHS_BYTES))
                frame_head(file.read(lengths.head))
            except Damaged:
                break
            if offset + lengths.whole > size:
                break
            offset += lengths.whole
    cut_back(str(path), offset)
    sync_directory(path.parent)
    return start + offset


def read_exactly(file: Any, size: int) -> bytes:
    """So many bytes of a file.

    Raises:
        Damaged: It ends before.
    """
    data: bytes = file.read(size)
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            message = "a frame has no end"
            raise Damaged(message)
        data += more
    return data


def gap_end(segments: list[tuple[int, Path]], end: int) -> int:
    """Where what is there without a gap before an end begins: offsets in bytes."""
    begin = end
    for start, path in reversed(segments):
        if start + path.stat().st_size != begin:
            break
        begin = start
    return begin
