import fcntl
import os
import stat
from pathlib import Path

import pytest

from sinks.dead_letters.claims import ReplayUnderWay, claim, give_back, original_name, sole_replay, take_back_claims
from sinks.dead_letters.files import letter_files
from sinks.dead_letters.line import encode
from sinks.dead_letters.sink import DeadLetterFile
from tests.unit.sinks.dead_letters.test_files import letter, there
from tests.unit.sinks.dead_letters.test_sink import LETTER


@pytest.fixture
def file(tmp_path):
    return DeadLetterFile(tmp_path)


@pytest.fixture
def path(file):
    return file.path_of(LETTER)


def spans(*numbers):
    """Where the letters 0, 1, 2 … of a file are."""
    length = len(encode(letter(0)))
    return [(number * length, (number + 1) * length) for number in numbers]


def test_a_claimed_file_is_out_of_the_writers_way_and_still_to_be_seen(file, path):
    file.append([letter(0)])
    claimed = claim(path)
    assert claimed.name == "2024-05-02.replaying.ndjson"
    assert original_name(claimed) == path.name
    file.append([letter(1)])
    assert (there(claimed), there(path)) == (["0"], ["1"])
    assert letter_files(path.parent) == [path, claimed]


def test_what_is_left_is_given_back_in_front_of_what_came_meanwhile(file, path):
    file.append([letter(number) for number in range(4)])
    claimed = claim(path)
    file.append([letter(7), letter(8)])
    give_back(claimed, spans(0, 2))
    assert there(path) == ["1", "3", "7", "8"]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("dropped", [[], [0], [1], [0, 1]])
def test_it_is_given_back_to_a_free_place(file, path, dropped):
    file.append([letter(0), letter(1)])
    give_back(claim(path), spans(*dropped))
    assert there(path) == [str(number) for number in range(2) if number not in dropped]
    assert path.exists() is (len(dropped) < 2)
    assert len(list(path.parent.iterdir())) == path.exists()


def test_a_file_that_has_gone_is_no_claim(path):
    path.parent.mkdir(parents=True)
    assert claim(path) is None
    assert not list(path.parent.iterdir())


def test_an_empty_file_is_no_claim(path):
    path.parent.mkdir(parents=True)
    path.touch()
    assert claim(path) is None
    assert not path.exists()


@pytest.mark.parametrize(("rest", "kept"), [(b'{"torn":', b""), (encode(letter(5))[:-1], encode(letter(5)))])
def test_the_end_of_a_claimed_file_is_mended(file, path, rest, kept):
    file.append([letter(0)])
    path.write_bytes(path.read_bytes() + rest)
    assert claim(path).read_bytes() == encode(letter(0)) + kept


def test_claims_of_a_killed_process_come_back(file, path):
    file.append([letter(0)])
    claim(path)
    file.append([letter(1)])
    take_back_claims(path.parent)
    assert there(path) == ["0", "1"]
    assert letter_files(path.parent) == [path]


def test_a_crash_while_giving_back_loses_nothing(file, path, monkeypatch):
    file.append([letter(0), letter(1)])
    claimed = claim(path)
    file.append([letter(2)])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            give_back(claimed, spans(0))
    take_back_claims(path.parent)
    assert there(path) == ["0", "1", "1", "2"], "twice, never none"


def test_a_full_disk_leaves_the_claim(file, path, monkeypatch):
    file.append([letter(0), letter(1)])
    claimed = claim(path)
    before = claimed.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            give_back(claimed, spans(0))
    assert claimed.read_bytes() == before
    assert list(path.parent.iterdir()) == [claimed]


def test_only_one_replays_a_folder(tmp_path):
    with sole_replay(tmp_path):
        with pytest.raises(ReplayUnderWay, match=r"\.replay\.lock"), sole_replay(tmp_path):
            pass
        assert letter_files(tmp_path) == []
    with sole_replay(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    (tmp_path / ".replay.lock").touch()
    with sole_replay(tmp_path):
        pass


def test_a_lock_that_was_removed_while_it_was_opened_is_no_lock(tmp_path, monkeypatch):
    """Whoever ends removes the file: two who opened different files of that name must not both go on."""
    real = fcntl.flock
    taken = []

    def removed(fd, operation):
        monkeypatch.setattr(fcntl, "flock", real)
        (tmp_path / ".replay.lock").unlink()
        real(fd, operation)
        taken.append(fd)

    monkeypatch.setattr(fcntl, "flock", removed)
    with sole_replay(tmp_path):
        assert taken
        with pytest.raises(ReplayUnderWay), sole_replay(tmp_path):
            pass
