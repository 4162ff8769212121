"""What the kernel says of the connections of this machine and of the sockets of some processes. Linux only; elsewhere nothing is known."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from flows.cluster.joining import Connection, connections_in

__all__ = ["connections", "sockets_of"]

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def connections() -> Sequence[Connection] | None:
    """The established connections of this network namespace; None where the kernel doesn't tell."""
    found: list[Connection] = []
    for table in _TABLES:
        try:
            found += connections_in(table.read_text("ascii"))
        except OSError:
            if table is _TABLES[0]:
                return None
    return found


def sockets_of(pids: Iterable[int]) -> set[int]:
    """The sockets that these processes hold, by number; those of a process that is gone are left out."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):  # closed meanwhile
                    target = str(descriptor.readlink())
                    if target.startswith("socket:["):
                        found.add(int(target[8:-1]))
    return found
