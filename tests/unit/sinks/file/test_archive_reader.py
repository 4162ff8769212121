"""Whole lines of files in any state."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from sinks.file.archive_reader import LineReader
from sinks.file.compression import Compression, new_encoder

LINES = [b'{"uuid":"%d","text":"%s"}\n' % (number, b"x" * (number % 50)) for number in range(20_000)]


def packed(lines: list[bytes], compression: Compression, frames: int = 1) -> bytes:
    if compression == "none":
        return b"".join(lines)
    size = -(-len(lines) // frames)
    pieces = []
    for start in range(0, len(lines), size):
        encoder = new_encoder(compression)
        assert encoder
        pieces += [encoder.compress(b"".join(lines[start : start + size])), encoder.flush()]
    return b"".join(pieces)


def reader(folder: Path, data: bytes, compression: Compression) -> LineReader:
    path = folder / f"file.ndjson{ {'none': '', 'gzip': '.gz', 'zstd': '.zst'}[compression] }"
    path.write_bytes(data)
    return LineReader(str(path))


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("frames", [1, 7])
def test_all_of_a_whole_file(tmp_path: Path, compression: Compression, frames: int) -> None:
    lines = reader(tmp_path, packed(LINES, compression, frames), compression)
    blocks = list(lines.blocks())
    assert b"".join(blocks) == b"".join(LINES)
    assert all(block.endswith(b"\n") for block in blocks)
    assert not lines.unfinished
    assert not lines.damage


def test_half_a_line_at_the_end_is_not_there_yet(tmp_path: Path) -> None:
    lines = reader(tmp_path, b"".join(LINES)[:-5], "none")
    assert b"".join(lines.blocks()) == b"".join(LINES[:-1])
    assert lines.unfinished
    assert not lines.damage


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_of_an_open_frame_what_can_be_read_is_read(tmp_path: Path, compression: Compression) -> None:
    closed = packed(LINES[:5_000], compression)
    lines = reader(tmp_path, closed + packed(LINES[5_000:], compression)[:-200], compression)
    read = b"".join(lines.blocks())
    assert b"".join(LINES).startswith(read)
    assert len(read) > len(b"".join(LINES[:5_000]))
    assert lines.unfinished
    assert not lines.damage


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_damaged_frame_is_told_and_what_stands_before_is_read(tmp_path: Path, compression: Compression) -> None:
    first, second = packed(LINES[:9_000], compression), bytearray(packed(LINES[9_000:], compression))
    second[:40] = b"\x00" * 40
    lines = reader(tmp_path, first + bytes(second), compression)
    assert b"".join(lines.blocks()) == b"".join(LINES[:9_000])
    assert "can't be inflated" in lines.damage


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_an_empty_file(tmp_path: Path, compression: Compression) -> None:
    lines = reader(tmp_path, b"", compression)
    assert list(lines.blocks()) == []
    assert not lines.unfinished


def test_what_the_usual_tools_make(tmp_path: Path) -> None:
    text = b"".join(LINES)
    assert b"".join(reader(tmp_path, gzip.compress(text), "gzip").blocks()) == text
    assert b"".join(reader(tmp_path, zstandard.compress(text), "zstd").blocks()) == text


def test_a_file_without_line_feeds_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.file.archive_reader._LONGEST_LINE_BYTES", 1 << 19)
    lines = reader(tmp_path, b"x" * (1 << 21), "none")
    assert list(lines.blocks()) == []
    assert "a line of over" in lines.damage


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(LineReader(str(tmp_path / "none.ndjson")).blocks())


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_bomb_takes_no_more_memory_than_a_line_may_have(tmp_path, compression, monkeypatch):
    monkeypatch.setattr("sinks.file.archive_reader._LONGEST_LINE_BYTES", 1 << 22)
    zeros = bytes(1 << 28)
    bomb = gzip.compress(zeros, 1) if compression == "gzip" else zstandard.compress(zeros)
    del zeros
    lines = reader(tmp_path, packed([b'{"n":1}\n'], compression) + bomb, compression)
    tracemalloc.start()
    try:
        assert [bytes(block) for block in lines.blocks()] == [b'{"n":1}\n']
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()
    assert "a line of over 4 MiB" in lines.damage
