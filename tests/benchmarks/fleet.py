"""A thousand organisations in one process: what it takes, how late events are, whether anybody is forgotten.

    python -m tests.benchmarks.fleet [--failing 50] [--open-files 1024] [--tls] [--drain-events 1000000 --tenants 201]

The organisations run in a process of their own (`fleet_server.py`). Each begins with an hour of history, so that the windows of seen uuids
are as full as after an hour; after the warm-up comes the measurement. An event's latency runs from the moment at which its organisation
persisted it to the first look (20 a second) at which its whole line stood in the file. See README.md beside this file.
"""

import argparse
import contextlib
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from tests.benchmarks.watching import FileWatch, Usage, usage, worst
from tests.e2e.harness import Workplace, free_ports

_SCRAPE_SECONDS = 15.0


@contextmanager
def server(folder: Path, arguments: argparse.Namespace) -> Iterator[subprocess.Popen[bytes]]:
    """The organisations' process."""
    command = [sys.executable, "-m", "tests.benchmarks.fleet_server", str(folder), "--tenants", str(arguments.tenants)]
    command += ["--failing", str(arguments.failing), "--events-per-second", str(arguments.events_per_second)]
    command += ["--history-events", str(arguments.history_events), "--drain-events", str(arguments.drain_events)]
    process = subprocess.Popen([*command, *(["--tls"] if arguments.tls else [])], stdout=subprocess.PIPE)
    try:
        if process.stdout is None or b"ready" not in process.stdout.readline():
            raise SystemExit("the organisations did not start")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def configure(place: Workplace, tenants: list[dict[str, Any]], interval: int) -> None:
    """The pipeline's configuration, with the settings that a service provider would leave alone."""
    for tenant in tenants:
        keys = {"start_from": "8d", "poll_interval_seconds": interval, "request_timeout_seconds": 35}
        place.add(tenant["name"], tenant["url"], tenant["token"], **keys)
        if tenant["trusts"]:
            place.entries[-1] += f'\n[tenants.tls]\nca_file = "{place.folder / "ca.pem"}"'
    place.write()
    place.make_state()


def start(place: Workplace, port: int, open_files: int) -> subprocess.Popen[bytes]:
    """The flow, with recovery and metrics as in production."""
    command = [sys.executable, "-m", "bytewax.run", f"flows.system_log:get_flow('{place.config}')"]
    command += ["-r", str(place.state), "-s", "10", "-b", "0"]
    environment = {**os.environ, "BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port)}
    environment["BYTEWAX_DATAFLOW_API_CACHE_PATH"] = str(place.folder)

    def limit() -> None:
        if open_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

    with place.log.open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, preexec_fn=limit)  # noqa: PLW1509


