import errno
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sinks.errors import SinkStopped
from sinks.file.sink import FileSink

DAY = "2024-05-01T10:00"


@pytest.fixture
def sink(tmp_path):
    return FileSink(
        "archive",
        str(tmp_path / "{tenant}" / "{date}.ndjson"),
        ["zeta", "acme"],
        journal_dir=tmp_path / "journal",
        clock=lambda: datetime(2024, 5, 1, 10, 1, tzinfo=UTC),
    )


@pytest.fixture
def target(tmp_path):
    return tmp_path / "acme" / "2024-05-01.ndjson"


def build(sink, state=None, tenant="acme"):
    return sink.build_part("flow.sink", tenant, state)


def test_partitions_are_sorted_and_a_tenant_has_the_index_of_its_own(sink):
    assert sink.list_parts() == ["acme", "zeta"]
    assert [sink.part_fn(name) for name in sink.list_parts()] == [0, 1]


def test_an_unknown_tenant_is_refused(sink):
    with pytest.raises(ValueError, match="unknown tenant 'other'"):
        sink.part_fn("other")


def test_documents_are_lines(sink, target, make_page):
    page = make_page("acme", (1, DAY), (2, DAY))
    partition = build(sink)
    partition.write_batch([page, make_page("acme", (3, DAY))])
    assert target.read_bytes() == page.ndjson() + b'{"_okta_tenant":"acme","n":3}\n'


def test_an_empty_page_is_nothing(sink, tmp_path, make_page):
    build(sink).write_batch([make_page("acme")])
    assert list(tmp_path.iterdir()) == []


def test_the_state_is_plain_and_names_sizes(sink, target, make_page):
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])
    assert partition.snapshot() == {
        "version": 2,
        "snapshot": 1,
        "files": {str(target): target.stat().st_size},
    }


def test_files_that_are_no_longer_used_leave_the_state(sink, make_page):
    sink._clock = lambda: datetime(2024, 5, 31, tzinfo=UTC)
    partition = build(sink)
    for day in range(1, 21):
        partition.write_batch([make_page("acme", (day, f"2024-05-{day:02}T10:00"))])
        state = partition.snapshot()
    assert len(state["files"]) == 8
    assert [Path(path).stem[-2:] for path in state["files"]] == [f"{day:02}" for day in range(13, 21)]


def test_files_of_earlier_days_hold_no_descriptor_and_late_events_still_get_there(sink, make_page, numbers_in):
    sink._clock = lambda: datetime(2024, 5, 31, tzinfo=UTC)
    partition = build(sink)
    for day in range(1, 11):
        partition.write_batch([make_page("acme", (day, f"2024-05-{day:02}T10:00"))])
        partition.snapshot()
    assert sum(file.is_open for file in partition._files.values()) == 1
    partition.write_batch([make_page("acme", (99, "2024-05-05T10:00"))])
    state = partition.snapshot()
    (path,) = (Path(path) for path in state["files"] if path.endswith("2024-05-05.ndjson"))
    assert numbers_in(path.read_bytes()) == [5, 99]
    assert state["files"][str(path)] == path.stat().st_size


def test_files_of_the_last_epoch_stay_in_the_state(sink, make_page):
    sink._clock = lambda: datetime(2024, 5, 31, tzinfo=UTC)
    partition = build(sink)
    partition.write_batch([make_page("acme", *((day, f"2024-05-{day:02}T10:00") for day in range(1, 21)))])
    assert len(partition.snapshot()["files"]) == 20


def test_one_tenants_journal_knows_only_its_own_files(sink, tmp_path, make_page):
    for tenant in sink.list_parts():
        build(sink, tenant=tenant).write_batch([make_page(tenant, (1, DAY))])
    for tenant in sink.list_parts():
        (line,) = (tmp_path / "journal" / f"archive.{tenant}.ndjson").read_text().splitlines()[1:]
        assert f"/{tenant}/2024-05-01.ndjson" in line


def test_a_resumed_run_continues_and_cuts_what_came_after(sink, target, make_page, numbers_in):
    first = build(sink)
    first.write_batch([make_page("acme", (1, DAY))])
    state = first.snapshot()
    first.write_batch([make_page("acme", (2, DAY)), make_page("acme", (3, "2024-05-02T10:00"))])
    second = build(sink, state)
    assert numbers_in(target.read_bytes()) == [1]
    assert not target.with_name("2024-05-02.ndjson").exists()
    second.write_batch([make_page("acme", (2, DAY))])
    assert numbers_in(target.read_bytes()) == [1, 2]


