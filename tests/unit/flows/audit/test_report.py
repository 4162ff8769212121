"""What an audit says."""

import io
from pathlib import Path

import msgspec
import orjson
import pytest
from rich.console import Console

from flows.audit.plan import Plan
from flows.audit.report import print_report, write_json
from flows.audit.results import Hour, MissingEvent, SinkResult, Summary
from flows.reading.keys import hour_start
from tests.unit.flows.audit.pages import HOUR


def summary_of(*hours: Hour, repair: bool = False, **keys: object) -> Summary:
    plan = Plan("1", hour_start(HOUR), hour_start(HOUR + len(hours)), ("acme",), ("archive",), repair, 0.05, 24, "", "")
    return Summary(plan, [SinkResult("acme", "archive", list(hours))], requests=3, **keys)  # type: ignore[arg-type]


@pytest.fixture
def missing(tmp_path: Path) -> Path:
    return tmp_path / "missing.ndjson"


def lose(path: Path, count: int, *, there_now: bool = False) -> None:
    events = [MissingEvent("acme", "archive", f"u{n}", "2026-05-10T08:30:00.000Z", "user.session.start", there_now) for n in range(count)]
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))


def printed(summary: Summary, missing: Path) -> str:
    out = io.StringIO()
    print_report(Console(file=out, width=200), summary, missing, {"acme": "Acme Inc."})
    return out.getvalue()


def test_every_hour_of_a_short_audit(missing: Path) -> None:
    text = printed(summary_of(Hour(HOUR, 1000, 1000), Hour(HOUR + 1, 5, 5)), missing)
    assert "acme (Acme Inc.), sink archive" in text
    assert "2026-05-10 08:00" in text
    assert "2026-05-10 09:00" in text
    assert "1,005 events compared, 3 requests made of Okta; every archive is complete" in text


def test_of_a_long_one_the_hours_that_differ(missing: Path) -> None:
    hours = [Hour(HOUR + number, 1, 1) for number in range(100)]
    hours[50] = Hour(HOUR + 50, 2, 1, missing=1)
    lose(missing, 25)
    text = printed(summary_of(*hours), missing)
    assert text.count("2026-05-1") - text.count("2026-05-10T08:30") == 1
    assert "100 hours" in text
    assert text.count("user.session.start") == 20
    assert "… and 5 more: --json lists them all" in text
    assert "1 are MISSING (--repair delivers them)" in text


def test_what_was_repaired_is_not_listed_as_missing(missing: Path) -> None:
    lose(missing, 2, there_now=True)
    text = printed(summary_of(Hour(HOUR, 2, 2, there_now=2), repair=True), missing)
    assert "repaired" in text
    assert "missing events" not in text
    assert "2 were missing and are repaired" in text


def test_what_nobody_can_tell_is_a_question_mark(missing: Path) -> None:
    summary = summary_of(Hour(HOUR, 2, None, surplus=None, unchecked=2), Hour(HOUR + 1, 3, 3, unchecked=1))
    summary.results[0].troubles.append("no disk")
    text = printed(summary, missing)
    assert "?" in text
    assert "could not be compared: no disk" in text
    assert "not everything could be compared" in text


def test_tenants_in_trouble_are_named(missing: Path) -> None:
    text = printed(summary_of(Hour(HOUR), failures={"acme": "Okta answered 403."}, undone={"acme": 1}, malformed={"acme": 2}), missing)
    assert "acme: Okta could not be asked for everything: Okta answered 403." in text
    assert "slices left: 1 of acme" in text
    assert "2 elements of Okta's answers are no events" in text
    assert "complete" not in text


def test_brackets_in_words_are_no_markup(missing: Path) -> None:
    assert "[red]x" in printed(summary_of(Hour(HOUR), failures={"acme": "[red]x"}), missing)


def test_json_has_every_hour_and_every_event(missing: Path) -> None:
    lose(missing, 30)
    out = io.BytesIO()
    write_json(out, summary_of(Hour(HOUR, 30, 0, missing=30), Hour(HOUR + 1)), missing)
    report = orjson.loads(out.getvalue())
    assert report["complete"] is False
    assert [hour["hour"] for hour in report["results"][0]["hours"]] == ["2026-05-10T08:00:00Z", "2026-05-10T09:00:00Z"]
    assert report["results"][0]["total"]["missing"] == 30
    assert [event["uuid"] for event in report["missing"]] == [f"u{number}" for number in range(30)]


def test_json_without_anything_missing(missing: Path) -> None:
    out = io.BytesIO()
    write_json(out, summary_of(Hour(HOUR)), missing)
    assert orjson.loads(out.getvalue())["missing"] == []
