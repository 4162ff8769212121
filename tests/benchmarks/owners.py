"""Two runs on one state directory, again and again: who gets it, what becomes of the other, and of the events.

    python -m tests.benchmarks.owners [--times 10] [--code FOLDER] [--only NAME …]

Each trial starts one run, a second one beside it at a random moment, stops the first, and then drains the state with one more run. Shown
for each kind of trial: how often the second ended with exit 2 and had made no request (it has a token of its own, so that its requests can
be told), how often the state could be resumed, and the events that were lost or there twice afterwards. Only in a short rolling update is
the second one to take over. `--code` takes the program from another checkout, for what an earlier release does.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, wait_for

_SECOND = "second-token"
_TENANTS = 2
_OPTIONS = {"poll_interval_seconds": 1, "page_limit": 1000}


class _Published(msgspec.Struct):
    published: str


_DECODER = msgspec.json.Decoder(_Published)


@dataclass
class Tally:
    """What the trials of one kind have come to."""

    times: int = 0
    refused: int = 0
    asked: int = 0
    resumed: int = 0
    lost: list[int] = field(default_factory=list)
    twice: list[int] = field(default_factory=list)
    exits: Counter[int | None] = field(default_factory=Counter)
    words: str = ""


class Trial:
    """One folder with a configuration, the same with another token, and a state directory."""

    def __init__(self, folder: Path, code: Path, organisations: Sequence[Organisation], sim: Simulator, rng: random.Random) -> None:
        self.place = Workplace(folder)
        self.organisations = organisations
        self.rng = rng
        self.started: list[FlowProcess] = []
        self._environment = {**os.environ, "PYTHONPATH": str(code), "RUST_BACKTRACE": "0"}
        second = self.place.token("second", _SECOND)
        self.place.add_all(sim, organisations, **_OPTIONS)
        self.place.write()
        text = self.place.config.read_text()
        for organisation in organisations:
            text = text.replace(f'token_file = "{folder / "tokens" / organisation.name}"', f'token_file = "{second}"\nprefix = "Bearer "')
        self.second_config = folder / "second.toml"
        self.second_config.write_text(text)
        self.place.make_state(2)

    def start(self, *arguments: str, config: Path | None = None, until_drained: bool = False, snapshot_seconds: int = 1) -> FlowProcess:
        """`bytewax.run flows.system_log` with the state directory."""
        flow = f"flows.system_log:get_flow('{config or self.place.config}', until_drained={until_drained})"
        state = ["-r", str(self.place.state), "-s", str(snapshot_seconds), "-b", "0"]
        return self.process("-m", "bytewax.run", flow, *state, *arguments)

    def process(self, *arguments: str) -> FlowProcess:
        log = self.place.folder / f"run-{len(self.started)}.txt"
        self.started.append(FlowProcess([sys.executable, *arguments], log, self._environment))
        return self.started[-1]

    def some_requests(self, least: int = 2, most: int = 20) -> None:
        count = self.rng.randint(least, most)
        wait_for(lambda: sum(organisation.requests_count for organisation in self.organisations) >= count, "requests", 180)

    def caught_up(self) -> None:
        def lines() -> int:
            return sum(path.read_bytes().count(b"\n") for path in self.place.out.rglob("*.ndjson"))

        wait_for(lambda: lines() >= sum(map(len, self.organisations)), "every event", 180)

    def asked_by_second(self) -> int:
        return sum(
            record.headers.get("authorization") == f"Bearer {_SECOND}"
            for organisation in self.organisations
            for record in organisation.requests
        )


def idle_daemon_and_cron(trial: Trial) -> FlowProcess:
    """The README's two forms beside each other."""
    daemon = trial.start()
    trial.caught_up()
    second = trial.start(config=trial.second_config, until_drained=True)
    second.wait()
    daemon.stop()
    return second


