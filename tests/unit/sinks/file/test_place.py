"""State and journal name files from the configuration's folder on: what is moved finds its own files, what is copied only its own."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from sinks.file.journal import Journal
from sinks.file.sink import FileSink

DAY = "2024-05-01T10:00"


def sink_in(folder, path="out/{tenant}/{date}.ndjson"):
    return FileSink(
        "archive", str(folder / path), ["acme"], base=str(folder), journal_dir=folder / "state" / "files",
        clock=lambda: datetime(2024, 5, 1, 10, 1, tzinfo=UTC),
    )  # fmt: skip


def build(sink, state=None):
    return sink.build_part("flow.sink", "acme", state)


def crashed(folder, make_page):
    """A run that wrote a page, took a snapshot, wrote on in that file and in another one, and died."""
    partition = build(sink_in(folder))
    partition.write_batch([make_page("acme", (1, DAY))])
    state = partition.snapshot()
    partition.write_batch([make_page("acme", (2, DAY), (3, "2024-05-02T10:00"))])
    return state


def as_an_earlier_release_wrote_it(folder, state):
    """The same state and journal with absolute paths."""
    journal = folder / "state" / "files" / "archive.acme.ndjson"
    header, *notes = map(json.loads, journal.read_text().splitlines())
    lines = [{**header, "version": 1}, *({**note, "path": f"{folder}/{note['path']}"} for note in notes)]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {**state, "version": 1, "files": {f"{folder}/{key}": size for key, size in state["files"].items()}}


def test_state_and_journal_hold_no_absolute_path(tmp_path, make_page):
    state = crashed(tmp_path, make_page)
    assert list(state["files"]) == ["out/acme/2024-05-01.ndjson"]
    assert str(tmp_path) not in (tmp_path / "state" / "files" / "archive.acme.ndjson").read_text()


@pytest.mark.parametrize("earlier", [False, True], ids=["this release", "an earlier release"])
def test_a_copy_cuts_its_own_files_and_leaves_the_originals(tmp_path, make_page, numbers_in, earlier):
    state = crashed(tmp_path / "prod", make_page)
    if earlier:
        state = as_an_earlier_release_wrote_it(tmp_path / "prod", state)
    shutil.copytree(tmp_path / "prod", tmp_path / "copy")
    before = {path: path.read_bytes() for path in (tmp_path / "prod" / "out").rglob("*.ndjson")}
    build(sink_in(tmp_path / "copy"), state)
    assert {path: path.read_bytes() for path in (tmp_path / "prod" / "out").rglob("*.ndjson")} == before
    assert numbers_in((tmp_path / "copy" / "out" / "acme" / "2024-05-01.ndjson").read_bytes()) == [1]
    assert not (tmp_path / "copy" / "out" / "acme" / "2024-05-02.ndjson").exists()


@pytest.mark.parametrize("earlier", [False, True], ids=["this release", "an earlier release"])
def test_what_was_moved_resumes_exactly(tmp_path, make_page, numbers_in, earlier):
    state = crashed(tmp_path / "here", make_page)
    if earlier:
        state = as_an_earlier_release_wrote_it(tmp_path / "here", state)
    (tmp_path / "here").rename(tmp_path / "there")
    partition = build(sink_in(tmp_path / "there"), state)
    partition.write_batch([make_page("acme", (2, DAY), (3, "2024-05-02T10:00"))])
    partition.snapshot()
    assert not (tmp_path / "here").exists()
    days = sorted((tmp_path / "there" / "out" / "acme").iterdir())
    assert [numbers_in(day.read_bytes()) for day in days] == [[1, 2], [3]]


def test_a_state_of_an_earlier_release_is_one_of_this_release_from_its_first_snapshot_on(tmp_path, make_page, numbers_in):
    state = as_an_earlier_release_wrote_it(tmp_path, crashed(tmp_path, make_page))
    partition = build(sink_in(tmp_path), state)
    assert numbers_in((tmp_path / "out" / "acme" / "2024-05-01.ndjson").read_bytes()) == [1]
    assert partition.snapshot() == {"version": 2, "snapshot": 2, "files": {"out/acme/2024-05-01.ndjson": 30}}
    assert str(tmp_path) not in (tmp_path / "state" / "files" / "archive.acme.ndjson").read_text()


@pytest.mark.parametrize("earlier", [False, True], ids=["this release", "an earlier release"])
def test_a_file_that_the_path_does_not_name_any_more_is_never_cut(tmp_path, make_page, numbers_in, caplog, earlier):
    state = crashed(tmp_path, make_page)
    if earlier:
        state = as_an_earlier_release_wrote_it(tmp_path, state)
    build(sink_in(tmp_path, "other/{tenant}/{date}.ndjson"), state)
    assert numbers_in((tmp_path / "out" / "acme" / "2024-05-01.ndjson").read_bytes()) == [1, 2]
    assert numbers_in((tmp_path / "out" / "acme" / "2024-05-02.ndjson").read_bytes()) == [3]
    assert "leaves" in caplog.text
    assert "2024-05-02.ndjson alone" in caplog.text


def test_a_changed_path_after_a_good_end_is_no_matter(tmp_path, make_page, caplog):
    partition = build(sink_in(tmp_path))
    partition.write_batch([make_page("acme", (1, DAY))])
    build(sink_in(tmp_path, "other/{tenant}/{date}.ndjson"), partition.snapshot())
    assert caplog.text == ""


def test_another_tenants_file_in_a_state_is_not_cut(tmp_path, make_page):
    build(sink_in(tmp_path)).write_batch([make_page("acme", (1, DAY))])
    other = tmp_path / "out" / "globex" / "2024-05-01.ndjson"
    other.parent.mkdir()
    other.write_text("{}\n")
    build(sink_in(tmp_path), {"version": 2, "snapshot": 3, "files": {"out/globex/2024-05-01.ndjson": 0}})
    assert other.read_text() == "{}\n"


def test_a_journal_of_absolute_paths_becomes_one_of_keys_with_its_first_note(tmp_path):
    path = tmp_path / "archive.acme.ndjson"
    path.write_text('{"version":1}\n{"path":"/prod/out/a","size":5,"after":1}\n')
    journal = Journal(path, lambda absolute: absolute.removeprefix("/prod/"))
    journal.note({"out/b": 7}, after=2)
    assert Journal(path).bases(0) == {"out/a": 5, "out/b": 7}
    assert path.read_text().startswith('{"version":2}\n')
