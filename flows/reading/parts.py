"""A file in parts that can be read by themselves: the newest first, and on several cores."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from flows.reading.plan import ArchiveFile
from sinks.file.frames import frame_starts

__all__ = ["Part", "parts_of"]

_PLAIN_BYTES: Final = 32 << 20
_COMPRESSED_BYTES: Final = 2 << 20
_FIRST_SHARE: Final = 32  # the newest part is smaller by this, so that its hits are there at once
_FRAME_SHARE: Final = 8


@dataclass(frozen=True, slots=True)
class Part:
    """The lines that begin between two offsets of a file.

    Attributes:
        file: The file.
        number: Which part it is, counted from the file's end.
        start: Where it begins.
        end: Where it ends; None for the end of the file.
        before: Where the frame before it begins, in a compressed file.
    """

    file: ArchiveFile
    number: int = 0
    start: int = 0
    end: int | None = None
    before: int = 0


def parts_of(file: ArchiveFile) -> list[Part]:
    """Cut a file; the first of the parts is its end. Only zstd files of whole frames and plain ones can be cut.

    Raises:
        OSError: The file can't be read.
    """
    cuts = _cuts(file)
    starts = [start for start, _ in cuts]
    ends: list[int | None] = [*starts[1:], None]
    parts = [Part(file, 0, start, end, before) for (start, before), end in zip(cuts, ends, strict=True)]
    return [Part(part.file, number, part.start, part.end, part.before) for number, part in enumerate(reversed(parts))]


def _cuts(file: ArchiveFile) -> list[tuple[int, int]]:
    """Where each part begins, and the frame before it."""
    if file.path.endswith(".gz"):
        return [(0, 0)]
    if file.path.endswith(".zst"):
        if file.size_bytes <= _COMPRESSED_BYTES // _FIRST_SHARE:
            return [(0, 0)]
        starts, end = frame_starts(file.path)
        return _from_the_end([*starts, end], _COMPRESSED_BYTES) if starts else [(0, 0)]
    size, step = file.size_bytes, _PLAIN_BYTES // _FIRST_SHARE
    return _from_the_end([*range(0, max(1, size), step), size], _PLAIN_BYTES)


def _from_the_end(places: list[int], part_bytes: int) -> list[tuple[int, int]]:
    """Of places where a file can be cut those that make parts of this size, but a small one at the end."""
    cuts: list[tuple[int, int]] = []
    last, wanted = places[-1], part_bytes // _FIRST_SHARE
    for before, place in reversed(list(pairwise([0, *places[:-1]]))):
        # Whoever reads a part reads the frame before it too: that has to be little beside the part.
        if place and last - place >= wanted and place - before <= part_bytes // _FRAME_SHARE:
            cuts.append((place, before))
            last, wanted = place, part_bytes
    return [(0, 0), *reversed(cuts)]
