"""The same filter finds the same events and alerts in whatever format a file sink wrote them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows.reading.question import original_of
from okta_source.simulator import Organisation, Simulator
from tests.e2e.harness import Workplace

pytestmark = pytest.mark.slow

RULE = """
title: Failed
id: 11111111-1111-4111-8111-111111111111
logsource: {product: okta}
detection: {sel: {outcome.result: FAILURE}, condition: sel}
level: high
"""
SINKS = {
    "ecs": 'type = "file"\nformat = "ecs"\npath = "ecs/{tenant}/{date}.ndjson"\ncompression = "zstd"',
    "ocsf": 'type = "file"\nformat = "ocsf"\nraw_data = true\npath = "ocsf/{tenant}/{date}.ndjson"\ncompression = "gzip"',
    "alerts": 'type = "file"\nkinds = ["alerts"]\npath = "alerts/{tenant}.ndjson"',
    "alerts-ecs": 'type = "file"\nkinds = ["alerts"]\nformat = "ecs"\npath = "alerts-ecs/{tenant}.ndjson"',
    "alerts-ocsf": 'type = "file"\nkinds = ["alerts"]\nformat = "ocsf"\nraw_data = true\npath = "alerts-ocsf/{tenant}.ndjson"',
}


def found(place: Workplace, sink: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "flows.search", "--config", str(place.config), "--sink", sink, "--json", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line if line.startswith(b'{"_okta_') else original_of(line)) for line in done.stdout.splitlines()]
    return sorted(event["uuid"] for event in events)


def test_every_format_gives_the_same(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=8, events=400)
    place = Workplace(tmp_path, sinks=SINKS)
    place.make_state()
    (tmp_path / "failed.yml").write_text(RULE)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.entries.append('[detections]\nmanaged = false\nrules = ["failed.yml"]')
        place.write()
        flow = place.drain()
        assert flow.process.returncode == 0, flow.output()
    for arguments in (
        ['outcome.result eq "FAILURE"'],
        ['_okta_category eq "authentication" and client.ipAddress sw "1"', "--tenant", "acme"],
        ["--action", "sign_in", "--q", "success"],
        ['debugContext.debugData.requestUri co "/" and not (severity eq "DEBUG")'],
    ):
        raw = found(place, "archive", *arguments)
        assert len(raw) > 5
        assert found(place, "ecs", *arguments) == raw
        assert found(place, "ocsf", *arguments) == raw
    alerts = found(place, "alerts", "--alerts", 'rule.level eq "high" and outcome.result eq "FAILURE"')
    assert len(alerts) > 5
    for sink in ("alerts-ecs", "alerts-ocsf"):
        assert found(place, sink, "--alerts", 'rule.level eq "high" and outcome.result eq "FAILURE"') == alerts
