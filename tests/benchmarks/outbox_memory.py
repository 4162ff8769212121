"""An outbox of many gigabytes: what it costs to fill, how much memory it takes to drain, and how fast that goes.

    python -m tests.benchmarks.outbox_memory [--gigabytes 5] [--events-a-page 200]

Pages of 2 KB events of ten tenants go into a sink whose target takes nothing. Another process then starts on the same outbox with a target
that takes everything at once: its largest resident memory is told, less what it had before it began, and how many megabytes a second it
drained. Filling is told as CPU of the thread that writes, for each event, over pages that are ready: what a sink costs the worker.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sinks.delivery.batch import Batch
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Again, Outcome
from sinks.documents import Documents
from sinks.outbox.frame import EventHead
from sinks.outbox.sink import KeyedSink

TENANTS = [f"tenant-{number}" for number in range(10)]
_EVENT_BYTES = 2048


class Nobody:
    """Takes nothing, or everything."""

    address = "http://nobody"

    def __init__(self, *, takes: bool) -> None:
        self._takes = takes

    def prepare(self, timeout_seconds: float) -> Again | None:
        return None

    def send(self, batch: Batch, timeout_seconds: float) -> Outcome:
        if self._takes:
            return Outcome(delivered=range(len(batch)))
        return Outcome(again=[Again(range(len(batch)), "It is away.", status=503)])

    def scopes(self, batch: Batch) -> None:
        return None

    def close(self) -> None:
        """There is nothing to close."""


class NoLetters:
    def append(self, letters: object) -> None:
        raise AssertionError


def sink(folder: Path, *, takes: bool) -> KeyedSink:
    policy = DeliveryPolicy(batch_events=2000, batch_bytes=5_000_000, max_in_flight=4, in_order=False)
    return KeyedSink(
        "search", TENANTS, lambda: Nobody(takes=takes), policy, NoLetters(), outbox_dir=folder, document_format="raw",
        on_failure=lambda tenants, error_type: None,
    )  # fmt: skip


def page(tenant: str, number: int, events: int) -> Documents:
    prefix = b'{"_okta_event_type":"systemLog","_okta_tenant":"%s","_okta_org":"acme.okta.com",' % tenant.encode()
    heads = [EventHead(f"{tenant}-{number}-{index}-0123456789abcdef", datetime.now(UTC), "user.session.start") for index in range(events)]
    body = memoryview(b'"pad":"' + b"x" * (_EVENT_BYTES - len(prefix) - 9) + b'"}')
    return Documents(tenant, heads, [prefix] * events, [body] * events)


def fill(folder: Path, gigabytes: float, events_a_page: int) -> None:
    away = sink(folder, takes=False)
    parts = {tenant: away.build_part("sink", tenant, None) for tenant in TENANTS}
    number = spent = written = snapshots = 0.0
    while written < gigabytes * 1e9:
        pages = [page(tenant, int(number), events_a_page) for tenant in TENANTS]
        began = time.thread_time()
        for documents in pages:
            parts[documents.tenant].write_batch([documents])
        spent += time.thread_time() - began
        number += 1
        written += len(TENANTS) * events_a_page * _EVENT_BYTES
        if number % 100 == 0:
            began = time.monotonic()
            for part in parts.values():
                part.snapshot()
            snapshots = max(snapshots, time.monotonic() - began)
    for part in parts.values():
        part.snapshot()
    events = number * len(TENANTS) * events_a_page
    print(f"filled: {events:,.0f} events, {spent / events * 1e6:.2f} µs CPU of the worker an event; longest snapshot {snapshots:.2f} s")
    away.kill()


def drain(folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    takes = sink(folder, takes=True)
    parts = [takes.build_part("sink", tenant, None) for tenant in TENANTS]
    began, waiting = time.monotonic(), takes.waiting_bytes
    while takes.waiting_bytes:
        time.sleep(0.02)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"drained: {waiting / 1e9:.2f} GB in {seconds:.1f} s, {waiting / seconds / 1e6:,.0f} MB/s")
    print(f"memory: {peak:.0f} MiB resident at most, {before:.0f} before it began")
    for part in parts:
        part.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--events-a-page", type=int, default=200)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--drain", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fill:
        fill(arguments.fill, arguments.gigabytes, arguments.events_a_page)
    elif arguments.drain:
        drain(arguments.drain)
    else:
        # A process each: the outbox is that of the process that has it, as long as it lives.
        with tempfile.TemporaryDirectory(prefix="outbox-memory-") as name:
            for step in ("--fill", "--drain"):
                subprocess.run([sys.executable, "-m", "tests.benchmarks.outbox_memory", *sys.argv[1:], step, name], check=True)


if __name__ == "__main__":
    main()
