"""SIGINT and SIGTERM end a run within 2 s with a last snapshot: nothing is lost, and nothing is fetched again."""

import signal
from pathlib import Path

import pytest

from okta_source.simulator import Faults, Organisation, Scripted, Simulator
from tests.e2e.harness import Workplace, free_ports, wait_for

pytestmark = pytest.mark.slow


def pages_asked_twice(organisation: Organisation) -> list[str]:
    """Targets of full pages that were answered and asked for again."""
    full = [request.target for request in organisation.requests if request.status == 200 and request.events]
    return sorted({target for target in full if full.count(target) > 1})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("size", [1, 2])
def test_stop_while_one_hangs_one_is_in_back_off_and_one_drains(tmp_path: Path, number: signal.Signals, size: int) -> None:
    hanging = Organisation("hanging", seed=1, events=10)
    failing = Organisation("failing", seed=2, events=10, faults=Faults(server_error=1.0))
    draining = Organisation("draining", seed=3, events=12_000, latency_seconds=0.02)
    organisations = [hanging, failing, draining]
    hanging.script(Scripted(delay_seconds=30.0))
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, request_timeout_seconds=30, page_limit=100)
        place.write()
        # Snapshots only at the end: without the last one everything would be fetched again.
        flows = place.cluster(size, snapshot_seconds=3600) if size > 1 else [place.run(snapshot_seconds=3600)]
        wait_for(lambda: draining.requests_count > 20 and failing.requests_count > 0 and hanging.requests_count > 0, "requests")
        for flow in flows:
            flow.send(number)
        for flow in flows:
            assert flow.wait(10) == 0, flow.output()
        failing.faults = Faults()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    for organisation in organisations:
        place.judge(organisation)
    assert pages_asked_twice(draining) == []


def test_a_stop_of_one_process_ends_the_whole_cluster(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=100) for number in range(4)]
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations)
        place.write()
        flows = place.cluster(3)
        wait_for(lambda: all(organisation.requests_count > 1 for organisation in organisations), "requests")
        flows[1].send(signal.SIGTERM)
        for flow in flows:
            assert flow.wait(10) == 0, flow.output()


def test_a_process_that_waits_for_its_cluster_can_be_stopped(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.add("acme", "http://127.0.0.1:9", "00token")
    place.write()
    place.make_state()
    flow = place.run(process=1, addresses=[f"127.0.0.1:{port}" for port in free_ports(2)])
    # Bytewax says so once the flow has been built, which is when signals are caught: from then on it tries again and again.
    wait_for(lambda: "error connecting to worker" in flow.output(), "the process to look for its cluster")
    flow.send(signal.SIGTERM)
    assert flow.wait(10) == 0, flow.output()
    assert "nothing had begun" in flow.output()
