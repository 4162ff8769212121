"""Reading an outbox onward, past what is damaged or missing."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sinks.documents import Documents
from sinks.outbox.frame import LENGTHS_BYTES, Damaged, find_frame, read_frame, read_lengths
from sinks.outbox.segments import frame_at, read_exactly

__all__ = ["Found", "read_onward", "written_at"]


class Found(NamedTuple):
    """What the next page is.

    Attributes:
        documents: Its documents; None where there is no other page.
        end: The offset behind it.
        at: When it was written, epoch seconds.
    """

    documents: Documents | None
    end: int
    at: float


def read_onward(segments: Sequence[tuple[int, Path]], offset: int, end: int, put_aside: Callable[[int, bytes], None]) -> Found:
    """The first page behind an offset that can be read.

    Args:
        segments: The segments by the offset at which each begins.
        offset: In bytes.
        end: The offset to which all is written.
        put_aside: Told where there are bytes in front of it that can't be read, and which.

    Raises:
        OSError: The operating system refuses.
    """
    ends = [*(start for start, _ in segments[1:]), end]
    for (start, path), limit in zip(segments, ends, strict=False):
        offset = max(offset, start)
        if offset >= limit:
            continue
        with path.open("rb", buffering=0) as file:
            try:
                return _page(file, start, offset, limit)
            except Damaged:
                file.seek(offset - start)
                rest = file.read(limit - offset)
            found = find_frame(rest, 1)
            aside = rest if found < 0 else rest[:found]
            if aside:
                put_aside(offset, aside)
            if found >= 0:
                return _page(file, start, offset + found, limit)
    return Found(None, end, 0.0)


def written_at(segments: Sequence[tuple[int, Path]], offset: int, end: int) -> float | None:
    """When the page at an offset was written, epoch seconds; None where there is none, or it can't be read.

    Args:
        segments: The segments by the offset at which each begins.
        offset: In bytes.
        end: The offset to which all is written.
    """
    with contextlib.suppress(OSError, Damaged):
        for start, path in reversed(segments):
            if start <= offset < end:
                with path.open("rb") as file:
                    return frame_at(file, offset - start, end - start)[1]
    return None


def _page(file: BinaryIO, start: int, offset: int, limit: int) -> Found:
    """The page at an offset of a segment that goes from one offset to another."""
    file.seek(offset - start)
    lengths = read_lengths(file.read(LENGTHS_BYTES))
    end = offset + lengths.whole
    if end > limit:
        message = "a frame that is longer than its segment"
        raise Damaged(message)
    documents, at = read_frame(read_exactly(file, lengths.head + lengths.documents), lengths)
    return Found(documents, end, at)
