"""Adds up what an audit has found: from the lines noted down and a last look at the archives."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from flows.audit.archive import Archive
from flows.audit.records import Lost, read_records
from flows.audit.results import Hour, MissingEvent, SinkResult, Summary
from flows.reading.file_archive import ArchiveUnreadable
from flows.reading.holdings import HourCount
from flows.reading.keys import hour_of, hour_start
from okta_source.history import Slice

__all__ = ["TenantNotes", "hours_of", "notes_of", "summarise"]

_BATCH: Final = 1000


@dataclass(slots=True)
class _Tally:
    okta: Counter[int] = field(default_factory=Counter)
    missing: Counter[int] = field(default_factory=Counter)
    twice: Counter[int] = field(default_factory=Counter)
    unchecked: Counter[int] = field(default_factory=Counter)
    troubles: dict[str, None] = field(default_factory=dict)
    away: Counter[int] = field(default_factory=Counter)
    days: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class TenantNotes:
    """A tenant's lines, added up.

    Attributes:
        tallies: By sink.
        done: The keys of the slices that are complete.
        malformed: What was no event.
    """

    tallies: dict[str, _Tally]
    done: set[str] = field(default_factory=set)
    malformed: int = 0


def notes_of(folder: Path, tenant: str, sinks: Sequence[str]) -> TenantNotes:
    """Read and add up what was noted down of a tenant.

    Raises:
        OSError: It can't be read.
    """
    notes = TenantNotes({sink: _Tally() for sink in sinks})
    for record in read_records(folder, tenant):
        if record.slice:
            notes.done.add(record.slice)
            notes.malformed += record.malformed
        elif record.sink in notes.tallies and not record.lost:
            tally = notes.tallies[record.sink]
            tally.okta[record.hour] += record.events
            tally.missing[record.hour] += record.missing
            tally.twice[record.hour] += record.repeated
            if record.away:
                tally.away[record.hour] += record.away
                days, day = tally.days.setdefault(record.why, {}), f"{hour_start(record.hour):%Y-%m-%d}"
                days[day] = days.get(day, 0) + record.away
            if record.trouble:
                tally.unchecked[record.hour] += record.events
                tally.troubles[record.trouble] = None
    return notes


def summarise(
    summary: Summary,
    folder: Path,
    archives: Mapping[str, Archive],
    slices: Sequence[Slice],
    missing: BinaryIO,
    *,
    sinks_of: Mapping[str, Sequence[str]],
) -> None:
    """Look at the archives a last time and fill the summary.

    Args:
        summary: What is filled.
        folder: Where the lines are.
        archives: The sinks' archives as they are at the end, repairs included.
        slices: What Okta was asked for.
        missing: Takes each event that was missing at first, as a line of JSON (`write`).
        sinks_of: Tenant → the sinks that get its events.

    Raises:
        OSError: The lines can't be read, or `missing` not be written.
    """
    for tenant, sinks in sinks_of.items():
        notes = notes_of(folder, tenant, sinks)
        undone = sum(1 for one in slices if one.tenant == tenant and one.key not in notes.done)
        if undone:
            summary.undone[tenant] = undone
        if notes.malformed:
            summary.malformed[tenant] = notes.malformed
        for sink, tally in notes.tallies.items():
            result = SinkResult(tenant, sink, troubles=list(tally.troubles), away=tally.days)
            there_now: Counter[int] = Counter()
            counts: Mapping[int, HourCount] | None = None
            try:
                there_now = _last_look(folder, tenant, sink, archives[sink], missing)
                counts = archives[sink].counts(tenant, summary.plan.hours)
            except ArchiveUnreadable as error:
                result.troubles = list(dict.fromkeys([*result.troubles, str(error)]))
            result.hours = hours_of(summary.plan.hours, tally, there_now, counts, exact=archives[sink].counts_exactly)
            summary.results.append(result)
    summary.notes = [f"sink {sink}: {note}" for sink, archive in archives.items() for note in archive.notes()]
    summary.notes += [note for result in summary.results if (note := _ends_early(result))]


def hours_of(
    hours: range, tally: _Tally, there_now: Mapping[int, int], counts: Mapping[int, HourCount] | None, *, exact: bool
) -> list[Hour]:
    """Put together what is known of each hour.

    Args:
        hours: The audit's.
        tally: What the comparison noted.
        there_now: Events that were missing and are no longer.
        counts: What the archive holds; None where nobody can tell.
        exact: Whether those can be relied on.
    """
    return [_hour(hour, tally, there_now.get(hour, 0), counts, exact=exact) for hour in hours]


def _ends_early(result: SinkResult) -> str:
    """What to say where nothing of the last hours is there, although something of earlier ones is."""
    busy = [hour for hour in result.hours if hour.okta]
    tail = list(takewhile(lambda hour: hour.missing == hour.okta, reversed(busy)))
    if not tail or len(tail) == len(busy):
        return ""
    return (
        f"{result.tenant}: sink {result.sink} holds nothing from {hour_start(tail[-1].hour):%Y-%m-%d %H:00} on: if the flow is still "
        "catching up, audit again once it has; a repair before that would put these events there twice"
    )


def _hour(hour: int, tally: _Tally, there_now: int, counts: Mapping[int, HourCount] | None, *, exact: bool) -> Hour:
    okta, missing, unchecked, away = tally.okta[hour], tally.missing[hour] - there_now, tally.unchecked[hour], tally.away[hour]
    count = None if counts is None else counts.get(hour, HourCount())
    twice = tally.twice[hour] if count is None else max(tally.twice[hour], count.events - count.distinct)
    archive: int | None = None
    surplus: int | None = None
    if count is not None and exact and not unchecked:
        # What was there when it was compared and is gone by now: somebody has moved or changed files meanwhile.
        missing += max(0, okta - missing - away - count.distinct)
    # An index whose mapping does not know the tags counts nothing; then what was found by id says more.
    if count is not None and count.events - twice >= okta - missing - unchecked - away:
        archive = count.events
        surplus = None if unchecked else archive - twice - (okta - missing - away)
    return Hour(hour, okta, archive, missing, there_now, twice, surplus, unchecked, away)


def _last_look(folder: Path, tenant: str, sink: str, archive: Archive, missing: BinaryIO) -> Counter[int]:
    there_now: Counter[int] = Counter()
    lost = (
        Lost(record.lost, record.published, record.type)
        for record in read_records(folder, tenant)
        if record.lost and record.sink == sink and record.published
    )
    first = True
    for batch in _batches(lost):
        hours = [hour_of(event.published) for event in batch]
        for event, hour, copies in zip(batch, hours, archive.copies(tenant, batch, hours, again=first), strict=True):
            there_now[hour] += copies > 0
            line = MissingEvent(tenant, sink, event.uuid, _text(event), event.event_type, copies > 0)
            missing.write(msgspec.json.encode(line) + b"\n")
        first = False
    return there_now


def _text(event: Lost) -> str:
    return event.published.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _batches(events: Iterator[Lost]) -> Iterator[list[Lost]]:
    while batch := list(islice(events, _BATCH)):
        yield batch
