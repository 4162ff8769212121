"""Kills under way: are the alerts in the files those of a calm run and of a backtest, each once?

    python -m tests.benchmarks.detection_kills [--kills 20] [--events 20000] [--seed 1] [--server opensearch|elasticsearch]

Two tenants with an attacker's share of failures; each time one, two or three processes resume the same state, run a while and are ended by
`kill -9`. At the end the run is drained. Exits 1 where an alert is missing, there twice, or another one. With `--server` the alerts also go
into a real search server, where each has to be once.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

from okta_source.simulator import Organisation, Simulator
from tests.e2e.detection_rules import add_detections
from tests.e2e.harness import Workplace, wait_for
from tests.integration.servers import KINDS, Node, SearchServer

TENANTS = ("acme", "globex")
STREAM = "logs-okta.alerts-default"


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", choices=KINDS)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    there = [
        Organisation(name, seed=seed, events=args.events, latency_seconds=0.1, late_probability=0.01) for seed, name in enumerate(TENANTS)
    ]
    with tempfile.TemporaryDirectory() as name, Simulator(there) as sim, ExitStack() as stack:
        node = stack.enter_context(Node(args.server, Path(name) / "node")) if args.server else None
        calm, rough = _workplace(Path(name) / "calm", sim, there), _workplace(Path(name) / "rough", sim, there, node)
        if calm.drain().process.returncode:
            raise SystemExit(calm.log.read_text())
        for _ in range(args.kills):
            size = rng.choice([1, 2, 3])
            asked = sum(organisation.requests_count for organisation in there)
            flows = rough.cluster(size) if size > 1 else [rough.run()]
            wait_for(lambda asked=asked: sum(organisation.requests_count for organisation in there) > asked + 4, "requests")
            time.sleep(rng.uniform(0.0, 1.0))
            for flow in flows:
                flow.kill()
        if rough.drain().process.returncode:
            raise SystemExit(rough.log.read_text())
        for organisation in there:
            rough.judge(organisation)
        command = [sys.executable, "-m", "flows.backtest", "--config", str(rough.config), "--alerts", f"{name}/backtest.ndjson", "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wanted = _alerts(calm)
        found = {"rough": _alerts(rough), "backtest": Path(name, "backtest.ndjson").read_bytes().splitlines()}
        wrong = _wrong_in(node, wanted) if node is not None else 0
        for kind, lines in found.items():
            missing, beyond = Counter(wanted) - Counter(lines), Counter(lines) - Counter(wanted)
            wrong += missing.total() + beyond.total()
            sys.stdout.write(f"{kind}: {len(lines):,} alerts, {missing.total()} missing, {beyond.total()} too many or other ones\n")
    uuids = {json.loads(line)["uuid"] for line in wanted}
    sys.stdout.write(f"calm: {len(wanted):,} alerts, {len(uuids):,} ids, {args.kills} kills, {args.events:,} events a tenant\n")
    return 1 if wrong else 0


def _wrong_in(node: Node, wanted: list[bytes]) -> int:
    """How many alerts a server lacks or has beyond those that are wanted; none can be there twice under one id."""
    with closing(SearchServer(node.kind, node.url)) as server:
        found = server.documents(STREAM)
    ids = {json.loads(line)["uuid"] for line in wanted}
    sys.stdout.write(f"{node.kind}: {len(found):,} alerts, {len(ids - found.keys())} missing, {len(found.keys() - ids)} other ones\n")
    return len(ids ^ found.keys())


def _workplace(folder: Path, sim: Simulator, there: list[Organisation], node: Node | None = None) -> Workplace:
    folder.mkdir()
    place = Workplace(folder)
    place.make_state()
    add_detections(place)
    if node is not None:
        place.sinks["search"] = f'type = "elasticsearch"\nhosts = ["{node.url}"]\ntarget = "{STREAM}"\nkinds = ["alerts"]'
    place.add_all(sim, there, page_limit=250)
    place.write()
    return place


def _alerts(place: Workplace) -> list[bytes]:
    return [line for tenant in TENANTS for line in place.lines(tenant, "alerts")]


if __name__ == "__main__":
    sys.exit(main())
