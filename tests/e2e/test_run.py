"""`bytewax-okta run`: one command that makes its state, resumes from it, and ends with the exit codes of every run."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, scrape, wait_for

SCRIPT = Path(sys.executable).with_name("bytewax-okta")


def run(place: Workplace, *arguments: str, file_limit_bytes: int | None = None, **environment: str) -> FlowProcess:
    command = [str(SCRIPT), "run", "--config", str(place.config), "--snapshot-interval", "0", *arguments]
    return FlowProcess(command, place.log, {**os.environ, "RUST_BACKTRACE": "0", **environment}, file_limit_bytes)


def test_a_run_makes_its_state_drains_and_the_next_one_resumes(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=1500)
    place = Workplace(tmp_path)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        with run(place, "--until-drained") as first:
            assert first.wait() == 0, first.output()
        told = [line.split(" INFO ", 1)[1] for line in first.output().splitlines()]
        assert told[0].startswith(f"1 organisation (acme) to archive (file); state: {place.state}, first start; no metrics")
        assert re.match(r"acme: connected; [\d,]+ events since .* UTC, newest .* old", told[1])
        assert told[-2].startswith("1,500 events so far, ")
        assert told[-2].endswith("archive: 1,500 delivered; 0 dead letters")
        assert told[-1] == "every tenant is drained, and every event delivered"
        assert len(told) <= 5
        place.judge(organisation)
        assert (place.state / "part-0.sqlite3").exists()
        asked = organisation.requests_count
        place.pipeline = 'log_format = "json"'
        place.write()
        with run(place, "--until-drained") as second:
            assert second.wait() == 0, second.output()
        records = [json.loads(line) for line in second.output().splitlines()]
        assert [record.get("event") for record in records] == ["started", "connected", "report", None]
        assert records[0]["resumed_at"] > 0
        assert records[1]["events"] == 0
        with run(place, "--until-drained", "--quiet") as third:
            assert third.wait() == 0
        assert [json.loads(line).get("event") for line in third.output().splitlines()] == [None]
        assert organisation.requests_count < asked + 3
        place.judge(organisation)
        with run(place, "--state", str(tmp_path / "another"), "--until-drained") as anew:
            assert anew.wait() == 0
        warnings = [record for record in map(json.loads, anew.output().splitlines()) if record["level"] == "WARNING"]
        assert "there are files of an earlier run already" in warnings[0]["message"]


def test_a_run_stops_within_two_seconds_serves_metrics_and_owns_its_state(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=200)
    place = Workplace(tmp_path)
    (port,) = free_ports(1)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        with run(place, "--metrics-port", str(port)) as flow:
            wait_for(lambda: place.count("acme") == 200, "events")
            assert scrape(port)['okta_events_received_total{tenant="acme"}'] == 200
            with run(place) as other:
                assert other.wait() == 2
                assert "bytewax-okta run --config" in other.output()
                assert "end that run first" in other.output()
            wait_for((place.state / "status.prom").exists, "the status file")
            status = subprocess.run([str(SCRIPT), "status", str(place.state)], capture_output=True, text=True, check=False)
            assert (status.returncode, "acme" in status.stdout) == (0, True), status.stdout + status.stderr
            code, seconds = flow.stop(signal.SIGTERM)
            assert (code, seconds < 2) == (0, True), flow.output()
    place.judge(organisation)
    assert not (place.state / "status.prom").exists()


@pytest.mark.slow
def test_exit_codes_of_a_run(tmp_path: Path) -> None:
    organisations = [Organisation("acme", seed=1, events=100), Organisation("globex", seed=2, events=6000)]
    place = Workplace(tmp_path)
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, page_limit=500)
        place.write()
        with run(place, BYTEWAX_ADDRESSES="127.0.0.1:1;127.0.0.1:2") as clustered:
            assert clustered.wait() == 2
            assert "bytewax-okta cluster" in clustered.output()
        assert not place.state.exists()
        place.token("globex", "00wrong")
        with run(place, "--until-drained") as half:
            assert half.wait() == 1
            assert "globex could not be drained" in half.output()
        place.token("globex", organisations[1].token)
        with run(place, "--until-drained", file_limit_bytes=2_500_000) as full:
            assert full.wait() == 3, full.output()
