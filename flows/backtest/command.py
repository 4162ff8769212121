"""`python -m flows.backtest`: what it is asked, and what it answers.

| exit | meaning |
|---|---|
| 0 | done; with --budget: no rule is over it |
| 1 | a rule is over the budget |
| 2 | an argument, a rule or the configuration can't be used, or there is no event to run rules over |

A first interrupt (Ctrl-C, SIGTERM) ends the reading and tells what was found until then; a second one ends at once.
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec

from flows.backtest.against import NothingToCompare, beside
from flows.backtest.compare import MUTE, Told, told_of
from flows.backtest.progress import Progress
from flows.backtest.reach import reach_ms
from flows.backtest.report import as_json, print_report
from flows.backtest.results import Results
from flows.backtest.run import Backtest, Engine
from flows.reading.archives import ArchivesUnknown, Sources, configured, given
from flows.reading.plan import Wanted, find_files
from flows.terminal.screen import screen_of
from okta_source.config.problems import ConfigurationError
from okta_source.config.start_from import StartFrom
from okta_source.detections.alerts import Alert
from okta_source.detections.choice import ChoiceError, choose
from okta_source.detections.library import load_rules
from okta_source.detections.problems import RulesError
from okta_source.detections.rules import RuleSet
from okta_source.output import shape_help

__all__ = ["main", "make_parser"]

EXIT_DONE, EXIT_OVER, EXIT_USAGE = 0, 1, 2
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)
_WHEN: Final = "a look-back such as 30d, or an ISO 8601 time (without an offset it is UTC)"


class _Usage(Exception):  # noqa: N818 (it names what is the case)
    """An argument can't be used."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    arguments = make_parser().parse_args(argv)
    try:
        return _run(arguments)
    except (_Usage, ArchivesUnknown, ChoiceError, ConfigurationError, NothingToCompare, RulesError) as error:
        sys.stderr.write(f"backtest: {error}\n")
    except OSError as error:
        sys.stderr.write(f"backtest: {error.filename or ''}: {error.strerror or error}\n")
    return EXIT_USAGE


def _run(arguments: argparse.Namespace) -> int:
    started = perf_counter()
    now = datetime.now(UTC)
    since, until = _moment(arguments.since, now, _BEGINNING), _moment(arguments.until, now, _END)
    if since >= until:
        msg = "--since is not before --until"
        raise _Usage(msg)
    rules = _rules(arguments)
    against = beside(arguments.against, rules, arguments.config, frozenset(arguments.rule or ())) if arguments.against else None
    sets = [rules, *([against.rules] if against is not None and against.rules is not None else [])]
    run = _prepare(arguments, sets, since, until)
    results = Results(rules)
    told: list[list[Told]] = [[] for _ in sets]
    with _alerts_file(arguments.alerts) as write:

        def on_alert(place: int, alert: Alert) -> None:
            if against is not None:
                told[place].append(told_of(alert))
            if place == 0:
                results.take(alert)
                write(run.document(alert))

        engines = [Engine(one) for one in sets]
        _read(run, engines, on_alert)
    _require_events(run)
    if arguments.prime:
        Path(arguments.prime).write_bytes(msgspec.msgpack.encode(engines[0].snapshots()))
    difference = None if against is None else against.difference(told, run)
    seconds = perf_counter() - started
    if arguments.json:
        sys.stdout.buffer.write(as_json(run, results, arguments.budget, difference, seconds))
    else:
        print_report(run, results, arguments.budget, difference, seconds, screen_of(sys.stdout), sys.stdout)
    sys.stdout.flush()
    is_over = arguments.budget is not None and bool(results.over_budget(run.span.days, arguments.budget))
    return EXIT_OVER if is_over else EXIT_DONE


def _rules(arguments: argparse.Namespace) -> RuleSet:
    choice = choose(arguments.rules, arguments.config)
    rules, doubts = load_rules(choice.config, None, frozenset(arguments.rule) if arguments.rule else None)
    for doubt in doubts:
        sys.stderr.write(f"warning: {doubt}\n")
    if not rules.rules:
        msg = f"there is no rule among {choice.name}"
        raise _Usage(msg)
    return rules


def _prepare(arguments: argparse.Namespace, sets: Sequence[RuleSet], since: datetime, until: datetime) -> Backtest:
    """Find the files; they are read from so far before `since` that rules know what they would."""
    sources = _sources(arguments)
    read_from = _BEGINNING
    if since > _BEGINNING:
        with contextlib.suppress(OverflowError):
            read_from = since - timedelta(milliseconds=max(map(reach_ms, sets)))
    tenants = frozenset(arguments.tenant or ())
    unknown = sorted(tenants - set(sources.tenants)) if sources.tenants else []
    if unknown:
        msg = f"--tenant {unknown[0]}: there is no such tenant; there are: {', '.join(sources.tenants)}"
        raise _Usage(msg)
    first, last = (moment.timestamp() if bound else edge for moment, bound, edge in (
        (read_from, read_from > _BEGINNING, -inf), (until, until < _END, inf)
    ))  # fmt: skip
    files, problems = find_files(sources.archives, Wanted(first, last, tenants))
    run = Backtest(files, since, read_from, until, tenants)
    run.counts.problems += [*sources.notes, *problems]
    return run