def test_without_a_recovery_store_everything_is_appended(tmp_path, make_page, numbers_in):
    sink = FileSink("archive", str(tmp_path / "{tenant}.ndjson"), ["acme"], journal_dir=None)
    for number in range(3):
        build(sink).write_batch([make_page("acme", (number, DAY))])
    assert numbers_in((tmp_path / "acme.ndjson").read_bytes()) == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["acme.ndjson"]


def test_a_file_that_is_missing_on_resume_starts_again(sink, target, make_page, numbers_in, caplog):
    first = build(sink)
    first.write_batch([make_page("acme", (1, DAY))])
    state = first.snapshot()
    target.rename(target.with_name("moved"))
    with caplog.at_level(logging.WARNING):
        second = build(sink, state)
    assert "is missing" in caplog.text
    second.write_batch([make_page("acme", (2, DAY))])
    assert numbers_in(target.read_bytes()) == [2]
    # The crash comes before the next snapshot: the same state again, and a file shorter than it says.
    third = build(sink, state)
    third.write_batch([make_page("acme", (2, DAY))])
    assert numbers_in(target.read_bytes()) == [2]
    assert third.snapshot()["files"] == {str(target): target.stat().st_size}


def test_a_file_that_is_shorter_on_resume_loses_only_half_a_line(sink, target, make_page, numbers_in, caplog):
    first = build(sink)
    first.write_batch([make_page("acme", (1, DAY), (2, DAY))])
    state = first.snapshot()
    os.truncate(target, target.stat().st_size - 3)
    with caplog.at_level(logging.WARNING):
        second = build(sink, state)
    assert "bytes left" in caplog.text
    second.write_batch([make_page("acme", (3, DAY))])
    assert numbers_in(target.read_bytes()) == [1, 3]
    # Written beyond the size in the state by now; the crash before the next snapshot must not cut there.
    second.write_batch([make_page("acme", *((number, DAY) for number in range(4, 9)))])
    build(sink, state).write_batch([make_page("acme", (3, DAY))])
    assert numbers_in(target.read_bytes()) == [1, 3]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_half_a_frame_of_unknown_origin_is_set_aside(tmp_path, make_page, compression, caplog):
    sink = FileSink("archive", str(tmp_path / "{tenant}"), ["acme"], compression=compression, journal_dir=None)
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])
    partition.close()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-4])
    with caplog.at_level(logging.WARNING):
        build(sink).write_batch([make_page("acme", (2, DAY))])
    assert path.read_bytes().startswith(whole)
    assert path.with_name(path.name + ".unfinished").read_bytes() == whole[:-4]
    assert "unfinished" in caplog.text


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_pages_share_a_frame_until_the_snapshot(tmp_path, make_page, compression):
    sink = FileSink("archive", str(tmp_path / "{tenant}"), ["acme"], compression=compression, journal_dir=None)
    partition = build(sink)
    for number in range(50):
        partition.write_batch([make_page("acme", (number, DAY))])
    partition.snapshot()
    (path,) = tmp_path.iterdir()
    magic = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}[compression]
    assert path.read_bytes().count(magic) == 1
    assert path.suffix == {"gzip": ".gz", "zstd": ".zst"}[compression]


@pytest.mark.parametrize("how", ["moved", "deleted", "truncated", "replaced"])
@pytest.mark.parametrize("handles", [1, 100])
def test_a_file_that_goes_away_while_running(*, tmp_path, sink, target, make_page, numbers_in, how, handles, caplog):
    partition = build(sink)
    partition._open_files._limit = handles
    partition.write_batch([make_page("acme", (1, DAY)), make_page("acme", (2, "2024-05-02T10:00"))])
    state = partition.snapshot()
    if how == "moved":
        target.rename(tmp_path / "elsewhere")
    elif how == "deleted":
        target.unlink()
    elif how == "truncated":
        os.truncate(target, 0)
    else:
        (tmp_path / "new").write_bytes(b"")
        (tmp_path / "new").replace(target)
    with caplog.at_level(logging.WARNING):
        partition.write_batch([make_page("acme", (3, DAY), (4, DAY))])
    assert "moved or changed" in caplog.text
    assert numbers_in(target.read_bytes()) == [3, 4]
    # A crash before the next snapshot: what is in the new file came after the old snapshot.
    build(sink, state).write_batch([make_page("acme", (3, DAY), (4, DAY))])
    assert numbers_in(target.read_bytes()) == [3, 4]


