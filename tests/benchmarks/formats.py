"""What a format costs: the real flow, HTTP page → NDJSON file, as whole processes in one run, into sinks of each format.

    python -m tests.benchmarks.formats [--events N] [--rounds N]

Every round runs each variant once, in turn, so that a change of the machine's speed meets all of them; what a variant costs is told against
raw in the same round, and the median of the rounds counts. As in `race`, the simulator is a process of its own and isn't counted.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from rich.console import Console
from rich.table import Table

from tests.benchmarks.race import Run, count_lines, finish
from tests.benchmarks.simulated import EVENT_BYTES, simulator
from tests.e2e.harness import Workplace

_RAW = "raw"
_BOTH = "ecs and ocsf"
VARIANTS: Mapping[str, Sequence[str]] = MappingProxyType({
    _RAW: ('format = "raw"',),
    "ecs": ('format = "ecs"',),
    "ecs, no event.original": ('format = "ecs"\nevent_original = false',),
    "ocsf": ('format = "ocsf"',),
    _BOTH: ('format = "ecs"', 'format = "ocsf"'),
    "raw twice": ('format = "raw"', 'format = "raw"'),
})  # fmt: skip
"""What is compared → the sinks' own keys, one text for each sink."""


def run(folder: Path, url: str, sinks: Sequence[str]) -> Run:
    """The flow until it has drained, recovery on."""
    place = Workplace(folder, sink="")
    for name in ("out", "state"):
        shutil.rmtree(folder / name, ignore_errors=True)
    place.add("org-0", url, "00sim-org-0", request_timeout_seconds=35)
    for number, keys in enumerate(sinks):
        place.sinks[f"sink-{number}"] = f'type = "file"\npath = "out/{number}/{{tenant}}/{{date}}.ndjson"\n{keys}'
    place.write()
    place.make_state()
    started = time.monotonic()
    return finish([place.run(until_drained=True, snapshot_seconds=10).process], started, place.log)


def measure(console: Console, events: int, rounds: int) -> Mapping[str, list[Run]]:
    """The runs of each variant, round by round."""
    with tempfile.TemporaryDirectory(prefix="formats-") as name:
        folder = Path(name)
        with simulator(folder, 1, events) as urls:
            console.print(f"{events:,} events of about {EVENT_BYTES} bytes; a first run of each is not counted …")
            for variant, sinks in VARIANTS.items():
                run(folder, urls[0], sinks)
                found = count_lines(list((folder / "out").rglob("*.ndjson")))
                if found != events * len(sinks):
                    raise SystemExit(f"{variant}: not every event arrived: {found:,} of {events * len(sinks):,}")
            runs: dict[str, list[Run]] = {variant: [] for variant in VARIANTS}
            for number in range(rounds):
                for variant, sinks in VARIANTS.items():
                    runs[variant].append(run(folder, urls[0], sinks))
                shown = ", ".join(f"{variant} {_micros(each[-1].cpu_seconds, events):.2f}" for variant, each in runs.items())
                console.print(f"  round {number + 1}, µs of CPU per event with start-up: {shown}")
    return runs


def table(runs: Mapping[str, list[Run]], events: int) -> Table:
    """Medians, and what each variant costs more than raw, round by round."""
    shown = Table(title=f"{events:,} events")
    for column in ("", "CPU µs/event", "more than raw, µs/event", "peak MB"):
        shown.add_column(column, justify="left" if not column else "right")
    for variant, each in runs.items():
        more = [_micros(one.cpu_seconds - raw.cpu_seconds, events) for one, raw in zip(each, runs[_RAW], strict=True)]
        shown.add_row(
            variant,
            f"{_micros(statistics.median(one.cpu_seconds for one in each), events):.2f}",
            "" if variant == _RAW else f"{statistics.median(more):.2f} ({min(more):.2f} to {max(more):.2f})",
            f"{max(one.memory_mb for one in each):.0f}",
        )
    return shown


def _micros(seconds: float, events: int) -> float:
    return seconds / events * 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.formats", description="CPU per event of each format.")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    console = Console()
    console.print(table(measure(console, options.events, options.rounds), options.events))
    return 0


if __name__ == "__main__":
    sys.exit(main())
