"""Files in parts: every line once, wherever they are cut; and the frames of a zstd file, found without inflating it."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from sinks.file.archive_reader import LineReader
from sinks.file.frames import frame_starts


def frame(data: bytes, **keys: object) -> bytes:
    return zstandard.ZstdCompressor(**keys).compress(data)  # type: ignore[arg-type]


def lines_in_parts(path: Path, cuts: list[tuple[int, int]], end: int | None = None) -> bytes:
    ends = [start for start, _ in cuts[1:]] + [end]
    found = b""
    for (start, before), stop in zip(cuts, ends, strict=True):
        reader = LineReader(str(path), start, stop, before)
        found += b"".join(reader.blocks())
        assert not reader.damage
    return found


def test_the_frames_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    streamed = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    pieces = [
        frame(b"a" * 300_000),  # blocks of one repeated byte
        frame(random.Random(1).randbytes(300_000)),  # blocks as they are
        frame(b"", write_checksum=True),
        b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc",  # skippable
        streamed.compress(b"text " * 90_000) + streamed.flush(),
    ]
    path.write_bytes(b"".join(pieces) + frame(b"torn" * 100)[:-3])
    starts, end = frame_starts(str(path))
    assert end == sum(map(len, pieces))
    assert starts == [sum(map(len, pieces[:number])) for number in range(len(pieces))]


@pytest.mark.parametrize("data", [b"", b"no zstd at all", b"\x28\xb5\x2f\xfd", frame(b"x" * 100)[:9]])
def test_what_has_no_whole_frame(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zst"
    path.write_bytes(data)
    assert frame_starts(str(path)) == ([], 0)


def random_lines(draw: random.Random, count: int) -> list[bytes]:
    return [b"%d:%s\n" % (number, b"x" * draw.choice((0, 1, 30, 700))) for number in range(count)]


def test_a_plain_file_can_be_cut_anywhere(tmp_path: Path) -> None:
    draw = random.Random(2)
    path = tmp_path / "a.ndjson"
    for _ in range(60):
        data = b"".join(random_lines(draw, draw.randint(0, 40)))
        path.write_bytes(data + draw.choice((b"", b"half")))
        places = sorted({0, *(draw.randint(0, path.stat().st_size) for _ in range(5))})
        assert lines_in_parts(path, [(place, 0) for place in places]) == data


def test_a_zstd_file_can_be_cut_between_any_frames(tmp_path: Path) -> None:
    """Also where frames end in the middle of lines, as those of parallel compressors do, and where they hold nothing."""
    draw = random.Random(3)
    path = tmp_path / "a.ndjson.zst"
    for _ in range(60):
        data = b"".join(random_lines(draw, 40))
        places = sorted({0, len(data), *(draw.randint(0, len(data)) for _ in range(6))})
        whole = draw.random() < 0.5
        if whole:
            places = sorted({data.rfind(b"\n", 0, place) + 1 for place in places})
        pieces = [data[start:end] for start, end in pairwise(places)]
        if draw.random() < 0.5:
            pieces.insert(draw.randint(0, len(pieces)), b"")
        path.write_bytes(b"".join(frame(piece) for piece in pieces))
        starts, _ = frame_starts(str(path))
        assert len(starts) == len(pieces)
        chosen = sorted({0, *draw.sample(range(len(starts)), min(3, len(starts)))})
        cuts = [(starts[number], starts[max(0, number - 1)]) for number in chosen]
        assert lines_in_parts(path, cuts) == data
