import os
import threading
from pathlib import Path

import pytest

from sinks.errors import SinkStopped, stopped_by
from sinks.file.open_files import OpenFiles, default_handle_limit
from sinks.file.output_file import OutputFile


@pytest.fixture
def write(tmp_path):
    def write(open_files, name, compression="none"):
        path = tmp_path / name
        file = OutputFile(str(path), 0, compression, lambda error, where: stopped_by(
            error, sink="s", tenant=name, path=where, resumes=True))  # fmt: skip
        file.create()
        file.append([b"line\n"])
        open_files.written(file)
        return file

    return write


@pytest.fixture
def synced(monkeypatch):
    names = []
    real = os.fdatasync

    def fdatasync(fd):
        names.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return names


@pytest.mark.parametrize("count", [1, 3, 4, 40])
def test_one_sync_is_for_all_and_the_next_finds_nothing(write, synced, count):
    files = OpenFiles()
    for number in range(count):
        write(files, f"{number}")
    files.sync()
    assert sorted(synced) == sorted(str(number) for number in range(count))
    files.sync()
    assert len(synced) == count


def test_two_files_are_synced_at_once(write, monkeypatch):
    files = OpenFiles()
    outputs = [write(files, f"{number}") for number in range(2)]
    both = threading.Barrier(2, timeout=10)
    monkeypatch.setattr(os, "fdatasync", lambda _fd: both.wait())
    files.sync()
    assert not any(file.dirty for file in outputs)


def test_open_handles_are_bounded_and_closed_files_are_synced_too(write, synced):
    files = OpenFiles(handle_limit=3)
    outputs = [write(files, f"{number}", "gzip") for number in range(10)]
    assert [file.is_open for file in outputs] == [False] * 7 + [True] * 3
    files.sync()
    assert len(synced) == 10


def test_a_closed_file_is_opened_again_by_the_next_write(write, tmp_path):
    files = OpenFiles(handle_limit=1)
    first = write(files, "first")
    write(files, "second")
    assert not first.is_open
    first.append([b"more\n"])
    files.written(first)
    assert (tmp_path / "first").read_bytes() == b"line\nmore\n"
    assert first.size_bytes == 10


@pytest.mark.parametrize("count", [2, 9])
def test_one_file_that_fails_is_told_by_its_own_name(write, monkeypatch, count):
    files = OpenFiles()
    for number in range(count):
        write(files, f"tenant-{number}")
    real = os.fdatasync

    def refuse(fd):
        if Path(f"/proc/self/fd/{fd}").readlink().name == "tenant-1":
            raise OSError(5, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(SinkStopped) as caught:
        files.sync()
    assert caught.value.tenant == "tenant-1"


def test_a_forgotten_file_is_left_as_it_is(write, synced, tmp_path):
    files = OpenFiles()
    file = write(files, "x", "zstd")
    size = (tmp_path / "x").stat().st_size
    files.forget(file)
    files.sync()
    assert synced == []
    assert (tmp_path / "x").stat().st_size == size
    assert not file.is_open


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_file_at_rest_holds_no_descriptor_unless_it_is_still_to_be_synced(write, tmp_path, compression):
    files = OpenFiles()
    file = write(files, "x", compression)
    files.rest(file)
    assert file.is_open
    files.sync()
    files.rest(file)
    assert not file.is_open
    size = (tmp_path / "x").stat().st_size
    file.append([b"more\n"])
    files.written(file)
    files.sync()
    assert (tmp_path / "x").stat().st_size > size


def test_the_default_leaves_descriptors_to_others():
    assert 8 <= default_handle_limit() <= 512


def test_after_a_failure_nothing_is_claimed_to_be_on_the_disk(write, monkeypatch):
    files = OpenFiles()
    write(files, "x")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", lambda _fd: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(SinkStopped):
            files.sync()
    assert files.failed
    with pytest.raises(SinkStopped, match="before"):
        files.sync()
