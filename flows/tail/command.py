"""`python -m flows.tail`: the last events, and every one that comes.

| exit | meaning |
|---|---|
| 0 | something was shown |
| 1 | nothing was |
| 2 | an argument, the filter or the configuration can't be used |
"""

import argparse
import signal
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from flows.reading.archives import ArchivesUnknown
from flows.reading.pool import WorkerLost, cores
from flows.reading.question import Asker, Hit, NotAnEvent, NotSearchable, Question
from flows.reading.search import Search
from flows.tail.watcher import Watcher
from flows.terminal.options import (
    UsageProblem,
    add_source_arguments,
    add_what_arguments,
    condition_of,
    sources_of,
    tenants_of,
    warnings_of,
)
from flows.terminal.rows import Rows
from flows.terminal.screen import Screen, screen_of, silenced
from flows.terminal.text import safe_json
from okta_source.output import shape_help

__all__ = ["main", "make_parser"]

EXIT_SHOWN, EXIT_NOTHING, EXIT_USAGE = 0, 1, 2
_POLL_SECONDS: Final = 0.2
_REMEMBERED: Final = 200_000  # more than a flow writes again after a crash: 40 s at 5,000 events a second


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, until a signal.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    arguments = make_parser().parse_args(argv)
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return _run(arguments, stop)
    except (UsageProblem, ArchivesUnknown, WorkerLost) as error:
        sys.stderr.write(f"tail: {error}\n")
        return EXIT_USAGE
    except BrokenPipeError:
        silenced()
        return EXIT_SHOWN
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(arguments: argparse.Namespace, stop: threading.Event) -> int:
    screen = screen_of(sys.stdout, arguments.color)
    question = Question(condition_of(arguments), arguments.alerts, tenants=frozenset(arguments.tenant or ()))
    sources = sources_of(arguments)
    tenants = tenants_of(arguments, sources)
    for warning in warnings_of(arguments, sources):
        sys.stderr.write(f"warning: {warning}\n")
    # First the places in the files, then what is before them: what comes in between is seen by both, and shown once.
    watcher = Watcher(sources.archives, question.tenants, sources.tenants)
    try:
        shower = _Shower(arguments, screen, tenants)
        if arguments.lines:
            last = list(Search(_limited(question, arguments.lines), watcher.recent(), cores()).hits())
            shower.show(reversed(last))
        _say(arguments, watcher, tenants)
        _follow(watcher, Asker(question), shower, stop, arguments.seconds)
    finally:
        watcher.close()
    return EXIT_SHOWN if shower.count else EXIT_NOTHING


def _follow(watcher: Watcher, asker: Asker, shower: "_Shower", stop: threading.Event, seconds: float | None) -> None:
    end = None if seconds is None else time.monotonic() + seconds
    told = 0
    while not stop.is_set():
        lines = watcher.lines()
        hits = []
        for tenant, line in lines:
            try:
                hit = asker.ask(line, tenant)
            except (NotAnEvent, NotSearchable):
                shower.unreadable += 1
                continue
            if hit is not None:
                hits.append(hit)
        shower.show(sorted(hits, key=lambda hit: hit.at))
        for problem in watcher.problems[told:]:
            sys.stderr.write(f"warning: {problem}\n")
        told = len(watcher.problems)
        if end is not None and time.monotonic() >= end:
            return
        if not lines:
            stop.wait(_POLL_SECONDS)


class _Shower:
    """Shows hits, each event once.

    Attributes:
        count: How many it has shown.
        unreadable: How many lines couldn't be asked.
    """

    def __init__(self, arguments: argparse.Namespace, screen: Screen, tenants: Sequence[str]) -> None:
        self.count = 0
        self._unreadable = 0
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._screen = screen
        self._rows = None if arguments.json else Rows(screen, tenants, alerts=arguments.alerts)

    @property
    def unreadable(self) -> int:
        return self._unreadable

    @unreadable.setter
    def unreadable(self, count: int) -> None:
        if not self._unreadable:
            sys.stderr.write("warning: a line is no event, or of a format that can't be searched; it is left out, as others like it\n")
        self._unreadable = count

    def show(self, hits: Iterable[Hit]) -> None:
        pieces: list[bytes] = []
        for hit in hits:
            if hit.key in self._seen:
                continue
            self._seen[hit.key] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            if self._rows is None:
                text = safe_json(hit.line.decode("utf-8", "replace")).encode() if self._screen.is_terminal else hit.line
                pieces.append(text + b"\n")
            else:
                if not self.count:
                    pieces.append(f"{self._rows.heading}\n".encode())
                pieces.append(f"{self._rows.row(hit.line)}\n".encode("utf-8", "backslashreplace"))
            self.count += 1
        if pieces:
            sys.stdout.buffer.write(b"".join(pieces))
            sys.stdout.buffer.flush()


def _limited(question: Question, limit: int) -> Question:
    return Question(question.condition, question.alerts, question.since, question.until, question.tenants, (), limit)


def _say(arguments: argparse.Namespace, watcher: Watcher, tenants: Sequence[str]) -> None:
    """Say what is followed, so that silence means something."""
    if arguments.quiet:
        return
    whose = f" of {', '.join(tenants[:5])}{', …' if len(tenants) > 5 else ''}" if tenants else ""
    if watcher.files:
        sys.stderr.write(f"following {watcher.followed:,} files{whose}; Ctrl-C ends it\n")
    else:
        sys.stderr.write(f"no files yet{whose}: waiting for the flow to write some; Ctrl-C ends it\n")
    sys.stderr.flush()


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.tail",
        description="Follow what the flow writes: the last events, then every one that comes, newest last,\n"
        "each once. Reads the files of file sinks; asks Okta nothing, changes nothing.",
    )
    add_what_arguments(parser)
    add_source_arguments(parser)
    add = parser.add_argument_group("output (default: a table)").add_argument
    add("-n", "--lines", type=_count, default=10, metavar="N", help="begin with the last N of the last two days (default: %(default)s)")
    add("--json", action="store_true", help="the lines as they are stored, byte for byte")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colours (default: on a terminal)")
    add("--for", dest="seconds", type=float, metavar="SECONDS", help="end after so long; 0: only what is there (default: until a signal)")
    add("--quiet", action="store_true", help="don't say what is followed")
    shape_help(
        parser,
        {0: "something was shown", 1: "nothing was", 2: "an argument or the configuration can't be used"},
        [
            "python -m flows.tail",
            'python -m flows.tail \'severity eq "ERROR" or outcome.result eq "DENY"\' --tenant acme',
            "python -m flows.tail --action sign_in --outcome FAILURE -n 100 --json",
        ],
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        message = f"{text!r} is not allowed; allowed: whole numbers from 0"
        raise argparse.ArgumentTypeError(message)
    return int(text)
