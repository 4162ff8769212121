"""Throughput of a cluster of two processes beside one process, on the same eight busy tenants, and beside what the machine itself allows.

    python -m tests.benchmarks.cluster_race [--events N] [--rounds N]

Two cores are rarely worth twice one: they share caches, memory and often a physical core, and here the server runs on them too. So each
round measures three sides, one after the other:

- *one*: one process with all eight tenants;
- *two*: a cluster of two processes with the same tenants;
- *ceiling*: two processes that know nothing of each other, four tenants each, at once. No cluster can beat it but by chance.

Throughput is taken from the files: from the moment when all processes have written something to the last byte. Start-up (imports, and the
second that Bytewax waits before it tries again to reach a process that is not there yet) is thus left out; a service starts once.
"""

import argparse
import json
import os
import shutil
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

from tests.benchmarks.race import count_lines
from tests.benchmarks.simulated import EVENT_BYTES, simulator
from tests.e2e.harness import FlowProcess, Workplace

TENANTS = 8
_LOOK_SECONDS = 0.01
_SPIN_SECONDS = 2.0
_SPINNER = f"""
import json, time
end, count = time.monotonic() + {_SPIN_SECONDS}, 0
data = json.dumps({{"a": list(range(300)), "b": "x" * 2000}})
while time.monotonic() < end:
    json.loads(data)
    count += 1
print(json.dumps(count))
"""


@dataclass(frozen=True)
class Throughput:
    """What one side achieved.

    Attributes:
        bytes_per_second: Written while all of its processes were at work.
        cpu_seconds: User and system time of the processes as a whole.
        wall_seconds: From the start of the first process to the end of the last.
    """

    bytes_per_second: float
    cpu_seconds: float
    wall_seconds: float


def prepare(folder: Path, urls: Sequence[str], first: int = 0) -> Workplace:
    """A workplace with nothing done yet for these tenants; `first` is the number of the first."""
    shutil.rmtree(folder, ignore_errors=True)
    place = Workplace(folder)
    for number, url in enumerate(urls, start=first):
        place.add(f"org-{number}", url, f"00sim-org-{number}", request_timeout_seconds=35)
    place.write()
    place.make_state()
    return place


def one(folder: Path, urls: Sequence[str]) -> Throughput:
    """One process."""
    place = prepare(folder / "one", urls)
    started = time.monotonic()
    return watch([place.run(until_drained=True, snapshot_seconds=10)], [sorted_outs(place, range(TENANTS))], started)


def two(folder: Path, urls: Sequence[str]) -> Throughput:
    """A cluster of two; Bytewax deals the tenants out in turn."""
    place = prepare(folder / "two", urls)
    started = time.monotonic()
    flows = place.cluster(2, until_drained=True, snapshot_seconds=10)
    return watch(flows, [sorted_outs(place, range(0, TENANTS, 2)), sorted_outs(place, range(1, TENANTS, 2))], started)


def ceiling(folder: Path, urls: Sequence[str]) -> Throughput:
    """Two processes side by side, each with half of the tenants."""
    half = TENANTS // 2
    places = [prepare(folder / "left", urls[:half]), prepare(folder / "right", urls[half:], half)]
    started = time.monotonic()
    flows = [place.run(until_drained=True, snapshot_seconds=10) for place in places]
    return watch(flows, [sorted_outs(places[0], range(half)), sorted_outs(places[1], range(half, TENANTS))], started)


def sorted_outs(place: Workplace, numbers: Sequence[int]) -> list[Path]:
    """Where these tenants' files come."""
    return [place.out / f"org-{number}" for number in numbers]


