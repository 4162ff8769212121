"""What a backfill has brought: a table for people, every hour for a file."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import orjson
from rich.table import Table

from okta_source.history import HourCounts, Ledger, Slice
from okta_source.history.counts import add_up, hour_of
from okta_source.polling.query import okta_time
from sinks.durable import write_into

__all__ = ["hourly", "table", "write_report"]

_FIELDS = ("tenant", "hour", "received", "new", "duplicate", "malformed", "complete")
_MOST_ROWS = 100  # 90 days of one tenant
_HOUR = timedelta(hours=1)

Row = tuple[str, datetime, HourCounts, bool]


class _Fold(NamedTuple):
    name: str
    form: str

    def period(self, hour: datetime) -> str:
        return hour.strftime(self.form)


# What the table is folded to until it is short enough, the finest first.
_FOLDS = (_Fold("hour", "%Y-%m-%d %H:00"), _Fold("day", "%Y-%m-%d"), _Fold("month", "%Y-%m"), _Fold("", ""))


def hourly(slices: Iterable[Slice], ledger: Ledger) -> Iterator[Row]:
    """Every hour of every tenant in order: its counts, and whether all of it has been fetched."""
    counts = ledger.hours()
    by_tenant: dict[str, list[Slice]] = {}
    for wanted in slices:
        by_tenant.setdefault(wanted.tenant, []).append(wanted)
    for tenant, own in sorted(by_tenant.items()):
        complete: dict[datetime, bool] = {}
        for wanted in own:
            done = ledger.is_done(wanted)
            for hour in _hours(wanted.since, wanted.until):
                complete[hour] = complete.get(hour, True) and done
        for hour, whole in sorted(complete.items()):
            yield tenant, hour, counts.get((tenant, hour), HourCounts()), whole


def write_report(path: Path, slices: Iterable[Slice], ledger: Ledger) -> None:
    """Write every hour into a file, or whatever else has that name: CSV where it ends in `.csv`, otherwise a JSON line for each.

    Raises:
        OSError: It can't be written.
    """
    rows = [
        (tenant, okta_time(hour), counts.received, counts.new, counts.duplicate, counts.malformed, whole)
        for tenant, hour, counts, whole in hourly(slices, ledger)
    ]
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_FIELDS)
        writer.writerows((*row[:-1], str(row[-1]).lower()) for row in rows)
        data = text.getvalue().encode()
    else:
        data = b"".join(orjson.dumps(dict(zip(_FIELDS, row, strict=True))) + b"\n" for row in rows)
    write_into(path, data)


def table(slices: Sequence[Slice], ledger: Ledger) -> Table:
    """The counts per tenant and hour, folded to days, months or tenants where that would be too long."""
    tenants = len({wanted.tenant for wanted in slices})
    hours = list(_hours(min(wanted.since for wanted in slices), max(wanted.until for wanted in slices)))
    fold = next(fold for fold in _FOLDS if not fold.name or tenants * len({fold.period(hour) for hour in hours}) <= _MOST_ROWS)
    folded: dict[tuple[str, str], tuple[HourCounts, bool]] = {}
    for tenant, hour, counts, whole in hourly(slices, ledger):
        key = tenant, fold.period(hour)
        before, whole_before = folded.get(key, (HourCounts(), True))
        folded[key] = before + counts, whole_before and whole
    return _table(fold.name, folded)


def _hours(since: datetime, until: datetime) -> Iterator[datetime]:
    hour = hour_of(since)
    while hour < until:
        yield hour
        hour += _HOUR


def _table(fold: str, rows: Mapping[tuple[str, str], tuple[HourCounts, bool]]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("tenant")
    if fold:
        shown.add_column(f"{fold} (UTC)")
    for column in ("received", "new", "duplicates", "malformed"):
        shown.add_column(column, justify="right")
    shown.add_column("")
    for (tenant, period), (counts, whole) in rows.items():
        shown.add_row(tenant, *((period,) if fold else ()), *_cells(counts), "" if whole else "incomplete")
    total = add_up(counts for counts, _ in rows.values())
    shown.add_row("all", *(("",) if fold else ()), *_cells(total), "", style="bold")
    return shown


def _cells(counts: HourCounts) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in (counts.received, counts.new, counts.duplicate, counts.malformed))
