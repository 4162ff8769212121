"""Alerts of the real flow: the same whatever is killed, however many processes there are, and as a backtest gives them."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.detection_rules import RULES, add_detections
from tests.e2e.harness import DEADLINE_SECONDS, Workplace, wait_for

EVENTS = 3_000


def organisations(events: int = EVENTS, latency_seconds: float = 0.0) -> list[Organisation]:
    return [
        Organisation(name, seed=seed, events=events, latency_seconds=latency_seconds, late_probability=0.01)
        for seed, name in enumerate(("acme", "globex"))
    ]


def alerts(place: Workplace) -> list[bytes]:
    """Every alert in the files, as it stands there."""
    return sorted(line for tenant in ("acme", "globex") for line in place.lines(tenant, "alerts"))


def backtest(place: Workplace, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.backtest", "--config", str(place.config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS)


def workplace(folder: Path, sim: Simulator, there: list[Organisation], **keys: object) -> Workplace:
    folder.mkdir(exist_ok=True)
    place = Workplace(folder)
    place.make_state()
    add_detections(place)
    place.add_all(sim, there, **keys)
    place.write()
    return place


def test_a_run_and_its_backtest_give_the_same_alerts(tmp_path: Path) -> None:
    there = organisations(2_000)
    with Simulator(there) as sim:
        place = workplace(tmp_path, sim, there)
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    for organisation in there:
        place.judge(organisation)
    live = alerts(place)
    names = {json.loads(line)["rule"]["name"] for line in live}
    assert names == {"token", "refused", "busy", "crowd", "in_the_end", "nested", "country", "far", "gone"}
    assert len({json.loads(line)["uuid"] for line in live}) == len(live)
    again = backtest(place, "--alerts", str(tmp_path / "again.ndjson"), "--against", str(tmp_path / "alerts"), "--json")
    assert again.returncode == 0, again.stderr
    assert sorted((tmp_path / "again.ndjson").read_bytes().splitlines()) == live
    told = json.loads(again.stdout)
    assert (told["alerts"], told["against"]["gained"], told["against"]["lost"]) == (len(live), [], [])


@pytest.mark.slow
def test_kills_and_other_numbers_of_processes_change_no_alert(tmp_path: Path) -> None:
    there = organisations(latency_seconds=0.05)
    rng = random.Random(16)
    with Simulator(there) as sim:
        calm = workplace(tmp_path / "calm", sim, there)
        assert calm.drain().process.returncode == 0
        place = workplace(tmp_path / "rough", sim, there, page_limit=150)
        for size in (1, 2, 1):
            asked = sum(organisation.requests_count for organisation in there)
            flows = place.cluster(size) if size > 1 else [place.run()]
            wait_for(lambda asked=asked: sum(organisation.requests_count for organisation in there) > asked + 6, "requests")
            time.sleep(rng.uniform(0.0, 0.5))
            for flow in flows:
                flow.kill()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    for organisation in there:
        place.judge(organisation)
    assert alerts(place) == alerts(calm)


@pytest.mark.slow
def test_detections_off_and_on_again_over_one_state(tmp_path: Path) -> None:
    [organisation] = organisations(600)[:1]
    other = RULES.replace("timespan: 2h", "timespan: 3h")
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim, [organisation])
        counts = []
        for rules in (RULES, None, other, None, RULES):
            if rules is None:
                place.tables, alerts_sink = {}, place.sinks.pop("alerts")
            else:
                add_detections(place, rules)
            place.write()
            organisation.append(300)
            flow = place.drain()
            assert flow.process.returncode == 0, flow.output()
            assert ("rule busy has changed" in flow.output()) is (rules == other or len(counts) == 4), flow.output()
            counts.append(len(place.lines("acme", "alerts")))
        assert alerts_sink
    place.judge(organisation)
    assert 0 < counts[0] == counts[1] < counts[2] == counts[3] < counts[4]
    found = [json.loads(line)["uuid"] for line in place.lines("acme", "alerts")]
    assert len(set(found)) == len(found)


def test_rules_that_cannot_be_used_end_the_run_before_any_request(tmp_path: Path) -> None:
    [organisation] = organisations(10)[:1]
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim, [organisation])
        (place.folder / "rules" / "wrong.yml").write_text(RULES.replace("rules: [refused, signed_in]", "rules: [refused, signedin]"))
        flow = place.drain()
        assert flow.process.returncode == 2
        assert "wrong.yml" in flow.output()
        assert "there is no rule signedin; did you mean signed_in?" in flow.output()
        assert organisation.requests_count == 0


def test_sinks_get_the_kinds_and_levels_that_they_ask_for(tmp_path: Path) -> None:
    [organisation] = organisations(1_500)[:1]
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim, [organisation])
        place.sinks["grave"] = 'type = "file"\npath = "grave/{tenant}/{date}.ndjson"\nkinds = ["alerts"]\nlevel_at_least = "high"'
        place.sinks["all"] = 'type = "file"\npath = "all/{tenant}/{date}.ndjson"\nkinds = "both"\nevent_types = ["user.session.*"]'
        place.write()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    everything = set(place.lines("acme", "alerts"))
    grave = {line for line in everything if json.loads(line)["rule"]["level"] in ("high", "critical")}
    assert set(place.lines("acme", "grave")) == grave
    assert 0 < len(grave) < len(everything)
    both = place.lines("acme", "all")
    assert everything < set(both)
    assert all(b'"eventType":"user.session.' in line for line in both if b'"_okta_event_type":"systemLog"' in line)
