"""What an audit says at its end: a table for people, or JSON."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.audit.results import Hour, MissingEvent, SinkResult, Summary
from flows.reading.keys import hour_start

__all__ = ["print_report", "read_missing", "write_json"]

_HOURS_SHOWN: Final = 48
_EVENTS_SHOWN: Final = 20
_DAYS_NAMED: Final = 10
_HEADINGS: Final = ("Okta", "archive", "missing", "not held", "there now", "twice", "surplus")
_AWAY: Final = (
    ("closed", "closed: open those indices (POST /INDEX/_open) to audit them"),
    (
        "deleted",
        "deleted, as they are older than what is kept, or than everything that is there; --repair --repair-deleted delivers them again",
    ),
    (
        "hole",
        "not there, although older days are: if nobody has deleted them, they were lost; --repair --repair-deleted delivers them again",
    ),
)


def print_report(out: Console, summary: Summary, missing: Path, names: Mapping[str, str]) -> None:
    """Print it for people.

    Args:
        out: Where.
        summary: What was found.
        missing: The file of what was missing at first.
        names: Each tenant's name for people.
    """
    plan = summary.plan
    figures = sum(len(result.hours) for result in summary.results)
    every = figures <= _HOURS_SHOWN
    for result in summary.results:
        out.print(_table(result, names.get(result.tenant, result.tenant), every=every, repair=plan.repair))
        for trouble in result.troubles:
            _say(out, f"could not be compared: {trouble}")
        for why, meaning in _AWAY:
            if days := result.away.get(why):
                _say(out, f"{result.tenant}: sink {result.sink} does not hold {_days(days)}: {meaning}")
        if result.total.twice:
            _say(out, _twice(result))
    for note in summary.notes:
        _say(out, note)
    for tenant, count in summary.malformed.items():
        _say(out, f"{tenant}: {count:,} elements of Okta's answers are no events; the flow puts such into its dead letters")
    for tenant, failure in summary.failures.items():
        _say(out, f"{tenant}: Okta could not be asked for everything: {failure}")
    _events(out, missing)
    _say(out, _verdict(summary))


def write_json(out: BinaryIO, summary: Summary, missing: Path) -> None:
    """Write it for programs, every hour and every event that was missing.

    Raises:
        OSError: It can't be read or written.
    """
    plan = summary.plan
    head: dict[str, Any] = {
        "audit": plan.audit_id,
        "since": plan.since.isoformat().replace("+00:00", "Z"),
        "until": plan.until.isoformat().replace("+00:00", "Z"),
        "repair": plan.repair,
        "complete": summary.complete,
        "twice": summary.twice,
        "stopped": summary.stopped,
        "requests": summary.requests,
        "failures": summary.failures,
        "unfinished_slices": summary.undone,
        "malformed": summary.malformed,
        "notes": summary.notes,
        "results": [_result(result) for result in summary.results],
    }
    # The list may be long, so it is never in memory as a whole.
    out.write(orjson.dumps(head)[:-1] + b',"missing":[')
    out.writelines(b"," * bool(number) + msgspec.json.encode(event) for number, event in enumerate(read_missing(missing)))
    out.write(b"]}\n")


def read_missing(path: Path) -> Iterator[MissingEvent]:
    """Every event that was missing at first; none where nothing was compared yet."""
    try:
        with path.open("rb") as file:
            for line in file:
                yield _EVENT.decode(line)
    except FileNotFoundError:
        return


_EVENT = msgspec.json.Decoder(MissingEvent)


def _table(result: SinkResult, name: str, *, every: bool, repair: bool) -> Table:
    who = result.tenant if name == result.tenant else f"{result.tenant} ({name})"
    table = Table(title=Text(f"{who}, sink {result.sink}"), title_justify="left")
    table.add_column("hour (UTC)")
    for heading in _HEADINGS:
        table.add_column("repaired" if repair and heading == "there now" else heading, justify="right")
    for hour in result.hours:
        if every or hour.noteworthy:
            table.add_row(hour_start(hour.hour).strftime("%Y-%m-%d %H:00"), *_cells(hour))
    table.add_section()
    table.add_row(f"{len(result.hours):,} hours", *_cells(result.total))
    return table


def _cells(hour: Hour) -> list[str]:
    figures = (hour.okta, hour.archive, hour.missing, hour.away, hour.there_now, hour.twice, hour.surplus)
    cells = ["?" if figure is None else f"{figure:,}" for figure in figures]
    if hour.unchecked:
        cells[2] = "?" if hour.unchecked == hour.okta else f"{cells[2]}+?"
    return cells


def _events(out: Console, missing: Path) -> None:
    shown = 0
    rest = 0
    for event in read_missing(missing):
        if event.there_now:
            continue
        if shown == 0:
            _say(out, "missing events:")
        if shown < _EVENTS_SHOWN:
            shown += 1
            _say(out, f"  {event.tenant}  {event.sink}  {event.published}  {event.uuid}  {event.event_type}")
        else:
            rest += 1
    if rest:
        _say(out, f"  … and {rest:,} more: --json lists them all")


def _verdict(summary: Summary) -> str:
    missing = sum(hour.missing for result in summary.results for hour in result.hours)
    there_now = sum(hour.there_now for result in summary.results for hour in result.hours)
    compared = sum(hour.okta - hour.unchecked for result in summary.results for hour in result.hours)
    words = [f"{compared:,} events compared, {summary.requests:,} requests made of Okta"]
    if there_now:
        words.append(f"{there_now:,} were missing and are " + ("repaired" if summary.plan.repair else "there now"))
    if missing:
        again = "the repair did not get through" if summary.plan.repair else "--repair delivers them"
        words.append(f"{missing:,} are MISSING ({again})")
    if summary.undone:
        slices = ", ".join(f"{count} of {tenant}" for tenant, count in summary.undone.items())
        words.append(f"not finished: slices left: {slices}")
    if any(result.troubles for result in summary.results):
        words.append("not everything could be compared")
    if away := sum(result.total.away for result in summary.results):
        words.append(f"{away:,} lie in days that are not held any more")
    if summary.complete:
        words.append("every archive is complete" + (", as far as its days are held" if away else ""))
    if summary.twice:
        words.append(f"but {summary.twice:,} copies are there that SHOULD NOT BE: events are in an archive more than once")
    return "; ".join(words)


def _days(days: Mapping[str, int]) -> str:
    named = ", ".join(f"{day} ({count:,} events)" for day, count in sorted(days.items())[:_DAYS_NAMED])
    return named + (f" and {len(days) - _DAYS_NAMED:,} days more" if len(days) > _DAYS_NAMED else "")


def _twice(result: SinkResult) -> str:
    hours = [hour.hour for hour in result.hours if hour.twice]
    span = f"{hour_start(hours[0]):%Y-%m-%d %H:00} to {hour_start(hours[-1] + 1):%Y-%m-%d %H:00}"
    return (
        f"TWICE: {result.tenant}: sink {result.sink} holds {result.total.twice:,} copies too many, from {span}. In files, what a backfill "
        f"or a repair has put beside the flow's own goes with: python -m flows.audit.mend --sink {result.sink} --tenant {result.tenant} "
        "(--dry-run shows it first)"
    )


def _result(result: SinkResult) -> dict[str, Any]:
    return {
        "tenant": result.tenant,
        "sink": result.sink,
        "troubles": result.troubles,
        "not_held": result.away,
        "total": _figures(result.total),
        "hours": [{"hour": hour_start(hour.hour).isoformat().replace("+00:00", "Z"), **_figures(hour)} for hour in result.hours],
    }


def _figures(hour: Hour) -> dict[str, int | None]:
    return {
        "okta": hour.okta,
        "archive": hour.archive,
        "missing": hour.missing,
        "there_now": hour.there_now,
        "twice": hour.twice,
        "surplus": hour.surplus,
        "unchecked": hour.unchecked,
        "not_held": hour.away,
    }


def _say(out: Console, text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
