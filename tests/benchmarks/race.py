"""`make bench`: HTTP page → NDJSON file as whole processes, beside a plain loop and other collectors; a cluster of two beside one process.

    python -m tests.benchmarks.race [--events N] [--pairs N] [--only loop|cluster|search|races] [--against NAMES] [--plot FILE]

The simulator runs in a process of its own and serves each page from its cache after the first time; only the collectors' own CPU is
counted, as the operating system accounts it (user + system of the finished process). Runs alternate, so that a change of the machine's
speed meets both; the median is what counts. See README.md beside this file.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.races.run import OTHERS, race_others
from tests.benchmarks.search_race import race_search
from tests.benchmarks.simulated import EVENT_BYTES, simulator
from tests.e2e.harness import Workplace
from tests.integration.servers import available


@dataclass(frozen=True)
class Run:
    """One finished collector (or cluster): CPU and wall in seconds, memory of its largest process in MB, the system's part of the CPU."""

    cpu_seconds: float
    wall_seconds: float
    memory_mb: float
    system_seconds: float


def finish(processes: Sequence[subprocess.Popen[bytes]], started: float, log: Path | None = None) -> Run:
    """Wait for all and add up what they used."""
    cpu = memory = system = 0.0
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{process.args} exited with {process.returncode}\n{log.read_text() if log else ''}")
        cpu += usage.ru_utime + usage.ru_stime
        system += usage.ru_stime
        memory = max(memory, usage.ru_maxrss / 1024)
    return Run(cpu, time.monotonic() - started, memory, system)


