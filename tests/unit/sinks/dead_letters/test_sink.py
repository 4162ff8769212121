import errno
import fcntl
import json
import multiprocessing
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, run_main
from prometheus_client import REGISTRY

from sinks.dead_letters.sink import DeadLetterFile, DeadLetterSink, encode, locked
from sinks.documents import Rejected
from sinks.errors import SinkStopped

LETTER = Rejected(
    tenant="acme",
    sink="search",
    reason="mapper_parsing_exception: field [ip]",
    status=400,
    attempts=2,
    first_attempt_at=datetime(2024, 5, 1, 23, 59, 59, tzinfo=UTC),
    last_attempt_at=datetime(2024, 5, 2, 0, 0, 1, 500_000, tzinfo=UTC),
    uuid="6b2c",
    published=datetime(2024, 5, 1, 12, tzinfo=UTC),
    format="raw",
    event=b'{"a" : 1.0,"\xc3\xa9":"\\u00e9"}',
)


def test_a_line_has_the_members_in_their_order_and_the_event_as_it_is():
    assert encode(LETTER) == (
        b'{"tenant":"acme","sink":"search","reason":"mapper_parsing_exception: field [ip]","status":400,"attempts":2,'
        b'"first_attempt_at":"2024-05-01T23:59:59.000Z","last_attempt_at":"2024-05-02T00:00:01.500Z","uuid":"6b2c",'
        b'"published":"2024-05-01T12:00:00.000Z","format":"raw","event":{"a" : 1.0,"\xc3\xa9":"\\u00e9"}}\n'
    )


@pytest.mark.parametrize(
    ("event", "stored"),
    [
        (b'{"a":\r\n1}', b'{"a":  1}'),
        (b'{"n":12345678901234567890.10}', b'{"n":12345678901234567890.10}'),
        (b'{"lone":"\\ud800"}', b'{"lone":"\\ud800"}'),
        (b'[1, "two"]', b'[1, "two"]'),
    ],
)
def test_json_is_spliced_in(event, stored):
    assert encode(replace(LETTER, event=event)).endswith(b',"event":' + stored + b"}\n")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (b"", ""),
        (b'{"a":', '{"a":'),
        (b'{"a":NaN}', '{"a":NaN}'),
        (b'{"a":"\xff"}', '{"a":"\\xff"}'),
        (b'{"a":"x\ny"}', '{"a":"x\ny"}'),
        (b"[" * 100_000 + b"]" * 100_000, "[" * 100_000 + "]" * 100_000),
        (b'{"a":1}{"b":2}', '{"a":1}{"b":2}'),
    ],
)
def test_anything_else_becomes_a_string(event, text):
    line = encode(replace(LETTER, event=event))
    assert line.count(b"\n") == 1
    assert json.loads(line)["event"] == text


@pytest.mark.parametrize(
    ("published", "stored"), [(None, None), ("yesterday", "yesterday"), (LETTER.published, "2024-05-01T12:00:00.000Z")]
)
def test_published_may_be_unknown_or_no_time(published, stored):
    assert json.loads(encode(replace(LETTER, published=published, uuid=None)))["published"] == stored


def test_a_reason_may_hold_anything():
    reason = 'line\nbreak "quote" \ud800 é'
    line = encode(replace(LETTER, reason=reason))
    assert json.loads(line)["reason"] == reason
    assert line.count(b"\n") == 1


def test_each_sink_and_day_has_its_file_that_only_its_owner_reads(tmp_path):
    directory = tmp_path / "data" / "dead-letter"
    later = LETTER.last_attempt_at + timedelta(days=1)
    DeadLetterFile(directory).append([LETTER, replace(LETTER, sink="hook"), replace(LETTER, last_attempt_at=later)])
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    assert [str(path.relative_to(directory)) for path in files] == [
        "hook/2024-05-02.ndjson",
        "search/2024-05-02.ndjson",
        "search/2024-05-03.ndjson",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [tmp_path / "data", directory, directory / "hook"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_letters_are_on_the_disk_when_append_returns(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())), real(fd)))
    file = DeadLetterFile(tmp_path)
    file.append([LETTER])
    assert synced[-2:] == [str(file.path_of(LETTER)), str(tmp_path / "search")]


