"""How long after its event an alert is there, in a file and with a webhook's receiver.

    python -m tests.benchmarks.alert_latency [--seconds 60] [--rate 200] [--interval 2]

An organisation lives at `--rate` events a second, the managed rules are on, and twice a second somebody creates an API token, which a rule
of its own tells at once. An alert's time counts from the moment at which its event's line stands in the archive's file, and from Okta's own
persisting of it, which has the wait for the next poll in it.
"""

import argparse
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from okta_source.simulator import Organisation, Simulator
from tests.e2e.detection_rules import RULES, add_detections
from tests.e2e.harness import Workplace, wait_for
from tests.unit.sinks.receiver import Receiver

RULE = RULES.partition("---")[0]  # a token created
_LOOK_SECONDS = 0.005


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--interval", type=float, default=2, help="poll_interval_seconds")
    arguments = parser.parse_args()
    organisation = Organisation("acme", rate_per_second=arguments.rate, rate_limit=None)
    persisted: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="alerts-") as name, Simulator([organisation]) as sim, Receiver() as receiver:
        place = Workplace(Path(name))
        place.make_state()
        add_detections(place, RULE, 'managed = true\nrules = ["rules/"]')
        place.sinks["hook"] = f'type = "webhook"\nurl = "{receiver.url}"\nencoding = "ndjson"\nkinds = ["alerts"]'
        place.add_all(sim, [organisation], start_from="now", poll_interval_seconds=arguments.interval)
        place.write()
        received = _Received(receiver)
        watches = [_Watch(_new_lines(place.out)), _Watch(_new_lines(place.folder / "alerts")), _Watch(received)]
        with place.run(snapshot_seconds=1) as flow:
            wait_for(lambda: bool(list(place.out.rglob("*.ndjson"))), "the first events")
            until = time.monotonic() + arguments.seconds
            while time.monotonic() < until:
                identity, event = _token_created()
                organisation.append([event])
                persisted[identity] = time.time()
                time.sleep(0.5)
            wait_for(lambda: all(persisted.keys() <= watch.seen.keys() for watch in watches), "the last alerts")
            code, _ = flow.stop()
        for watch in watches:
            watch.stop()
    table = Table(title=f"{len(persisted):,} alerts, {arguments.rate:g} events a second, polled every {arguments.interval:g} s")
    for column in ("from … to …", "median", "99 %", "most"):
        table.add_column(column)
    in_file = watches[0].seen
    for label, start, watch in (
        ("event in the file → alert in the file", in_file, watches[1]),
        ("event in the file → alert with the receiver", in_file, watches[2]),
        ("persisted → event in the file", persisted, watches[0]),
        ("persisted → alert in the file", persisted, watches[1]),
        ("persisted → alert with the receiver", persisted, watches[2]),
    ):
        table.add_row(label, *_spread(start, watch.seen, persisted))
    Console(width=110).print(table)
    return code


def _spread(start: Mapping[str, float], end: Mapping[str, float], identities: Mapping[str, float]) -> Iterator[str]:
    seconds = sorted(end[identity] - start[identity] for identity in identities)
    for place in (len(seconds) // 2, len(seconds) * 99 // 100, len(seconds) - 1):
        yield f"{seconds[place]:.3f} s"


def _token_created() -> tuple[str, bytes]:
    identity, now = str(uuid.uuid4()), datetime.now(UTC)
    event = {
        "uuid": identity, "published": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventType": "system.api_token.create", "severity": "INFO", "outcome": {"result": "SUCCESS"},
        "actor": {"id": "00u1", "type": "User", "alternateId": "ada@acme.example"},
    }  # fmt: skip
    return identity, orjson.dumps(event)


class _Watch:
    """Notes when the events that somebody reads are first there; alerts by the event that they are about."""

    def __init__(self, news: Callable[[], Iterator[bytes]]) -> None:
        self.seen: dict[str, float] = {}
        self._news = news
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            for line in self._news():
                document = orjson.loads(line)
                self.seen.setdefault(document.get("event", document)["uuid"], time.time())


def _new_lines(folder: Path) -> Callable[[], Iterator[bytes]]:
    offsets: dict[Path, int] = {}

    def news() -> Iterator[bytes]:
        for path in folder.rglob("*.ndjson"):
            with path.open("rb") as lines:
                lines.seek(offsets.get(path, 0))
                while (line := lines.readline()).endswith(b"\n"):
                    yield line
                    offsets[path] = lines.tell()

    return news


class _Received:
    """What a receiver has got since the last look."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._count = 0

    def __call__(self) -> Iterator[bytes]:
        requests = self._receiver.requests[self._count :]
        self._count += len(requests)
        for request in requests:
            yield from request.body.splitlines()


if __name__ == "__main__":
    sys.exit(main())
