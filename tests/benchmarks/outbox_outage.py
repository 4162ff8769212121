"""Two targets away for ten minutes, and the flow killed and stopped meanwhile: is everything there afterwards, without a replay?

    python -m tests.benchmarks.outbox_outage [--down-seconds 600] [--rate 200] [--kills 5] [--stops 2]

Two organisations live at `--rate` events a second together. A file sink and a webhook are healthy throughout; a search server and a second
webhook's receiver stop listening for a while, in which the flow is killed with SIGKILL so many times and stopped with SIGTERM so many. At
the end the search server has each event once, the second receiver has each tenant's in order, no two lists of events one id, nobody a dead
letter, and no outbox anything. The table says how late events were in the file and in the healthy webhook before, during and after. What a
flow that is not running could not deliver is late, of course: spans of 15 s around a kill or a stop are left out. The targets that go away
live in a process of their own, so that what they take at once afterwards delays nobody who measures.
"""

import argparse
import signal
import tempfile
import threading
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import orjson
from rich.console import Console
from rich.table import Table

from okta_source.simulator import Organisation, Simulator
from tests.benchmarks.outage import Latencies, watch_files, watch_receiver
from tests.e2e.harness import FlowProcess, Workplace, wait_for
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import FakeSearch

_AROUND_SECONDS = 15.0


