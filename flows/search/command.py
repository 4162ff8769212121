"""`python -m flows.search`: what it is asked, and what it answers.

| exit | meaning |
|---|---|
| 0 | something was found |
| 1 | nothing was found |
| 2 | an argument, the filter or the configuration can't be used; nothing was read |
| 130 | interrupted |
"""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import inf
from time import perf_counter
from typing import Final

from flows.pipeline.scim.parser import parse_path
from flows.pipeline.scim.problem import FilterError
from flows.reading.archives import ArchivesUnknown, Sources
from flows.reading.plan import ArchiveFile, Wanted, find_files
from flows.reading.pool import WorkerLost, cores
from flows.reading.question import Question
from flows.reading.search import Search
from flows.search.outputs import print_counts, write_csv, write_json, write_table
from flows.search.report import summary
from flows.terminal.options import (
    UsageProblem,
    add_source_arguments,
    add_what_arguments,
    condition_of,
    names_of,
    sources_of,
    tenants_of,
    warnings_of,
)
from flows.terminal.screen import Screen, screen_of, silenced
from okta_source.config.start_from import StartFrom
from okta_source.output import shape_help

__all__ = ["main", "make_parser"]

EXIT_FOUND, EXIT_NOTHING, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
_SCREENFUL: Final = 200
_WHEN: Final = "a look-back such as 24h or 7d, or an ISO 8601 time such as 2026-01-31T08:00:00Z (without an offset it is UTC)"


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
    except (UsageProblem, ArchivesUnknown) as error:
        sys.stderr.write(f"search: {error}\n")
        return EXIT_USAGE
    except BrokenPipeError:
        silenced()
        return EXIT_FOUND
    except WorkerLost as error:
        sys.stderr.write(f"search: {error}\n")
        return EXIT_USAGE
    except KeyboardInterrupt:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        return EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    screen = screen_of(sys.stdout, arguments.color)
    now = datetime.now(UTC)
    since, until = _moment(arguments.since, now, -inf), _moment(arguments.until, now, inf)
    if since >= until:
        message = "--since is not before --until"
        raise UsageProblem(message)
    question = Question(condition_of(arguments), arguments.alerts, since, until, frozenset(arguments.tenant or ()))
    fields = _fields(arguments)
    sources = sources_of(arguments)
    for warning in warnings_of(arguments, sources):
        sys.stderr.write(f"warning: {warning}\n")
    run = _Run(arguments, question, screen)
    if arguments.sql is not None:
        return run.answer_query(arguments.sql)
    return run.show(sources, fields)


