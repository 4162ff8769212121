"""Whether the processes of a cluster have found each other, and nobody else: from the kernel's table of connections. Pure.

Timely, under Bytewax, takes the first who connects to a process's port for the process that it waits for, without asking for a password.
Any local user who is quicker stands in its place: no event arrives anywhere, and what is sent there are pickles. So the launcher looks at
both ends of each connection of the cluster's ports: each has to belong to a process that it has started itself.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["JOIN_SECONDS", "Connection", "Joining", "connections_in"]

_SUSPECTED_SECONDS: Final = 0.1
JOIN_SECONDS: Final = 60.0
"""How long the processes may take to find each other; it takes them two or three seconds."""

_ESTABLISHED: Final = "01"


@dataclass(frozen=True, slots=True)
class Connection:
    """One end of an established TCP connection.

    Attributes:
        local: Address and port of this end, as the kernel writes them.
        remote: Those of the other end.
        inode: The socket's number; 0 for one that no process holds any more.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    inode: int


def connections_in(table: str) -> Iterator[Connection]:
    """The established connections of a table such as `/proc/net/tcp`."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _ESTABLISHED:
            yield Connection(_address(fields[1]), _address(fields[2]), int(fields[9]))


class Joining:
    """Follows a cluster until each of its processes is connected to each other one.

    Args:
        ports: Where the processes listen for each other.
        started: The monotonic clock at the start, in seconds.
    """

    def __init__(self, ports: Collection[int], started: float) -> None:
        self._ports = ports
        self._wanted = len(ports) * (len(ports) - 1) // 2
        self._until = started + JOIN_SECONDS
        self._suspects: dict[int, float] = {}  # socket → when it was first seen to be nobody's of ours

    def look(self, connections: Iterable[Connection], own: Collection[int], now: float) -> tuple[bool, str]:
        """Judge what is there now.

        Args:
            connections: The established connections of this machine.
            own: The sockets that the cluster's processes hold.
            now: The monotonic clock, in seconds.

        Returns:
            Whether there is nothing more to look for, and why the cluster has to end; empty where it need not.
        """
        there = list(connections)
        inodes = {(end.local, end.remote): end.inode for end in there}
        joined, suspects = 0, dict[int, float]()
        for end in there:
            if end.local[1] not in self._ports or end.inode not in own:
                continue
            other = inodes.get((end.remote, end.local), 0)
            if other in own:
                joined += 1
            elif now - self._suspects.get(other, now) >= _SUSPECTED_SECONDS:
                return True, (
                    f"somebody else has connected to port {end.local[1]}, where a process of this cluster waits for another: they are "
                    "ended, since events would go there. Whoever it is can log in on this machine: end that program, or choose another "
                    "--port-base that a firewall rule keeps for this user"
                )
            elif other:
                # One of ours may have been closed between the two looks that this one is made of.
                suspects[other] = self._suspects.get(other, now)
        self._suspects = suspects
        if joined >= self._wanted and not suspects:
            return True, ""
        if now < self._until:
            return False, ""
        return True, (
            f"the processes have not found each other within {JOIN_SECONDS:g} s ({joined} of {self._wanted} connections): look at their "
            "messages above, and whether something else uses the ports from --port-base on"
        )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port, 16)
