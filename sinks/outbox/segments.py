"""The segments of an outbox: files named by the offset at which each begins."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sinks.outbox.frame import LENGTHS_BYTES, Damaged, find_frame, frame_head, is_unfinished, read_lengths

__all__ = ["begins_frame", "frame_at", "missing_between", "read_exactly", "segment_path", "segments_in", "whole_end"]

_DIGITS = 20


def segment_path(folder: Path, offset: int) -> Path:
    """Where the segment lies that begins at an offset, in bytes."""
    return folder / f"{offset:0{_DIGITS}d}.ndjson"


def segments_in(folder: Path) -> Iterator[tuple[int, Path]]:
    """A tenant's segments, in order, by the offset at which each begins."""
    if folder.is_dir():
        for path in sorted(folder.glob("[0-9]*.ndjson")):
            if path.stem.isdigit():
                yield int(path.stem), path


def whole_end(segments: Sequence[tuple[int, Path]]) -> tuple[int, bytes]:
    """The offset behind the last whole frame, to which the last segment is to be cut, and what lies behind it.

    What can't be read between two frames is no end: whoever reads comes past it. And what a kill has left of a frame is nothing to tell.

    Returns:
        The offset, and what is damaged there.

    Raises:
        OSError: The operating system refuses.
    """
    start, path = segments[-1]
    size = path.stat().st_size
    offset = 0
    with path.open("rb") as file:
        while offset < size:
            try:
                offset += frame_at(file, offset, size)[0]
            except Damaged:
                file.seek(offset)
                rest = file.read()
                found = find_frame(rest, 1)
                if found < 0:
                    return start + offset, b"" if is_unfinished(rest) else rest
                offset += found
    return start + offset, b""


def frame_at(file: Any, offset: int, size: int) -> tuple[int, float]:
    """How long the frame is that begins at an offset of a file of this size, all in bytes, and when it was written, in epoch seconds.

    Raises:
        Damaged: None begins there, or it has no end.
        OSError: The operating system refuses.
    """
    file.seek(offset)
    lengths = read_lengths(file.read(LENGTHS_BYTES))
    if offset + lengths.whole > size:
        message = "a frame has no end"
        raise Damaged(message)
    return lengths.whole, frame_head(read_exactly(file, lengths.head))[0]


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


def begins_frame(path: Path, offset: int) -> bool:
    """Whether a frame begins at an offset of a segment.

    Raises:
        OSError: The operating system refuses.
    """
    with path.open("rb") as file, contextlib.suppress(Damaged):
        frame_at(file, offset, path.stat().st_size)
        return True
    return False


def missing_between(segments: Sequence[tuple[int, Path]], begin: int, end: int) -> int:
    """How many of the bytes between two offsets are in no segment.

    Raises:
        OSError: The operating system refuses.
    """
    there = 0
    # A segment counts up to the next one: a copy of a file may be longer.
    for (start, path), limit in zip(segments, [*(start for start, _ in segments[1:]), end], strict=False):
        there += max(0, min(start + path.stat().st_size, limit, end) - max(start, begin))
    return max(0, end - begin) - there
