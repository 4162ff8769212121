"""Hooks and polling together, in processes that are killed: in files every event once."""

import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Scripted, Simulator
from tests.e2e.harness import FlowProcess, wait_for
from tests.e2e.push.pipeline import PushPlace, hook
from tests.e2e.push.receiving import SECRET, free_port, post

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", ["merge", "wake"])
def test_flow_and_receiver_killed_again_and_again_while_hooks_flow(tmp_path: Path, mode: str) -> None:
    port = free_port()
    worst = {"loss": 0.1, "repeat": 0.3, "reorder": 0.2, "most_events": 7}
    organisations = [
        Organisation(name, seed=seed, events=500, rate_per_second=30.0, hooks=[hook(port, name, delay_seconds=delay, **worst)])
        for seed, (name, delay) in enumerate((("acme", 0.2),))
    ]
    rng = random.Random(7)
    push = PushPlace(tmp_path, port, mode)
    push.place.make_state()
    with Simulator(organisations) as simulator:
        push.add_all(simulator, organisations, page_limit=100, poll_interval_seconds=2)
        receiver = push.receiver()
        try:
            for round_ in range(3):
                flow = push.place.run()
                before = sum(len(organisation.hooks[0].deliveries) for organisation in organisations)
                wait_for(lambda before=before: sum(len(each.hooks[0].deliveries) for each in organisations) > before + 8, "deliveries")
                time.sleep(rng.uniform(0.0, 0.5))
                if round_ % 2:
                    receiver.kill()
                    flow.kill()
                    receiver = push.receiver()
                else:
                    flow.kill()
            for organisation in organisations:
                organisation.hooks[0].status = "INACTIVE"
                _stop_growing(organisation)
            flow = push.place.run()
            wait_for(lambda: all(set(each.uuids()) <= set(push.uuids(each.name)) for each in organisations), "everything")
            code, _ = flow.stop()
            assert code == 0, flow.output()
        finally:
            receiver.kill()
        flow = push.place.drain()
        assert flow.process.returncode == 0, flow.output()
    for organisation in organisations:
        push.judge(organisation)
        sources = push.sources(organisation.name)
        assert sources["poll"] > 0
        assert (sources["hook"] > 0) is (mode == "merge")


def _stop_growing(organisation: Organisation) -> None:
    """Let no more events happen, so that there is an end."""
    organisation._log._live = None


def test_restart_and_rescale_of_the_flow_fail_no_delivery(tmp_path: Path) -> None:
    port = free_port()
    organisations = [
        Organisation(f"org-{number}", seed=number, events=100, rate_per_second=10.0, hooks=[hook(port, f"org-{number}")])
        for number in range(3)
    ]
    push = PushPlace(tmp_path, port, "merge")
    push.place.make_state(2)
    with Simulator(organisations) as simulator:
        push.add_all(simulator, organisations, page_limit=100, poll_interval_seconds=1)
        with push.receiver() as receiver:
            for organisation in organisations:
                organisation.hooks[0].deliveries.clear()  # those from before there was a receiver
            for size in (2, 3):
                flows = push.place.cluster(size)
                before = {organisation.name: len(push.uuids(organisation.name)) for organisation in organisations}
                wait_for(lambda before=before: all(len(push.uuids(name)) > count + 10 for name, count in before.items()), "events of all")
                flows[0].stop()
                for flow in flows:
                    flow.wait()
            for organisation in organisations:
                _stop_growing(organisation)
            answered = {
                (each.hooks[0].hook_id, delivery.delivery_id): delivery.status
                for each in organisations
                for delivery in each.hooks[0].deliveries
            }
            receiver.stop()
        flow = push.place.drain()
        assert flow.process.returncode == 0, flow.output()
    assert len(answered) > 50
    # Of a delivery that was sent twice (a disk that took longer than two seconds), the last answer counts, as it does for Okta.
    assert set(answered.values()) == {200}
    for organisation in organisations:
        push.judge(organisation)
        assert push.sources(organisation.name)["hook"] > 0


def test_wake_brings_an_event_long_before_the_next_poll(tmp_path: Path) -> None:
    port = free_port()
    organisation = Organisation("acme", events=20, hooks=[hook(port, "acme")])
    push = PushPlace(tmp_path, port, "wake")
    push.place.make_state()
    with Simulator([organisation]) as simulator:
        push.add_all(simulator, [organisation], poll_interval_seconds=3600)
        with push.receiver(), push.place.run() as flow:
            wait_for(lambda: len(push.uuids("acme")) == 20, "the backlog")
            for _ in range(3):
                asked = organisation.requests_count
                uuids = set(organisation.append(30))
                wait_for(lambda uuids=uuids: uuids <= set(push.uuids("acme")), "the new events", 20.0)
                assert organisation.requests_count <= asked + 3
            assert flow.stop()[0] == 0
    push.judge(organisation)


