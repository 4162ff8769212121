"""The README's first two screens lead from nothing to events, in files and at a webhook; the demo to commands that go on."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest

from tests.e2e.docs.first_screens import opened, the_sink
from tests.e2e.docs.terminal import Terminal
from tests.e2e.harness import lines_so_far, wait_for
from tests.unit.sinks.receiver import Receiver

pytestmark = pytest.mark.slow


def uuids(folder: Path, tenant: str) -> list[str]:
    return [orjson.loads(line)["uuid"] for path in sorted((folder / tenant).glob("*.ndjson")) for line in lines_so_far(path)]


def test_the_demo_names_three_commands_that_go_on_from_there(tmp_path: Path) -> None:
    environ = {**os.environ, "COLUMNS": "120"}
    demo = subprocess.run([sys.executable, "-m", "flows.demo"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    search, simulate, run = re.findall(r"\$ (bytewax-okta .*)", demo.stdout)
    before = len(uuids(tmp_path / "demo/out", "acme"))
    assert before > 12_000
    with Terminal(tmp_path, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}) as terminal:
        found = subprocess.run(["bash", "-c", search], cwd=tmp_path, env=terminal._environment, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        process = subprocess.Popen(["bash", "-c", f"exec {simulate}"], cwd=tmp_path, env=terminal._environment, stdout=subprocess.DEVNULL)
        try:
            log = (tmp_path / "log").open("wb")
            going_on = subprocess.Popen(["bash", "-c", f"exec {run}"], cwd=tmp_path, env=terminal._environment, stdout=log, stderr=log)
            try:
                wait_for(lambda: len(uuids(tmp_path / "demo/out", "acme")) > before + 5, "further events", 60)
            finally:
                going_on.terminate()
                assert going_on.wait(20) == 0, (tmp_path / "log").read_text()
                log.close()
        finally:
            process.terminate()
            process.wait(20)
    assert max(Counter(uuids(tmp_path / "demo/out", "acme")).values()) == 1
    assert "resumes where a run stopped" in (tmp_path / "log").read_text()


def test_a_simulated_organisation_and_a_webhook(tmp_path: Path) -> None:
    with Receiver() as receiver, opened(tmp_path) as terminal:
        assert uuids(tmp_path / "sim/out", "acme")
        add, run = the_sink(f"--type webhook --url {receiver.url} --credentials none")
        terminal.run(add)
        (marked,) = receiver.events
        assert marked["_okta_tenant"] == "acme"
        terminal.run(run)
        receiver.wait_for(lambda it: len(it.events) > 1)
        sent = Counter(event["uuid"] for event in receiver.events[1:])
        wait_for(lambda: {*sent} <= {*uuids(tmp_path / "sim/out", "acme"), *uuids(tmp_path / "sim/out", "globex")}, "the same in files")
        assert max(sent.values()) == 1
