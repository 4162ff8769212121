"""The races' results as Markdown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.benchmarks.races.server import Counts
from tests.benchmarks.races.trials import KILLS, Crash
from tests.benchmarks.races.usage import Usage


@dataclass
class Result:
    """What one collector did.

    Attributes:
        label: Its name and version.
        runs: The counted runs over the backlog, with what the server counted.
        empty: Runs without events: its start-up.
        crash: What the kills left; None when it wasn't tried or failed.
        limited: What the server with the rate limit counted.
    """

    label: str
    runs: list[tuple[Usage, Counts]] = field(default_factory=list)
    empty: list[Usage] = field(default_factory=list)
    crash: Crash | None = None
    limited: Counts | None = None

    @property
    def cpu_seconds(self) -> float:
        """Median of the counted runs."""
        return statistics.median(usage.cpu_seconds for usage, _ in self.runs)

    @property
    def start_up_seconds(self) -> float:
        """Median CPU of the runs without events."""
        return statistics.median(usage.cpu_seconds for usage in self.empty)

    def microseconds(self, events: int) -> float:
        """CPU per event."""
        return self.cpu_seconds / events * 1e6

    def bare_microseconds(self, events: int) -> float:
        """CPU per event less start-up."""
        return (self.cpu_seconds - self.start_up_seconds) / events * 1e6


def speed_table(results: Sequence[Result], events: int) -> str:
    """CPU, time, memory and requests; the first result is what the others are compared with."""
    rows = []
    for result in results:
        wall = statistics.median(usage.wall_seconds for usage, _ in result.runs)
        memory = statistics.median(usage.memory_mb for usage, _ in result.runs)
        requests = statistics.median(counts.requests for _, counts in result.runs)
        rows.append(
            [
                result.label,
                f"{result.microseconds(events):.1f}",
                f"{result.bare_microseconds(events):.1f}",
                ratio(result.microseconds(events), results[0].microseconds(events)),
                ratio(result.bare_microseconds(events), results[0].bare_microseconds(events)),
                f"{wall:.1f}",
                f"{memory:.0f}",
                f"{requests:,.0f}",
            ]
        )
    heads = [f"{events:,} events", "CPU µs/event", "less start-up", "times ours", "times, less start-up", "wall s", "peak MB", "requests"]
    return markdown(heads, rows)


def conduct_table(results: Sequence[Result], events: int) -> str:
    """Restarts and the rate limit."""
    rows = []
    for result in results:
        row = [result.label]
        if result.crash is None:
            row += ["-"] * 5
        else:
            verdict = result.crash.verdict
            again = result.crash.served - events
            row += [f"{number:,}" for number in (verdict.lost, verdict.duplicated, verdict.broken, verdict.changed, again)]
        row += (
            ["-"] * 3
            if result.limited is None
            else [f"{result.limited.rejected}", f"{result.limited.requests}", f"{result.limited.events:,}"]
        )
        rows.append(row)
    heads = [f"{events:,} events, {KILLS} times kill -9", "lost", "duplicated", "broken lines", "values changed", "read again"]
    return markdown([*heads, "429s", "requests", "events under the limit"], rows)


def ratio(other: float, ours: float) -> str:
    """How many times as much; below 1 the other one is ahead."""
    return f"{other / ours:.1f}"


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table: the first column is text, the others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
