"""The organisation that everybody collects from: our simulator in a process of its own, which counts what it is asked for.

The races start it as `python -m tests.benchmarks.races.server` and talk to it in lines of JSON over its standard input and output.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from okta_source.simulator import Organisation, Simulator
from okta_source.simulator.rate_limit import RateLimit
from okta_source.simulator.records import Answer, Request

TOKEN = "00sim-org-0"
_DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class Counts:
    """What the server has answered so far.

    Attributes:
        requests: Requests of any kind.
        rejected: Those answered 429.
        events: Events in all pages together.
        drained: Good answers with fewer events than asked for: a collector that got one has read the backlog.
    """

    requests: int
    rejected: int
    events: int
    drained: int

    def since(self, earlier: "Counts") -> "Counts":
        return Counts(
            self.requests - earlier.requests, self.rejected - earlier.rejected, self.events - earlier.events, self.drained - earlier.drained
        )


class CountedOrganisation(Organisation):
    """An organisation that adds up what it hands out."""

    events_served = 0
    drained_count = 0

    def respond(self, request: Request) -> Answer:
        answer = super().respond(request)
        self.events_served += answer.events
        if answer.status == 200 and answer.events < int(request.query.get("limit", _DEFAULT_LIMIT)):
            self.drained_count += 1
        return answer

    def counts(self) -> Counts:
        return Counts(self.requests_count, self.rejected_429_count, self.events_served, self.drained_count)


class Server:
    """The other end: a running server process."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url

    def _ask(self, **command: object) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the simulator has ended")
        answer: dict[str, int] = json.loads(line)
        return answer

    def counts(self) -> Counts:
        return Counts(**self._ask(do="counts"))

    def write_truth(self, path: Path) -> None:
        """Write every event as it was sent, one a line."""
        self._ask(do="truth", path=str(path))

    def wait_for_fresh_window(self, seconds: float = 20) -> None:
        """Wait until the rate limit's next window has begun, so that nobody inherits a spent one."""
        before = self._ask(do="window")["window"]
        deadline = time.monotonic() + seconds
        while self._ask(do="window")["window"] == before and time.monotonic() < deadline:
            time.sleep(0.05)


@contextmanager
def serve(events: int, *, late: float = 0.0, latency_ms: float = 0.0, limit: int = 0, window_seconds: float = 60.0) -> Iterator[Server]:
    """A server with a backlog of so many events; `late` is the share that was persisted long after `published`."""
    command = [sys.executable, "-m", "tests.benchmarks.races.server", "--events", str(events), "--late", str(late)]
    command += ["--latency-ms", str(latency_ms), "--limit", str(limit), "--window-seconds", str(window_seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit("the simulator did not start")
        try:
            yield Server(process, url)
        finally:
            process.stdin.close()
            process.wait(30)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--late", type=float, default=0.0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--limit", type=int, default=0, help="requests a window; 0: no limit")
    parser.add_argument("--window-seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    rate_limit = RateLimit(arguments.limit, arguments.window_seconds) if arguments.limit else None
    organisation = CountedOrganisation(
        "org-0",
        events=arguments.events,
        late_probability=arguments.late,
        latency_seconds=arguments.latency_ms / 1000,
        rate_limit=rate_limit,
        token=TOKEN,
        # As Okta sends them: two header lines. Filebeat reads only one link of a line.
        link_form="separate",
    )
    with Simulator([organisation]) as simulator:
        organisation.warm()
        print(simulator.url("org-0"), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            answer: dict[str, int] = {}
            if command["do"] == "counts":
                answer = vars(organisation.counts())
            elif command["do"] == "window":
                # Spending nothing tells the present window by the moment of its reset.
                budget = organisation._limiter.spend(rate_limit, time.time(), 0) if rate_limit else None
                answer = {"window": budget.reset if budget else 0}
            elif command["do"] == "truth":
                with Path(command["path"]).open("wb") as out:
                    out.writelines(event.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n" for event in organisation.iterate_persisted())
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
