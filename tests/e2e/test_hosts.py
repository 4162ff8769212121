"""A cluster over hosts, as a StatefulSet starts it: placed by variables and a host file, with nothing shared but the network."""

import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from flows.runtime.stores import make_directory, make_stores
from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, judge, wait_for
from tests.e2e.test_delivery import indexed, search
from tests.unit.sinks.search_server import FakeSearch

pytestmark = pytest.mark.slow


def start(pod: int, place: Workplace, hosts: Path, *, until_drained: bool = False) -> FlowProcess:
    """What a pod runs: no flag says who it is."""
    environment = {
        **os.environ,
        "RUST_BACKTRACE": "0",
        "BYTEWAX_POD_NAME": f"okta-{pod}",
        "BYTEWAX_STATEFULSET_NAME": "okta",
        "BYTEWAX_HOSTFILE_PATH": str(hosts),
        "BYTEWAX_RECOVERY_DIRECTORY": str(place.state),
        "BYTEWAX_SNAPSHOT_INTERVAL": "0",
        "BYTEWAX_RECOVERY_BACKUP_INTERVAL": "0",
    }
    flow = f"flows.system_log:get_flow('{place.config}', until_drained={until_drained})"
    return FlowProcess([sys.executable, "-m", "bytewax.run", flow], place.log, environment)


def test_pods_with_a_store_each_survive_the_death_of_one(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=2_000, latency_seconds=0.05) for number in range(4)]
    stores = tmp_path / "stores"
    make_directory(stores)
    make_stores(stores, 2)
    hosts = [tmp_path / "two-hosts", tmp_path / "three-hosts"]
    for size, path in zip((2, 3), hosts, strict=True):
        path.write_text("".join(f"127.0.0.1:{port}\n" for port in free_ports(size)))
    places = []
    with Simulator(organisations) as sim, FakeSearch() as server:
        for pod in range(3):
            place = Workplace(tmp_path / f"host-{pod}", sink="", sinks={"search": search(server.url)})
            place.add_all(sim, organisations, page_limit=100)
            place.write()
            make_directory(place.state)
            if pod < 2:
                shutil.move(stores / f"part-{pod}.sqlite3", place.state)
            places.append(place)
        with start(0, places[0], hosts[0]) as survivor, start(1, places[1], hosts[0]) as victim:
            wait_for(lambda: all(organisation.requests_count >= 10 for organisation in organisations), "requests")
            victim.kill()
            assert survivor.wait() == 1, survivor.output()
        asked = [organisation.requests_count for organisation in organisations]
        # One more pod, which holds no store.
        with ExitStack() as stack:
            pods = [stack.enter_context(start(pod, place, hosts[1], until_drained=True)) for pod, place in enumerate(places)]
            assert [pod.wait() for pod in pods] == [0, 0, 0], pods[0].output()
        for organisation, before in zip(organisations, asked, strict=True):
            assert "after=" in organisation.requests[before].target, "it did not resume"
        for organisation in organisations:
            documents = [document for document in indexed(server) if f'"_okta_tenant":"{organisation.name}"'.encode() in document]
            judge(documents, organisation.persisted(), organisation.name)
        places[0].sinks["archive"] = 'type = "file"\npath = "out/{tenant}/{date}.ndjson"'
        places[0].write()
        refused = start(0, places[0], hosts[0])
        assert refused.wait() == 2
        assert "file sinks (archive) write exactly once only on one" in refused.output()
