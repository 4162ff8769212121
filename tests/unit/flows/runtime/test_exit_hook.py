"""The hook at the end of a run: whatever goes wrong in it, the exit code says so."""

import subprocess
import sys

import pytest

PROGRAM = """
from flows.runtime.lifecycle import install
from flows.runtime.logs import configure_logging
from okta_source.fetching.control import RunControl
configure_logging()
install(RunControl(), names={{}}, at_end=lambda: {at_end})
print("done")
"""


@pytest.mark.parametrize(
    ("at_end", "code", "told"),
    [
        ("0", 0, b""),
        ("3", 3, b""),
        ("1 / 0", 1, b"how the run ended could not be told"),
        ("exec('raise SystemExit(0)')", 1, b"how the run ended could not be told"),
        ("print(chr(0xd83d)) or 3", 3, b""),
    ],
)
def test_what_leaves_the_hook_is_exit_1(at_end: str, code: int, told: bytes) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(at_end=at_end)], capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    assert told in done.stderr


def test_a_report_that_could_not_be_written_is_exit_1() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        command = [sys.executable, "-c", PROGRAM.format(at_end="0")]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"the output can't be written: No space left on device" in done.stderr
