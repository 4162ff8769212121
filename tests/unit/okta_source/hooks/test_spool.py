"""The spool: what was synced is read, in order, wherever the reader stands and whatever happened to the files."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from okta_source.hooks import spool_writer
from okta_source.hooks.frame import Frame
from okta_source.hooks.segments import Position, Retention, next_name, resume_at, superfluous
from okta_source.hooks.spool_reader import SpoolReader
from okta_source.hooks.spool_writer import SpoolError, TenantSpool, prepare_spool

KEPT = Retention(3600.0, 1 << 30)


def frame(number: int, size: int = 10) -> Frame:
    return Frame(number, f"{number:0{size}d}".encode())


class Place:
    """A tenant's spool with a clock that stands still."""

    def __init__(self, folder: Path, kept: Retention = KEPT) -> None:
        self.folder = folder
        self.kept = kept
        self.seconds = 1_700_000_000.0
        self.writer = self.new_writer()

    def new_writer(self) -> TenantSpool:
        return TenantSpool(self.folder, self.kept, lambda: self.seconds)

    def write(self, *numbers: int, size: int = 10) -> None:
        self.writer.append([frame(number, size) for number in numbers])
        self.writer.sync()

    def segments(self) -> list[Path]:
        return sorted(self.folder.glob("*.hooks"))


def read(reader: SpoolReader) -> list[int]:
    found: list[int] = []
    while frames := reader.read():
        found += [int(each.body[-10:]) for each in frames]
    return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_reader_follows_the_writer(place: Place) -> None:
    reader = SpoolReader(place.folder, Position())
    assert read(reader) == []
    for number in range(5):
        place.write(number, number + 100)
        assert read(reader) == [number, number + 100]
        assert read(reader) == []
    assert reader.damaged == 0


def test_a_reader_resumes_where_it_stood_over_any_number_of_segments(place: Place) -> None:
    for number in range(12):
        place.write(number)
        if number % 3 == 2:
            place.writer = place.new_writer()
    assert len(place.segments()) == 4
    reader = SpoolReader(place.folder, Position())
    seen: list[int] = []
    while frames := reader.read():
        seen += [int(each.body[-10:]) for each in frames]
        reader = SpoolReader(place.folder, reader.position)
    assert seen == list(range(12))


def test_a_new_writer_starts_a_new_segment_even_with_its_clock_set_back(place: Place) -> None:
    place.write(1)
    reader = SpoolReader(place.folder, Position())
    assert read(reader) == [1]
    place.seconds -= 86_400
    place.writer = place.new_writer()
    place.write(2)
    assert read(reader) == [2]


