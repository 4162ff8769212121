"""The searches in docs/destinations.md give the answers that stand there: on both servers, after the commands that stand there."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import requests

from tests.e2e.harness import wait_for
from tests.integration.servers import SearchServer

PAGE = Path(__file__).parents[2] / "docs" / "destinations.md"
STREAM = "logs-okta.bytewax-default"


def simulate_command() -> list[str]:
    """The page's own command that makes the data."""
    command = re.search(r"^\$ python -m (okta_source simulate .*--seed 7.*)$", PAGE.read_text(), re.MULTILINE)
    assert command
    return command[1].split()


def searches() -> list[tuple[str, bytes, object]]:
    """Path, body and answer of each search."""
    blocks = re.findall(r"^```json\nGET (\S+)\n(.*?)^```\n+```json\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [(path, body.encode(), orjson.loads(answer)) for path, body, answer in blocks]


@pytest.mark.slow
def test_the_searches_of_the_page_and_their_answers(tmp_path: Path, search_server: SearchServer, unique_name: Callable[[str], str]) -> None:
    assert len(searches()) == 3
    stream = unique_name(STREAM)
    config = tmp_path / "okta.toml"
    log = tmp_path / "simulator.txt"
    with log.open("wb") as output:
        arguments = [*simulate_command(), "--port", "0", "--write-config", str(config)]
        simulator = subprocess.Popen([sys.executable, "-m", *arguments], stdout=output, stderr=output)
    try:
        wait_for(lambda: "ready" in log.read_text(), "the simulator")
        sink = f'\n[sinks.search]\ntype = "elasticsearch"\nhosts = ["{search_server.url}"]\ntarget = "{stream}"\n'
        config.write_text(config.read_text() + sink)
        command = [sys.executable, "-m", "bytewax.run", f"flows.system_log:get_flow('{config}', until_drained=True)"]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    finally:
        simulator.send_signal(signal.SIGTERM)
        simulator.wait(30)
    requests.post(f"{search_server.url}/{stream}/_refresh", timeout=30).raise_for_status()
    for path, body, answer in searches():
        found = requests.get(
            f"{search_server.url}/{path.replace(STREAM, stream)}", data=body, headers={"Content-Type": "application/json"}, timeout=30
        )
        assert found.json() == answer, found.text
