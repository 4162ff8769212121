"""What a collector has used, as the operating system accounts it: of a process that has ended, and of one that still runs."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_POLL_SECONDS = 0.02
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Usage:
    """CPU (user and system, with children) and wall time in seconds, memory of the largest process in MB."""

    cpu_seconds: float
    wall_seconds: float
    memory_mb: float


class TooSlowError(Exception):
    """A collector took longer than it was given."""


def cpu_ticks(stat: str) -> int:
    """User and system time, with that of children that were waited for, from `/proc/PID/stat`, in ticks."""
    # The command's name, in brackets, may hold anything, brackets too.
    fields = stat.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15])


def parent(stat: str) -> int:
    """The parent's process id from `/proc/PID/stat`."""
    return int(stat.rpartition(")")[2].split()[1])


def family(pid: int) -> list[int]:
    """The process and all its descendants that live."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdecimal() and (stat := _read(folder / "stat")):
            children.setdefault(parent(stat), []).append(int(folder.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def usage_of_family(pid: int, started: float) -> Usage:
    """What a running process and its descendants have used until now."""
    ticks = 0
    peak_mb = 0.0
    for member in family(pid):
        if stat := _read(_PROC / str(member) / "stat"):
            ticks += cpu_ticks(stat)
        peak_mb = max(peak_mb, peak_memory_mb(member))
    return Usage(ticks / _TICKS_PER_SECOND, time.monotonic() - started, peak_mb)


def peak_memory_mb(pid: int) -> float:
    """The largest resident memory that a running process has had; `ru_maxrss` would count ours, from before its `exec`, too."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", _read(_PROC / str(pid) / "status"), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def run_to_end(process: subprocess.Popen[bytes], started: float, seconds: float) -> Usage:
    """Wait for a collector that ends by itself.

    Raises:
        TooSlowError: It still runs after `seconds`.
    """
    peak_mb = 0.0
    while True:
        peak_mb = max(peak_mb, peak_memory_mb(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return Usage(usage.ru_utime + usage.ru_stime, time.monotonic() - started, peak_mb)
        if time.monotonic() - started > seconds:
            raise TooSlowError
        time.sleep(_POLL_SECONDS)


def run_until(process: subprocess.Popen[bytes], started: float, seconds: float, done: Callable[[], bool]) -> Usage:
    """Take the account of a collector at the moment at which it is done, then end it.

    Raises:
        TooSlowError: It wasn't done after `seconds`, or has ended before.
    """
    while process.poll() is None and time.monotonic() - started <= seconds:
        if done():
            usage = usage_of_family(process.pid, started)
            end(process)
            return usage
        time.sleep(_POLL_SECONDS)
    raise TooSlowError


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process politely, then firmly."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """`kill -9` for a process and its children; it must lead a process group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(path: Path) -> str:
    """A file of `/proc`; empty when its process has gone."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
