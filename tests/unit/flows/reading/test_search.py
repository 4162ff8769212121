"""Searching finds what a plain loop finds, newest first, each event once, and tells what it could not read."""

import json
import random
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest

from flows.pipeline.scim import parse_filter
from flows.pipeline.scim.predicate import Matcher
from flows.reading.archives import Archive
from flows.reading.parts import parts_of
from flows.reading.plan import Wanted, find_files
from flows.reading.question import Question
from flows.reading.search import Search
from tests.unit.flows.pipeline.scim.judge import Filters
from tests.unit.flows.reading.made_archive import DAY, MadeArchive, make_archive


def ask(archive: MadeArchive, question: Question, processes: int = 1) -> tuple[list[bytes], Search]:
    files, problems = find_files([Archive("a", archive.template)], Wanted(question.since, question.until, question.tenants))
    assert not problems
    search = Search(question, files, processes)
    return [hit.line for hit in search.hits()], search


def judged(archive: MadeArchive, question: Question) -> list[bytes]:
    """What a plain loop finds: newest first; those of the same moment in any order."""
    matcher = Matcher(question.condition)
    found: list[tuple[str, bytes]] = []
    for tenant, line, event in archive.events():
        at = DAY.fromisoformat(event["published"]).timestamp()
        if (not question.tenants or tenant in question.tenants) and question.since <= at < question.until:
            plain = json.dumps(event).encode()
            if matcher.matches(matcher.decode(plain)):
                found.append((event["published"], line))
    return [line for _, line in sorted(found, reverse=True)]


def uuids(lines: list[bytes]) -> list[str]:
    return [json.loads(line.decode("utf-8", "replace"))["uuid"] for line in lines]


def published(lines: list[bytes]) -> list[str]:
    return [json.loads(line.decode("utf-8", "replace"))["published"] for line in lines]


def questions(archive: MadeArchive, seed: int, count: int) -> list[Question]:
    draw = random.Random(seed)
    sample: list[dict[str, Any]] = [event for _, _, event in archive.events()]
    filters = Filters(sample[:300], seed)
    found = []
    for _ in range(count):
        since = until = None
        if draw.random() < 0.5:
            since = DAY + timedelta(hours=draw.uniform(0, 48))
            until = since + timedelta(hours=draw.uniform(0, 36))
        tenants = frozenset({draw.choice(archive.tenants)}) if draw.random() < 0.3 else frozenset[str]()
        condition = parse_filter(filters.filter() if draw.random() < 0.9 else "", None)
        found.append(Question(condition, False, since.timestamp() if since else -inf, until.timestamp() if until else inf, tenants))
    return found


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> MadeArchive:
    return make_archive(tmp_path_factory.mktemp("archive"), seed=3)


def test_a_plain_loop_finds_the_same(archive: MadeArchive) -> None:
    """With 200 questions and larger archives: `tests/benchmarks/search_judge.py`."""
    total = 0
    for question in questions(archive, seed=1, count=16):
        ours, _ = ask(archive, question)
        judge = judged(archive, question)
        assert sorted(uuids(ours)) == sorted(uuids(judge)), question
        assert published(ours) == published(judge)
        total += len(ours)
    assert total > 300


def test_several_processes_and_a_limit_change_nothing(archive: MadeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Search, "_jobs", lambda self: 3)
    for question in questions(archive, seed=2, count=4):
        everything = judged(archive, question)
        limited = Question(question.condition, False, question.since, question.until, question.tenants, limit=7)
        found, search = ask(archive, limited, processes=3)
        assert published(found) == published(everything)[:7]
        assert search.tally.stopped_early == (len(found) == 7)


