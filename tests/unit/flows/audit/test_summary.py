"""What was found, added up."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from flows.audit.compare import Compare
from flows.audit.plan import Plan
from flows.audit.records import read_records, records_of, slice_record
from flows.audit.results import Hour, Summary
from flows.audit.summary import notes_of, summarise
from flows.reading.holdings import HourCount
from flows.reading.keys import hour_start
from okta_source.history import HourCounts, SliceDone
from tests.unit.flows.audit.pages import HOUR, FakeArchive, head, page, uuid_of

NOW = datetime(2026, 5, 11, tzinfo=UTC)
PLAN = Plan(
    "1",
    hour_start(HOUR),
    hour_start(HOUR + 2),
    ("acme",),
    ("archive",),
    repair=False,
    budget=0.05,
    slice_hours=24,
    asked_since="",
    asked_until="",
)


class Notes:
    """A folder with what a flow has noted down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def compare(self, archive: FakeArchive, *heads: object, sink: str = "archive") -> None:
        self._write(records_of(Compare(sink, archive)(page(*heads)), NOW).ndjson())  # type: ignore[arg-type]

    def write(self, lines: bytes) -> None:
        self._write(lines)

    def done(self, malformed: int = 0) -> None:
        counts = {hour_start(HOUR): HourCounts(malformed, 0, 0, malformed)}
        self._write(slice_record(SliceDone(PLAN.slices()[0], counts), NOW).ndjson())

    def _write(self, lines: bytes) -> None:
        with (self.folder / "acme.ndjson").open("ab") as file:
            file.write(lines)

    def summarise(self, archive: FakeArchive) -> tuple[Summary, list[dict[str, object]]]:
        summary, missing = Summary(PLAN), io.BytesIO()
        summarise(summary, self.folder, {"archive": archive}, PLAN.slices(), missing, sinks_of={"acme": ["archive"]})
        return summary, [orjson.loads(line) for line in missing.getvalue().splitlines()]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


def test_a_complete_archive(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(n) for n in (1, 2, 3)], hours={HOUR: HourCount(2, 2), HOUR + 1: HourCount(1, 1)})
    notes.compare(archive, head(1), head(2))
    notes.compare(archive, head(3, 1.5))
    notes.done()
    summary, missing = notes.summarise(archive)
    assert summary.complete
    assert summary.results[0].hours == [Hour(HOUR, 2, 2), Hour(HOUR + 1, 1, 1)]
    assert summary.results[0].total == Hour(0, 3, 3)
    assert missing == []
    assert summary.notes == ["sink archive: a note"]


def test_what_is_missing_and_what_is_there_by_the_end(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(1)], hours={HOUR: HourCount(2, 2)})
    notes.compare(archive, head(1), head(2), head(3))
    notes.done()
    archive.held.append(uuid_of(3))
    summary, missing = notes.summarise(archive)
    assert not summary.complete
    assert summary.results[0].hours[0] == Hour(HOUR, okta=3, archive=2, missing=1, there_now=1)
    assert [(one["uuid"], one["thereNow"], one["published"]) for one in missing] == [
        (uuid_of(2), False, "2026-05-10T08:30:00.000Z"),
        (uuid_of(3), True, "2026-05-10T08:30:00.000Z"),
    ]
    archive.held.append(uuid_of(2))
    assert notes.summarise(archive)[0].complete


def test_copies_and_what_okta_does_not_have(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(1)], hours={HOUR: HourCount(events=7, distinct=4), HOUR + 1: HourCount(5, 5)})
    notes.compare(archive, head(1), head(2))
    notes.done()
    hours = notes.summarise(archive)[0].results[0].hours
    assert hours[0] == Hour(HOUR, okta=2, archive=7, missing=1, twice=3, surplus=3)
    assert hours[1] == Hour(HOUR + 1, okta=0, archive=5, surplus=5)


def test_days_that_are_not_held_any_more_are_no_loss_unless_they_are_a_hole(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(1)], hours={HOUR: HourCount(1, 1)})
    verdict = Compare("archive", archive)(page(head(1)))
    away = {(HOUR, "closed"): 2, (HOUR + 1, "deleted"): 3}
    notes.write(records_of(replace(verdict, expected={HOUR: 3, HOUR + 1: 3}, away=away), NOW).ndjson())
    notes.done()
    summary, missing = notes.summarise(archive)
    (result,) = summary.results
    assert result.hours == [Hour(HOUR, 3, 1, away=2), Hour(HOUR + 1, 3, 0, away=3)]
    assert result.away == {"closed": {"2026-05-10": 2}, "deleted": {"2026-05-10": 3}}
    assert (summary.complete, result.total.away, missing) == (True, 5, [])
    notes.write(records_of(replace(verdict, away={(HOUR, "hole"): 1}), NOW).ndjson())
    assert not notes.summarise(archive)[0].complete