def draining_daemon_and_cron(trial: Trial) -> FlowProcess:
    """The same while the daemon still drains its backlog."""
    daemon = trial.start()
    trial.some_requests()
    second = trial.start(config=trial.second_config, until_drained=True)
    second.wait()
    daemon.stop()
    return second


def rolling_update(trial: Trial) -> FlowProcess:
    """A second daemon, and the end of the first six seconds after the second one has come to its state."""
    daemon = trial.start()
    trial.some_requests()
    second = trial.start(config=trial.second_config)
    wait_for(lambda: "waiting up to" in second.output(), "the second one to find the first")
    time.sleep(6)
    daemon.stop()
    if second.process.poll() is None:
        second.stop()
    return second


def short_rolling_update(trial: Trial) -> FlowProcess:
    """The same with two seconds: the second one is still waiting, takes over, and is stopped at work."""
    daemon = trial.start()
    trial.some_requests()
    second = trial.start(config=trial.second_config)
    wait_for(lambda: "waiting up to" in second.output(), "the second one to find the first")
    time.sleep(2)
    daemon.stop()
    wait_for(lambda: trial.asked_by_second() > 0, "the second one's requests", 60)
    second.stop()
    return second


def daemon_and_cluster(trial: Trial) -> FlowProcess:
    """`python -m flows.cluster` beside a plain run."""
    daemon = trial.start()
    trial.some_requests()
    second = cluster(trial, trial.second_config)
    second.wait()
    daemon.stop()
    return second


def cluster_and_cron(trial: Trial) -> FlowProcess:
    """The other way round."""
    first = cluster(trial, trial.place.config, "--snapshot-interval", "1", drained=False)
    trial.some_requests()
    second = trial.start(config=trial.second_config, until_drained=True)
    second.wait()
    first.stop()
    return second


def cluster(trial: Trial, config: Path, *arguments: str, drained: bool = True) -> FlowProcess:
    port = free_ports(1)[0]
    options = ["--config", str(config), "--state", str(trial.place.state), "--port-base", str(min(port, 60_000)), *arguments]
    return trial.process("-m", "flows.cluster", "-n", "2", *options, *(["--until-drained"] if drained else []))


def cluster_by_hand_and_cron(trial: Trial) -> FlowProcess:
    """Two processes with -i and -a, and a plain run beside them."""
    addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(2))
    first = [trial.start("-i", str(number), "-a", addresses) for number in range(2)]
    trial.some_requests()
    second = trial.start(config=trial.second_config, until_drained=True)
    second.wait()
    for process in first:
        process.send(signal.SIGTERM)
    for process in first:
        process.wait()
    return second


def a_process_of_a_cluster_by_hand_again(trial: Trial) -> FlowProcess:
    """One that is started a second time, while the first lives."""
    addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(2))
    first = [trial.start("-i", str(number), "-a", addresses) for number in range(2)]
    trial.some_requests()
    second = trial.start("-i", "1", "-a", addresses, config=trial.second_config)
    second.wait()
    for process in first:
        process.send(signal.SIGTERM)
    for process in first:
        process.wait()
    return second


def two_backfills(trial: Trial) -> FlowProcess:
    """The same command twice; what the live flow's files are to hold, the backfill's do."""
    command = ["-m", "flows.backfill", "--since", "2d", "--state", str(trial.place.folder / "history")]
    first = trial.process(*command, "--config", str(trial.place.config))
    trial.some_requests(1, 3)  # it has no more than two for each hour
    second = trial.process(*command, "--config", str(trial.second_config))
    second.wait(400)
    for organisation in trial.organisations:
        organisation.latency_seconds = 0.0
    first.wait(400)
    return second


