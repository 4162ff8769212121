"""Documents per second into a real OpenSearch: the real flow beside a raw loader that posts prepared bulk bodies of the same documents.

Both send batches of 2,000 on four connections to the same server, into a data stream of the same template that is made anew before
each run; runs alternate. A run's time begins where the server has taken its first documents, and ends where it has the last one: starting
Python, Bytewax and a data stream is no part of it. The documents that were there first are not counted.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from tests.benchmarks.simulated import simulator
from tests.e2e.harness import Workplace
from tests.integration.servers import Node

STREAM = "logs-okta.system-bench"
BATCH_EVENTS = 2000
CONNECTIONS = 4


class IndexedCount:
    """Watches how many documents the server has taken, and when: `_stats` counts them before a refresh does."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/{STREAM}/_stats/indexing"
        self._session = requests.Session()

    def now(self) -> int:
        answer = self._session.get(self._url, timeout=30)
        return answer.json()["_all"]["primaries"]["indexing"]["index_total"] if answer.status_code == 200 else 0

    def seconds(self, documents: int, alive: Callable[[], bool]) -> tuple[float, int]:
        """Wait for all documents; returns the seconds since the first batch was there, and how many came since (0.0: it ended)."""
        began, first = 0.0, 0
        while True:
            count = self.now()
            if count and not began:
                began, first = time.monotonic(), count
            if count >= documents:
                return time.monotonic() - began, count - first
            if not alive() and self.now() < documents:
                return 0.0, count
            time.sleep(0.02)


def reset(url: str) -> None:
    """Delete the data stream, and wait until the server has come to rest: it merges on after the last answer."""
    requests.delete(f"{url}/_data_stream/{STREAM}", timeout=60)
    calm = 0
    for _ in range(60):
        time.sleep(0.5)
        nodes = requests.get(f"{url}/_nodes/stats/process", timeout=30).json()["nodes"]
        calm = calm + 1 if all(node["process"]["cpu"]["percent"] < 10 for node in nodes.values()) else 0
        if calm == 4:
            return


def cpu_seconds() -> float:
    """User and system CPU of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command: list[str] | None, place: Workplace | None, url: str, documents: int) -> tuple[float, float]:
    """One run; returns documents per second, and the CPU seconds of the whole process, start-up included."""
    reset(url)
    cpu_before = cpu_seconds()
    process = (
        place.run(until_drained=True, snapshot_seconds=10).process if place else subprocess.Popen(command or [], stdout=subprocess.DEVNULL)
    )
    seconds, counted = IndexedCount(url).seconds(documents, lambda: process.poll() is None)
    if process.wait(60) or not seconds:
        told = place.log.read_text()[-2000:] if place else ""
        raise SystemExit(f"exited with {process.returncode}, with {counted:,} of {documents:,} documents there; {told}")
    return counted / seconds, cpu_seconds() - cpu_before


def prepare_bodies(archive: Path, folder: Path) -> None:
    """Make the loader's bodies from what the flow's file sink wrote: the same documents, with the same `@timestamp` in front."""
    action = f'{{"create":{{"_index":"{STREAM}","_id":"'.encode()
    lines: list[bytes] = []
    folder.mkdir()

    def write() -> None:
        (folder / f"{len(list(folder.iterdir())):06d}").write_bytes(b"".join(lines))
        lines.clear()

    for path in sorted(archive.rglob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            uuid = line.split(b'"uuid":', 1)[1].lstrip()[1:37]
            published = line.split(b'"published":', 1)[1].lstrip()[1:25]
            lines.append(action + uuid + b'"}}\n{"@timestamp":"' + published + b'",' + line[1:] + b"\n")
            if len(lines) == BATCH_EVENTS:
                write()
    if lines:
        write()


def race_search(console: Console, events: int, pairs: int) -> None:
    """The flow beside the loader."""
    with tempfile.TemporaryDirectory(prefix="race-") as name, Node("opensearch", Path(name) / "node") as node:
        folder = Path(name)
        with simulator(folder, 1, events) as urls:
            archive = Workplace(folder / "archive")
            search = Workplace(folder / "search", sink=f'type = "elasticsearch"\nhosts = ["{node.url}"]\ntarget = "{STREAM}"')
            for place in (archive, search):
                place.add("org-0", urls[0], "00sim-org-0", request_timeout_seconds=35)
                place.write()
            if archive.run(until_drained=True, recover=False).wait():
                raise SystemExit(archive.log.read_text())
            prepare_bodies(archive.out, folder / "bodies")
            loader = [sys.executable, "-m", "tests.benchmarks.raw_loader", node.url, str(folder / "bodies"), str(CONNECTIONS)]
            console.print(f"{events:,} documents; a first run of each warms the server up …")

            def ours() -> tuple[float, float]:
                subprocess.run(["rm", "-rf", str(search.state)], check=True)
                search.make_state()
                return run(None, search, node.url, events)

            ours()
            run(loader, None, node.url, events)
            runs: list[tuple[tuple[float, float], tuple[float, float]]] = []
            for number in range(pairs):
                # Each goes first in every other pair: a server slows down as it merges.
                if number % 2:
                    theirs = run(loader, None, node.url, events)
                    runs.append((ours(), theirs))
                else:
                    runs.append((ours(), run(loader, None, node.url, events)))
                (rate, cpu), (their_rate, their_cpu) = runs[-1]
                console.print(
                    f"  pair {number + 1}: ours {rate:,.0f}, raw loader {their_rate:,.0f} documents/s; "
                    f"CPU {cpu / events * 1e6:.1f} and {their_cpu / events * 1e6:.1f} µs a document"
                )
    table = Table(title=f"into OpenSearch, {events:,} documents")
    for column in ("", "documents/s"):
        table.add_column(column, justify="right" if column else "left")
    for side, label in enumerate(("ours", "raw loader")):
        table.add_row(label, f"{statistics.median(pair[side][0] for pair in runs):,.0f}")
    console.print(table)
    ratio = statistics.median(first[0] / second[0] for first, second in runs)
    console.print(f"ours / raw loader: {ratio:.2f} (median of {len(runs)} pairs)")
