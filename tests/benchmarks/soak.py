"""Twelve simulated hours of mixed load in twelve minutes: what grows?

    python -m tests.benchmarks.soak [--hours 12] [--factor 60]

Three dozen organisations, busy, quiet, in bursts, failing now and then, rate limited, with late events, refused cursors and repetitions; a
webhook that goes down at times, whose dead letters are replayed; the process killed and stopped in turn at each of the first four hours,
and left alone from then on. Memory, state directory, open files and threads are compared between the first and the last third of that long
run (after an hour, in which the windows of seen uuids fill); at the end every event is looked for. Exits 1 when something grew, was lost,
or is there twice. See README.md beside this file.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from okta_source.simulator import Faults, Organisation, RateLimit, Simulator
from tests.benchmarks.soak_flow import VARIABLE, FastClock
from tests.benchmarks.watching import Usage, usage
from tests.e2e.harness import FlowProcess, Workplace, wait_for
from tests.unit.sinks.receiver import Receiver

_SINKS = {
    "hook": 'type = "webhook"\nurl = "{url}"\nencoding = "ndjson"\ncategories = ["security", "administrative"]\nretry_for_seconds = 2',
}
_SAMPLE_SECONDS = 2.0
_MORE_ALLOWED = {"memory_mb": 4.0, "state_mb": 1.0, "files": 8.0, "threads": 8.0}
_SHARE_ALLOWED = 1.03


class SoakOrganisation(Organisation):
    """An organisation in simulated time."""

    clock: FastClock

    def now_ms(self) -> int:
        """Unix milliseconds of the simulated clock."""
        return int(self.clock.seconds() * 1000)


@dataclass(frozen=True)
class Sample:
    """What the flow takes at one moment, and the number of the run."""

    run: int
    usage: Usage
    state_mb: float


def organisations() -> dict[str, list[SoakOrganisation]]:
    """The organisations by their kind. Rates are events per simulated second."""

    def some(kind: str, count: int, rate: float, **keys: object) -> list[SoakOrganisation]:
        return [
            SoakOrganisation(f"{kind}-{number}", seed=number, rate_per_second=rate, **keys)  # type: ignore[arg-type]
            for number in range(count)
        ]

    return {
        "busy": some("busy", 4, 0.5),
        "quiet": some("quiet", 16, 0.005),
        "bursts": some("bursts", 4, 0.05),
        "failing": some("failing", 4, 0.05),
        "limited": some("limited", 3, 0.05, rate_limit=RateLimit(20)),
        "late": some("late", 3, 0.05, late_probability=0.05),
        # What is repeated lies up to 1,000 events back: half an hour of these, well within the window of seen uuids.
        "refusing": some("refusing", 2, 0.5, faults=Faults(cursor_expired=0.02, duplicate=0.1)),
    }


class World:
    """What happens to the organisations and to the webhook, in simulated time.

    Args:
        sim: The organisations' server.
        kinds: The organisations by their kind.
        receiver: The webhook.
        place: The flow's folder, whose dead letters are replayed.
        clock: The simulated clock.
    """

    def __init__(
        self, sim: Simulator, kinds: dict[str, list[SoakOrganisation]], receiver: Receiver, place: Workplace, clock: FastClock
    ) -> None:
        self._sim, self._kinds, self._receiver, self._place, self._clock = sim, kinds, receiver, place, clock
        self._rng = random.Random(1)
        self._stop = threading.Event()
        self._down: set[str] = set()
        self._hook_is_down = False
        self.received: Counter[str] = Counter()
        self.dead_letters = 0
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def rest(self) -> None:
        """Let nothing more happen, heal everything, and wait until there are no dead letters."""
        self._stop.set()
        self._thread.join()
        for organisation in self._kinds["failing"]:
            self._heal(organisation)
        if self._hook_is_down:
            self._receiver.up()
        self._replay()

    def harvest(self) -> None:
        """Take what has come to the webhook."""
        done = [request for request in self._receiver.requests if request.status is not None]
        for request in done:
            self._receiver.requests.remove(request)
            if request.taken:
                self.received.update(event["uuid"] for event in request.events)

    def _live(self) -> None:
        minutes = 0
        began = self._clock.seconds()
        while not self._stop.is_set():
            # Ten simulated minutes are a round of what happens to everybody.
            minutes += 10
            for organisation in [*self._kinds["bursts"], *self._kinds["limited"]]:
                if self._rng.random() < 0.3:
                    organisation.append(self._rng.randrange(200, 3000))
            for organisation in self._kinds["failing"]:
                self._fail_or_heal(organisation)
            if minutes % 120 == 90:
                self._receiver.down()
                self._hook_is_down = True
            elif self._hook_is_down:
                self._receiver.up()
                self._hook_is_down = False
            elif minutes % 120 == 0:
                self._replay()
            while self._clock.seconds() < began + minutes * 60 and not self._stop.wait(0.2):
                self.harvest()

    def _fail_or_heal(self, organisation: SoakOrganisation) -> None:
        if self._rng.random() < 0.6:
            self._heal(organisation)
        elif self._rng.random() < 0.3:
            self._sim.down(organisation.name)
            self._down.add(organisation.name)
        else:
            kind = self._rng.choice(("server_error", "html", "corrupt", "connection_reset", "timeout", "unauthorized", "rate_limited"))
            organisation.faults = replace(Faults(hang_seconds=3.0), **{kind: 1.0})

    def _heal(self, organisation: SoakOrganisation) -> None:
        organisation.faults = Faults()
        if organisation.name in self._down:
            self._down.discard(organisation.name)
            self._sim.up(organisation.name)

    def _replay(self) -> None:
        letters = self._place.dead_letters("hook")
        if letters:
            self.dead_letters += len(letters)
            done = self._place.replay("--sink", "hook")
            if done.returncode:
                raise SystemExit(f"replay exited with {done.returncode}\n{done.stdout}{done.stderr}")


def start(place: Workplace, clock: FastClock) -> FlowProcess:
    """The flow in simulated time; a snapshot each real second is one a simulated minute."""
    command = [sys.executable, "-m", "bytewax.run", f"tests.benchmarks.soak_flow:get_flow('{place.config}')"]
    command += ["-r", str(place.state), "-s", "1", "-b", "0"]
    environment = {**os.environ, VARIABLE: clock.text(), "RUST_BACKTRACE": "0", "PYTHONPATH": str(Path.cwd())}
    return FlowProcess(command, place.log, environment)


def live(place: Workplace, clock: FastClock, hours: float, samples: list[Sample]) -> FlowProcess:
    """Run through the simulated hours, with a restart at each of the first four; returns the last run, alive."""
    began = clock.seconds()
    flow = start(place, clock)
    run = 0
    while (passed := (clock.seconds() - began) / 3600) < hours:
        time.sleep(_SAMPLE_SECONDS)
        if flow.process.poll() is not None:
            raise SystemExit(f"the flow has ended with {flow.process.returncode}\n{flow.output()[-3000:]}")
        if run < 4 and passed > (run + 1) * min(1.0, hours / 12):
            run += 1
            if run % 2:
                flow.kill()
            else:
                flow.stop(signal.SIGTERM)
            flow = start(place, clock)
            continue
        state = sum(path.stat().st_size for path in place.state.rglob("*") if path.is_file())
        samples.append(Sample(run, usage(flow.process.pid), state / 1e6))
    return flow


def compare(console: Console, samples: list[Sample]) -> bool:
    """Print the thirds of the last run without its first hour; whether nothing grew."""
    last = [sample for sample in samples if sample.run == samples[-1].run]
    settled = last[len(last) // 8 :]
    third = len(settled) // 3
    table = Table(title=f"{len(settled)} samples of the last run")
    for column in ("", "first third", "middle", "last third", "most, of all runs", ""):
        table.add_column(column, justify="right" if column else "left")
    flat = True
    values = {name: [getattr(sample.usage, name) for sample in settled] for name in ("memory_mb", "files", "threads")}
    values["state_mb"] = [sample.state_mb for sample in settled]
    everything = {name: [getattr(sample.usage, name) for sample in samples] for name in ("memory_mb", "files", "threads")}
    everything["state_mb"] = [sample.state_mb for sample in samples]
    for name, label in (("memory_mb", "memory, MB"), ("state_mb", "state directory, MB"), ("files", "open files"), ("threads", "threads")):
        first, middle, final = (sum(part) / len(part) for part in (values[name][:third], values[name][third:-third], values[name][-third:]))
        grew = final > first * _SHARE_ALLOWED + _MORE_ALLOWED[name]
        flat = flat and not grew
        table.add_row(label, f"{first:.1f}", f"{middle:.1f}", f"{final:.1f}", f"{max(everything[name]):.1f}", "GREW" if grew else "flat")
    console.print(table)
    return flat


def judge(place: Workplace, everybody: list[SoakOrganisation], world: World) -> None:
    """Every event once in the files, and at least once at the webhook where its filter lets it pass; asserts."""
    wanted: set[str] = set()
    for organisation in everybody:
        place.judge(organisation)
        for line in place.lines(organisation.name):
            event = orjson.loads(line)
            if event["_okta_category"] in ("security", "administrative"):
                wanted.add(event["uuid"])
    missing = wanted - world.received.keys()
    assert not missing, f"{len(missing)} of {len(wanted)} events never reached the webhook"
    assert not world.received.keys() - wanted, "the webhook got what its filter leaves out"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=12.0, help="simulated")
    parser.add_argument("--factor", type=float, default=60.0, help="simulated seconds in a real one")
    arguments = parser.parse_args()
    console = Console(width=110)
    clock = SoakOrganisation.clock = FastClock(time.time() - arguments.hours * 3600, time.time(), arguments.factor)
    kinds = organisations()
    everybody = [organisation for some in kinds.values() for organisation in some]
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name, Simulator(everybody) as sim, Receiver() as receiver:
        place = Workplace(Path(name), sink='type = "file"\npath = "out/{tenant}/{date}-{hour}.ndjson"')
        place.sinks = {sink: table.format(url=receiver.url) for sink, table in _SINKS.items()}
        place.add_all(sim, everybody, start_from="2d", poll_interval_seconds=30)
        place.write()
        place.make_state()
        world = World(sim, kinds, receiver, place, clock)
        flow = live(place, clock, arguments.hours, samples)
        world.rest()
        for organisation in everybody:
            organisation.rate_per_second = 0.0
            organisation.start()  # no more live events
        events = sum(map(len, everybody))
        wait_for(lambda: _lines(place) >= events, "the last events")
        flow.stop(signal.SIGTERM)
        world.harvest()
        judge(place, everybody, world)
        console.print(f"{events:,} events of {len(everybody)} organisations in {arguments.hours:g} simulated hours: none lost, none twice")
        console.print(f"webhook: {len(world.received):,} events, {world.dead_letters:,} of them by way of the dead letters")
        flat = compare(console, samples)
    return 0 if flat else 1


def _lines(place: Workplace) -> int:
    return sum(path.read_bytes().count(b"\n") for path in place.out.rglob("*.ndjson"))


if __name__ == "__main__":
    sys.exit(main())
