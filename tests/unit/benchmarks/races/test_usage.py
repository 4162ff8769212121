import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.races.usage import TooSlowError, cpu_ticks, family, kill, parent, run_to_end, run_until, usage_of_family
from tests.e2e.harness import wait_for

STAT = "4711 (a (b) c) S 42 4711 4711 0 -1 4194304 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7 8\n"


@pytest.fixture
def start():
    """Starts a program in a process group of its own, and leaves nothing of it behind."""
    processes = []

    def run(program):
        processes.append(subprocess.Popen([sys.executable, "-c", program], start_new_session=True))
        return processes[-1], time.monotonic()

    yield run
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def stat_of(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return ""


def test_the_fields_of_stat_are_found_behind_a_name_with_brackets():
    assert parent(STAT) == 42
    assert cpu_ticks(STAT) == 127


def test_a_process_that_ends_is_accounted_with_its_children(start):
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    process, at = start(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])")
    usage = run_to_end(process, at, 60)
    assert process.returncode == 0
    assert usage.cpu_seconds >= 0.3
    assert usage.memory_mb > 1


def test_a_process_that_goes_on_is_accounted_and_ended(start):
    process, at = start("import time\nwhile True: time.process_time()")
    usage = run_until(process, at, 60, lambda: usage_of_family(process.pid, at).cpu_seconds > 0.1)
    assert usage.cpu_seconds > 0.1
    assert usage.memory_mb > 1
    assert process.returncode is not None


def test_one_that_takes_too_long_and_its_children_are_killed(start):
    process, at = start("import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])")
    wait_for(lambda: len(family(process.pid)) > 1, "a child")
    child = family(process.pid)[1]
    with pytest.raises(TooSlowError):
        run_to_end(process, at, 0)
    kill(process)
    assert process.returncode == -9
    # Nobody may be there to reap an orphan: a zombie is dead enough.
    wait_for(lambda: not (state := stat_of(child)) or state.rpartition(")")[2].split()[0] == "Z", "the child's end")
