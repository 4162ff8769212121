import fcntl
import multiprocessing
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sinks.dead_letters import files as dead_letter_files
from sinks.dead_letters.files import beside, letter_files, locked, take_out
from sinks.dead_letters.line import decode, encode
from sinks.dead_letters.sink import DeadLetterFile
from tests.unit.sinks.dead_letters.test_sink import LETTER


def letter(number, size_bytes=20):
    return replace(LETTER, uuid=str(number), event=b'{"n":%d,"pad":"%s"}' % (number, b"x" * size_bytes))


def there(path):
    return [decode(line).uuid for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.mark.parametrize("kept_before", [0, 3])
@pytest.mark.parametrize("kept_behind", [0, 2])
def test_the_very_letters_go_and_the_others_stay(tmp_path, kept_before, kept_behind):
    file = DeadLetterFile(tmp_path)
    before = [letter(number) for number in range(kept_before)]
    mine = [letter(number) for number in range(10, 14)]
    behind = [letter(number) for number in range(20, 20 + kept_behind)]
    file.append(before)
    file.append(mine)
    file.append(behind)
    assert file.remove(mine) == 4
    path = file.path_of(LETTER)
    assert (path.read_bytes() if path.exists() else b"") == b"".join(map(encode, before + behind))
    assert path.exists() is bool(before + behind)
    assert [entry.name for entry in path.parent.iterdir()] == ([path.name] if before + behind else [])
    if path.exists():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_letters_that_are_not_there_are_not_counted(tmp_path):
    file = DeadLetterFile(tmp_path)
    assert file.remove([LETTER]) == 0
    assert not list(tmp_path.iterdir())
    file.append([letter(1), letter(2)])
    assert file.remove([letter(2), replace(letter(1), attempts=99)]) == 1
    assert there(file.path_of(LETTER)) == ["1"]


def test_a_letter_that_is_there_twice_goes_as_often_as_it_is_named(tmp_path):
    file = DeadLetterFile(tmp_path)
    file.append([letter(1), letter(2), letter(1), letter(3), letter(1)])
    assert file.remove([letter(1), letter(1)]) == 2
    assert there(file.path_of(LETTER)) == ["1", "2", "3"], "the last ones go"


def test_letters_of_several_files_go_in_one_call(tmp_path):
    file = DeadLetterFile(tmp_path)
    other = replace(letter(2), sink="hook")
    file.append([letter(1), other])
    assert file.remove([letter(1), other]) == 2
    assert letter_files(tmp_path / "search") == letter_files(tmp_path / "hook") == []


@pytest.mark.parametrize("block_bytes", [1, 7, 400, 1 << 20])
def test_the_file_is_read_from_its_end_whatever_the_length_of_its_lines(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(dead_letter_files, "_BLOCK_BYTES", block_bytes)
    file = DeadLetterFile(tmp_path)
    all_of_them = [letter(number, size) for number, size in enumerate([0, 1000, 3, 500, 0, 2000])]
    for gone in range(len(all_of_them)):
        file.append(all_of_them)
        path = file.path_of(LETTER)
        with path.open("ab") as handle:
            handle.write(b"edited by hand\n\n")
        assert file.remove([all_of_them[gone]]) == 1
        rest = [one for number, one in enumerate(all_of_them) if number != gone]
        assert path.read_bytes() == b"".join(map(encode, rest)) + b"edited by hand\n\n"
        path.unlink()


def test_letters_at_the_end_of_a_large_file_go_without_a_copy(tmp_path, monkeypatch):
    file = DeadLetterFile(tmp_path)
    file.append([letter(number) for number in range(100)])
    monkeypatch.setattr(dead_letter_files, "copy_spans", lambda *_: pytest.fail("copied"))
    assert file.remove([letter(98), letter(99)]) == 2
    assert there(file.path_of(LETTER)) == [str(number) for number in range(98)]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_before_the_new_file_has_its_place_leaves_the_old_one(tmp_path, monkeypatch, step):
    file = DeadLetterFile(tmp_path)
    file.append([letter(1), letter(2), letter(3)])
    path = file.path_of(LETTER)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else Path, step, fail)
        with pytest.raises(OSError, match="No space"):
            file.remove([letter(2)])
    assert path.read_bytes() == before
    assert letter_files(path.parent) == [path]
    assert file.remove([letter(2)]) == 1
    assert there(path) == ["1", "3"]


def test_what_was_left_of_a_copy_is_in_nobodys_way(tmp_path):
    file = DeadLetterFile(tmp_path)
    file.append([letter(1), letter(2), letter(3)])
    path = file.path_of(LETTER)
    with beside(path) as (temporary, fd):
        os.write(fd, b"half a le")
    assert temporary.exists()
    assert letter_files(path.parent) == [path]
    assert file.remove([letter(1)]) == 1
    assert there(path) == ["2", "3"]
    assert not temporary.exists()


def test_whoever_waits_for_a_file_that_was_replaced_takes_from_the_new_one(tmp_path, monkeypatch):
    file = DeadLetterFile(tmp_path)
    file.append([letter(1)])
    path = file.path_of(LETTER)
    real = fcntl.flock

    def replaced(fd, operation):
        monkeypatch.setattr(fcntl, "flock", real)
        path.unlink()
        file.append([letter(2), letter(1), letter(3)])
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", replaced)
    assert file.remove([letter(1)]) == 1
    assert there(path) == ["2", "3"]


def append_and_remove(directory, number):
    """Every second letter goes again, while others write to the same file."""
    file = DeadLetterFile(directory)
    for attempt in range(40):
        stays, goes = letter(number * 1000 + attempt), letter(number * 1000 + 500 + attempt, 3000)
        file.append([goes, stays] if attempt % 2 else [stays, goes])
        assert file.remove([goes]) == 1


def test_nothing_is_lost_that_several_threads_and_processes_write_and_take_out(tmp_path):
    context = multiprocessing.get_context("spawn")
    threads = [threading.Thread(target=append_and_remove, args=(tmp_path, number)) for number in range(2)]
    with context.Pool(2) as pool:
        for thread in threads:
            thread.start()
        pool.starmap(append_and_remove, [(tmp_path, number) for number in range(2, 4)])
        pool.close()
        pool.join()
    for thread in threads:
        thread.join()
    expected = sorted(str(number * 1000 + attempt) for number in range(4) for attempt in range(40))
    assert sorted(there(DeadLetterFile(tmp_path).path_of(LETTER))) == expected


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "x", create=False):
        pass
    assert take_out(tmp_path / "none" / "x.ndjson", [b"x\n"]) == 0
    assert not list(tmp_path.iterdir())