def test_eventbridge_a_preview_and_a_forgery(tmp_path: Path) -> None:
    port = free_port()
    bridge, console = hook(port, "acme", form="eventbridge"), hook(port, "acme", verification_status="UNVERIFIED")
    organisation = Organisation("acme", hooks=[bridge, console])
    push = PushPlace(tmp_path, port, "merge")
    push.place.make_state()
    with Simulator([organisation]) as simulator:
        push.add_all(simulator, [organisation], poll_interval_seconds=3600)
        with push.receiver() as receiver, push.place.run() as flow:
            wait_for(lambda: organisation.requests_count > 0, "the first poll")
            assert organisation.hook_sender.verify(console)
            assert organisation.hook_sender.preview(console) == 200
            foreign = b'{"source":"https://globex.okta.com/api/v1/eventHooks/who1","data":{"events":[]}}'
            assert organisation.hook_sender._request(console, "POST", foreign, "1", ()) == 200
            uuids = organisation.append(25)
            wait_for(lambda: len(push.uuids("acme")) == 25, "the events")
            wait_for(lambda: bool(push.place.dead_letters()), "the dead letter")
            assert flow.stop()[0] == 0
            assert receiver.stop()[0] == 0
    assert sorted(push.uuids("acme")) == sorted(uuids)
    assert push.sources("acme") == {"eventbridge": 25}
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holding == [tmp_path / "hook.secret"]  # no log, state, spool, file or dead letter
    assert SECRET not in receiver.output()
    [letter] = push.place.dead_letters()
    assert "crossed" in str(letter["reason"])
    assert str(letter["event"]).startswith("{") or isinstance(letter["event"], dict)


def test_a_cluster_with_hooks_starts_its_receiver_again_and_ends_with_it(tmp_path: Path) -> None:
    port = free_port()
    organisation = Organisation("acme", hooks=[hook(port, "acme")])
    push = PushPlace(tmp_path, port, "merge")
    with Simulator([organisation]) as simulator:
        push.add_all(simulator, [organisation], poll_interval_seconds=3600)
        base = free_port()
        command = [sys.executable, "-m", "flows.cluster", "-n", "1", "--config", str(push.place.config), "--state", str(push.place.state)]
        with FlowProcess([*command, "--port-base", str(base), "--hooks"], tmp_path / "log-cluster.txt", dict(os.environ)) as cluster:
            wait_for(lambda: organisation.requests_count > 0 and "receiving hooks of 1 tenants" in cluster.output(), "the start")
            first = organisation.append(30)
            wait_for(lambda: bool(set(first) & set(push.uuids("acme"))), "pushed events")
            [pid] = re.findall(r"started hooks \(pid (\d+)\)", cluster.output())
            os.kill(int(pid), signal.SIGKILL)
            wait_for(lambda: cluster.output().count("receiving hooks of 1 tenants") == 2, "its second start")
            second = organisation.append(30)
            wait_for(lambda: bool(set(second) & set(push.uuids("acme"))), "pushed events")
            assert cluster.stop()[0] == 0
        assert "hooks (pid" in cluster.output()
        assert "the cluster goes on, and it is started again in 1 s" in cluster.output()
        with pytest.raises(ConnectionRefusedError):
            post(port, "acme", b"{}")


def test_merge_goes_on_while_okta_answers_nothing_and_its_cursor_is_refused_then(tmp_path: Path) -> None:
    port = free_port()
    organisation = Organisation("acme", events=50, hooks=[hook(port, "acme", form="eventbridge")])
    push = PushPlace(tmp_path, port, "merge")
    push.place.make_state()
    with Simulator([organisation]) as simulator:
        push.add_all(simulator, [organisation], poll_interval_seconds=1)
        with push.receiver(), push.place.run() as flow:
            wait_for(lambda: len(push.uuids("acme")) == 50, "the backlog")
            simulator.down("acme")
            pushed = organisation.append(40)
            wait_for(lambda: set(pushed) <= set(push.uuids("acme")), "pushed events")
            organisation.hooks[0].status = "INACTIVE"
            silent = organisation.append(20)  # by no hook: polling must not skip them
            flow.kill()
        with push.place.run() as flow:
            organisation.script(Scripted(status=400))
            simulator.up("acme")
            wait_for(lambda: set(silent) <= set(push.uuids("acme")), "polled events")
            assert flow.stop()[0] == 0
            assert "Okta refuses the saved cursor" in flow.output()
    push.judge(organisation)
    assert push.sources("acme") == {"poll": 70, "eventbridge": 40}
