"""The archive of a file sink."""

from datetime import timedelta
from pathlib import Path

import pytest

from flows.reading.file_archive import DELETED, ArchiveUnreadable, FileArchive
from flows.reading.holdings import HourCount
from sinks.file.archive_files import ArchiveFiles
from tests.unit.flows.audit.pages import HOUR, START, head, line


@pytest.fixture
def archive(tmp_path: Path) -> FileArchive:
    return FileArchive(ArchiveFiles(f"{tmp_path}/{{tenant}}/{{date}}.ndjson", "none", ("audit-*",)))


def write(folder: Path, *numbers: int, name: str = "acme/2026-05-10.ndjson", hour: float = 0.5) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.writelines(line(head(number, hour)) for number in numbers)
    return path


def test_what_is_there_and_what_is_not(archive: FileArchive, tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    write(tmp_path, 3, name="acme/2026-05-10.audit-1.ndjson")
    write(tmp_path, 4, name="globex/2026-05-10.ndjson")
    heads = [head(number) for number in (1, 2, 3, 4, 5)]
    assert list(archive.copies("acme", heads, [HOUR] * 5)) == [1, 1, 1, 0, 0]
    assert list(archive.copies("globex", heads, [HOUR] * 5)) == [0, 0, 0, 1, 0]
    assert list(archive.copies("initech", heads, [HOUR] * 5)) == [0] * 5


def test_an_event_counts_in_its_own_hour_only(archive: FileArchive, tmp_path: Path) -> None:
    write(tmp_path, 1)
    assert list(archive.copies("acme", [head(1, 1.5)], [HOUR + 1])) == [0]


def test_a_second_look_sees_what_was_appended_and_what_was_put_beside(archive: FileArchive, tmp_path: Path) -> None:
    write(tmp_path, 1)
    heads, hours = [head(1), head(2), head(3)], [HOUR] * 3
    assert list(archive.copies("acme", heads, hours)) == [1, 0, 0]
    write(tmp_path, 2)
    write(tmp_path, 3, name="acme/2026-05-10.audit-1.ndjson")
    assert list(archive.copies("acme", heads, hours)) == [1, 0, 0], "files are not read for every page"
    assert list(archive.copies("acme", heads, hours, again=True)) == [1, 1, 1]


def test_a_file_is_read_once_for_many_pages(archive: FileArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *range(50))
    read = []
    monkeypatch.setattr("flows.reading.file_archive.read_window", lambda paths, hours: read.append(paths) or real(paths, hours))
    from flows.reading.holdings import read_window as real  # noqa: PLC0415

    for number in range(50):
        assert list(archive.copies("acme", [head(number), head(99)], [HOUR, HOUR])) == [1, 0]
        archive.copies("acme", [head(99)], [HOUR], again=True)
    assert len(read) == 1


def test_counts_are_those_of_now_copies_included(archive: FileArchive, tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 2)
    hours = range(HOUR, HOUR + 2)
    assert archive.counts("acme", hours) == {HOUR: HourCount(3, 2), HOUR + 1: HourCount()}
    write(tmp_path, 3, hour=1.5)
    assert archive.counts("acme", hours) == {HOUR: HourCount(3, 2), HOUR + 1: HourCount(1, 1)}


def test_memory_holds_a_few_windows_a_tenant(archive: FileArchive, tmp_path: Path) -> None:
    for day in range(20):
        write(tmp_path, day, name=f"acme/2026-05-{day + 1:02d}.ndjson", hour=24.0 * (day - 9))
        hours = HOUR + 24 * (day - 9)
        assert list(archive.copies("acme", [head(day, 24.0 * (day - 9))], [hours])) == [1]
    assert len(archive._windows["acme"]) == 4
    assert len(archive._sets) == 8


def test_a_file_that_may_not_be_read_is_told_with_what_to_do(archive: FileArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, 1)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("flows.reading.file_archive.read_window", refuse)
    with pytest.raises(ArchiveUnreadable, match=r"2026-05-10.ndjson: Permission denied. Run the audit as a user who may read"):
        archive.copies("acme", [head(1)], [HOUR])


def test_notes_are_told_once(archive: FileArchive, tmp_path: Path) -> None:
    write(tmp_path, 1).write_bytes(b"rubbish\n")
    archive.copies("acme", [head(1)], [HOUR])
    write(tmp_path, 1)
    archive.counts("acme", range(HOUR, HOUR + 1))
    assert len(archive.notes()) == 1


def test_what_is_older_than_what_is_kept_was_deleted_and_is_not_missing(tmp_path: Path) -> None:
    now = [START.timestamp() + 30 * 86_400.0]
    files = ArchiveFiles(f"{tmp_path}/{{tenant}}/{{date}}.ndjson", "none", ())
    archive = FileArchive(files, timedelta(days=29), lambda: now[0])
    heads, hours = [head(1), head(2), head(3, 48)], [HOUR, HOUR, HOUR + 48]
    write(tmp_path, 1)
    assert list(archive.copies("acme", heads, hours)) == [1, DELETED, 0]
    assert list(FileArchive(files).copies("acme", heads, hours)) == [1, 0, 0]
    now[0] = START.timestamp() + 29 * 86_400.0  # its last moment is sixteen hours ahead
    assert list(archive.copies("acme", heads, hours)) == [1, 0, 0]
