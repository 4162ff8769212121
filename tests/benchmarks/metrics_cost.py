"""What metrics cost on the hot path, in two ways that have to agree.

    python -m tests.benchmarks.metrics_cost [--events N] [--pairs N]

HTTP page → NDJSON file as whole processes, start-up (a run without events) subtracted. **Timed**: the CPU time that a real run's
threads spend in each call that counts something. **Left out**: the same run with all of it left out and nothing served, beside one that
serves and is scraped every second (Prometheus does so every 15 s), in alternating pairs; that includes what Bytewax
counts and serves itself, and the noise of the machine.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import metered_flow
from tests.benchmarks.race import Run, count_lines, finish
from tests.benchmarks.simulated import simulator
from tests.e2e.harness import Workplace, free_ports

_SCRAPE_SECONDS = 1.0
_ALLOWED = 0.03
_MODULE = str(Path(metered_flow.__file__).with_suffix(""))


def run(folder: Path, url: str, how: str = "") -> Run:
    """The flow, drained: served and scraped, or as `metered_flow` has it."""
    place = Workplace(folder)
    for path in (place.out, place.state):
        if path.exists():
            for file in sorted(path.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
    place.entries.clear()
    place.add("org-0", url, "00sim-org-0", request_timeout_seconds=35)
    place.write()
    if not place.state.exists() or not list(place.state.iterdir()):
        place.make_state()
    started = time.monotonic()
    if how:
        environment = {"METERED": how, "METERED_FILE": str(folder / "metered.json")}
        return finish(
            [place.run(until_drained=True, snapshot_seconds=10, environment=environment, module=_MODULE).process], started, place.log
        )
    (port,) = free_ports(1)
    environment = {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port)}
    flow = place.run(until_drained=True, snapshot_seconds=10, environment=environment)
    done = threading.Event()
    scraper = threading.Thread(target=scrape_until, args=(port, done), daemon=True)
    scraper.start()
    try:
        return finish([flow.process], started, place.log)
    finally:
        done.set()
        scraper.join()


def scrape_until(port: int, done: threading.Event) -> None:
    """Scrape as Prometheus does, only more often."""
    while not done.wait(_SCRAPE_SECONDS):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                answer.read()
        except OSError:
            continue  # not yet, or no more


def start_up(pairs: int) -> tuple[float, float]:
    """CPU seconds of runs without events: with metrics, and without."""
    with tempfile.TemporaryDirectory(prefix="cost-") as name:
        folder = Path(name)
        with simulator(folder, 1, 0) as urls:
            runs = [(run(folder, urls[0]).cpu_seconds, run(folder, urls[0], "without").cpu_seconds) for _ in range(pairs)]
    return statistics.median(each[0] for each in runs), statistics.median(each[1] for each in runs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=400_000, help="events of a run (default: 400,000)")
    parser.add_argument("--pairs", type=int, default=7, help="counted pairs (default: 7)")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    bare_with, bare_without = start_up(3)
    with tempfile.TemporaryDirectory(prefix="cost-") as name:
        folder = Path(name)
        with simulator(folder, 1, arguments.events) as urls:
            run(folder, urls[0], "timed")
            if (found := count_lines(list((folder / "out").rglob("*.ndjson")))) != arguments.events:
                raise SystemExit(f"not every event arrived: {found:,} of {arguments.events:,}")
            told = json.loads((folder / "metered.json").read_text())
            pairs = []
            for number in range(arguments.pairs):
                both = run(folder, urls[0]), run(folder, urls[0], "without")
                pairs.append((both[0].cpu_seconds - bare_with, both[1].cpu_seconds - bare_without))
                console.print(f"  pair {number + 1}: with {pairs[-1][0]:.3f} s, without {pairs[-1][1]:.3f} s CPU less start-up")
    report(console, arguments.events, told, pairs)


def report(console: Console, events: int, told: dict[str, dict[str, float]], pairs: list[tuple[float, float]]) -> None:
    """Both shares."""
    table = Table("call", "calls", "µs each", "µs per 1,000 events", title=f"{events:,} events")
    total = sum(call["seconds"] for call in told.values())
    for name, call in sorted(told.items(), key=lambda item: -item[1]["seconds"]):
        if call["calls"]:
            each, share = call["seconds"] / call["calls"], call["seconds"] / events
            table.add_row(name, f"{call['calls']:,}", f"{each * 1e6:.2f}", f"{share * 1e9:.2f}")
    console.print(table)
    with_cpu = statistics.median(pair[0] for pair in pairs)
    difference = statistics.median(1.0 - pair[1] / pair[0] for pair in pairs)
    spread = sorted(1.0 - pair[1] / pair[0] for pair in pairs)
    verdict = "within" if total / with_cpu < _ALLOWED else "BEYOND"
    console.print(f"hot path: {with_cpu / events * 1e6:.2f} µs CPU per event with metrics, start-up subtracted")
    console.print(f"timed: {total / events * 1e9:.1f} µs per 1,000 events: {total / with_cpu:.2%} of it ({verdict} {_ALLOWED:.0%})")
    console.print(
        f"left out, and nothing served: {difference:.1%} less (median of {len(pairs)} pairs, {spread[0]:.1%} to {spread[-1]:.1%})"
    )


if __name__ == "__main__":
    main()
