"""What a scrape costs a process of many tenants, all of them with a past: several codes, several errors, three sinks.

    python -m tests.benchmarks.scrape [--tenants N] [--sinks N] [--scrapes N]

CPU time of the call that Bytewax makes for `/metrics`, in a process set up as the flow sets itself up. The worker can't run in that time,
having no interpreter lock; the lock is passed around every 5 ms, so it waits in slices.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY, generate_latest
from rich.console import Console
from rich.table import Table

from flows.runtime.exposition import exposition
from flows.runtime.housekeeping import tune_process
from okta_source.metrics import PROCESS, TenantMetrics, tell_pipeline
from sinks.metrics import SinkMetrics, tell_sink

_ALLOWED_SECONDS = 0.3
_CODES = ("200", "429", "503", "error")
_ERRORS = (("auth", "fetch"), ("rate_limited", "fetch"), ("server", "fetch"), ("timeout", "fetch"), ("server", "deliver"))


def populate(tenants: int, sinks: int) -> None:
    """Tenants and sinks, with every series that they can have."""
    tell_pipeline("0.0.0", "0")
    PROCESS.snapshotted()
    targets = [SinkMetrics(f"sink-{number}") for number in range(sinks)]
    for number in range(sinks):
        tell_sink(f"sink-{number}", "elasticsearch")
    now = datetime.now(UTC)
    for number in range(tenants):
        tenant = TenantMetrics(f"tenant-{number:04d}", display_name=f"Tenant {number} Inc.", org=f"tenant-{number:04d}.okta.com")
        tenant.follow(time.monotonic)
        tenant.follow_token(lambda number=number: 3600.0 - number)
        for step, code in enumerate(_CODES):
            tenant.request(code, (0.05 + number * 0.0007) * (step + 1))
        for error_type, stage in _ERRORS:
            tenant.error(error_type, stage)
        tenant.rate_limited(600, 590 - number % 500, 1_772_366_400 + number)
        tenant.page(1000 + number, number % 3, now - timedelta(seconds=number * 1.7), drained=number % 10 != 0)
        tenant.succeeded()
        if number % 20 == 0:
            tenant.failed("auth", "fetch")
        for sink in targets:
            sink.events(f"tenant-{number:04d}", "delivered", 1000 + number)
            sink.events(f"tenant-{number:04d}", "duplicate", 1)
            sink.filtered(f"tenant-{number:04d}", 3)


def timed(scrape: Callable[[], str], scrapes: int) -> tuple[str, list[float]]:
    """The text, and CPU seconds of each scrape."""
    text, seconds = "", []
    for _ in range(scrapes):
        started = time.process_time()
        text = scrape()
        seconds.append(time.process_time() - started)
    return text, seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenants", type=int, default=1000, help="tenants of the process (default: 1,000)")
    parser.add_argument("--sinks", type=int, default=3, help="sinks of the process (default: 3)")
    parser.add_argument("--scrapes", type=int, default=20, help="scrapes of each way (default: 20)")
    arguments = parser.parse_args()
    tune_process()
    populate(arguments.tenants, arguments.sinks)
    console = Console(highlight=False)
    table = Table(
        "", "series", "bytes", "ms median", "ms slowest", title=f"a scrape of {arguments.tenants:,} tenants, {arguments.sinks} sinks"
    )
    slowest = 0.0
    for name, scrape in (
        ("prometheus_client's generate_latest", lambda: generate_latest(REGISTRY).decode()),
        ("as served", lambda: exposition(REGISTRY)),
    ):
        text, seconds = timed(scrape, arguments.scrapes)
        slowest = max(seconds)
        series = sum(not line.startswith("#") for line in text.splitlines())
        table.add_row(name, f"{series:,}", f"{len(text.encode()):,}", f"{statistics.median(seconds) * 1e3:.0f}", f"{slowest * 1e3:.0f}")
    console.print(table)
    console.print(f"{'within' if slowest <= _ALLOWED_SECONDS else 'BEYOND'} {_ALLOWED_SECONDS * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