class Observer:
    """Samples the flow every second and scrapes its metrics as Prometheus would."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.samples: list[Usage] = []
        self.scrapes: list[tuple[float, int]] = []
        self._process = process
        self._url = f"http://127.0.0.1:{port}/metrics"
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._sample, daemon=True), threading.Thread(target=self._scrape, daemon=True)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def between(self, start: float, end: float) -> list[Usage]:
        """The samples of a span of time."""
        return [sample for sample in self.samples if start <= sample.at <= end]

    def _sample(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self.samples.append(usage(self._process.pid))
            except OSError:
                return

    def _scrape(self) -> None:
        while not self._stop.wait(_SCRAPE_SECONDS):
            began = time.monotonic()
            try:
                with urllib.request.urlopen(self._url, timeout=10) as answer:  # noqa: S310  # http on loopback
                    size = len(answer.read())
            except OSError as error:
                print(f"the metrics could not be scraped: {error}", file=sys.stderr)
                continue
            self.scrapes.append((time.monotonic() - began, size))


def latencies(watch: FileWatch, paths: dict[str, Path], offsets: dict[str, int], observed: dict[str, Any], since: float) -> list[float]:
    """Seconds from persisted to in the file, sorted, of every event persisted after `since`; asserts that each is there once.

    What was persisted after its organisation was last asked can't be there yet.
    """
    persisted: dict[str, float] = observed["persisted"]
    found: Counter[str] = Counter()
    values = []
    for name, path in paths.items():
        if not path.exists():
            continue
        place = offsets[name]
        with path.open("rb") as file:
            file.seek(place)
            for line in file:
                place += len(line)
                uuid = orjson.loads(line)["uuid"]
                found[uuid] += 1
                at = persisted.get(uuid, 0.0)
                if at >= since:
                    values.append(watch.seen_at(path, place) - at)
    asked = {name: max((at for at, _, _ in requests), default=0.0) for name, requests in observed["requests"].items() if name in paths}
    settled = min(asked.values()) - 1.0
    lost = [uuid for uuid, at in persisted.items() if since <= at < settled and uuid not in found]
    twice = [uuid for uuid, count in found.items() if count > 1]
    if lost or twice:
        raise SystemExit(f"{len(lost)} events are lost, {len(twice)} are there twice")
    return sorted(values)


def largest_gap(requests: list[tuple[float, int, int]], start: float, end: float) -> float:
    """The longest time in which an organisation was not asked."""
    moments = [at for at, _, _ in requests if at <= end]
    inside = [at for at in moments if at > start]
    before = max((at for at in moments if at <= start), default=start)
    return max(after - earlier for earlier, after in itertools.pairwise([before, *inside, end]))


def share(values: list[float], part: float) -> float:
    """A quantile of sorted values."""
    return values[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


def measure(console: Console, arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        folder = Path(name)
        place = Workplace(folder, sink='type = "file"\npath = "out/{tenant}.ndjson"')
        with server(folder, arguments):
            tenants = json.loads((folder / "tenants.json").read_text())
            configure(place, tenants, arguments.interval)
            healthy = [tenant["name"] for tenant in tenants if not tenant["kind"]]
            paths = {name: place.out / f"{name}.ndjson" for name in healthy}
            watch = FileWatch(paths.values())
            port = free_ports(1)[0]
            began = time.time()
            flow = start(place, port, arguments.open_files)
            observer = Observer(flow, port)
            try:
                watch.start()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    raise SystemExit(f"the flow has ended with {flow.wait(arguments.warm_up)}\n{place.log.read_text()[-3000:]}")
                offsets = {name: watch.size(path) for name, path in paths.items()}
                since = time.time()
                time.sleep(arguments.seconds)
                until = time.time()
                observer.stop()
                stop_began = time.monotonic()
                flow.send_signal(signal.SIGTERM)
                code = flow.wait(30)
                stopped_in = time.monotonic() - stop_began
                watch.stop()
            finally:
                if flow.poll() is None:
                    flow.kill()
                    flow.wait()
        observed = json.loads((folder / "observed.json").read_text())
        values = latencies(watch, paths, offsets, observed, since)
        drained = sum(events for _, _, events in observed["requests"][tenants[0]["name"]]) if arguments.drain_events else 0
        words = Counter(
            line.split(": ", 1)[-1][:90] for line in place.log.read_text().splitlines() if "ERROR" in line or "panicked" in line
        )
        state_mb = sum(path.stat().st_size for path in place.state.rglob("*") if path.is_file()) / 1e6
    steady, starting = observer.between(since, until), observer.between(began, since)
    fair = healthy[1:] if arguments.drain_events else healthy
    gaps = {name: largest_gap(observed["requests"][name], since, until) / arguments.interval for name in fair}
    firsts = sorted(observed["requests"][name][0][0] - began for name in healthy if observed["requests"][name])
    refused = sum(status == 429 for name in healthy for _, status, _ in observed["requests"][name])
    cpu = steady[-1].cpu_seconds - steady[0].cpu_seconds
    table = Table(title=f"{arguments.tenants:,} tenants, {arguments.failing} of them failing, every {arguments.interval} s")
    table.add_column("")
    table.add_column("", justify="right")
    seconds = steady[-1].at - steady[0].at
    polls = sum(since < at <= until for requests in observed["requests"].values() for at, _, _ in requests)
    rows = [
        ("CPU, steady", f"{cpu / seconds:.3f} of a core"),
        ("CPU for each poll, all of the process's divided", f"{cpu / seconds * (until - since) / polls * 1000:.2f} ms"),
        ("CPU, start-up", f"{steady[0].cpu_seconds:.1f} s in the first {since - began:.0f} s"),
        ("memory, steady: largest, last", f"{worst(steady, 'memory_mb'):.0f}, {steady[-1].memory_mb:.0f} MB"),
        ("memory, peak", f"{worst(steady, 'peak_memory_mb'):.0f} MB"),
        ("persisted → in the file: p50, p99, max", f"{share(values, 0.5):.2f}, {share(values, 0.99):.2f}, {share(values, 1.0):.2f} s"),
        ("events measured, lost, twice", f"{len(values):,}, 0, 0"),
        ("largest gap between two polls of a healthy tenant", f"{max(gaps.values()):.2f} intervals"),
        ("requests a second, 429s of healthy tenants", f"{polls / (until - since):.1f}, {refused}"),
        ("first polls: the first, the last, most in a second", _starts(firsts)),
        ("threads, descriptors, sockets: most", ", ".join(f"{worst(steady, n):.0f}" for n in ("threads", "files", "sockets"))),
        ("the same at start-up", ", ".join(f"{worst(starting, n):.0f}" for n in ("threads", "files", "sockets"))),
        ("scrape: slowest, size", f"{max((s for s, _ in observer.scrapes), default=0):.2f} s, {observer.scrapes[-1][1] / 1e6:.2f} MB"),
        ("state directory", f"{state_mb:.1f} MB"),
        ("stop", f"exit {code} in {stopped_in:.1f} s"),
    ]
    if drained:
        rows.insert(0, ("events of the one in a drain", f"{drained:,} in {until - began:.0f} s"))
    for label, value in rows:
        table.add_row(label, value)
    console.print(table)
    for text, count in words.most_common(5):
        console.print(f"{count} times: {text}", style="red")


def _starts(firsts: list[float]) -> str:
    seconds = Counter(int(first - firsts[0]) for first in firsts)
    return f"{firsts[0]:.1f}, {firsts[-1]:.1f} s, {max(seconds.values())}" if firsts else "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--tenants", type=int, default=1000)
    add("--failing", type=int, default=0, help="how many of them fail, in every way there is")
    add("--interval", type=int, default=10, help="poll_interval_seconds")
    add("--events-per-second", type=float, default=100.0, help="of all tenants together, half of them by 2 %% of the tenants")
    add("--history-events", type=int, default=360, help="of each tenant, over the last hour")
    add("--drain-events", type=int, default=0, help="history of the first tenant instead: is everybody else asked in time meanwhile?")
    add("--warm-up", type=float, default=45.0, help="seconds before the measurement")
    add("--seconds", type=float, default=120.0, help="how long to measure")
    add("--open-files", type=int, default=0, help="the flow's limit of open files, soft and hard; default: this shell's")
    add("--tls", action="store_true", help="the organisations serve https")
    measure(Console(width=120), parser.parse_args())


if __name__ == "__main__":
    main()
