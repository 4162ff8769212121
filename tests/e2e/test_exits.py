"""What the flow's exit code says, and what it prints beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

from okta_source.simulator import Faults, Organisation, Simulator
from tests.e2e.harness import Workplace


def test_a_wrong_configuration_exits_2_with_every_problem_and_before_any_request(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=10)
    place = Workplace(tmp_path, sink='type = "fule"\npath = "out/{tenant}.ndjson"')
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], poll_interval_seconds=0, colour="red")
        place.write()
        flow = place.run(recover=False)
        assert flow.wait() == 2
    output = flow.output()
    assert "tenants[0].poll_interval_seconds: 0 is not allowed; allowed: 1 to 86401" in output
    assert "tenants[0].colour" in output
    assert "sinks.archive.type" in output
    assert "Traceback" not in output
    assert organisation.requests_count == 0


def test_the_module_alone_is_the_flow_of_the_configuration_at_hand(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bytewax.run", "flows.system_log"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert run.stderr.startswith("okta.toml: there is no such file")


def test_a_state_directory_that_cannot_be_used_exits_2_and_says_how_to_make_one(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=10)
    place = Workplace(tmp_path)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        gone = place.run()
        assert gone.wait() == 2
        assert "does not exist" in gone.output()
        place.state.mkdir()
        empty = place.run()
        assert empty.wait() == 2
        assert f"python -m bytewax.recovery {place.state} 1" in empty.output()
        place.make_state()
        (place.state / "part-0.sqlite3").write_bytes(b"no database " * 100)
        damaged = place.run()
        assert damaged.wait() == 2
        assert "can't be read (file is not a database)" in damaged.output()
        assert not any("Traceback" in flow.output() for flow in (gone, empty, damaged))
    assert organisation.requests_count == 0


def test_a_run_until_drained_exits_1_and_names_who_could_not_be_polled(tmp_path: Path) -> None:
    organisations = [Organisation("acme", seed=1, events=500), Organisation("globex", seed=2, events=500)]
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator(organisations) as sim:
        place.add_all(sim, organisations, display_name="somebody")
        place.token("globex", "00wrong")
        place.write()
        flow = place.drain()
        assert flow.process.returncode == 1
        errors = [line for line in flow.output().splitlines() if " ERROR " in line]
        assert len(errors) == 1
        assert "could not be drained" in errors[0]
        assert "E0000011" in errors[0]
        place.judge(organisations[0])
        assert place.lines("globex") == []
        place.token("globex", organisations[1].token)
        assert place.drain().process.returncode == 0
    place.judge(organisations[1])


@pytest.mark.slow
def test_a_full_disk_exits_3_without_a_last_snapshot_and_the_next_run_goes_on(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=6_000)
    place = Workplace(tmp_path)
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], page_limit=500)
        place.write()
        # A file size limit refuses a write half-way, as a full disk does.
        flow = place.run(until_drained=True, file_limit_bytes=2_500_000)
        assert flow.wait() == 3
        output = flow.output()
        assert "sink 'archive' stopped the run" in output
        assert "acme" in output
        assert "Nothing is lost" in output
        assert "Traceback" not in output
        assert place.drain().process.returncode == 0
    place.judge(organisation)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.slow
def test_compressed_files_survive_kills(tmp_path: Path, compression: str) -> None:
    organisation = Organisation("acme", seed=7, events=4_000, latency_seconds=0.03, faults=Faults(server_error=0.02))
    place = Workplace(tmp_path, sink=f'type = "file"\npath = "out/{{tenant}}/{{date}}.ndjson"\ncompression = "{compression}"')
    place.make_state()
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation], page_limit=100)
        place.write()
        for _ in range(4):
            place.run_and_kill(organisation, after_requests=8)
        organisation.faults = Faults()
        assert place.drain().process.returncode == 0
    place.judge(organisation)
