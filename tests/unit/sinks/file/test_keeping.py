"""What is deleted of an archive, and what isn't."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from sinks.file.keeping import Keeper
from sinks.file.sink import FileSink

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def told(caplog):
    caplog.set_level(logging.INFO)
    return caplog


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def keeper(folder, template="{tenant}/{date}.ndjson", keep=timedelta(days=30), tenants=("acme",), now=NOW):
    return Keeper("archive", str(folder / template), tenants, keep, markers=("backfill", "audit-*"), clock=lambda: now)


def test_a_file_goes_when_its_whole_day_is_older_with_a_line(tmp_path, told):
    make(tmp_path, "acme/2024-05-01.ndjson", "acme/2024-05-02.ndjson", "acme/2024-05-03.ndjson", "acme/2024-06-01.ndjson")
    keeper(tmp_path).sweep()
    assert left(tmp_path) == ["acme/2024-05-02.ndjson", "acme/2024-05-03.ndjson", "acme/2024-06-01.ndjson"]
    assert told.messages == [f"sink archive: deleted {tmp_path}/acme/2024-05-01.ndjson, older than 30d"]
    keeper(tmp_path, now=NOW + timedelta(hours=12)).sweep()
    assert left(tmp_path)[0] == "acme/2024-05-03.ndjson"


def test_what_lies_beside_or_was_made_of_it_goes_too(tmp_path):
    names = ["", ".backfill", ".audit-20240501T000000Z"]
    make(tmp_path, *(f"acme/2024-01-01{name}.ndjson{ending}" for name in names for ending in ("", ".gz", ".zst")))
    make(tmp_path, "acme/2024-01-01.ndjson.gz.unfinished")
    keeper(tmp_path).sweep()
    assert left(tmp_path) == []


def test_nothing_else_is_touched(tmp_path):
    others = [
        "acme/2024-01-01.mine.ndjson", "acme/2024-01-01.csv", "acme/2024-01-01", "acme/notes-2024-01-01.ndjson", "acme/other.ndjson",
        "acme/2024-13-45.ndjson", "acme/old/2024-01-01.ndjson", "globex/2024-01-01.ndjson", "2024-01-01.ndjson",
    ]  # fmt: skip
    make(tmp_path, *others)
    keeper(tmp_path).sweep()
    assert left(tmp_path) == sorted(others)


def test_hours_count_where_the_path_has_them(tmp_path):
    make(tmp_path, *(f"acme/2024-06-01T{hour:02}.ndjson.gz" for hour in range(12)))
    keeper(tmp_path, "{tenant}/{date}T{hour}.ndjson.gz", timedelta(hours=3)).sweep()
    assert left(tmp_path) == [f"acme/2024-06-01T{hour:02}.ndjson.gz" for hour in (9, 10, 11)]


def test_folders_named_after_a_date_go_with_their_last_file(tmp_path):
    make(tmp_path, "2024-01-01/acme/00.ndjson", "2024-01-01/acme/01.ndjson", "2024-01-02/acme/00.ndjson", "2024-01-02/readme.txt")
    keeper(tmp_path, "{date}/{tenant}/{hour}.ndjson").sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2024-01-02"]
    assert left(tmp_path) == ["2024-01-02/readme.txt"]


def test_a_date_that_stands_twice_is_one(tmp_path):
    make(tmp_path, "2024-01-01/acme-2024-01-01.ndjson", "2024-01-01/acme-2024-05-31.ndjson")
    keeper(tmp_path, "{date}/{tenant}-{date}.ndjson").sweep()
    assert left(tmp_path) == ["2024-01-01/acme-2024-05-31.ndjson"]


def test_signs_of_a_pattern_in_a_path_are_no_pattern(tmp_path):
    make(tmp_path, "a[b]*/2024-01-01.ndjson", "ab/2024-01-01.ndjson")
    keeper(tmp_path / "a[b]*", "{date}.ndjson").sweep()
    assert left(tmp_path) == ["ab/2024-01-01.ndjson"]


def test_one_that_can_t_be_deleted_is_told_and_the_others_go(tmp_path, told):
    make(tmp_path, "acme/2024-01-02.ndjson")
    (tmp_path / "acme" / "2024-01-01.ndjson").mkdir()
    keeper(tmp_path).sweep()
    assert left(tmp_path) == []
    assert "2024-01-01.ndjson is older than 30d and can't be deleted: " in told.text


def test_a_sink_that_keeps_deletes_from_its_start_on_and_a_resume_finds_nothing_missing(tmp_path, make_page, told, monkeypatch):
    monkeypatch.setattr(Keeper, "start", Keeper.sweep)

    def sink(now):
        path = str(tmp_path / "{tenant}" / "{date}.ndjson")
        return FileSink("archive", path, ["acme"], keep=timedelta(days=30), journal_dir=tmp_path / "journal", clock=lambda: now)

    first = sink(datetime(2024, 1, 1, 12, tzinfo=UTC)).build_part("flow.sink", "acme", None)
    first.write_batch([make_page("acme", (1, "2024-01-01T10:00"))])
    state = first.snapshot()
    first.close()
    sink(NOW).build_part("flow.sink", "acme", state)
    assert left(tmp_path / "acme") == []
    told.clear()
    sink(NOW).build_part("flow.sink", "acme", state)
    assert told.messages == []


def test_it_sweeps_on_a_thread_of_its_own(tmp_path, monkeypatch):
    swept = threading.Event()
    own = keeper(tmp_path)
    monkeypatch.setattr(own, "sweep", swept.set)
    own.start()
    own.start()
    assert swept.wait(10)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "okta-keep-archive"] == [True]