def test_a_moved_compressed_file_is_a_whole_one(tmp_path, make_page):
    sink = FileSink("archive", str(tmp_path / "{tenant}"), ["acme"], compression="gzip", journal_dir=None)
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])
    (tmp_path / "acme.gz").rename(tmp_path / "moved.gz")
    partition.write_batch([make_page("acme", (2, DAY))])
    partition.close()
    for name, number in (("moved.gz", 1), ("acme.gz", 2)):
        done = subprocess.run(["gzip", "-dc", tmp_path / name], capture_output=True, check=True)
        assert done.stdout == b'{"_okta_tenant":"acme","n":%d}\n' % number


def test_an_aborted_run_in_this_process_leaves_nothing_to_the_next(tmp_path, make_page, numbers_in):
    sink = FileSink("archive", str(tmp_path / "{tenant}"), ["acme"], compression="gzip", journal_dir=tmp_path / "journal")
    first = build(sink)
    first.write_batch([make_page("acme", (1, DAY))])
    state = first.snapshot()
    first.write_batch([make_page("acme", (2, DAY))])  # its frame is unfinished
    second = build(sink, state)
    second.write_batch([make_page("acme", (2, DAY))])
    second.snapshot()
    done = subprocess.run(["gzip", "-dc", tmp_path / "acme.gz"], capture_output=True, check=True)
    assert numbers_in(done.stdout) == [1, 2]


def test_a_compressed_file_that_was_closed_for_others_is_a_whole_one(tmp_path, make_page, numbers_in):
    sink = FileSink(
        "archive",
        str(tmp_path / "{tenant}-{date}"),
        ["acme"],
        compression="gzip",
        journal_dir=None,
        clock=lambda: datetime(2024, 5, 3, tzinfo=UTC),
    )
    partition = build(sink)
    partition._open_files._limit = 1
    partition.write_batch([make_page("acme", (1, DAY)), make_page("acme", (2, "2024-05-02T10:00"))])
    (tmp_path / "acme-2024-05-01.gz").rename(tmp_path / "moved.gz")
    done = subprocess.run(["gzip", "-dc", tmp_path / "moved.gz"], capture_output=True, check=True)
    assert numbers_in(done.stdout) == [1]


def test_half_a_line_of_unknown_origin_is_ended_for_good_before_its_size_is_noted(sink, target, make_page, monkeypatch):
    target.parent.mkdir()
    target.write_bytes(b'{"n":"theirs"}')
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink()))
    build(sink).write_batch([make_page("acme", (1, DAY))])
    assert target.read_bytes() == b'{"n":"theirs"}\n{"_okta_tenant":"acme","n":1}\n'
    assert synced[0] == target


def test_several_tenants_need_a_path_each(tmp_path):
    with pytest.raises(ValueError, match=r"no \{tenant\}"):
        FileSink("archive", str(tmp_path / "{date}"), ["acme", "zeta"], journal_dir=None)
    FileSink("archive", str(tmp_path / "{date}"), ["acme"], journal_dir=None)


def test_a_relative_path_is_refused():
    with pytest.raises(ValueError, match="not absolute"):
        FileSink("archive", "{tenant}.ndjson", ["acme"], journal_dir=None)


def test_a_directory_in_the_way_stops_the_run_with_the_whole_story(sink, target, make_page):
    target.mkdir(parents=True)
    with pytest.raises(SinkStopped) as caught:
        build(sink).write_batch([make_page("acme", (1, DAY))])
    error = caught.value
    assert (error.sink, error.tenant, error.path) == ("archive", "acme", str(target))
    for part in ("'archive'", "'acme'", str(target), error.reason, error.fix, "Nothing is lost"):
        assert part in str(error)


@pytest.mark.parametrize(
    ("code", "says"),
    [(errno.EACCES, "permission denied"), (errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EBADF, "Bad file")],
)  # fmt: skip
def test_what_the_system_refuses_is_told(sink, make_page, monkeypatch, code, says):
    partition = build(sink)

    def refuse(path, *_):
        raise OSError(code, os.strerror(code), path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SinkStopped, match=says):
        partition.write_batch([make_page("acme", (1, DAY))])