def test_a_segment_ends_after_an_hour_and_when_it_is_full(place: Place) -> None:
    place.write(1)
    place.seconds += spool_writer.SEGMENT_SECONDS - 1
    place.write(2)
    assert len(place.segments()) == 1
    place.seconds += 1
    place.write(3)
    assert len(place.segments()) == 2
    place.write(4, size=spool_writer.SEGMENT_BYTES // 2)
    place.write(4, size=spool_writer.SEGMENT_BYTES // 2)
    place.write(5)
    assert len(place.segments()) == 3
    assert read(SpoolReader(place.folder, Position())) == [1, 2, 3, 4, 4, 5]


def test_a_torn_end_is_waited_for_in_the_newest_segment_and_skipped_in_others(place: Place) -> None:
    place.write(1, 2)
    [first] = place.segments()
    whole = first.read_bytes()
    first.write_bytes(whole[:-3])
    reader = SpoolReader(place.folder, Position())
    assert read(reader) == [1]
    with first.open("ab") as file:
        file.write(whole[-3:])
    assert read(reader) == [2]
    os.truncate(first, len(whole) - 3)
    late = SpoolReader(place.folder, Position())
    assert read(late) == [1]
    place.writer = place.new_writer()
    place.write(3)
    assert read(late) == [3]
    assert late.damaged == 1


def test_deleted_segments_are_survived(place: Place) -> None:
    for number in range(4):
        place.write(number)
        place.writer = place.new_writer()
    reader = SpoolReader(place.folder, Position())
    assert [int(each.body[-10:]) for each in reader.read()] == [0]
    for path in place.segments()[:2]:
        path.unlink()
    assert read(reader) == [2, 3]
    for path in place.segments():
        path.unlink()
    assert read(reader) == []
    place.write(9)
    assert read(reader) == [9]


def test_a_spool_that_is_deleted_under_its_writer_begins_anew(place: Place) -> None:
    place.write(1)
    reader = SpoolReader(place.folder, Position())
    assert read(reader) == [1]
    place.segments()[0].unlink()
    place.write(2)
    assert read(reader) == [2]
    shutil.rmtree(place.folder)
    assert read(reader) == []
    place.write(3)
    assert read(reader) == [3]


def test_a_truncated_segment_is_read_from_its_start(place: Place) -> None:
    place.write(1, 2)
    reader = SpoolReader(place.folder, Position())
    assert read(reader) == [1, 2]
    os.truncate(place.segments()[0], 0)
    assert read(reader) == []
    place.write(3)
    assert read(reader) == [3]


def test_a_position_within_a_frame_finds_the_next_one(place: Place) -> None:
    place.write(1, 2, 3)
    reader = SpoolReader(place.folder, Position(place.segments()[0].name, 5))
    assert read(reader) == [2, 3]
    assert reader.damaged == 1


def test_a_delivery_larger_than_a_piece_is_read_whole(place: Place) -> None:
    place.write(1, size=3_000_000)
    place.write(2)
    assert read(SpoolReader(place.folder, Position())) == [1, 2]


def test_a_folder_that_does_not_exist_is_an_empty_spool(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path / "none", Position("00000000000001.hooks", 7))
    assert read(reader) == []
    assert reader.position == Position("00000000000001.hooks", 7)


def test_a_failed_write_confirms_nothing_and_the_next_one_is_whole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(1)
    reader = SpoolReader(place.folder, Position())
    assert read(reader) == [1]
    write = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:15])

    for attempt in range(5):
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            place.write(2)
        monkeypatch.undo()
        assert len(place.segments()) == (1 if attempt == 0 else 2)  # a full disk gets no fuller
    assert read(reader) == []
    place.write(3)
    assert read(reader) == [3]


def test_after_a_failed_sync_nothing_is_written_behind(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(1)

    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(OSError, match="Input/output"):
        place.write(2)
    monkeypatch.undo()
    place.write(3)
    assert len(place.segments()) == 2
    assert read(SpoolReader(place.folder, Position()))[-1] == 3


def test_what_is_old_is_deleted_and_what_is_too_much(tmp_path: Path) -> None:
    place = Place(tmp_path, Retention(3600.0, 600_000))
    for number in range(8):
        place.write(number, size=150_000)
        place.writer = place.new_writer()
    place.writer.delete_old()
    assert [path.stat().st_size // 1000 for path in place.segments()] == [150] * 3
    place.seconds = place.segments()[-1].stat().st_mtime + 3601
    place.writer.delete_old()
    assert place.segments() == []


def test_the_segment_that_is_written_to_stays() -> None:
    sizes, ages = {"a": 5, "b": 5, "c": 5}, {"a": 90.0, "b": 90.0, "c": 90.0}
    assert superfluous(sizes, ages, Retention(60.0, 100), "c") == ["a", "b"]
    assert superfluous(sizes, ages, Retention(100.0, 10), "c") == ["a"]
    assert superfluous(sizes, ages, Retention(100.0, 1), None) == ["a", "b", "c"]


def test_names_rise_and_foreign_files_are_no_segments() -> None:
    assert next_name([], 5) == "00000000000005.hooks"
    assert next_name(["00000000000009.hooks", "other", "x.hooks"], 5) == "00000000000010.hooks"


def test_where_a_reader_goes_on() -> None:
    names = ["b", "d"]
    assert resume_at(Position("b", 3), names) == Position("b", 3)
    assert resume_at(Position("c", 3), names) == Position("d")
    assert resume_at(Position("e", 3), names) == Position("b")
    assert resume_at(Position(), names) == Position("b")
    assert resume_at(Position("b", 3), []) is None


def test_a_spool_has_one_receiver(tmp_path: Path) -> None:
    lock = prepare_spool(tmp_path / "spool", ["acme"], 0.0)
    with pytest.raises(SpoolError, match="another receiver writes to"):
        prepare_spool(tmp_path / "spool", ["acme"], 0.0)
    os.close(lock)
    os.close(prepare_spool(tmp_path / "spool", ["acme"], 0.0))


def test_a_spool_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(SpoolError, match=r"hooks\.spool_dir: .*spool"):
        prepare_spool(tmp_path / "spool", ["acme"], 0.0)
