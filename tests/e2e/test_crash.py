"""Files hold every event once, whatever is killed whenever."""

import random
import shutil
import time
from pathlib import Path

import pytest

from flows.runtime.recovery import fence_off_uncommitted
from okta_source.simulator import Faults, Organisation, Simulator
from tests.e2e.harness import Workplace, wait_for

pytestmark = pytest.mark.slow


def test_ten_kills_with_every_fault_on(tmp_path: Path) -> None:
    organisations = [
        Organisation(name, seed=seed, events=30_000, faults=Faults.all(0.01), latency_seconds=0.1)
        for seed, name in enumerate(("acme", "globex"))
    ]
    rng = random.Random(20)
    interrupted = 0
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, page_limit=500)
        place.write()
        for _ in range(10):
            asked = sum(organisation.requests_count for organisation in organisations)
            flow = place.run()
            wait_for(lambda asked=asked: sum(organisation.requests_count for organisation in organisations) > asked, "a request")
            time.sleep(rng.uniform(0.0, 1.2))
            flow.kill()
            interrupted += any(len(list_lines(place, organisation.name)) < 30_000 for organisation in organisations)
        assert interrupted >= 5, "most kills came after the work was done"
        for organisation in organisations:
            organisation.faults = Faults()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    for organisation in organisations:
        place.judge(organisation)


def list_lines(place: Workplace, tenant: str) -> list[bytes]:
    return b"".join(path.read_bytes() for path in (place.out / tenant).glob("*.ndjson")).splitlines()


def uncommitted_snapshots(state: Path) -> int:
    """Snapshots in the store that the next execution must not take up."""
    copy = state.with_name("state-copy")
    shutil.copytree(state, copy, dirs_exist_ok=True)
    return fence_off_uncommitted(copy)


def test_a_kill_between_snapshots_and_commit_then_a_quiet_run_and_another_kill(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=5, events=2_000, latency_seconds=0.002)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], page_limit=10)
        place.write()
        aimed = 0
        for _ in range(25):
            asked = organisation.requests_count
            organisation.append(300)
            flow = place.run()
            wait_for(lambda asked=asked: organisation.requests_count > asked + 15, "requests")
            flow.kill()
            if not uncommitted_snapshots(place.state):
                continue
            aimed += 1
            # Quiet: epochs pass and are committed, but no page comes and no sink is touched.
            organisation.faults = Faults(server_error=1.0)
            asked = organisation.requests_count
            quiet = place.run()
            wait_for(lambda asked=asked: organisation.requests_count > asked, "a request")
            time.sleep(0.5)
            quiet.kill()
            organisation.faults = Faults()
            if aimed == 3:
                break
        assert aimed == 3, "no kill hit the moment between snapshots and commit"
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    place.judge(organisation)
    # A stale snapshot that was taken up would name a size that the file, cut back meanwhile, no longer has.
    assert "continuing there" not in place.log.read_text()


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
