"""What each collector goes through: a backlog at full speed, a start without events, a `kill -9` in the middle, and a tight rate limit."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.races.collector import Collector, LineCount, Target
from tests.benchmarks.races.judge import Verdict, by_uuid, judge
from tests.benchmarks.races.server import Counts, Server, serve
from tests.benchmarks.races.usage import TooSlowError, Usage, kill, run_to_end, run_until

RUN_SECONDS = 600.0
RESTART_EVENTS = 40_000
KILLS = 3
RESTART_LATE = 0.01
RESTART_LATENCY_MS = 200.0
LIMIT_EVENTS = 30_000
LIMIT_REQUESTS = 20
LIMIT_WINDOW_SECONDS = 10.0
LIMIT_SECONDS = 30.0
_CALM_SECONDS = 3.0


class CollectorFailedError(Exception):
    """A collector did not do what it was to do; the message says what, with the end of its log."""

    def __init__(self, collector: Collector, what: str) -> None:
        log = collector.log.read_text(errors="replace")[-1500:]
        super().__init__(f"{collector.label} {what}\n{log}")


@dataclass(frozen=True)
class Crash:
    """What three times `kill -9` in mid-drain left.

    Attributes:
        verdict: The files when the last run had read the backlog.
        served: Events that the server handed out in all runs together.
    """

    verdict: Verdict
    served: int


@contextmanager
def new(kind: type[Collector], parent: Path, target: Target) -> Iterator[Collector]:
    """A collector in an empty folder, which is gone afterwards."""
    folder = parent / kind.key
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield kind(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drain(kind: type[Collector], parent: Path, server: Server, events: int) -> tuple[Usage, Counts]:
    """Read a backlog to its end; without events, start and be answered once.

    Returns:
        What that took, until the last event was in a file, and what the server counted until then.

    Raises:
        CollectorFailedError: It is too slow, or its files hold too few events.
    """
    with new(kind, parent, Target(server.url)) as collector:
        before = server.counts()
        counts = before
        written = LineCount(collector.out)

        def done() -> bool:
            nonlocal counts
            if written.now() < events:
                return False
            counts = server.counts()
            return bool(events) or counts.since(before).drained > 0

        with collector.running() as (process, started):
            try:
                if collector.ends_itself:
                    usage = run_to_end(process, started, RUN_SECONDS)
                    counts = server.counts()
                else:
                    usage = run_until(process, started, RUN_SECONDS, done)
            except TooSlowError:
                raise CollectorFailedError(collector, f"did not read {events:,} events in {RUN_SECONDS:.0f} s") from None
        if process.returncode and collector.ends_itself:
            raise CollectorFailedError(collector, f"exited with {process.returncode}")
        counts = counts.since(before)
        if counts.events < events or (collector.plain_lines and written.now() < events):
            raise CollectorFailedError(collector, f"read {counts.events:,} and wrote {written.lines:,} of {events:,} events")
        return usage, counts


def crash(kind: type[Collector], parent: Path) -> Crash:
    """Kill it after each quarter of the backlog, start it again each time, let it finish at last, and judge its files."""
    with (
        serve(RESTART_EVENTS, late=RESTART_LATE, latency_ms=RESTART_LATENCY_MS) as server,
        new(kind, parent, Target(server.url, snapshot_seconds=1)) as collector,
    ):
        for _ in range(KILLS):
            _kill_after(RESTART_EVENTS // (KILLS + 1), collector, server)
            collector.before_restart()
        asked = server.counts()
        with collector.running() as (process, started):
            try:
                if collector.ends_itself:
                    run_to_end(process, started, RUN_SECONDS)
                else:
                    run_until(process, started, RUN_SECONDS, Calm(server, asked, LineCount(collector.out)).has_come)
            except TooSlowError:
                raise CollectorFailedError(collector, "did not finish after the crash") from None
        path = parent / "truth.ndjson"
        server.write_truth(path)
        with path.open("rb") as events:
            truth = by_uuid(events)
        return Crash(judge(collector.lines(), collector.event, truth), server.counts().events)


def _kill_after(events: int, collector: Collector, server: Server) -> None:
    """Start it, and `kill -9` it when it has been given so many events."""
    before = server.counts()
    with collector.running() as (process, started):
        while server.counts().since(before).events < events:
            if process.poll() is not None or time.monotonic() - started > RUN_SECONDS:
                raise CollectorFailedError(collector, f"did not get {events:,} events before it was to be killed")
            time.sleep(0.005)
        kill(process)


class Calm:
    """Notices that a collector which doesn't end has read the backlog, and has written nothing for a while since."""

    def __init__(self, server: Server, asked: Counts, written: LineCount) -> None:
        self._server = server
        self._asked = asked
        self._written = written
        self._lines = -1
        self._changed_at = 0.0

    def has_come(self) -> bool:
        lines, now = self._written.now(), time.monotonic()
        if lines != self._lines:
            self._lines, self._changed_at = lines, now
        return now - self._changed_at > _CALM_SECONDS and self._server.counts().since(self._asked).drained > 0


def meet_limit(kind: type[Collector], parent: Path) -> Counts:
    """Let it drain a backlog that is larger than the rate limit allows, for a fixed time; returns what the server counted."""
    with (
        serve(LIMIT_EVENTS, limit=LIMIT_REQUESTS, window_seconds=LIMIT_WINDOW_SECONDS) as server,
        new(kind, parent, Target(server.url, requests_per_second=LIMIT_REQUESTS / LIMIT_WINDOW_SECONDS)) as collector,
    ):
        server.wait_for_fresh_window()
        with collector.running() as (process, started):
            while process.poll() is None and time.monotonic() - started < LIMIT_SECONDS:
                time.sleep(0.1)
            return server.counts()
