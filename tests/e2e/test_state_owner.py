"""One owner for a state directory, and one place: real processes beside each other, copies, moves, links."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, wait_for
from tests.e2e.test_cluster import consecutive_ports
from tests.unit.sinks.receiver import Receiver

pytestmark = pytest.mark.slow


def process(place: Workplace, log: str, *arguments: str) -> FlowProcess:
    return FlowProcess([sys.executable, *arguments], place.folder / log, {**os.environ, "RUST_BACKTRACE": "0"})


def test_who_comes_second_ends_before_any_request_and_the_state_resumes(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=3_000)
    trap = Organisation("acme", seed=1, token=organisation.token)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim, Simulator([trap]) as other:
        place.add_all(sim, [organisation])
        place.write()
        (tmp_path / "trap.toml").write_text(place.config.read_text().replace(sim.url("acme"), other.url("acme")))
        with place.run() as daemon:
            wait_for(lambda: place.count() == 3_000, "every event")
            addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(2))
            main = f"flows.system_log:get_flow('{tmp_path / 'trap.toml'}', until_drained=True)"
            state = ["-r", str(place.state), "-s", "0", "-b", "0"]
            beside = ["--config", str(tmp_path / "trap.toml"), "--state", str(place.state)]
            others = [
                process(place, "cron.txt", "-m", "bytewax.run", main, *state),
                process(place, "hand.txt", "-m", "bytewax.run", main, *state, "-i", "1", "-a", addresses),
                process(place, "cluster.txt", "-m", "flows.cluster", "-n", "2", "--port-base", str(consecutive_ports(2)), *beside),
                process(place, "backfill.txt", "-m", "flows.backfill", "--since", "1d", *beside),
                process(place, "audit.txt", "-m", "flows.audit", *beside),
            ]
            for second in others:
                assert second.wait() == 2, second.output()
                (sentence,) = [line for line in second.output().splitlines() if line.startswith("The state directory")]
                assert f"is in use by pid {daemon.process.pid} (" in sentence
                assert "-m bytewax.run flows.system_log" in sentence
                assert "Traceback" not in second.output()
            assert daemon.stop()[0] == 0
        organisation.append(7)
        assert place.drain().process.returncode == 0
    assert trap.requests_count == 0
    place.judge(organisation)


def test_a_process_of_a_cluster_by_hand_is_not_started_twice(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=500) for number in range(2)]
    place = Workplace(tmp_path)
    place.make_state(2)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations)
        place.write()
        cluster = [place.run(process=number, addresses=addresses) for number in range(2)]
        wait_for(lambda: all(organisation.requests_count for organisation in organisations), "requests")
        again = place.run(process=1, addresses=addresses)
        assert again.wait() == 2
        assert f"is in use by pid {cluster[0].process.pid} (" in again.output()
        cluster[0].send(signal.SIGTERM)
        assert [member.wait() for member in cluster] == [0, 0]
    for organisation in organisations:
        place.judge(organisation)


Ending = Callable[[FlowProcess], object]


def kill(flow: FlowProcess) -> None:
    """So that files hold more than the state knows."""
    flow.kill()


def stop(flow: FlowProcess) -> None:
    assert flow.stop()[0] == 0, flow.output()


def ended_midway(place: Workplace, organisation: Organisation, end: Ending) -> None:
    """A run that ended while it was draining, some time after a snapshot."""
    with place.run(snapshot_seconds=1) as flow:
        wait_for(lambda: len(list(place.out.rglob("*.ndjson"))) and organisation.requests_count >= 12, "pages")
        end(flow)


def accept(place: Workplace) -> None:
    subprocess.run([sys.executable, "-m", "flows.state", "accept", str(place.state)], check=True, capture_output=True)


@pytest.mark.parametrize("end", [kill, stop])
@pytest.mark.parametrize("linked", [False, True], ids=["folders", "links"])
def test_a_copy_says_so_and_never_touches_the_originals_files(tmp_path: Path, linked: bool, end: Ending) -> None:
    organisation = Organisation("acme", seed=1, events=20_000, latency_seconds=0.05)
    prod = Workplace(tmp_path / "prod")
    prod.make_state()
    if linked:
        (tmp_path / "disk").mkdir()
        prod.out.symlink_to(tmp_path / "disk")
    with Simulator([organisation]) as sim:
        prod.add_all(sim, [organisation])
        prod.write()
        ended_midway(prod, organisation, end)
        shutil.copytree(prod.folder, tmp_path / "copy", symlinks=True)
        assert prod.drain().process.returncode == 0
        before = {path: path.read_bytes() for path in prod.out.rglob("*.ndjson")}
        asked = organisation.requests_count
        copy = Workplace(tmp_path / "copy")
        told = copy.drain()
        assert told.process.returncode == 2
        assert f"was last used as {prod.state}" in told.output()
        assert f"python -m flows.state accept {copy.state}" in told.output()
        assert organisation.requests_count == asked
        if not linked:
            accept(copy)
            assert copy.drain().process.returncode == 0
            copy.judge(organisation)
    assert {path: path.read_bytes() for path in prod.out.rglob("*.ndjson")} == before
    prod.judge(organisation)


@pytest.mark.parametrize("end", [kill, stop])
def test_what_was_moved_and_accepted_resumes_exactly(tmp_path: Path, end: Ending) -> None:
    organisation = Organisation("acme", seed=1, events=20_000, latency_seconds=0.05)
    here = Workplace(tmp_path / "here")
    here.make_state()
    with Simulator([organisation]) as sim:
        here.add_all(sim, [organisation])
        here.write()
        ended_midway(here, organisation, end)
        here.folder.rename(tmp_path / "there")
        there = Workplace(tmp_path / "there")
        there.config.write_text(there.config.read_text().replace(str(here.folder), str(there.folder)))
        assert there.drain().process.returncode == 2
        accept(there)
        organisation.append(5)
        assert there.drain().process.returncode == 0
        assert there.drain().process.returncode == 0, "accepted once and for all"
    there.judge(organisation)
    assert not here.folder.exists()


@pytest.mark.parametrize("end", [kill, stop])
def test_a_link_to_the_deployment_is_the_same_place(tmp_path: Path, end: Ending) -> None:
    organisation = Organisation("acme", seed=1, events=20_000, latency_seconds=0.05)
    place = Workplace(tmp_path / "release-1")
    place.make_state()
    (tmp_path / "current").symlink_to(place.folder)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        ended_midway(Workplace(tmp_path / "current"), organisation, end)
        assert place.drain().process.returncode == 0
        organisation.append(5)
        assert Workplace(tmp_path / "current").drain().process.returncode == 0
    place.judge(organisation)


@pytest.mark.parametrize("end", [kill, stop])
def test_a_copied_state_without_files_asks_nobody_and_a_moved_one_goes_on(tmp_path: Path, end: Ending) -> None:
    """Webhooks and search servers are the same ones for a copy: they would get everything twice."""
    organisation = Organisation("acme", seed=1, events=20_000, latency_seconds=0.05)
    with Simulator([organisation]) as sim, Receiver() as receiver, Receiver() as elsewhere:
        prod = Workplace(tmp_path / "prod", sink=f'type = "webhook"\nurl = "{receiver.url}"\nencoding = "ndjson"')
        prod.make_state()
        prod.add_all(sim, [organisation])
        prod.write()
        with prod.run(snapshot_seconds=1) as flow:
            wait_for(lambda: organisation.requests_count >= 12 and len(receiver.events) > 0, "pages")
            end(flow)
        shutil.copytree(prod.folder, tmp_path / "copy")
        asked = organisation.requests_count
        copy = Workplace(tmp_path / "copy")
        # What was on its way at the end may still arrive where it was sent to.
        copy.config.write_text(copy.config.read_text().replace(receiver.url, elsewhere.url))
        told = copy.drain()
        assert told.process.returncode == 2
        assert f"was last used as {prod.state}, and is in {copy.state} now" in told.output()
        assert (organisation.requests_count, elsewhere.requests) == (asked, [])
        shutil.rmtree(copy.folder)
        prod.folder.rename(tmp_path / "there")
        there = Workplace(tmp_path / "there")
        there.config.write_text(there.config.read_text().replace(str(prod.folder), str(there.folder)))
        assert there.drain().process.returncode == 2
        accept(there)
        assert there.drain().process.returncode == 0
    assert organisation.requests_count > asked
    uuids = [event["uuid"] for event in receiver.events]
    assert list(dict.fromkeys(uuids)) == organisation.uuids()


def test_a_path_changed_after_a_kill_is_told_and_after_a_stop_is_no_matter(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=20_000, latency_seconds=0.05)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        ended_midway(place, organisation, kill)
        text = place.config.read_text()
        place.config.write_text(text.replace("out/{tenant}", "other/{tenant}"))
        told = place.drain()
        assert told.process.returncode == 2
        assert "The path of sink archive was changed after a run that was killed" in told.output()
        place.config.write_text(text)
        with place.run() as flow:
            wait_for(lambda: organisation.requests_count > 15, "requests")
            assert flow.stop()[0] == 0
        place.config.write_text(text.replace("out/{tenant}", "other/{tenant}"))
        assert place.drain().process.returncode == 0
    lines = place.lines("acme") + place.lines("acme", "other")
    assert len(lines) == len(set(lines)) == 20_000


def test_a_state_that_two_runs_have_torn_apart_is_told_with_a_way_out(tmp_path: Path) -> None:
    """What earlier releases left where a cron form ran beside a daemon: Bytewax ends it with a backtrace, for ever."""
    organisation = Organisation("acme", seed=1, events=300)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        assert place.drain().process.returncode == 0
        with closing(sqlite3.connect(place.state / "part-0.sqlite3")) as store, store:
            store.execute("UPDATE commits SET commit_epoch = 9999")
            before = store.execute("SELECT count(*) FROM snaps").fetchall()
        asked = organisation.requests_count
        told = place.drain()
        with closing(sqlite3.connect(place.state / "part-0.sqlite3")) as store:
            assert store.execute("SELECT count(*) FROM snaps").fetchall() == before
    assert told.process.returncode == 2
    assert organisation.requests_count == asked
    assert "can't be resumed: part-0.sqlite3 went on to epoch 9999" in told.output()
    assert "flows.audit --repair" in told.output()
    for word in ("Traceback", "panicked", "Nothing is lost"):
        assert word not in told.output()
