"""Watching a process and the files that it writes, from outside: what the kernel says of it, and when bytes are there."""

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FileWatch", "Usage", "usage", "worst"]

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """A process at one moment.

    Attributes:
        at: Unix time in seconds.
        cpu_seconds: User and system CPU so far.
        memory_mb: Resident.
        peak_memory_mb: The most that was ever resident.
        threads: How many it has.
        files: Open descriptors, sockets among them.
        sockets: Open sockets.
    """

    at: float
    cpu_seconds: float
    memory_mb: float
    peak_memory_mb: float
    threads: int
    files: int
    sockets: int


def usage(pid: int) -> Usage:
    """Look at a process.

    Raises:
        OSError: It has ended.
    """
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(") ")[2].split()
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    if "VmRSS" not in status:
        msg = f"process {pid} has ended"
        raise ProcessLookupError(msg)
    links = []
    for entry in os.scandir(folder / "fd"):
        try:
            links.append(os.readlink(entry.path))  # noqa: PTH115  # hundreds of them a second
        except FileNotFoundError:
            continue
    return Usage(
        at=time.time(),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND,
        memory_mb=int(status["VmRSS"].split()[0]) / 1024,
        peak_memory_mb=int(status["VmHWM"].split()[0]) / 1024,
        threads=int(status["Threads"]),
        files=len(links),
        sockets=sum(link.startswith("socket:") for link in links),
    )


def worst(samples: Iterable[Usage], name: str) -> float:
    """The largest value of an attribute."""
    return max((getattr(sample, name) for sample in samples), default=0.0)


class FileWatch:
    """Notes when files grow, by looking at all their sizes again and again: a size was there at the latest when it was first seen.

    Args:
        paths: The files; they need not be there yet.
        every_seconds: The pause between two looks, which bounds how much too late a byte is seen.
    """

    def __init__(self, paths: Iterable[Path], every_seconds: float = 0.05) -> None:
        self._every_seconds = every_seconds
        self._seen: dict[Path, tuple[list[int], list[float]]] = {path: ([], []) for path in paths}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="file-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Look a last time and end."""
        self._stop.set()
        self._thread.join()

    def size(self, path: Path) -> int:
        """What was last seen of a file."""
        sizes, _ = self._seen[path]
        return sizes[-1] if sizes else 0

    def seen_at(self, path: Path, size: int) -> float:
        """When a file was first seen to hold so many bytes, Unix time in seconds.

        Raises:
            IndexError: It never was.
        """
        sizes, times = self._seen[path]
        return times[bisect_left(sizes, size)]

    def _watch(self) -> None:
        while True:
            last = self._stop.is_set()
            for path, (sizes, times) in self._seen.items():
                try:
                    size = os.stat(path).st_size  # noqa: PTH116  # a thousand of them at a time
                except FileNotFoundError:
                    continue
                if not sizes or size > sizes[-1]:
                    sizes.append(size)
                    times.append(time.time())
            if last:
                return
            self._stop.wait(self._every_seconds)
