"""Files hold every event once, whatever is killed whenever."""

import random
import time
from pathlib import Path

import pytest

from okta_source.simulator import Faults, Organisation, Simulator
from tests.e2e.harness import Workplace, wait_for

pytestmark = pytest.mark.slow


def test_ten_kills_with_every_fault_on(tmp_path: Path) -> None:
    organisations = [Organisation(name, seed=seed, events=30_000, faults=Faults.all(0.01)) for seed, name in enumerate(("acme", "globex"))]
    rng = random.Random(20)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations)
        place.write()
        for _ in range(10):
            flow = place.run()
            time.sleep(rng.uniform(0.5, 2.0))
            flow.kill()
        for organisation in organisations:
            organisation.faults = Faults()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    for organisation in organisations:
        place.judge(organisation)


def test_eight_tenants_over_clusters_of_two_then_one_then_three(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=12_000, latency_seconds=0.05) for number in range(8)]
    place = Workplace(tmp_path)
    place.make_state(2)
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations[:7], page_limit=200)
        place.add_all(sim, organisations[7:], page_limit=200, poll_interval_seconds=3600)
        place.write()
        for size in (2, 1, 3):
            before = sum(organisation.requests_count for organisation in organisations)
            flows = place.cluster(size) if size > 1 else [place.run()]
            wait_for(lambda before=before: sum(org.requests_count for org in organisations) > before + 120, f"requests of {size} processes")
            for flow in flows:
                flow.kill()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    for organisation in organisations:
        place.judge(organisation)
