import pytest

from sinks.file import journal as journal_module
from sinks.file.journal import ABSENT, Journal, JournalDamaged


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal" / "archive.acme.ndjson"


def test_a_journal_that_nobody_wrote_is_empty(path):
    journal = Journal(path)
    assert journal.bases(0) == {}
    journal.settle(0)
    assert not path.exists()


def test_notes_are_there_after_a_crash(path):
    Journal(path).note({"/a": 5, "/b": ABSENT}, after=3)
    assert Journal(path).bases(3) == {"/a": 5, "/b": ABSENT}


def test_notes_from_before_the_snapshot_say_nothing(path):
    journal = Journal(path)
    journal.note({"/a": 5}, after=2)
    journal.note({"/b": 7}, after=3)
    assert journal.bases(3) == {"/b": 7}
    assert journal.bases(4) == {}


def test_the_earliest_size_since_the_snapshot_counts(path):
    journal = Journal(path)
    journal.note({"/a": ABSENT}, after=0)
    journal.note({"/a": 100}, after=5)
    journal.note({"/a": 300}, after=8)
    assert [journal.bases(n).get("/a") for n in (0, 1, 5, 6, 8, 9)] == [ABSENT, 100, 100, 300, 300, None]


def test_settled_notes_are_gone_and_older_ones_stay(path):
    journal = Journal(path)
    journal.note({"/a": 1}, after=1)
    journal.note({"/b": 2}, after=2)
    journal.settle(2)
    assert Journal(path).bases(0) == {"/a": 1}


def test_settling_what_is_settled_writes_nothing(path):
    journal = Journal(path)
    journal.note({"/a": 1}, after=1)
    before = path.stat().st_ino
    journal.settle(2)
    assert path.stat().st_ino == before


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_torn_last_line_is_ignored_and_mended(path, cut):
    journal = Journal(path)
    journal.note({"/a": 1}, after=1)
    whole = path.stat().st_size
    journal.note({"/b": 2}, after=1)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    journal = Journal(path)
    expected = {"/a": 1} if len(data) - cut >= whole else {}
    assert journal.bases(0) == expected
    journal.settle(2)
    journal.note({"/c": 3}, after=2)
    assert Journal(path).bases(0) == {**expected, "/c": 3}


def test_old_notes_are_dropped_in_the_end_and_recent_ones_never(path):
    journal = Journal(path)
    for snapshot in range(2000):
        journal.note({f"/{snapshot}": snapshot}, after=snapshot)
    reread = Journal(path)
    assert len(reread.bases(0)) <= 2 * journal_module._KEPT_NOTES
    assert reread.bases(1940) == {f"/{n}": n for n in range(1940, 2000)}


def test_many_notes_within_one_epoch_are_not_rewritten_each_time(path, monkeypatch):
    journal = Journal(path)
    rewritten = []
    real = journal_module.replace_file
    monkeypatch.setattr(journal_module, "replace_file", lambda *args: (rewritten.append(1), real(*args)))
    for number in range(1500):
        journal.note({f"/{number}": 0}, after=1)
    assert len(Journal(path).bases(1)) == 1500
    assert len(rewritten) <= 3


@pytest.mark.parametrize(
    "content",
    [b'{"version":3}\n', b"hello\n", b'{"version":1}\n{"path":1}\n', b"\xff\n", b'{"version":1}\n{"path":"\xff","size":1,"after":1}\n'],
)
def test_a_journal_that_cannot_be_understood_is_an_error(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(JournalDamaged):
        Journal(path)