class Away:
    """A receiver and a search server in another process."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.hook_url, self.search_url = self._pipe.recv()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pipe.send("end")
        self._process.join()

    def ask(self, what: str) -> Any:
        """`down`, `up`, `counts`: documents, events and requests; `documents`: their ids; `requests`: ids and events of each."""
        self._pipe.send(what)
        return self._pipe.recv()


def serve(pipe: Connection) -> None:
    """The other process."""
    with Receiver() as hook, FakeSearch() as search:
        pipe.send((hook.url, search.url))
        while (what := pipe.recv()) != "end":
            answer: object = None
            if what in ("down", "up"):
                for server in (hook, search):
                    getattr(server, what)()
            elif what == "counts":
                answer = len(search.documents()), len({event["uuid"] for event in hook.events}), len(hook.requests)
            elif what == "documents":
                answer = list(search.documents())
            else:
                answer = [
                    (request.headers["webhook-id"], request.taken, [(event["_okta_tenant"], event["uuid"]) for event in request.events])
                    for request in hook.requests
                ]
            pipe.send(answer)


def sinks(healthy: Receiver, away: Away) -> dict[str, str]:
    return {
        "healthy": f'type = "webhook"\nurl = "{healthy.url}"\nencoding = "ndjson"',
        "away": f'type = "webhook"\nurl = "{away.hook_url}"\nencoding = "ndjson"',
        "search": f'type = "elasticsearch"\nhosts = ["{away.search_url}"]\ntarget = "okta"',
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--down-seconds", type=float, default=600)
    parser.add_argument("--around-seconds", type=float, default=40, help="how long to look before")
    parser.add_argument("--rate", type=float, default=200, help="events per second, of both organisations together")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--stops", type=int, default=2)
    arguments = parser.parse_args()
    console = Console(width=120)
    organisations = [
        Organisation(name, seed=seed, rate_per_second=arguments.rate / 2, rate_limit=None) for seed, name in enumerate(("acme", "globex"))
    ]
    file, hook, over = Latencies(), Latencies(), threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="outbox-outage-") as name,
        Simulator(organisations) as sim,
        Receiver() as healthy,
        Away() as away,
    ):
        place = Workplace(Path(name), sinks=sinks(healthy, away))
        place.make_state()
        place.add_all(sim, organisations, start_from="now")
        place.write()
        watchers = [
            threading.Thread(target=watch_files, args=(place.out, file, over)),
            threading.Thread(target=watch_receiver, args=(healthy, hook, over)),
        ]
        for thread in watchers:
            thread.start()
        ends = ["kill"] * arguments.kills + ["stop"] * arguments.stops
        span = arguments.down_seconds / (len(ends) + 1)
        disturbed: list[float] = []
        stops: list[tuple[int, float]] = []
        flow = place.run(snapshot_seconds=10)
        with flow:
            wait_for(lambda: bool(file.arrivals and hook.arrivals and away.ask("counts")[2]), "the first events", 120)
            began = time.time()
            time.sleep(arguments.around_seconds)
            down = time.time()
            away.ask("down")
            time.sleep(span)
            if ends:
                end_one(flow, ends[0], stops, disturbed)
        for number, _ in enumerate(ends):
            with place.run(snapshot_seconds=10) as flow:
                time.sleep(span)
                if number + 1 < len(ends):
                    end_one(flow, ends[number + 1], stops, disturbed)
                else:
                    up = time.time()
                    away.ask("up")
                    drained = caught_up(file, away, 2 * arguments.rate)
                    stops.append(flow.stop(signal.SIGTERM))
        while behind(sum(path.read_bytes().count(b"\n") for path in place.out.rglob("*.ndjson")), away):  # what the last stop left
            with place.run(snapshot_seconds=1) as flow:
                time.sleep(5)
                flow.stop(signal.SIGTERM)
        over.set()
        for thread in watchers:
            thread.join()
        judge(organisations, place, away)
        told = ", ".join(f"exit {code} in {took:.1f} s" for code, took in stops)
        console.print(f"all there, once and in order, {drained - up:.1f} s after the targets were back; stops: {told}")
    table = Table(title="seconds from published to delivered")
    for column in ("", "file p50", "file p99", "webhook p50", "webhook p99", "events"):
        table.add_column(column, justify="right" if column else "left")
    for label, start, finish in (("before", began, down), ("away", down, up), ("catching up", up, drained)):
        cells = []
        for latencies in (file, hook):
            values = sorted(
                latency
                for moment, latency in latencies.arrivals
                if start <= moment < finish and not any(at <= moment < at + _AROUND_SECONDS for at in disturbed)
            )
            cells += [f"{values[int(len(values) * share)]:.2f}" if values else "" for share in (0.5, 0.99)]
        table.add_row(label, *cells, f"{len(file.between(start, finish)):,}")
    console.print(table)


def behind(archived: int, away: Away) -> int:
    """How many events are in the files and not with both targets."""
    documents, events, _ = away.ask("counts")
    return archived - min(documents, events)


def caught_up(file: Latencies, away: Away, left: float) -> float:
    """Wait until both targets have nearly all; returns when that was."""
    deadline = time.time() + 900
    while behind(len(file.arrivals), away) > left:
        assert time.time() < deadline, "the targets don't catch up"
        time.sleep(0.5)
    return time.time()


def end_one(flow: FlowProcess, how: str, stops: list[tuple[int, float]], disturbed: list[float]) -> None:
    disturbed.append(time.time())
    if how == "kill":
        flow.kill()
    else:
        stops.append(flow.stop(signal.SIGTERM))


def judge(organisations: list[Organisation], place: Workplace, away: Away) -> None:
    documents = away.ask("documents")
    requests = away.ask("requests")
    pairs = {(identity, tuple(events)) for identity, _, events in requests}
    assert len({identity for identity, _ in pairs}) == len({listed for _, listed in pairs}) == len(pairs), (
        "an id of two lists, or two ids of one"
    )
    taken = [event for _, is_taken, events in requests if is_taken for event in events]
    expected: list[str] = []
    for organisation in organisations:
        wanted = [orjson.loads(line)["uuid"] for line in place.lines(organisation.name)]
        expected += wanted
        mine = list(dict.fromkeys(uuid for tenant, uuid in taken if tenant == organisation.name))
        assert mine == wanted, f"{organisation.name}: order or number differs"
    assert Counter(documents) == Counter(expected), "the search server"
    for name in place.sinks:
        assert place.dead_letters(name) == [], name


if __name__ == "__main__":
    main()