def two_repairs(trial: Trial) -> FlowProcess:
    """Two audits that find the same events missing."""
    first = trial.start(until_drained=True, snapshot_seconds=0)
    first.wait()
    for organisation in trial.organisations:
        for path in (trial.place.out / organisation.name).glob("*.ndjson"):
            # An audit leaves the last hour alone.
            fresh = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(line for number, line in enumerate(lines) if number % 2 or _DECODER.decode(line).published > fresh))
        organisation.latency_seconds = 5.0
    command = ["-m", "flows.audit", "--since", "2d", "--repair", "--budget", "1"]
    asked = sum(organisation.requests_count for organisation in trial.organisations)
    audit = trial.process(*command, "--config", str(trial.place.config))
    wait_for(lambda: sum(organisation.requests_count for organisation in trial.organisations) > asked, "the audit", 180)
    second = trial.process(*command, "--config", str(trial.second_config))
    second.wait(400)
    for organisation in trial.organisations:
        organisation.latency_seconds = 0.0
    audit.wait(400)
    return second


_KINDS: dict[str, Callable[[Trial], FlowProcess]] = {
    function.__name__: function
    for function in (
        idle_daemon_and_cron,
        draining_daemon_and_cron,
        rolling_update,
        short_rolling_update,
        daemon_and_cluster,
        cluster_and_cron,
        cluster_by_hand_and_cron,
        a_process_of_a_cluster_by_hand_again,
        two_backfills,
        two_repairs,
    )
}


def run_trial(kind: str, folder: Path, code: Path, seed: int, tally: Tally, events: int) -> None:
    """One trial, judged."""
    rng = random.Random(seed)
    recent = {"span_seconds": 7200.0} if kind != "two_repairs" else {"span_seconds": 40_000.0}
    # A bounded job has to last longer than the second one's start.
    latency = 5.0 if kind == "two_backfills" else 0.1
    organisations = [
        Organisation(f"org-{number}", seed=seed * 10 + number, events=events, latency_seconds=latency, bearer_tokens=[_SECOND], **recent)
        for number in range(_TENANTS)
    ]
    with Simulator(organisations) as sim:
        trial = Trial(folder, code, organisations, sim, rng)
        try:
            second = _KINDS[kind](trial)
            tally.times += 1
            code_of_second = second.process.returncode
            tally.exits[code_of_second] += 1
            tally.asked += trial.asked_by_second()
            tally.refused += code_of_second == 2 and trial.asked_by_second() == 0
            tally.words = tally.words or (second.output().strip().splitlines() or [""])[-1]
            if kind in ("two_backfills", "two_repairs"):
                tally.resumed += 1
            else:
                last = trial.start(until_drained=True)
                tally.resumed += last.wait() == 0
        finally:
            for process in trial.started:
                if process.process.poll() is None:
                    process.kill()
    lost = twice = 0
    for organisation in organisations:
        there = Counter(orjson.loads(line)["uuid"] for line in trial.place.lines(organisation.name))
        lost += len(set(organisation.uuids()) - set(there))
        twice += sum(count - 1 for count in there.values())
    tally.lost.append(lost)
    tally.twice.append(twice)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the trials and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--events", type=int, default=15_000, help="of each of two organisations")
    parser.add_argument("--code", type=Path, default=Path.cwd(), help="a checkout of the program")
    parser.add_argument("--only", choices=sorted(_KINDS), action="append")
    arguments = parser.parse_args(argv)
    table = Table("trial", "times", "second refused, no request", "exits of the second", "resumed", "lost, most", "twice, most")
    words = []
    for kind in arguments.only or _KINDS:
        tally = Tally()
        for seed in range(arguments.times):
            with tempfile.TemporaryDirectory() as folder:
                run_trial(kind, Path(folder), arguments.code.resolve(), seed + 1, tally, arguments.events)
        exits = ", ".join(f"{code}: {count}" for code, count in sorted(tally.exits.items(), key=str))
        figures = (tally.times, tally.refused, exits, tally.resumed, max(tally.lost), max(tally.twice))
        table.add_row(kind.replace("_", " "), *map(str, figures))
        words.append(f"{kind}: {tally.words}")
        print(f"{kind}: {figures}", flush=True)
    Console(width=160).print(table, "\n".join(words), markup=False)


if __name__ == "__main__":
    sys.exit(main())
