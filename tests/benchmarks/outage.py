"""One sink down beside two healthy ones: how late are the healthy ones' events before, during and after?

    python -m tests.benchmarks.outage [--down-seconds 300] [--retry-for-seconds 20] [--rate 20]

Two organisations live at `--rate` events a second each. A file sink and a webhook are healthy throughout; a second webhook's receiver
stops listening (or, with `--hang`, stops answering) for a while. An event's latency is counted from its `published` to the moment at which
its line stands in the file, or its batch has reached the healthy receiver. A worker may wait for the failing sink for `retry_for_seconds`
once; from then on it must not.
"""

import argparse
import signal
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace, wait_for
from tests.unit.sinks.receiver import Receiver

SINKS = """type = "file"
path = "out/{{tenant}}/{{date}}.ndjson"

[sinks.healthy]
type = "webhook"
url = "{healthy}"
encoding = "ndjson"

[sinks.down]
type = "webhook"
url = "{down}"
encoding = "ndjson"
retry_for_seconds = {retry_for_seconds}"""


@dataclass
class Latencies:
    """When events arrived, and how late."""

    arrivals: list[tuple[float, float]] = field(default_factory=list)

    def add(self, event: bytes) -> None:
        now = time.time()
        published = datetime.fromisoformat(orjson.loads(event)["published"])
        self.arrivals.append((now, now - published.timestamp()))

    def between(self, start: float, end: float) -> list[float]:
        return sorted(latency for moment, latency in self.arrivals if start <= moment < end)


def watch_files(folder: Path, latencies: Latencies, stop: threading.Event) -> None:
    """Read the sink's files as they grow."""
    offsets: dict[Path, int] = {}
    while not stop.wait(0.05):
        for path in folder.rglob("*.ndjson"):
            with path.open("rb") as lines:
                lines.seek(offsets.get(path, 0))
                while (line := lines.readline()).endswith(b"\n"):
                    latencies.add(line)
                    offsets[path] = lines.tell()


def watch_receiver(receiver: Receiver, latencies: Latencies, stop: threading.Event) -> None:
    """Look at what the receiver has got."""
    seen = 0
    while not stop.wait(0.05):
        requests = receiver.requests[seen:]
        seen += len(requests)
        for request in requests:
            for line in request.body.splitlines():
                latencies.add(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--down-seconds", type=float, default=300)
    parser.add_argument("--around-seconds", type=float, default=40, help="how long to look before and after")
    parser.add_argument("--retry-for-seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=20, help="events per second and organisation")
    parser.add_argument("--hang", action="store_true", help="the receiver accepts requests and never answers")
    arguments = parser.parse_args()
    console = Console(width=120)
    organisations = [
        Organisation(name, seed=seed, rate_per_second=arguments.rate, rate_limit=None) for seed, name in enumerate(("acme", "globex"))
    ]
    file, hook, stop = Latencies(), Latencies(), threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="outage-") as name,
        Simulator(organisations) as sim,
        Receiver() as healthy,
        Receiver() as failing,
    ):
        place = Workplace(
            Path(name), sink=SINKS.format(healthy=healthy.url, down=failing.url, retry_for_seconds=arguments.retry_for_seconds)
        )
        place.make_state()
        place.add_all(sim, organisations, start_from="now")
        place.write()
        threads = [
            threading.Thread(target=watch_files, args=(place.out, file, stop)),
            threading.Thread(target=watch_receiver, args=(healthy, hook, stop)),
        ]
        for thread in threads:
            thread.start()
        with place.run(snapshot_seconds=1) as flow:
            wait_for(lambda: bool(file.arrivals and hook.arrivals and failing.requests), "the first events")
            began = time.time()
            time.sleep(arguments.around_seconds)
            down = time.time()
            if arguments.hang:
                failing.hang(times=None)
            else:
                failing.down()
            console.print(f"down for {arguments.down_seconds:g} s, retry_for_seconds = {arguments.retry_for_seconds:g} …")
            time.sleep(arguments.down_seconds)
            up = time.time()
            if arguments.hang:
                failing.clear()
                failing.release()
            else:
                failing.up()
            time.sleep(arguments.around_seconds)
            end = time.time()
            code, seconds = flow.stop(signal.SIGTERM)
        stop.set()
        for thread in threads:
            thread.join()
        console.print(
            f"stopped with exit code {code} in {seconds:.1f} s; {len(place.dead_letters('down')):,} dead letters of the sink that was down"
        )
    window = down + arguments.retry_for_seconds + 3
    spans = [
        ("before", began, down),
        ("its retry time", down, window),
        ("the rest of the outage", window, up),
        ("after", up, end),
    ]
    table = Table(title="seconds from published to delivered")
    for column in ("", "file p50", "file p99", "file max", "webhook p50", "webhook p99", "webhook max", "events"):
        table.add_column(column, justify="right" if column else "left")
    for label, start, finish in spans:
        cells = []
        for latencies in (file, hook):
            values = latencies.between(start, finish)
            cells += (
                [f"{values[int(len(values) * share)]:.2f}" for share in (0.5, 0.99)] + [f"{values[-1]:.2f}"] if values else ["", "", ""]
            )
        table.add_row(label, *cells, f"{len(file.between(start, finish)):,}")
    console.print(table)


if __name__ == "__main__":
    main()
