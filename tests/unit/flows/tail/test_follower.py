"""A file that somebody writes, cuts back, moves and compresses, followed line by line."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from isal import igzip

from flows.tail.follower import Follower

Frame = Callable[[bytes], bytes]
FORMS: dict[str, Frame] = {"": bytes, ".gz": igzip.compress, ".zst": zstandard.ZstdCompressor().compress}


def numbered(*numbers: int) -> bytes:
    return b"".join(b'{"n":%d,"filler":"%s"}\n' % (number, b"x" * 40) for number in numbers)


def numbers(lines: list[bytes]) -> list[int]:
    return [int(line[5 : line.index(b",")]) for line in lines]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize("ending", FORMS)
def test_lines_come_once_as_they_are_written(tmp_path: Path, ending: str) -> None:
    path, frame = tmp_path / f"a.ndjson{ending}", FORMS[ending]
    follower = Follower(str(path))
    assert follower.lines() == []
    append(path, frame(numbered(1, 2)))
    assert numbers(follower.lines()) == [1, 2]
    append(path, frame(numbered(3)))
    append(path, frame(numbered(4)))
    assert numbers(follower.lines()) == [3, 4]
    assert follower.lines() == []


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    follower = Follower(str(path))
    line = numbered(1)
    append(path, line[:20])
    assert follower.lines() == []
    append(path, line[20:])
    assert numbers(follower.lines()) == [1]


@pytest.mark.parametrize("ending", FORMS)
def test_what_is_old_is_passed_over(tmp_path: Path, ending: str) -> None:
    path, frame = tmp_path / f"a.ndjson{ending}", FORMS[ending]
    append(path, frame(numbered(1, 2)))
    append(path, frame(numbered(3)))
    follower = Follower(str(path), path.stat().st_size)
    append(path, frame(numbered(4)))
    assert numbers(follower.lines()) == [4]


def test_an_old_line_that_was_half_written_is_new_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    append(path, numbered(1) + numbered(2)[:10])
    follower = Follower(str(path), path.stat().st_size)
    append(path, numbered(2)[10:])
    assert numbers(follower.lines()) == [2]


@pytest.mark.parametrize("ending", FORMS)
@pytest.mark.parametrize("seen_short", [True, False])
def test_a_file_that_is_cut_back_and_written_again(tmp_path: Path, ending: str, seen_short: bool) -> None:
    """Seen while it is short or only when it is longer than before: nothing is missed, and what comes again is behind the cut."""
    path, frame = tmp_path / f"a.ndjson{ending}", FORMS[ending]
    append(path, frame(numbered(1, 2)))
    follower = Follower(str(path))
    assert numbers(follower.lines()) == [1, 2]
    snapshot = path.stat().st_size
    append(path, frame(numbered(3, 4)))
    assert numbers(follower.lines()) == [3, 4]
    os.truncate(path, snapshot)
    if seen_short:
        assert follower.lines() == []
    append(path, frame(numbered(13, 4, 5, 6)))
    assert numbers(follower.lines()) == [13, 4, 5, 6]
    assert follower.rewound == 1


@pytest.mark.parametrize("ending", FORMS)
def test_a_file_that_is_moved_away_is_read_to_its_end_and_the_new_one_from_its_start(tmp_path: Path, ending: str) -> None:
    path, frame = tmp_path / f"a.ndjson{ending}", FORMS[ending]
    append(path, frame(numbered(1)))
    follower = Follower(str(path))
    assert numbers(follower.lines()) == [1]
    path.rename(tmp_path / "a.old")
    append(tmp_path / "a.old", frame(numbered(2)))
    append(path, frame(numbered(3)))
    assert numbers(follower.lines()) == [2, 3]
    append(path, frame(numbered(4)))
    assert numbers(follower.lines()) == [4]


def test_an_open_frame_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson.zst"
    follower = Follower(str(path))
    encoder = zstandard.ZstdCompressor().compressobj()
    append(path, encoder.compress(numbered(1)) + encoder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    assert numbers(follower.lines()) == [1]
    append(path, encoder.compress(numbered(2)) + encoder.flush())
    assert numbers(follower.lines()) == [2]


@pytest.mark.parametrize("ending", FORMS)
def test_whatever_the_steps_every_line_of_the_end_was_seen(tmp_path: Path, ending: str) -> None:
    draw = random.Random(5)
    for round_number in range(8):
        path, frame = tmp_path / f"{round_number}.ndjson{ending}", FORMS[ending]
        path.touch()
        follower, seen, next_number = Follower(str(path)), set[int](), 0
        cuts = [0]
        for _ in range(40):
            step = draw.random()
            if step < 0.5:
                append(path, frame(numbered(*range(next_number, next_number + 3))))
                next_number += 3
                cuts.append(path.stat().st_size)
            elif step < 0.6 and len(cuts) > 1:
                del cuts[draw.randrange(max(1, len(cuts) - 3), len(cuts)) :]
                os.truncate(path, cuts[-1])
            else:
                seen |= set(numbers(follower.lines()))
        seen |= set(numbers(follower.lines()))
        there = Follower(str(path))
        assert set(numbers(there.lines())) <= seen
        follower.close()
        there.close()
