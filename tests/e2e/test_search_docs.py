"""The commands of docs/search.md do what stands there."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import wait_for
from tests.unit.docs.pages import ROOT, blocks

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "search.md"


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the page with what is printed below it."""
    for block in blocks(PAGE):
        if block.language == "console":
            yield from re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after the first two commands of the page."""
    place = tmp_path_factory.mktemp("docs")
    simulate, drain = [command for command, _ in commands()][:2]
    with (place / "simulator.txt").open("wb") as log:
        simulator = subprocess.Popen([sys.executable, *shlex.split(simulate)[1:], "--port", "0"], cwd=place, stdout=log, stderr=log)
    try:
        wait_for(lambda: "ready" in (place / "simulator.txt").read_text(), "the simulator")
        subprocess.run([sys.executable, *shlex.split(drain)[1:]], cwd=place, check=True, timeout=120, capture_output=True)
    finally:
        simulator.send_signal(signal.SIGTERM)
        simulator.wait(30)
    return place


def test_the_commands_of_the_page(folder: Path) -> None:
    ran = 0
    for text, answer in list(commands())[2:]:
        # A tail ends by itself here, and jq need not be there.
        command = text.replace("flows.tail", "flows.tail --for 0").replace("| jq .displayMessage", "> /dev/null")
        done = subprocess.run(
            ["bash", "-c", command.replace("python", shlex.quote(sys.executable), 1)],
            cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        if answer:
            assert answer in (done.stdout, done.stderr), (command, done.stdout, done.stderr)
        else:
            assert done.returncode in (0, 1), (command, done.stderr)
        ran += 1
    assert ran > 10