def watch(flows: Sequence[FlowProcess], folders: Sequence[list[Path]], started: float) -> Throughput:
    """Follow the files until every process has ended.

    Args:
        flows: The processes.
        folders: What each of them writes.
        started: When the first was started.
    """
    seen: list[tuple[float, list[int]]] = []
    cpu = 0.0
    left = list(flows)
    while left:
        seen.append((time.monotonic(), [sum(written(folder) for folder in group) for group in folders]))
        for flow in list(left):
            pid, status, usage = os.wait4(flow.process.pid, os.WNOHANG)
            if pid:
                flow.process.returncode = os.waitstatus_to_exitcode(status)
                if flow.process.returncode:
                    raise SystemExit(f"exited with {flow.process.returncode}\n{flow.output()}")
                cpu += usage.ru_utime + usage.ru_stime
                left.remove(flow)
        time.sleep(_LOOK_SECONDS)
    wall = time.monotonic() - started
    first = next(index for index, (_, sizes) in enumerate(seen) if all(sizes))
    # Where one is done while the other still works, the machine is no longer shared: what counts is while all work.
    final = seen[-1][1]
    last = next(index for index, (_, sizes) in enumerate(seen) if any(size == end for size, end in zip(sizes, final, strict=True)))
    seconds = seen[last][0] - seen[first][0]
    return Throughput((sum(seen[last][1]) - sum(seen[first][1])) / seconds, cpu, wall)


def written(folder: Path) -> int:
    """Bytes in a tenant's files."""
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat().st_size for entry in entries)
    except FileNotFoundError:
        return 0


def spinners(count: int) -> int:
    """How often so many processes at once decode a document within a fixed time, without any I/O."""
    processes = [subprocess.Popen([sys.executable, "-c", _SPINNER], stdout=subprocess.PIPE) for _ in range(count)]
    return sum(json.loads(process.communicate()[0]) for process in processes)


def check(folder: Path, name: str, events: int) -> None:
    """Every event is in the files."""
    found = count_lines(list((folder / name / "out").rglob("*.ndjson")))
    if found != events:
        raise SystemExit(f"{name}: not every event arrived: {found:,} of {events:,}")


def main() -> None:
    """Run the race."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=800_000, help="events of all tenants together (default: 800,000)")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default: 5)")
    arguments = parser.parse_args()
    console = Console()
    each = arguments.events // TENANTS
    with tempfile.TemporaryDirectory(prefix="cluster-race-") as name:
        folder = Path(name)
        with simulator(folder, TENANTS, each) as urls:
            console.print(
                f"{TENANTS} tenants with {each:,} events of {EVENT_BYTES} bytes, {os.cpu_count()} cores; the first round does not count …"
            )
            sides = (one, two, ceiling)
            for side in sides:
                side(folder, urls)
            check(folder, "one", each * TENANTS)
            check(folder, "two", each * TENANTS)
            event_bytes = sum(written(path) for path in (folder / "one" / "out").iterdir()) / (each * TENANTS)
            rounds = []
            for number in range(arguments.rounds):
                rounds.append([side(folder, urls) for side in sides])
                rates = [run.bytes_per_second / event_bytes for run in rounds[-1]]
                console.print(f"  round {number + 1}: one {rates[0]:,.0f}, two {rates[1]:,.0f}, ceiling {rates[2]:,.0f} events/s")
    report(console, rounds, event_bytes, each * TENANTS)


def report(console: Console, rounds: list[list[Throughput]], event_bytes: float, events: int) -> None:
    """Medians of the sides, and of the ratios round by round."""
    table = Table(title=f"{TENANTS} busy tenants, {events:,} events")
    for column in ("", "events/s", "CPU µs/event", "whole run s"):
        table.add_column(column, justify="right" if column else "left")
    for index, label in enumerate(("one process", "cluster of two", "two on their own")):
        runs = [entry[index] for entry in rounds]
        table.add_row(
            label,
            f"{statistics.median(run.bytes_per_second for run in runs) / event_bytes:,.0f}",
            f"{statistics.median(run.cpu_seconds for run in runs) / events * 1e6:.2f}",
            f"{statistics.median(run.wall_seconds for run in runs):.2f}",
        )
    console.print(table)
    ratio = statistics.median(entry[1].bytes_per_second / entry[0].bytes_per_second for entry in rounds)
    most = statistics.median(entry[2].bytes_per_second / entry[0].bytes_per_second for entry in rounds)
    share = statistics.median(entry[1].bytes_per_second / entry[2].bytes_per_second for entry in rounds)
    console.print(f"two / one: {ratio:.2f}; the machine's ceiling (two on their own / one): {most:.2f}; of it reached: {share:.2f}")
    spin = statistics.median(spinners(2) / spinners(1) for _ in range(3))
    console.print(f"two processes that only compute / one: {spin:.2f}")


if __name__ == "__main__":
    main()
