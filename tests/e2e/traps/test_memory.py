"""Trap 37: a backfill's memory doesn't grow with its length.

The suite drains 300,000 events (600 MB), to stay short; `TRAP_37_EVENTS=1000000` makes it the million, `pytest -s` shows the figures.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.harness import FlowProcess, Workplace

EVENTS = int(os.environ.get("TRAP_37_EVENTS", "300000"))
MEGABYTE = 1_000_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Samples:
    """What a run used.

    Attributes:
        resident: Bytes written so far, and resident memory in bytes.
        state: Size of the state directory in bytes.
    """

    resident: list[tuple[int, int]] = field(default_factory=list)
    state: list[int] = field(default_factory=list)

    def halves(self) -> tuple[int, int]:
        """Most resident memory while the first half was written, and while the second was."""
        middle = self.resident[-1][0] / 2
        return (
            max(size for written, size in self.resident if written <= middle),
            max(size for written, size in self.resident if written > middle),
        )


def test_trap_37_memory_stays_flat_over_a_long_backfill(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    config = tmp_path / "okta.toml"
    arguments = ["--port", "0", "--events", str(EVENTS), "--event-bytes", "1800", "--limit", "0"]
    simulate = [sys.executable, "-m", "okta_source", "simulate", *arguments, "--write-config", str(config)]
    with subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout
        for line in simulator.stdout:
            if line == "ready\n":
                break
        try:
            place.make_state()
            # Bytewax's own default snapshot interval in production is 10 s; 1 s shows the state's size more often.
            with place.run(until_drained=True, snapshot_seconds=1) as flow:
                samples = watch(place, flow)
        finally:
            simulator.terminate()
    assert flow.process.returncode == 0, flow.output()
    assert count_lines(place) == EVENTS
    first, second = samples.halves()
    print(
        f"\n{EVENTS} events: resident {first / MEGABYTE:.0f} MB in the first half, {second / MEGABYTE:.0f} MB in the second;"
        f" state {max(samples.state) / MEGABYTE:.2f} MB at most, {samples.state[-1] / MEGABYTE:.2f} MB at the end"
    )
    assert max(first, second) < 250 * MEGABYTE
    assert second < 1.15 * first
    assert max(samples.state) < 50 * MEGABYTE


def watch(place: Workplace, flow: FlowProcess) -> Samples:
    """Sample a run until it ends."""
    samples = Samples()
    status = Path(f"/proc/{flow.process.pid}/statm")
    while flow.process.poll() is None:
        pages = status.read_text().split()
        if len(pages) > 1 and int(pages[1]):
            written = sum(path.stat().st_size for path in place.out.rglob("*.ndjson"))
            samples.resident.append((written, int(pages[1]) * PAGE_BYTES))
        samples.state.append(sum(path.stat().st_size for path in place.state.rglob("*") if path.is_file()))
        time.sleep(0.02)
    return samples


def count_lines(place: Workplace) -> int:
    count = 0
    for path in place.out.rglob("*.ndjson"):
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                count += chunk.count(b"\n")
    return count
