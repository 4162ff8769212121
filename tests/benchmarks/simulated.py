"""The simulator as a process of its own, so that its CPU is nobody else's."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVENT_BYTES = 2000


@contextmanager
def simulator(folder: Path, tenants: int, events: int, mix: str = "varied") -> Iterator[list[str]]:
    """A simulator process; yields the organisations' URLs."""
    names = [f"org-{number}" for number in range(tenants)]
    command = [sys.executable, "-m", "okta_source", "simulate", "--port", "0", "--events", str(events), "--names", ",".join(names)]
    command += ["--event-bytes", str(EVENT_BYTES), "--limit", "0", "--seed", "1", "--warm", "--mix", mix]
    log = folder / "simulator.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    try:
        while "ready" not in log.read_text():
            if process.poll() is not None:
                raise SystemExit(f"the simulator did not start:\n{log.read_text()}")
            time.sleep(0.1)
        urls = dict(re.findall(r"^(\S+)\s+(http://\S+)", log.read_text(), re.MULTILINE))
        yield [urls[name] for name in names]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
