"""A long backfill behind a rate limit, killed and resumed: how much of the limit it uses, its memory, and whether anything is lost.

    python -m tests.benchmarks.backfill [--events 5000000] [--limit 600] [--window-seconds 60] [--kills 3]

One organisation is simulated in this process; `python -m flows.backfill` runs as its own, is killed with `kill -9` when so many events have
been asked for, and started again. The default takes some ten minutes and 11 GB of disk; `--events 100000 --limit 60 --window-seconds 6` a
quarter of a minute. See README.md beside this file.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from okta_source.simulator import Organisation, RateLimit, Simulator
from tests.e2e.harness import Workplace

DAYS = 89
_MASK = (1 << 128) - 1
_LOOK_SECONDS = 0.5


class _Line(msgspec.Struct):
    uuid: str
    published: str


_LINE = msgspec.json.Decoder(_Line)


@dataclass
class Life:
    """One process, from its start to its end: (seconds since the bench began, resident MB) now and then."""

    memory: list[tuple[float, float]] = field(default_factory=list)
    exit_code: int = 0


def resident_mb(pid: int) -> float:
    """What a process holds in memory, 0.0 once it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / 1e6


def run(place: Workplace, organisation: Organisation, since: datetime, kill_at: Sequence[int], began: float) -> list[Life]:
    """Run to the end, with a `kill -9` whenever so many requests have been made."""
    command = [sys.executable, "-m", "flows.backfill", "--since", since.isoformat(), "--config", str(place.config)]
    command += ["--state", str(place.folder / "backfill"), "--report", str(place.folder / "report.csv")]
    lives: list[Life] = []
    left = list(kill_at)
    while True:
        life = Life()
        lives.append(life)
        with place.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        while process.poll() is None:
            time.sleep(_LOOK_SECONDS)
            life.memory.append((time.monotonic() - began, resident_mb(process.pid)))
            if left and organisation.requests_count >= left[0]:
                left.pop(0)
                process.kill()
                process.wait()
                break
        else:
            life.exit_code = process.returncode
            return lives


def lines(folder: Path) -> Iterator[tuple[str, _Line]]:
    """Every line of every file, with its file's date."""
    for path in sorted(folder.glob("*.ndjson")):
        with path.open("rb") as file:
            for line in file:
                yield path.name[:10], _LINE.decode(line)


def judge(organisation: Organisation, folder: Path) -> tuple[int, int, int]:
    """Compare files and organisation by uuid, day by day in bounded memory.

    Returns:
        Events expected, lost (or foreign) and repeated. A day's uuids are compared by their number and their sum modulo 2^128.
    """
    counts: Counter[str] = Counter()
    sums: dict[str, int] = {}
    log = organisation._log
    for position in range(len(log)):
        day = datetime.fromtimestamp(log.published_ms(position) / 1000, UTC).date().isoformat()
        counts[day] += 1
        sums[day] = (sums.get(day, 0) + uuid.UUID(log.uuid(position)).int) & _MASK
    expected = sum(counts.values())
    repeated = 0
    seen: set[bytes] = set()
    present = ""
    for day, line in lines(folder):
        if day != present:
            present, seen = day, set()
        identity = uuid.UUID(line.uuid)
        if identity.bytes in seen or line.published[:10] != day:
            repeated += 1
            continue
        seen.add(identity.bytes)
        counts[day] -= 1
        sums[day] = (sums.get(day, 0) - identity.int) & _MASK
    wrong = {day for day, rest in sums.items() if rest}
    return expected, sum(max(abs(counts[day]), 1) for day in wrong | {day for day, rest in counts.items() if rest}), repeated


def report(console: Console, organisation: Organisation, lives: Sequence[Life], budget: int, seconds: float) -> None:
    """Print how the limit was used, and the memory."""
    began = organisation.requests[0].at
    windows = Counter(organisation.rate_limit_window(request.at) for request in organisation.requests)
    first, last = min(windows), max(windows)
    full = [windows[number] for number in range(first + 1, last)]
    table = Table(title=f"requests by window of the rate limit; {budget} may be used")
    for name in ("window", "requests", "share", "first and last, seconds after the first of all"):
        table.add_column(name, justify="right")
    for number in range(first, last + 1):
        note = "" if first < number < last else " (not a whole one)"
        moments = sorted(request.at - began for request in organisation.requests if organisation.rate_limit_window(request.at) == number)
        span = f"{moments[0]:.1f} to {moments[-1]:.1f}" if moments else ""
        table.add_row(str(number - first + 1), str(windows[number]), f"{windows[number] / budget:.1%}{note}", span)
    console.print(table)
    if full:
        console.print(f"whole windows: {sum(full) / len(full) / budget:.1%} used, the least of them {min(full) / budget:.1%}")
    samples = [sample for life in lives for sample in life.memory]
    halves = [[mb for at, mb in samples if (at < seconds / 2) is is_first] for is_first in (True, False)]
    shown = "; ".join(
        f"{name} half at most {max(half):.0f} MB, {sum(half) / len(half):.0f} on average"
        for name, half in zip(("first", "second"), halves, strict=True)
        if half
    )
    console.print(
        f"resident memory: {shown}; lives: {', '.join(f'{max(mb for _, mb in life.memory):.0f}' for life in lives if life.memory)} MB"
    )


def main() -> int:
    """Run the benchmark; returns 1 where something was lost, repeated or refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--limit", type=int, default=600, help="requests per window")
    parser.add_argument("--window-seconds", type=float, default=60.0)
    parser.add_argument("--latency-ms", type=float, default=150.0, help="wait before each answer")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--poll-interval", type=int, default=10, help="of the live flow that room is left for")
    arguments = parser.parse_args()
    console = Console(width=140)
    now = datetime.now(UTC).replace(microsecond=0)
    organisation = Organisation(
        "acme",
        events=arguments.events,
        span_seconds=DAYS * 86_400.0,
        event_bytes=2000,
        rate_limit=RateLimit(arguments.limit, arguments.window_seconds),
        latency_seconds=arguments.latency_ms / 1000,
        now=now,
    )
    budget = arguments.limit - -(-arguments.limit // 10)
    with tempfile.TemporaryDirectory(prefix="backfill-bench-") as name, Simulator([organisation]) as simulator:
        place = Workplace(Path(name))
        place.add_all(simulator, [organisation], poll_interval_seconds=arguments.poll_interval, request_timeout_seconds=35)
        place.write()
        requests = arguments.events // 1000
        kill_at = [requests * number // (arguments.kills + 1) for number in range(1, arguments.kills + 1)]
        began = time.monotonic()
        lives = run(place, organisation, now - timedelta(days=DAYS, hours=1), kill_at, began)
        seconds = time.monotonic() - began
        report(console, organisation, lives, budget, seconds)
        refused = organisation.rejected_429_count
        console.print(f"{seconds:.0f} s, {organisation.requests_count:,} requests, {refused} answered 429, {len(lives) - 1} kills")
        console.print("comparing by uuid …")
        expected, lost, repeated = judge(organisation, place.out / "acme")
        console.print(f"{expected:,} events expected, {lost:,} lost, {repeated:,} repeated; exit code {lives[-1].exit_code}")
        if lives[-1].exit_code:
            console.print(place.log.read_text()[-4000:])
        return 1 if lost or repeated or organisation.rejected_429_count or lives[-1].exit_code else 0


if __name__ == "__main__":
    sys.exit(main())
