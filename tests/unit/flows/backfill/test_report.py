"""What a backfill says of itself: the report, progress, and its estimate."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from flows.backfill.progress import Pace, describe, pace_between
from flows.backfill.report import table, write_report
from okta_source.history import HourCounts, Ledger, Slice, Totals, cut_by
from okta_source.history.counts import HourTally

START = datetime(2026, 8, 1, 22, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ledger_of(slices: tuple[Slice, ...], *, done: int) -> Ledger:
    """Each slice with two events in its first minute."""
    ledger = Ledger(slices)
    for number, wanted in enumerate(slices):
        tally = HourTally()
        tally.add([wanted.since, wanted.since], [0])
        ledger.resumed(wanted, tally, done=number < done)
    return ledger


def printed(slices: tuple[Slice, ...], ledger: Ledger) -> str:
    text = io.StringIO()
    Console(width=200, file=text).print(table(slices, ledger))
    return text.getvalue()


def test_every_hour_is_in_the_file_with_whether_it_is_complete(tmp_path: Path) -> None:
    slices = cut_by(["acme"], START, START + 3 * HOUR, 1)
    ledger = ledger_of(slices, done=2)
    write_report(tmp_path / "report.csv", slices, ledger)
    with (tmp_path / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["hour"], row["received"], row["new"], row["duplicate"], row["complete"]) for row in rows] == [
        ("2026-08-01T22:00:00.000Z", "2", "1", "1", "true"),
        ("2026-08-01T23:00:00.000Z", "2", "1", "1", "true"),
        ("2026-08-02T00:00:00.000Z", "2", "1", "1", "false"),
        ("2026-08-02T01:00:00.000Z", "2", "1", "1", "false"),
    ]
    write_report(tmp_path / "report.ndjson", slices, ledger)
    assert [json.loads(line)["complete"] for line in (tmp_path / "report.ndjson").read_text().splitlines()] == [True, True, False, False]


@pytest.mark.parametrize(
    ("tenants", "days", "fold", "rows"),
    [(1, 1, "hour (UTC)", 25), (1, 40, "day (UTC)", 41), (1, 90, "day (UTC)", 91), (2, 90, "month (UTC)", 6), (101, 3, "", 101)],
)
def test_the_table_is_folded_until_it_is_short(tenants: int, days: int, fold: str, rows: int) -> None:
    slices = cut_by([f"t{number:02}" for number in range(tenants)], START, START + timedelta(days=days), 24)
    lines = printed(slices, ledger_of(slices, done=len(slices))).splitlines()
    assert fold in lines[0]
    assert len(lines) == 1 + rows + 1
    assert "incomplete" not in "".join(lines)
    total = f"{2 * len(slices):,}"
    assert lines[-1].split()[:2] == ["all", total]


def test_what_is_incomplete_says_so() -> None:
    slices = cut_by(["acme"], START, START + 2 * HOUR, 1)
    lines = printed(slices, ledger_of(slices, done=1)).splitlines()
    assert [line.endswith("incomplete") for line in map(str.rstrip, lines)] == [False, False, True, True, False]


TOTALS = Totals(
    slices=10,
    done=4,
    failed=0,
    counts=HourCounts(5000, 5000),
    hours=100.0,
    hours_done=40.0,
    events_done=4000,
    requests=90,
    budget_per_minute=54.0,
)


def test_the_pace_and_what_is_left() -> None:
    before = replace(TOTALS, counts=HourCounts(2000, 2000), requests=45)
    pace = pace_between(before, TOTALS, 60.0)
    # 100 events an hour of history: 6,000 in what is left, of which 1,000 are there already; 50 come each second.
    assert pace == Pace(50.0, 45.0, 45.0 / 54.0, 100.0)
    assert describe(TOTALS, pace) == (
        "4 of 10 slices, 5,000 events, 50/s, 45 requests/min (83% of the rate limit beyond the reserve), about 100 s left"
    )


def test_a_burst_at_the_beginning_of_a_window_is_no_pace_that_lasts() -> None:
    before = replace(TOTALS, counts=HourCounts(2000, 2000), requests=0)
    assert pace_between(before, TOTALS, 50.0) == Pace(60.0, 108.0, 1.0, 5000 / 30.0)


def test_without_anything_to_estimate_from_nothing_is_estimated() -> None:
    fresh = replace(TOTALS, done=0, hours_done=0.0, events_done=0, budget_per_minute=0.0)
    assert pace_between(fresh, fresh, 10.0) == Pace(0.0, 0.0, None, None)
    assert pace_between(fresh, fresh, 0.0) == Pace(0.0, 0.0, None, None)


def test_at_the_end_nothing_is_left() -> None:
    assert pace_between(TOTALS, replace(TOTALS, done=10), 1.0).seconds_left == 0.0


def test_what_was_given_up_is_told() -> None:
    assert ", 2 given up, " in describe(replace(TOTALS, failed=2), Pace(0.0, 0.0, None, None))