def _sources(arguments: argparse.Namespace) -> Sources:
    if not arguments.path:
        return configured(arguments.config)
    return given(arguments.path)


def _read(run: Backtest, engines: Sequence[Engine], on_alert: Callable[[int, Alert], None]) -> None:
    progress = Progress(sum(file.size_bytes for file in run.files))
    stops: list[int] = []

    def stop(number: int, _: object) -> None:
        stops.append(number)
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_step() -> bool:
        progress.tell(run.counts.stored_bytes, run.events + run.events_before)
        return not stops

    try:
        run.run(engines, on_alert, on_step)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        progress.done()


def _require_events(run: Backtest) -> None:
    """Say who has no event; where nobody has one there is nothing to judge.

    Raises:
        _Usage: There is no event.
    """
    others = f"; there are events of: {', '.join(sorted(run.left_out))}" if run.left_out else ""
    missing = [tenant for tenant in sorted(run.tenants) if not run.by_tenant[tenant]]
    if run.events or run.stopped:
        for tenant in missing:
            sys.stderr.write(f"warning: --tenant {tenant}: there is no event of that tenant{others}\n")
        return
    whose = f" of {', '.join(missing)}{others}" if missing else ""
    counts = run.counts
    parts = [f"there is no event{whose}", f"{len(run.files):,} files were read"]
    if run.events_before:
        parts.append(f"{run.events_before:,} events before --since")
    elif counts.lines and not run.left_out:
        parts.append(f"{counts.lines:,} events outside of --since and --until")
    if counts.mute_lines:
        parts.append(f"{counts.mute_lines:,} lines don't keep Okta's own event ({MUTE})")
    if counts.bad_lines:
        parts.append(f"{counts.bad_lines:,} lines hold no event")
    raise _Usage("; ".join((*parts, *counts.problems)))


@contextlib.contextmanager
def _alerts_file(name: str | None) -> Iterator[Callable[[bytes], object]]:
    """What takes the alerts' documents."""
    if name is None:
        yield lambda _: None
        return
    with Path(name).open("wb") as file:
        yield lambda document: file.write(document + b"\n")


def _moment(text: str | None, now: datetime, otherwise: datetime) -> datetime:
    if text is None:
        return otherwise
    try:
        start = StartFrom.parse(text)
    except ValueError:
        msg = f"{text!r} is not a time; allowed: {_WHEN}"
        raise _Usage(msg) from None
    if start.instant is not None:
        return start.instant
    try:
        return now - (start.look_back or timedelta())
    except OverflowError:
        return _BEGINNING


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.backtest",
        description="Run rules over what file sinks wrote, with the engine of the flow and in the order of the flow. Nothing is sent, and "
        "Okta is asked nothing.",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="the configuration (default: $OKTA_PIPELINE_CONFIG, else okta.toml)")
    add("--path", action="append", metavar="PATH", help="files, folders or globs in place of the configured file sinks; may be repeated")
    add("--rules", nargs="+", default=[], metavar="PATH", help="files, folders, globs, `managed` or `configured` (default: configured)")
    add("--rule", action="append", metavar="ID", help="only this rule, by id or name, whether it is on or off; may be repeated")
    add("--since", metavar="WHEN", help=f"alerts from then on: {_WHEN} (default: all there is)")
    add("--until", metavar="WHEN", help="events before then (default: now and later)")
    add("--tenant", action="append", metavar="NAME", help="only this tenant; may be repeated (default: all)")
    add("--against", metavar="PATH", help="other rules, or the alerts of a run (.ndjson): what is gained and lost")
    add("--alerts", metavar="OUT", help="write the alerts to this file, as the flow would have")
    add("--prime", metavar="OUT", help="write what first_seen and travel have learned to this file, for `prime` in [detections]")
    add("--budget", type=_number, metavar="N", help="how many alerts a day of one rule are all right; exit 1 where it is more")
    add("--json", action="store_true", help="one JSON object")
    shape_help(
        parser,
        {0: "done", 1: "over the budget", 2: "an argument, a rule or the configuration can't be used, or there is no event"},
        [
            "python -m flows.backtest --rules rules/ --since 30d --budget 5",
            "python -m flows.backtest --rules rules/new.yml --against rules/old.yml",
            "python -m flows.backtest --rules configured --against alerts/acme/2026-11-29.ndjson",
            "python -m flows.backtest --rules managed --rule push_bombing --json",
        ],
    )
    return parser


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < inf:
        msg = f"{text!r} is not allowed; allowed: a number from 0"
        raise argparse.ArgumentTypeError(msg)
    return number
