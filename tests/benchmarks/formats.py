"""What a format costs: the real flow, HTTP page → NDJSON file, as whole processes in one run, into sinks of each format.

    python -m tests.benchmarks.formats [--events N] [--rounds N] [--only VARIANTS]

Every round runs each variant once, in turn, so that a change of the machine's speed meets all of them; what a variant costs is told against
raw in the same round, and the median of the rounds counts. As in `race`, the simulator is a process of its own and isn't counted.

What a process spends once stands apart from what an event costs. Runs without events give the start-up, runs of one page what the first
event of each kind costs: the regular expressions for user agents are compiled then, 0.1 s whatever number of events follows.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    "ecs without original": ('format = "ecs"\nevent_original = false',),
    "ocsf": ('format = "ocsf"',),
    _BOTH: ('format = "ecs"', 'format = "ocsf"'),
    "raw twice": ('format = "raw"', 'format = "raw"'),
})  # fmt: skip
"""What is compared → the sinks' own keys, one text for each sink."""
PAGE_EVENTS = 1000
"""Of a page as Okta serves it."""


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


def measure(console: Console, events: int, rounds: int, variants: Mapping[str, Sequence[str]]) -> Mapping[str, list[Run]]:
    """The runs of each variant, round by round; a first run of each is not counted."""
    runs: dict[str, list[Run]] = {variant: [] for variant in variants}
    with tempfile.TemporaryDirectory(prefix="formats-") as name:
        folder = Path(name)
        with simulator(folder, 1, events) as urls:
            for variant, sinks in variants.items():
                run(folder, urls[0], sinks)
                found = count_lines(list((folder / "out").rglob("*.ndjson")))
                if found != events * len(sinks):
                    raise SystemExit(f"{variant}: not every event arrived: {found:,} of {events * len(sinks):,}")
            for number in range(rounds):
                for variant, sinks in variants.items():
                    runs[variant].append(run(folder, urls[0], sinks))
                shown = ", ".join(f"{variant} {each[-1].cpu_seconds:.3f}" for variant, each in runs.items())
                console.print(f"  {events:,} events, round {number + 1}, seconds of CPU: {shown}")
    return runs


@dataclass(frozen=True)
class Measured:
    """The runs of each variant: with all events, with one page of them, and without any."""

    events: int
    whole: Mapping[str, list[Run]]
    page: Mapping[str, list[Run]]
    empty: Mapping[str, list[Run]]

    def per_event(self, variant: str) -> list[float]:
        """Microseconds of CPU per event as whole processes, round by round."""
        return [one.cpu_seconds / self.events * 1e6 for one in self.whole[variant]]

    def system(self, variant: str) -> list[float]:
        """What of that the system takes, most of it for pages of files: a document in another format is longer."""
        return [one.system_seconds / self.events * 1e6 for one in self.whole[variant]]

    def less(self, once: Mapping[str, list[Run]], events: int, variant: str) -> list[float]:
        """The same without what the runs of so many events take."""
        seconds = statistics.median(one.cpu_seconds for one in once[variant])
        return [(one.cpu_seconds - seconds) / (self.events - events) * 1e6 for one in self.whole[variant]]


def table(measured: Measured) -> Table:
    """Medians, and in brackets what each variant costs more than raw, round by round."""
    shown = Table(title=f"{measured.events:,} events, µs of CPU per event (more than raw)")
    for column in ("", "whole process", "of it system", "less start-up", "behind the first page", "start-up, s", "peak MB"):
        shown.add_column(column, justify="left" if not column else "right")
    for variant, each in measured.whole.items():
        columns = [
            (measured.per_event(variant), measured.per_event(_RAW)),
            (measured.system(variant), measured.system(_RAW)),
            (measured.less(measured.empty, 0, variant), measured.less(measured.empty, 0, _RAW)),
            (measured.less(measured.page, PAGE_EVENTS, variant), measured.less(measured.page, PAGE_EVENTS, _RAW)),
        ]
        shown.add_row(
            variant,
            *(_cell(costs, raw) if variant != _RAW else f"{statistics.median(costs):.2f}" for costs, raw in columns),
            f"{statistics.median(one.cpu_seconds for one in measured.empty[variant]):.2f}",
            f"{max(one.memory_mb for one in each):.0f}",
        )
    return shown


def _cell(costs: Sequence[float], raw: Sequence[float]) -> str:
    more = statistics.median(cost - base for cost, base in zip(costs, raw, strict=True))
    return f"{statistics.median(costs):.2f} (+{more:.2f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.formats", description="CPU per event of each format.")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(VARIANTS), help="variants beside raw, separated by commas (default: all)")
    options = parser.parse_args(arguments)
    variants = {name: sinks for name, sinks in VARIANTS.items() if name in {_RAW, *options.only.split(",")}}
    console = Console()
    console.print(f"events of about {EVENT_BYTES} bytes; a first run of each variant is not counted …")
    empty, page, whole = (measure(console, events, options.rounds, variants) for events in (0, PAGE_EVENTS, options.events))
    console.print(table(Measured(options.events, whole, page, empty)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