def test_a_part_that_could_not_be_compared_does_not_hide_the_rest(notes: Notes) -> None:
    archive = FakeArchive([], hours={})
    verdict = Compare("archive", archive)(page(head(1)))
    notes.write(records_of(replace(verdict, expected={HOUR: 5}, unchecked={HOUR: 4}, trouble="no shard"), NOW).ndjson())
    notes.done()
    (result,) = notes.summarise(archive)[0].results
    assert (result.total.okta, result.total.missing, result.total.unchecked, result.troubles) == (5, 1, 4, ["no shard"])


def test_copies_that_an_index_told_event_by_event(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(1), uuid_of(1), uuid_of(2)], hours={HOUR: HourCount(3, 3)})
    notes.compare(archive, head(1), head(2))
    notes.done()
    assert notes.summarise(archive)[0].results[0].hours[0] == Hour(HOUR, okta=2, archive=3, twice=1)


@pytest.mark.parametrize("hours", [None, {}])
def test_an_archive_that_cannot_count_is_not_said_to_lack_anything(notes: Notes, hours: dict[int, HourCount] | None) -> None:
    archive = FakeArchive([uuid_of(1)], hours=hours)
    notes.compare(archive, head(1))
    notes.done()
    summary, _ = notes.summarise(archive)
    assert summary.complete
    assert summary.results[0].hours[0] == Hour(HOUR, okta=1, archive=None, surplus=None)
    assert summary.results[0].total.archive is None


def test_an_archive_that_ends_early_may_belong_to_a_flow_that_is_catching_up(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(1)], hours={HOUR: HourCount(1, 1)})
    notes.compare(archive, head(1), head(2, 1.5))
    notes.done()
    summary, _ = notes.summarise(archive)
    assert "acme: sink archive holds nothing from 2026-05-10 09:00 on" in summary.notes[1]
    archive.held.append(uuid_of(2))
    assert len(notes.summarise(archive)[0].notes) == 1


def test_what_was_there_and_is_gone_by_the_end_is_missing(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(1), uuid_of(2), uuid_of(3)], hours={HOUR: HourCount(1, 1)}, counts_exactly=True)
    notes.compare(archive, head(1), head(2), head(3), head(4))
    notes.done()
    summary, _ = notes.summarise(archive)
    assert summary.results[0].hours[0] == Hour(HOUR, okta=4, archive=1, missing=3)
    assert not summary.complete


def test_what_could_not_be_compared_is_not_complete(notes: Notes) -> None:
    archive = FakeArchive([], unreadable="no disk")
    notes.compare(archive, head(1))
    notes.done()
    summary, _ = notes.summarise(archive)
    assert not summary.complete
    assert summary.results[0].troubles == ["no disk"]
    assert summary.results[0].hours[0].unchecked == 1


def test_a_slice_that_is_not_done_is_not_complete(notes: Notes) -> None:
    archive = FakeArchive([uuid_of(1)], hours={HOUR: HourCount(1, 1)})
    notes.compare(archive, head(1))
    summary, _ = notes.summarise(archive)
    assert summary.undone == {"acme": 1}
    assert not summary.complete


def test_a_tenant_of_which_nothing_was_noted(notes: Notes) -> None:
    summary, _ = notes.summarise(FakeArchive([], hours={}))
    assert summary.undone == {"acme": 1}


def test_malformed_elements_and_failures_are_told(notes: Notes) -> None:
    notes.done(malformed=2)
    summary, _ = notes.summarise(FakeArchive([], hours={}))
    assert summary.malformed == {"acme": 2}
    assert summary.complete
    summary.failures["acme"] = "403"
    assert not summary.complete


def test_half_a_line_at_the_end_of_the_notes_is_not_there_yet(notes: Notes) -> None:
    notes.compare(FakeArchive([]), head(1))
    with (notes.folder / "acme.ndjson").open("ab") as file:
        file.write(b'{"sink":"arch')
    assert len(list(read_records(notes.folder, "acme"))) == 2


def test_notes_of_other_sinks_are_left_alone(notes: Notes) -> None:
    notes.compare(FakeArchive([]), head(1), sink="other")
    tally = notes_of(notes.folder, "acme", ("archive",)).tallies["archive"]
    assert not tally.okta
