import os
import stat
from pathlib import Path

import pytest

from sinks import durable
from sinks.durable import write_into


@pytest.fixture
def appended(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before\n")
    fd = os.open(path, os.O_RDWR | os.O_APPEND)
    yield path, fd
    os.close(fd)


def test_write_all_goes_on_after_a_partial_write(appended, monkeypatch):
    path, fd = appended
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
    durable.write_all(fd, b"0123456789")
    assert path.read_bytes() == b"before\n0123456789"


def test_a_refusal_halfway_leaves_the_file_as_it_was(appended, monkeypatch):
    path, fd = appended
    real, calls = os.write, []

    def full(fd, data):
        calls.append(data)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(fd, bytes(data)[:3])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        durable.append_or_undo(fd, b"0123456789", 7)
    assert path.read_bytes() == b"before\n"
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("content", "end"),
    [(b"", 0), (b"abc", 0), (b"\n", 1), (b"a\nb", 2), (b"a\nb\n", 4), (b"a\n" + b"x" * 200_000, 2), (b"x" * 65_536 + b"\ny", 65_537)],
)  # fmt: skip
def test_end_of_last_line(tmp_path, content, end):
    path = tmp_path / "file"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert durable.end_of_last_line(file.fileno(), len(content)) == end


def test_directories_get_their_mode_all_the_way(tmp_path):
    durable.make_directories(tmp_path / "a" / "b", 0o700)
    durable.make_directories(tmp_path / "a" / "b", 0o700)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o700, 0o700]


def test_a_file_in_the_way_is_an_error(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(FileExistsError):
        durable.make_directories(tmp_path / "a" / "b")


def test_replacing_a_file_leaves_no_other_behind(tmp_path):
    durable.replace_file(tmp_path / "x", b"one")
    durable.replace_file(tmp_path / "x", b"two")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"two"}


def test_a_replacement_that_fails_keeps_the_old_content(tmp_path, monkeypatch):
    durable.replace_file(tmp_path / "x", b"one")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(OSError, match="No space"):
        durable.replace_file(tmp_path / "x", b"two")
    assert (tmp_path / "x").read_bytes() == b"one"


def test_a_named_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "report"
    write_into(path, b"one")
    before = path.stat().st_ino
    write_into(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != before


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_one_and_its_file_is_written(tmp_path, there):
    file, link = tmp_path / "folder" / "file", tmp_path / "link"
    file.parent.mkdir()
    if there:
        file.write_bytes(b"before")
    link.symlink_to(file)
    write_into(link, b"data")
    assert link.is_symlink()
    assert file.read_bytes() == b"data"


def test_a_pipe_is_written_to(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device"):
        write_into(path, b"nobody reads")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_into(path, b"data")
    assert os.read(reader, 100) == b"data"
    os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_device_is_written_to_and_so_is_what_it_stands_for(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(b"before ")
        file.flush()
        write_into(Path(f"/dev/fd/{file.fileno()}"), b"data")
    assert (tmp_path / "file").read_bytes() == b"before data"
    write_into(Path("/dev/null"), b"data")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116