def test_a_path_that_is_too_long(tmp_path, make_page):
    sink = FileSink("archive", str(tmp_path / ("x" * 300 + "{tenant}")), ["acme"], journal_dir=None)
    with pytest.raises(SinkStopped, match="too long") as caught:
        build(sink).write_batch([make_page("acme", (1, DAY))])
    assert "Nothing is lost" not in str(caught.value)


def test_a_sync_that_fails_stops_the_run(sink, make_page, monkeypatch):
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])

    def refuse(_fd):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(SinkStopped, match="input/output error"):
        partition.snapshot()


def test_a_journal_that_cannot_be_written_stops_before_the_file_is(sink, tmp_path, target, make_page):
    (tmp_path / "journal").write_text("a file, not a folder")
    with pytest.raises(SinkStopped) as caught:
        build(sink).write_batch([make_page("acme", (1, DAY))])
    assert str(tmp_path / "journal") in caught.value.path
    assert not target.exists()


@pytest.mark.parametrize("content", ["not a journal\n", '{"version":9}\n'])
def test_a_journal_that_cannot_be_understood_stops_before_anything_is_cut(sink, tmp_path, content):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "archive.acme.ndjson").write_text(content)
    with pytest.raises(SinkStopped, match="Nothing was changed"):
        build(sink)


def test_a_state_of_another_version_is_refused(sink):
    with pytest.raises(SinkStopped, match="version 3"):
        build(sink, {"version": 3})


def test_a_file_that_another_program_keeps_writing_to(sink, target, make_page, monkeypatch):
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])
    real = os.stat

    def stat(path, **more):
        if path == str(target):
            with target.open("ab") as file:
                file.write(b"theirs\n")
        return real(path, **more)

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(SinkStopped, match="writes to the same file"):
        partition.write_batch([make_page("acme", (2, DAY))])


def test_a_run_after_a_failed_one_in_this_process(sink, target, make_page, monkeypatch, numbers_in):
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", lambda _fd: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
        with pytest.raises(SinkStopped):
            partition.snapshot()
        partition.close()
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])
    partition.snapshot()
    assert numbers_in(target.read_bytes()) == [1]


def test_close_never_raises(sink, make_page, monkeypatch, caplog):
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])

    def refuse(_fd):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", refuse)
    partition.close()
    assert "input/output error" in caplog.text


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_frame_whose_beginning_is_undone_gets_no_end(tmp_path, make_page, monkeypatch, compression):
    sink = FileSink("archive", str(tmp_path / "{tenant}"), ["acme"], compression=compression, journal_dir=None)
    partition = build(sink)
    partition.write_batch([make_page("acme", (1, DAY))])
    partition.snapshot()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    partition.write_batch([make_page("acme", (2, DAY))])
    real = os.write

    def full(fd, data):
        real(fd, bytes(data)[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SinkStopped, match="disk is full"):
        partition.snapshot()
    monkeypatch.undo()
    partition.close()
    assert path.read_bytes() == whole


FULL_DISK = """
import resource, sys
from pathlib import Path
from datetime import datetime, UTC
from types import SimpleNamespace
from sinks.documents import Documents
from sinks.errors import SinkStopped
from sinks.file.sink import FileSink

head = SimpleNamespace(uuid="u", published=datetime(2024, 5, 1, tzinfo=UTC), event_type="t")
page = Documents("acme", [head] * 10, [b'{"a":1,'] * 10, [b'"b":"' + b"x" * 400 + b'"}'] * 10)
sink = FileSink("archive", sys.argv[1] + "/{tenant}.ndjson", ["acme"], journal_dir=Path(sys.argv[1]) / "journal")
partition = sink.build_part("s", "acme", None)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    for _ in range(10):
        partition.write_batch([page])
except SinkStopped as error:
    print(error.reason)
"""


def test_a_real_partial_write_leaves_no_half_line(tmp_path, numbers_in):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(Path.cwd())})  # fmt: skip
    data = (tmp_path / "acme.ndjson").read_bytes()
    assert done.stdout == "the file may not grow any further\n"
    assert data.endswith(b'x"}\n')
    assert data.count(b"\n") == 20