def ours(folder: Path, urls: Sequence[str], processes: int = 1) -> Run:
    """The real flow, recovery on, into one file a tenant and day."""
    place = Workplace(folder)
    for name in ("out", "state"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for number, url in enumerate(urls):
        place.add(f"org-{number}", url, f"00sim-org-{number}", request_timeout_seconds=35)
    place.write()
    place.make_state()
    started = time.monotonic()
    if processes == 1:
        flows = [place.run(until_drained=True, snapshot_seconds=10)]
    else:
        flows = place.cluster(processes, until_drained=True, snapshot_seconds=10)
    return finish([flow.process for flow in flows], started, place.log)


def plain(folder: Path, url: str) -> Run:
    """The plain loop into one file."""
    command = [sys.executable, "-m", "tests.benchmarks.plain_loop", url, "00sim-org-0", str(folder / "plain.ndjson")]
    started = time.monotonic()
    return finish([subprocess.Popen(command)], started)


def count_lines(paths: Sequence[Path]) -> int:
    """Lines in files."""
    total = 0
    for path in paths:
        with path.open("rb") as lines:
            # In pieces: a child starts as a copy of this process, and the system would count our memory as its peak.
            while piece := lines.read(1 << 20):
                total += piece.count(b"\n")
    return total


def race_loop(console: Console, events: int, pairs: int) -> None:
    """One tenant: ours beside the plain loop."""
    with tempfile.TemporaryDirectory(prefix="race-") as name:
        folder = Path(name)
        with simulator(folder, 1, events) as urls:
            console.print(f"one tenant, {events:,} events of about {EVENT_BYTES} bytes; a first run of each fills the server's cache …")
            ours(folder, urls)
            in_files = count_lines(list((folder / "out").rglob("*.ndjson")))
            plain(folder, urls[0])
            if in_files != events or count_lines([folder / "plain.ndjson"]) != events:
                raise SystemExit(f"not every event arrived: {in_files:,} of {events:,}")
            runs: list[tuple[Run, Run]] = []
            for number in range(pairs):
                runs.append((ours(folder, urls), plain(folder, urls[0])))
                console.print(f"  pair {number + 1}: ours {per_event(runs[-1][0], events)}, plain loop {per_event(runs[-1][1], events)}")
    with tempfile.TemporaryDirectory(prefix="race-") as name:
        folder = Path(name)
        with simulator(folder, 1, 0) as urls:
            empty = [(ours(folder, urls), plain(folder, urls[0])) for _ in range(3)]
    report(console, f"one tenant, {events:,} events", ("ours", "plain loop"), runs, events, empty)


def race_cluster(console: Console, events: int, pairs: int) -> None:
    """Eight busy tenants: one process beside two."""
    each = events // 8
    with tempfile.TemporaryDirectory(prefix="race-") as name:
        folder = Path(name)
        with simulator(folder, 8, each) as urls:
            console.print(f"eight tenants, {each:,} events each …")
            ours(folder, urls)
            runs = []
            for number in range(pairs):
                runs.append((ours(folder, urls, 2), ours(folder, urls, 1)))
                console.print(f"  pair {number + 1}: two {per_event(runs[-1][0], each * 8)}, one {per_event(runs[-1][1], each * 8)}")
    with tempfile.TemporaryDirectory(prefix="race-") as name:
        folder = Path(name)
        with simulator(folder, 8, 0) as urls:
            empty = [(ours(folder, urls, 2), ours(folder, urls, 1)) for _ in range(3)]
    report(console, f"eight tenants, {each * 8:,} events", ("two processes", "one process"), runs, each * 8, empty)


def per_event(run: Run, events: int) -> str:
    """CPU per event for people."""
    return f"{run.cpu_seconds / events * 1e6:.2f} µs"


def report(
    console: Console, title: str, names: tuple[str, str], runs: list[tuple[Run, Run]], events: int, empty: list[tuple[Run, Run]]
) -> None:
    """Medians of both sides, and of the ratios pair by pair."""
    table = Table(title=title)
    for column in ("", "CPU µs/event", "less start-up", "events per CPU s", "wall s", "peak MB"):
        table.add_column(column, justify="right" if column else "left")
    bare = []
    for side, label in enumerate(names):
        cpu = statistics.median(pair[side].cpu_seconds for pair in runs)
        start_up = statistics.median(pair[side].cpu_seconds for pair in empty)
        bare.append(start_up)
        wall = statistics.median(pair[side].wall_seconds for pair in runs)
        memory = statistics.median(pair[side].memory_mb for pair in runs)
        table.add_row(
            label,
            f"{cpu / events * 1e6:.2f}",
            f"{(cpu - start_up) / events * 1e6:.2f}",
            f"{events / cpu:,.0f}",
            f"{wall:.2f}",
            f"{memory:.0f}",
        )
    console.print(table)
    whole = statistics.median(second.cpu_seconds / first.cpu_seconds for first, second in runs)
    less = statistics.median((second.cpu_seconds - bare[1]) / (first.cpu_seconds - bare[0]) for first, second in runs)
    console.print(f"CPU {names[1]} / {names[0]}: {whole:.2f} as whole processes, {less:.2f} less start-up (medians of {len(runs)} pairs)")


def main() -> None:
    """Run the races."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=400_000, help="events in each race (default: 400,000)")
    parser.add_argument("--pairs", type=int, default=5, help="counted runs of each side (default: 5)")
    parser.add_argument("--only", choices=("loop", "cluster", "search", "races"), help="one race only")
    parser.add_argument("--against", default=",".join(OTHERS), help="whom to race against, separated by commas (default: %(default)s)")
    parser.add_argument(
        "--race-events", type=int, default=100_000, help="events for all in that race (default: 100,000); the fast ones get --events too"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw that race as SVG")
    arguments = parser.parse_args()
    against = [key for key in arguments.against.split(",") if key]
    if unknown := set(against) - OTHERS.keys():
        parser.error(f"--against: unknown: {', '.join(sorted(unknown))}; known: {', '.join(OTHERS)}")
    # As on Ctrl-C, whatever was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    if arguments.only in (None, "loop"):
        race_loop(console, arguments.events, arguments.pairs)
    if arguments.only in (None, "cluster"):
        race_cluster(console, arguments.events, arguments.pairs)
    if arguments.only in (None, "search"):
        if reason := available("opensearch"):
            console.print(f"no race into OpenSearch: {reason}")
        else:
            race_search(console, arguments.events // 4, arguments.pairs)
    if arguments.only in (None, "races"):
        race_others(console, against, arguments.race_events, arguments.events, arguments.pairs, arguments.plot)


if __name__ == "__main__":
    main()