@dataclass
class _Run:
    """One call of the command.

    Attributes:
        arguments: What was given.
        question: What is looked for.
        screen: Where it goes.
        started: When it began.
    """

    arguments: argparse.Namespace
    question: Question
    screen: Screen
    started: float = field(default_factory=perf_counter)

    @property
    def processes(self) -> int:
        return self.arguments.jobs or cores()

    def show(self, sources: Sources, fields: tuple[str, ...]) -> int:
        """Show what is found; returns the exit code."""
        files, problems = find_files(sources.archives, self._wanted)
        tenants = tenants_of(self.arguments, sources) or tuple(sorted({file.tenant for file in files if file.tenant}))
        limit = self.arguments.limit or None
        if self.arguments.limit is None and not fields and self.screen.is_terminal and not self.arguments.json and not self.arguments.csv:
            limit = _SCREENFUL
        question = replace(self.question, fields=fields) if fields else replace(self.question, limit=limit)
        search = Search(question, files, self.processes)
        count = self._show(search, tenants, limit)
        sys.stdout.flush()
        self._tell(search, problems, alerts=self.arguments.alerts)
        # Nothing was found where nothing could be asked: that is no answer.
        return EXIT_FOUND if count else EXIT_USAGE if search.tally.mute_lines else EXIT_NOTHING

    def answer_query(self, query: str) -> int:
        """Answer an SQL query; returns the exit code."""
        from flows.search.sql import run_sql  # noqa: PLC0415 (an extra, and 0.2 s)

        made: list[tuple[Search, list[str], bool]] = []

        def searches(*, alerts: bool) -> Search:
            files, problems = self._files(alerts=alerts)
            search = Search(replace(self.question, alerts=alerts), files, self.processes)
            made.append((search, problems, alerts))
            return search

        code = run_sql(query, searches, self.processes, self.screen, as_json=self.arguments.json, as_csv=self.arguments.csv)
        sys.stdout.flush()
        for search, problems, alerts in made:
            self._tell(search, problems, alerts=alerts)
        return code

    @property
    def _wanted(self) -> Wanted:
        return Wanted(self.question.since, self.question.until, self.question.tenants)

    def _files(self, *, alerts: bool) -> tuple[list[ArchiveFile], list[str]]:
        """The files that may hold events, or alerts; of the latter there may be none."""
        try:
            sources = sources_of(argparse.Namespace(**{**vars(self.arguments), "alerts": alerts}))
        except ArchivesUnknown:
            return [], []
        return find_files(sources.archives, self._wanted)

    def _tell(self, search: Search, problems: Sequence[str], *, alerts: bool) -> None:
        screen = screen_of(sys.stderr, self.arguments.color)
        seconds = perf_counter() - self.started
        summary(search.tally, problems, seconds, screen, what="alert" if alerts else "event", quiet=self.arguments.quiet)

    def _show(self, search: Search, tenants: Sequence[str], limit: int | None) -> int:
        arguments, screen = self.arguments, self.screen
        if arguments.count_by:
            by = _names(arguments.count_by)
            return print_counts(search.all_hits(), by, arguments.distinct, screen, limit, as_json=arguments.json)
        hits = search.hits()
        with contextlib.closing(hits):
            if arguments.json:
                return write_json(hits, screen, sys.stdout.buffer)
            if arguments.csv:
                return write_csv(hits, screen, sys.stdout, alerts=arguments.alerts)
            return write_table(hits, screen, sys.stdout, tenants, alerts=arguments.alerts)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _fields(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The fields whose values are counted, spelt as Okta does.

    Raises:
        UsageProblem: There is no such field, or `--distinct` stands alone.
    """
    if arguments.distinct and not arguments.count_by:
        message = "--distinct needs --count-by"
        raise UsageProblem(message)
    if not arguments.count_by:
        return ()
    texts = [*_names(arguments.count_by), *([arguments.distinct] if arguments.distinct else [])]
    try:
        return tuple(".".join(parse_path(text, names_of(arguments))) for text in texts)
    except FilterError as error:
        message = f"--count-by, --distinct: {error.reason}"
        raise UsageProblem(message) from None


def _moment(text: str | None, now: datetime, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        start = StartFrom.parse(text)
    except ValueError:
        message = f"{text!r} is not a time; allowed: {_WHEN}"
        raise UsageProblem(message) from None
    if start.instant is not None:
        return start.instant.timestamp()
    try:
        return (now - (start.look_back or timedelta())).timestamp()
    except OverflowError:
        return -inf


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.search",
        description="Find events, or alerts, in what file sinks wrote: newest first, each once.\n"
        "Safe beside a running flow; asks Okta nothing, changes nothing.",
    )
    add_what_arguments(parser)
    when = parser.add_argument_group("when")
    when.add_argument("--since", metavar="WHEN", help=f"published then or later: {_WHEN} (default: all there is)")
    when.add_argument("--until", metavar="WHEN", help="published before then (default: now and later)")
    add_source_arguments(parser)
    output = parser.add_argument_group("output (default: a table)")
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the lines as they are stored, byte for byte")
    form.add_argument("--csv", action="store_true", help="comma-separated values with a heading")
    output.add_argument("--count-by", metavar="FIELD[,FIELD]", help="how many there are of each value, most first")
    output.add_argument("--distinct", metavar="FIELD", default="", help="with --count-by: count its different values too, and sort by them")
    output.add_argument("--sql", metavar="QUERY", help="a query over the views events and alerts (DuckDB, the extra `search`)")
    output.add_argument(
        "--limit", type=_count, metavar="N", help=f"at most so many, 0 for all (default: {_SCREENFUL} rows on a terminal, all elsewhere)"
    )
    output.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours (default: on a terminal)")
    output.add_argument("--jobs", type=_count, metavar="N", help="how many processes (default: one for each core)")
    output.add_argument("--quiet", action="store_true", help="don't say what was read")
    shape_help(
        parser,
        {0: "found", 1: "nothing found", 2: "an argument or the configuration can't be used", 130: "interrupted"},
        [
            'python -m flows.search \'outcome.result eq "FAILURE" and client.ipAddress sw "203.0.113."\' --since 7d',
            "python -m flows.search --user 'uma*' --event-type 'user.session.*' --since 24h --json",
            "python -m flows.search --action sign_in --outcome FAILURE --count-by client.ipAddress --distinct actor.alternateId",
            "python -m flows.search --sql 'select actor, count(*) as n from events group by actor order by n desc limit 10'",
        ],
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        message = f"{text!r} is not allowed; allowed: whole numbers from 0"
        raise argparse.ArgumentTypeError(message)
    return int(text)
