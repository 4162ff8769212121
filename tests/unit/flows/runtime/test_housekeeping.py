"""What a process does for itself at its start, looked at in one of its own."""

import subprocess
import sys

import pytest

_PROGRAM = """
import resource, sys, threading
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from flows.runtime.housekeeping import tune_process
tune_process()
print(*resource.getrlimit(resource.RLIMIT_NOFILE), all(thread.daemon for thread in threading.enumerate()[1:]))
"""


@pytest.mark.parametrize(("soft", "hard", "becomes"), [(256, 1024, 1024), (1024, 1024, 1024), (256, 12000, 8192), (10000, 12000, 10000)])
def test_as_many_files_may_be_open_as_the_system_allows_and_the_pipeline_can_use(soft: int, hard: int, becomes: int) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "not allowed to raise" in done.stderr:
        pytest.skip(f"this machine's own hard limit is below {hard}")
    assert done.stdout.split() == [str(becomes), str(hard), "True"], done.stderr