def test_files_in_small_parts_give_the_same_in_the_same_order(archive: MadeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {question: ask(archive, question) for question in questions(archive, seed=4, count=5)}
    monkeypatch.setattr("flows.reading.parts._PLAIN_BYTES", 60_000)
    monkeypatch.setattr("flows.reading.parts._COMPRESSED_BYTES", 20_000)
    monkeypatch.setattr("flows.reading.parts._FIRST_SHARE", 2)
    monkeypatch.setattr("flows.reading.parts._FRAME_SHARE", 1)
    files, _ = find_files([Archive("a", archive.template)], Wanted())
    assert max(len(parts_of(file)) for file in files) > 3
    for question, (lines, search) in whole.items():
        found, in_parts = ask(archive, question)
        assert sorted(uuids(found)) == sorted(uuids(lines))
        assert published(found) == published(lines)
        assert (in_parts.tally.lines, in_parts.tally.bad_lines) == (search.tally.lines, search.tally.bad_lines)
        assert sorted(in_parts.tally.notes) == sorted(search.tally.notes)


def test_the_first_hit_is_there_before_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only before older files are: a live file is read from its end, and its unread lines arrived before the read ones."""
    monkeypatch.setattr("flows.reading.parts._PLAIN_BYTES", 8_000)
    for day in (20, 21):
        moments = [f"2026-11-{day}T{hour:02}:00:00.000Z" for hour in range(24)]
        events = [
            {"_okta_event_type": "systemLog", "_okta_ingested_at": at, "uuid": at, "published": at, "filler": "x" * 800} for at in moments
        ]
        (tmp_path / f"2026-11-{day}.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))
    files, _ = find_files([Archive("a", str(tmp_path / "{date}.ndjson"))], Wanted())
    search = Search(Question(), files)
    hits = search.hits()
    assert next(hits).key == " 2026-11-21T23:00:00.000Z"
    assert search.tally.files == 1
    assert search.tally.lines < 12
    assert len(list(hits)) == 47


def write_day(path: Path, moments: list[tuple[int, int]]) -> None:
    """A line for each event: the seconds of the day at which it was published, and at which it arrived."""
    times = [(f"2026-11-20T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.000Z" for at in pair) for pair in moments]
    lines = [
        {"_okta_event_type": "systemLog", "_okta_ingested_at": arrived, "uuid": published, "published": published, "filler": "x" * 300}
        for published, arrived in times
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_late_events_and_clocks_that_differ_keep_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events come hours late, and some are from an Okta whose clock is ahead of ours by nearly a minute."""
    monkeypatch.setattr("flows.reading.parts._PLAIN_BYTES", 8_000)
    draw = random.Random(6)
    arrivals = sorted(draw.sample(range(20_000, 23_000), 300))
    write_day(tmp_path / "2026-11-20.ndjson", [(at + draw.choice((-9_000, -1, 10, 55)), at) for at in arrivals])
    files, _ = find_files([Archive("a", str(tmp_path / "{date}.ndjson"))], Wanted())
    assert len(parts_of(files[0])) > 5
    found = [hit.at for hit in Search(Question(), files).hits()]
    assert found == sorted(found, reverse=True)
    assert len(found) > 290


@pytest.mark.parametrize("spelling", [rb"\u0053UCCESS", b"SUCC\\u0045SS", b"SUCCESS"])
def test_the_same_text_in_another_spelling_is_found(tmp_path: Path, spelling: bytes) -> None:
    path = tmp_path / "a.ndjson"
    front = b'{"_okta_event_type":"systemLog","uuid":"1","published":"2026-11-20T00:00:00Z","outcome":{"result":"'
    path.write_bytes(front + spelling + b'"}}\n' + front + b'FAILURE"}}\n')
    files, _ = find_files([Archive("a", str(path), is_template=False)], Wanted())
    assert [hit.key for hit in Search(Question(parse_filter('outcome.result eq "SUCCESS"')), files).hits()] == [" 1"]


def test_what_could_not_be_read_is_told(archive: MadeArchive) -> None:
    _, search = ask(archive, Question())
    assert archive.bad_lines > 1
    assert archive.torn > 1
    assert search.tally.bad_lines == archive.bad_lines
    assert search.tally.unfinished == archive.torn
    assert search.tally.files == len(archive.files)
    assert sum("can't be read: line" in note for note in search.tally.notes) > 0


def test_lines_that_no_filter_makes_us_decode_are_looked_at_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"_okta_tenant":"a","uuid":"1","published":"2026-11-20T00:00:00Z"}\nhalf a li\n\n')
    files, _ = find_files([Archive("a", str(path), is_template=False)], Wanted())
    search = Search(Question(parse_filter('eventType eq "nothing"')), files)
    assert list(search.hits()) == []
    assert (search.tally.lines, search.tally.bad_lines) == (2, 1)
    assert search.tally.notes == [f"{path}: 1 line can't be read: line 2"]