def test_letters_are_counted_by_sink_and_tenant(tmp_path):
    def count(tenant):
        labels = {"sink": "counted", "tenant": tenant, "result": "dead_letter"}
        return REGISTRY.get_sample_value("okta_sink_events_total", labels) or 0

    before = count("acme"), count("zeta")
    letter = replace(LETTER, sink="counted")
    DeadLetterFile(tmp_path).append([letter, letter, replace(letter, tenant="zeta")])
    assert (count("acme") - before[0], count("zeta") - before[1]) == (2, 1)


@pytest.mark.parametrize(
    ("rest", "kept"),
    [(b'{"whole":1}', b'{"whole":1}\n'), (b'{"torn":', b""), (b"", b"")],
)
def test_what_a_crash_or_an_editor_left_is_mended(tmp_path, rest, kept):
    file = DeadLetterFile(tmp_path)
    file.append([LETTER])
    path = file.path_of(LETTER)
    first = path.read_bytes()
    path.write_bytes(first + rest)
    file.append([LETTER])
    assert path.read_bytes() == first + kept + encode(LETTER)


def test_a_full_disk_stops_the_run_and_leaves_no_half_letter(tmp_path, monkeypatch):
    file = DeadLetterFile(tmp_path)
    file.append([LETTER])
    before = file.path_of(LETTER).read_bytes()
    real = os.write

    def full(fd, data):
        real(fd, bytes(data)[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SinkStopped, match="disk is full") as caught:
        file.append([LETTER])
    assert caught.value.sink == "search"
    assert file.path_of(LETTER).read_bytes() == before


def test_a_sink_name_cannot_leave_the_directory(tmp_path):
    with pytest.raises(ValueError, match="file name"):
        DeadLetterFile(tmp_path).append([replace(LETTER, sink="../x")])


def test_who_waited_for_a_file_that_was_taken_away_writes_to_the_new_one(tmp_path, monkeypatch):
    file = DeadLetterFile(tmp_path)
    file.append([LETTER])
    path = file.path_of(LETTER)
    real = fcntl.flock

    def taken_away(fd, operation):
        # As replay does while it holds the lock that this call waits for.
        monkeypatch.setattr(fcntl, "flock", real)
        path.unlink()
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", taken_away)
    file.append([LETTER])
    assert path.read_bytes() == encode(LETTER)


def write_many(directory, number):
    file = DeadLetterFile(directory)
    for attempt in range(50):
        file.append([replace(LETTER, uuid=f"{number}-{attempt}", event=b'"' + b"x" * 5000 + b'"')])


def test_several_processes_write_whole_lines(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        pool.starmap(write_many, [(tmp_path, number) for number in range(3)])
        pool.close()
        pool.join()
    lines = DeadLetterFile(tmp_path).path_of(LETTER).read_bytes().splitlines()
    uuids = [json.loads(line)["uuid"] for line in lines]
    assert sorted(uuids) == sorted(f"{number}-{attempt}" for number in range(3) for attempt in range(50))


def test_locked_holds_the_lock(tmp_path):
    with locked(tmp_path / "x") as fd, (tmp_path / "x").open() as other:
        assert os.fstat(fd).st_ino == (tmp_path / "x").stat().st_ino
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_in_a_flow(tmp_path):
    flow = Dataflow("letters")
    op.output("out", op.input("in", flow, TestingSource([LETTER, LETTER])), DeadLetterSink(tmp_path))
    run_main(flow)
    assert DeadLetterFile(tmp_path).path_of(LETTER).read_bytes() == 2 * encode(LETTER)


def test_a_flood_of_letters_is_written_in_pieces_and_undone_as_a_whole_where_the_disk_is_full(tmp_path, monkeypatch):
    letters = [replace(LETTER, event=b'"%s"' % (b"x" * 300_000), uuid=str(number)) for number in range(10)]
    file = DeadLetterFile(tmp_path)
    file.append([LETTER])
    written = []

    def fills(fd, data):
        written.append(len(data))
        if len(written) == 3:
            os.write(fd, data[:1000])
            raise OSError(errno.ENOSPC, "No space left on device")
        os.write(fd, data)

    monkeypatch.setattr("sinks.durable.write_all", fills)
    with pytest.raises(SinkStopped):
        file.append(letters)
    assert max(written) < 1_500_000
    assert file.path_of(LETTER).read_bytes() == encode(LETTER)
    monkeypatch.undo()
    file.append(letters)
    assert file.path_of(LETTER).read_bytes() == b"".join(map(encode, [LETTER, *letters]))
