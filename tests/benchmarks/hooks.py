"""Push measured: what is answered is stored, whatever is killed; throughput beside a bare receiver; crowds; `wake` from delivery to file.

    python -m tests.benchmarks.hooks kills [--deliveries 20000] [--kills 10]
    python -m tests.benchmarks.hooks race [--deliveries 5000] [--pairs 3] [--tenants 1]
    python -m tests.benchmarks.hooks crowd [--seconds 30] [--connections 600]
    python -m tests.benchmarks.hooks wake [--seconds 120] [--tenants 50] [--rate 5]

Each makes its processes on this machine and leaves nothing behind; `race` installs uvicorn and Starlette into `.bench/hooks-peer`.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from multiprocessing.synchronize import Event
from pathlib import Path

import orjson

from okta_source.simulator import Organisation, Simulator
from tests.benchmarks.hooks_load import Load, deliver
from tests.benchmarks.races.collector import ENVIRONMENTS
from tests.e2e.harness import wait_for
from tests.e2e.push.pipeline import PushPlace, hook
from tests.e2e.push.receiving import SECRET, Receiver, free_port, post, request_bytes, spooled
from tests.e2e.push.test_receiver import crowd

_PEER = Path(__file__).with_name("hooks_peer.py")
_PACKAGES = ("starlette==1.3.1", "uvicorn==0.54.0")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    kills = commands.add_parser("kills")
    kills.add_argument("--deliveries", type=int, default=20_000)
    kills.add_argument("--kills", type=int, default=10)
    race = commands.add_parser("race")
    race.add_argument("--deliveries", type=int, default=5000)
    race.add_argument("--pairs", type=int, default=3)
    race.add_argument("--at-once", type=int, default=64)
    flood = commands.add_parser("crowd")
    flood.add_argument("--seconds", type=float, default=30.0)
    flood.add_argument("--connections", type=int, default=600)
    flood.add_argument("--pause", type=float, default=0.5, help="from one byte of a connection to the next, seconds")
    wake = commands.add_parser("wake")
    wake.add_argument("--seconds", type=float, default=120.0)
    wake.add_argument("--tenants", type=int, default=50)
    wake.add_argument("--rate", type=float, default=5.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        return int({"kills": _kills, "race": _race, "crowd": _crowd, "wake": _wake}[arguments.command](arguments, Path(folder)))


def _config(folder: Path, port: int) -> Path:
    (folder / "hook.secret").write_text(SECRET)
    (folder / "hook.secret").chmod(0o600)
    config = folder / "okta.toml"
    config.write_text(
        f'[hooks]\nlisten = "127.0.0.1:{port}"\nspool_dir = "spool"\n[[tenants]]\nname = "acme"\norg_url = "acme"\n'
        '[tenants.hooks]\nsecret_file = "hook.secret"\n'
    )
    return config


def _delivery(number: int, size: int = 2200) -> bytes:
    """A request of the size of a hook with one event."""
    body = b'{"number":%d,"data":{"events":[{"filler":"' % number
    body += b"x" * max(size - len(body) - 6, 0) + b'"}]}}'
    return request_bytes("POST", "/hooks/acme", [("Content-Type", "application/json"), ("Authorization", SECRET)], body)


def _number_of(body: bytes) -> int:
    return int(body[10 : body.index(b",")])


def _kills(arguments: argparse.Namespace, folder: Path) -> int:
    """Deliveries at full speed while the receiver is killed again and again."""
    port = free_port()
    config = _config(folder, port)
    receiver = Receiver(config, port)
    load = Load()
    send = deliver(port, range(arguments.deliveries), _delivery, until_answered=True, load=load)
    thread = threading.Thread(target=lambda: asyncio.run(send), daemon=True)
    started = time.monotonic()
    thread.start()
    for kill in range(arguments.kills):
        wait_for(lambda kill=kill: len(load.answered) > arguments.deliveries * (kill + 1) // (arguments.kills + 2), "answers", 600.0)
        receiver.kill()
        receiver = Receiver(config, port)
    thread.join()
    seconds = time.monotonic() - started
    receiver.kill()
    found = Counter(_number_of(body) for body in spooled(folder / "spool" / "acme"))
    kept = sum(number in found for number in load.answered)
    segments = len(list((folder / "spool" / "acme").glob("*.hooks")))
    sys.stdout.write(
        f"{arguments.kills} kills: {kept} of {len(load.answered)} answered deliveries are in the spool ({segments} segments); "
        f"{load.failed} attempts failed and were made again; {sum(found.values()) - len(found)} are there twice; {seconds:.1f} s\n"
    )
    return 0 if kept == len(load.answered) == arguments.deliveries else 1


def _race(arguments: argparse.Namespace, folder: Path) -> int:
    """Deliveries a second: ours, and a receiver that syncs once for each request."""
    python = _peer_environment()
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    cpu: dict[str, list[float]] = {"ours": [], "peer": []}
    slowest: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(arguments.pairs):
        for who in ("ours", "peer"):
            port = free_port()
            place = Path(tempfile.mkdtemp(dir=folder))
            if who == "ours":
                receiver = Receiver(_config(place, port), port)
                process, end = receiver.process, receiver.kill
            else:
                process = subprocess.Popen([python, str(_PEER), str(port), str(place / "file"), SECRET])
                end = _killer(process)
                wait_for(lambda port=port: _listens(port), "the peer")
            before = _cpu_seconds(process.pid)
            started = time.monotonic()
            sending = deliver(port, range(arguments.deliveries), _delivery, at_once=arguments.at_once, timeout_seconds=60.0)
            load = asyncio.run(sending)
            seconds = time.monotonic() - started
            cpu[who].append((_cpu_seconds(process.pid) - before) / arguments.deliveries * 1e6)
            end()
            assert len(load.answered) == arguments.deliveries, load.failed
            rates[who].append(arguments.deliveries / seconds)
            slowest[who].append(statistics.quantiles(load.seconds, n=100)[98] * 1000)
    sys.stdout.write("| receiver | deliveries/s | CPU µs each | p99 ms |\n|---|---|---|---|\n")
    for who, name in (("ours", "python -m okta_source hooks"), ("peer", "Starlette on uvicorn, a sync a request")):
        figures = (statistics.median(each[who]) for each in (rates, cpu, slowest))
        sys.stdout.write("| {} | {:,.0f} | {:.0f} | {:.0f} |\n".format(name, *figures))
    pairs = [ours / peer for ours, peer in zip(rates["ours"], rates["peer"], strict=True)]
    sys.stdout.write(f"ours / peer: {statistics.median(pairs):.2f} (each pair: {', '.join(f'{pair:.2f}' for pair in pairs)})\n")
    return 0


def _crowd(arguments: argparse.Namespace, folder: Path) -> int:
    """Honest deliveries every 50 ms beside connections that trickle, and bodies that are too large."""
    port = free_port()
    with Receiver(_config(folder, port), port) as receiver:
        assert post(port, "acme", b"{}") == 200
        before = _memory_bytes(receiver.process.pid)
        # In processes of their own: what is measured here must not wait for their interpreter lock.
        spawn = multiprocessing.get_context("spawn")
        stop = spawn.Event()
        attackers = [spawn.Process(target=crowd, args=(port, arguments.connections, stop, arguments.pause), daemon=True)]
        attackers.append(spawn.Process(target=_large_bodies, args=(port, stop), daemon=True))
        for attacker in attackers:
            attacker.start()
        wait_for(lambda: _connections(receiver) > 500, "the crowd")
        took, statuses, peak = [], Counter[int](), before
        end = time.monotonic() + arguments.seconds
        while time.monotonic() < end:
            started = time.monotonic()
            statuses[post(port, "acme", b'{"data":{"events":[]}}')] += 1
            took.append(time.monotonic() - started)
            peak = max(peak, _memory_bytes(receiver.process.pid))
            time.sleep(0.05)
        connections = _connections(receiver)
        cpu = _cpu_seconds(receiver.process.pid) / arguments.seconds
        stop.set()
        for attacker in attackers:
            attacker.join(30)
        after = _memory_bytes(receiver.process.pid)
        sys.stdout.write(
            f"{arguments.connections} tricklers and bodies of 9 MiB for {arguments.seconds:g} s: "
            f"honest deliveries answered {dict(statuses)}, "
            f"slowest {max(took) * 1000:.0f} ms, median {statistics.median(took) * 1000:.1f} ms; {connections:.0f} connections open; "
            f"memory {before / 1e6:.0f} MB before, {peak / 1e6:.0f} MB at most, {after / 1e6:.0f} MB after; {cpu:.2f} of a core\n"
        )
        return 0 if set(statuses) == {200} and max(took) < 3.0 else 1


def _connections(receiver: Receiver) -> float:
    return float(receiver.metrics().split("\nokta_hook_connections ")[1].split("\n")[0])


def _large_bodies(port: int, stop: Event) -> None:
    body = bytes(9 * 1024 * 1024)
    while not stop.is_set():
        try:
            post(port, "acme", body)
        except OSError:
            time.sleep(0.1)


def _wake(arguments: argparse.Namespace, folder: Path) -> int:
    """From a delivery to the file, with one poll an hour."""
    port = free_port()
    names = [f"tenant-{number:02d}" for number in range(arguments.tenants)]
    organisations = [Organisation(name, seed=number, events=20, hooks=[hook(port, name)]) for number, name in enumerate(names)]
    push = PushPlace(folder, port, "wake")
    push.place.make_state()
    rng = random.Random(1)
    sent: dict[str, tuple[float, str]] = {}
    with Simulator(organisations) as simulator:
        for organisation in organisations:
            organisation.hooks[0].status = "INACTIVE"  # delivered by hand here, to know the moment
        push.add_all(simulator, organisations, poll_interval_seconds=3600)
        with push.receiver(), push.place.run(snapshot_seconds=10) as flow:
            wait_for(lambda: all(len(push.uuids(name)) == 20 for name in names), "the backlog", 120.0)
            watcher = _Watcher(folder / "out", names)
            started = time.monotonic()
            turn = 0
            while time.monotonic() - started < arguments.seconds:
                organisation = organisations[turn % len(organisations)]
                _deliver_new_event(organisation, simulator.url(organisation.name), port, sent)
                turn += 1
                # Evenly but for a little: Okta collects deliveries of an organisation for some ten seconds.
                until = started + (turn + rng.uniform(-0.2, 0.2)) / arguments.rate
                time.sleep(max(until - time.monotonic(), 0.0))
            wait_for(lambda: sent.keys() <= watcher.seen.keys(), "the last events", 60.0)
            watcher.stop()
            assert flow.stop()[0] == 0
    took = sorted(watcher.seen[key] - moment for key, (moment, _) in sent.items())
    closest = min(_least_gap(organisation) for organisation in organisations)
    polls = sum(len(organisation.requests) for organisation in organisations)
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99) - 1]
    sys.stdout.write(
        f"{len(took)} deliveries over {arguments.tenants} tenants in {arguments.seconds:g} s, one poll an hour: delivery to file "
        f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, most {took[-1] * 1000:.0f} ms; "
        f"{polls} polls, never two of a tenant within {closest:.2f} s\n"
    )
    return 0 if p99 <= 1.5 and closest >= 2.0 else 1


def _deliver_new_event(organisation: Organisation, url: str, port: int, sent: dict[str, tuple[float, str]]) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"uuid": str(uuid.uuid1()), "published": moment, "eventType": "user.session.start"}
    organisation.append([json.dumps(event).encode()])
    body = json.dumps({"source": f"{url}/api/v1/eventHooks/who1", "data": {"events": [event]}}).encode()
    assert post(port, organisation.name, body) == 200
    sent[str(event["uuid"])] = time.monotonic(), organisation.name


class _Watcher:
    """Notes when each event is first seen in a file, looking every 10 ms."""

    def __init__(self, out: Path, names: list[str]) -> None:
        self.seen: dict[str, float] = {}
        self._folders = [out / name for name in names]
        self._read: dict[Path, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.wait(0.01):
            for folder in self._folders:
                for path in folder.glob("*.ndjson"):
                    self._look(path)

    def _look(self, path: Path) -> None:
        start = self._read.get(path, 0)
        if path.stat().st_size <= start:
            return
        data = path.read_bytes()[start:]
        data = data[: data.rfind(b"\n") + 1]
        self._read[path] = start + len(data)
        for line in data.splitlines():
            self.seen.setdefault(orjson.loads(line)["uuid"], time.monotonic())


def _least_gap(organisation: Organisation) -> float:
    """The least time between two polls, but for those of the backlog's drain."""
    moments = [record.at for record in organisation.requests][2:]
    return min((after - before for before, after in pairwise(moments)), default=float("inf"))


def _peer_environment() -> str:
    folder = ENVIRONMENTS / "hooks-peer"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *_PACKAGES], check=True)
    return str(python)


def _killer(process: "subprocess.Popen[bytes]") -> Callable[[], None]:
    def kill() -> None:
        process.kill()
        process.wait()

    return kill


def _listens(port: int) -> bool:
    try:
        post(port, "acme", b"{}")
    except OSError:
        return False
    return True


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
