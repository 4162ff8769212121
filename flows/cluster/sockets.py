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


def sockets_of(pids: Iterable[int]) -> set[int] | None:
    """The sockets that these processes hold, by number; None while one of them is on its way out.

    A process that ends lets go of its descriptors before the kernel has closed its connections: for that time, which is long on a busy
    machine, nobody holds them.
    """
    found: set[int] = set()
    for pid in pids:
        descriptors = 0
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                descriptors += 1
                with contextlib.suppress(OSError):  # closed meanwhile
                    target = str(descriptor.readlink())
                    if target.startswith("socket:["):
                        found.add(int(target[8:-1]))
        if not descriptors:
            return None
    return found
