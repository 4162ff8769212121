"""`flows.tail` beside a flow that is killed and comes back: every event once, those that are written again too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace, wait_for

pytestmark = pytest.mark.slow


def uuids(path: Path) -> list[str]:
    return [json.loads(line)["uuid"] for line in path.read_bytes().split(b"\n")[:-1]]


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_flow_is_killed_and_resumes_and_no_event_is_shown_twice(tmp_path: Path, compression: str) -> None:
    organisation = Organisation("acme", seed=4, events=500)
    place = Workplace(tmp_path, sink=f'type = "file"\npath = "out/{{tenant}}/{{date}}.ndjson"\ncompression = "{compression}"')
    place.make_state()
    shown, told = tmp_path / "shown.ndjson", tmp_path / "told.txt"
    with Simulator([organisation]) as sim, shown.open("wb") as out, told.open("wb") as err:
        place.add_all(sim, [organisation])
        place.write()
        command = [sys.executable, "-m", "flows.tail", "--config", str(place.config), "--json", "-n", "3"]
        with subprocess.Popen(command, stdout=out, stderr=err) as tail:
            wait_for(lambda: b"Ctrl-C" in told.read_bytes(), "the tail")
            flow = place.run(snapshot_seconds=1)
            wait_for(lambda: len(uuids(shown)) == 500, "the backlog")
            organisation.append(40)
            # Seen, so in the file, and maybe not in a snapshot yet.
            wait_for(lambda: len(uuids(shown)) == 540, "live events")
            flow.kill()
            flow = place.run(snapshot_seconds=1)
            organisation.append(40)
            wait_for(lambda: len(set(uuids(shown))) == 580, "the last events")
            flow.stop()
            tail.terminate()
            assert tail.wait(10) == 0
    assert sorted(uuids(shown)) == sorted(organisation.uuids())
