"""What stands where a file is to be: only a plain file of our own is written to, and nothing is waited for."""

import os
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sinks.durable import ForeignFileError, open_own
from sinks.errors import SinkStopped
from sinks.file.sink import FileSink

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
PAGE = (1, "2024-05-01T10:00")


def sink(tmp_path: Path, **options: object) -> FileSink:
    return FileSink(
        "archive",
        str(tmp_path / "out" / "{tenant}" / "{date}.ndjson"),
        ["acme"],
        journal_dir=tmp_path / "journal",
        clock=lambda: NOW,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "out" / "acme"
    folder.mkdir(parents=True)
    return folder / "2024-05-01.ndjson"


def plant_link(place: Path) -> str:
    victim = place.parent / "victim"
    victim.write_text("precious")
    place.symlink_to(victim)
    return "symbolic link"


def plant_dangling_link(place: Path) -> str:
    place.symlink_to(place.parent / "nowhere")
    return "symbolic link"


def plant_fifo(place: Path) -> str:
    os.mkfifo(place)
    return "no plain file"


def plant_socket(place: Path) -> str:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(place))
    return "no plain file"


@pytest.mark.parametrize("plant", [plant_link, plant_dangling_link, plant_fifo, plant_socket])
def test_what_is_no_file_of_ours_ends_the_run_with_its_path_and_a_fix(place, tmp_path, make_page, monkeypatch, plant):
    monkeypatch.chdir(tmp_path)
    words = plant(place)
    before = sorted(path.name for path in place.parent.iterdir())
    partition = sink(tmp_path).build_part("flow.sink", "acme", None)
    with pytest.raises(SinkStopped) as raised:
        partition.write_batch([make_page("acme", PAGE)])
    assert words in raised.value.reason
    assert str(place) in str(raised.value)
    assert raised.value.fix
    assert sorted(path.name for path in place.parent.iterdir()) == before
    if plant is plant_link:
        assert (place.parent / "victim").read_text() == "precious"


def test_a_fifo_with_a_reader_is_no_file_either(place, tmp_path, make_page):
    os.mkfifo(place)
    reader = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
    try:
        partition = sink(tmp_path).build_part("flow.sink", "acme", None)
        with pytest.raises(SinkStopped, match="no plain file"):
            partition.write_batch([make_page("acme", PAGE)])
        assert os.read(reader, 10) == b""
    finally:
        os.close(reader)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_somebody_else_is_not_written_to(place, tmp_path, make_page):
    place.write_text("")
    os.chown(place, 12345, 12345)
    partition = sink(tmp_path).build_part("flow.sink", "acme", None)
    with pytest.raises(SinkStopped, match="belongs to another user"):
        partition.write_batch([make_page("acme", PAGE)])
    assert place.read_text() == ""


def test_a_resume_does_not_follow_a_link_that_took_the_place_of_a_file(place, tmp_path, make_page):
    first = sink(tmp_path).build_part("flow.sink", "acme", None)
    first.write_batch([make_page("acme", PAGE)])
    state = first.snapshot()
    first.write_batch([make_page("acme", (2, PAGE[1]))])
    first.close()
    victim = tmp_path / "victim"
    place.rename(victim)
    kept = victim.read_bytes()
    place.symlink_to(victim)
    with pytest.raises(SinkStopped, match="symbolic link"):
        sink(tmp_path).build_part("flow.sink", "acme", state)
    assert victim.read_bytes() == kept


@pytest.mark.parametrize(("mode", "file_mode", "folder_mode"), [(0o640, 0o640, 0o750), (0o600, 0o600, 0o700), (0o644, 0o644, 0o755)])
def test_files_and_folders_are_for_those_who_may_read_them(tmp_path, make_page, mode, file_mode, folder_mode):
    before = os.umask(0)
    try:
        partition = sink(tmp_path, file_mode=mode).build_part("flow.sink", "acme", None)
        partition.write_batch([make_page("acme", PAGE)])
    finally:
        os.umask(before)
    written = tmp_path / "out" / "acme" / "2024-05-01.ndjson"
    assert stat.S_IMODE(written.stat().st_mode) == file_mode
    assert stat.S_IMODE(written.parent.stat().st_mode) == folder_mode


def test_a_directory_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_own(tmp_path, os.O_RDONLY)
    with pytest.raises(FileNotFoundError):
        open_own(tmp_path / "x", os.O_RDONLY)
    with pytest.raises(ForeignFileError):
        open_own("/dev/null", os.O_WRONLY)
