"""The races against what people use today: same server, same events, to files."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from tests.benchmarks.races import trials
from tests.benchmarks.races.airbyte import Airbyte
from tests.benchmarks.races.collector import Collector, Ours, PlainLoop
from tests.benchmarks.races.environments import install
from tests.benchmarks.races.filebeat import Filebeat
from tests.benchmarks.races.grove import Grove
from tests.benchmarks.races.plot import draw
from tests.benchmarks.races.server import serve
from tests.benchmarks.races.table import Result, conduct_table, speed_table
from tests.benchmarks.races.tenzir import Tenzir

OTHERS: dict[str, type[Collector]] = {kind.key: kind for kind in (PlainLoop, Tenzir, Grove, Filebeat, Airbyte)}
FAST = (Ours, PlainLoop, Tenzir)
_EMPTY_RUNS = 3


def race_others(console: Console, against: Sequence[str], events: int, many_events: int, pairs: int, plot: Path | None) -> None:
    """Run all trials and print their tables.

    Args:
        console: Where to print.
        against: Keys of the other collectors.
        events: The equal load of all.
        many_events: A larger load for the fast ones; 0 leaves it out.
        pairs: Counted runs of each.
        plot: Where to write the plot.
    """
    kinds: list[type[Collector]] = [Ours]
    for key in against:
        console.print(f"{key}: looking for it, or installing it …")
        if reason := install(key):
            console.print(f"{key} is left out: {reason}", markup=False)
        else:
            kinds.append(OTHERS[key])
    with tempfile.TemporaryDirectory(prefix="race-") as name:
        folder = Path(name)
        results = speed(console, kinds, folder, events, pairs)
        console.print(speed_table(list(results.values()), events) + "\n", markup=False, soft_wrap=True)
        if plot:
            write_plot(plot, list(results.values()), events)
            console.print(f"{plot}: drawn", markup=False)
        fast = [kind for kind in kinds if kind in FAST and kind in results]
        if many_events and len(fast) > 1:
            many = speed(console, fast, folder, many_events, pairs)
            console.print(speed_table(list(many.values()), many_events) + "\n", markup=False, soft_wrap=True)
        conduct(console, results, folder)
        console.print(conduct_table(list(results.values()), trials.RESTART_EVENTS) + "\n", markup=False, soft_wrap=True)


def speed(console: Console, kinds: Sequence[type[Collector]], folder: Path, events: int, pairs: int) -> dict[type[Collector], Result]:
    """Alternating runs over a backlog, then starts without events. Who fails leaves the race, with a word about it."""
    results = {kind: Result(kind.label) for kind in kinds}
    with serve(events) as server:
        console.print(f"{events:,} events of about 2,200 bytes; a first run of each is not counted …")
        for number in range(pairs + 1):
            for kind in list(results):

                def run(kind: type[Collector] = kind, *, counted: bool = number > 0) -> None:
                    usage, counts = trials.drain(kind, folder, server, events)
                    console.print(f"  {kind.label}: {usage.cpu_seconds / events * 1e6:.1f} µs, {usage.wall_seconds:.1f} s", markup=False)
                    if counted:
                        results[kind].runs.append((usage, counts))

                if not attempt(console, run):
                    if kind is Ours:
                        raise SystemExit("without bytewax-okta there is no race")
                    del results[kind]
    with serve(0) as server:
        for _ in range(_EMPTY_RUNS):
            for kind, result in results.items():
                result.empty.append(trials.drain(kind, folder, server, 0)[0])
    return results


def conduct(console: Console, results: dict[type[Collector], Result], folder: Path) -> None:
    """Kills and the rate limit, one collector after the other."""
    for kind, result in results.items():

        def crash(kind: type[Collector] = kind, result: Result = result) -> None:
            result.crash = trials.crash(kind, folder)

        def limit(kind: type[Collector] = kind, result: Result = result) -> None:
            result.limited = trials.meet_limit(kind, folder)

        console.print(f"  {kind.label}: kill -9, then a rate limit …", markup=False)
        attempt(console, crash)
        attempt(console, limit)


def attempt(console: Console, trial: Callable[[], None]) -> bool:
    """Do it; where a collector of others fails, say so and go on."""
    try:
        trial()
    except trials.CollectorFailedError as error:
        console.print(str(error), markup=False)
        return False
    return True


def write_plot(path: Path, results: Sequence[Result], events: int) -> None:
    """Draw CPU per event."""
    bars = [(result.label, result.microseconds(events), result.start_up_seconds / events * 1e6) for result in results]
    runs = len(results[0].runs)
    note = f"{events:,} events of 2.2 KB, one tenant, to files; a bar's pale end is start-up; counted runs of each: {runs}"
    path.write_text(draw("CPU per event, µs (less is better)", note, bars))
