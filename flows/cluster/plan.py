"""What is to be started: the command line, the environment and the ports of each process of a cluster. Pure.

Bytewax's own words: `-i K` is a process's number, `-a "host:port;…"` is where each of them listens for the others. A cluster of one is a
plain run without either.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.runtime.invocation import CLUSTER

__all__ = [
    "METRICS_ENABLED",
    "METRICS_PORT",
    "Cluster",
    "Member",
    "Port",
    "listening_ports",
    "members",
    "ports",
    "ports_that_clash",
    "receiver",
]

METRICS_ENABLED: Final = "BYTEWAX_DATAFLOW_API_ENABLED"
METRICS_PORT: Final = "BYTEWAX_DATAFLOW_API_PORT"

LOOPBACK: Final = "127.0.0.1"
_EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  # where Bytewax serves its metrics
_HIGHEST_PORT: Final = 65535
# What tells `bytewax.run` who it is: the command line says so here, and a pod's own variables would say otherwise.
_PLACE_VARIABLES: Final = (
    "BYTEWAX_PROCESS_ID",
    "BYTEWAX_ADDRESSES",
    "BYTEWAX_HOSTFILE_PATH",
    "BYTEWAX_POD_NAME",
    "BYTEWAX_STATEFULSET_NAME",
)
_RECOVERY_VARIABLES: Final = ("BYTEWAX_RECOVERY_DIRECTORY", "BYTEWAX_SNAPSHOT_INTERVAL", "BYTEWAX_RECOVERY_BACKUP_INTERVAL")


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the operator asked for.

    Attributes:
        size: The number of processes, at least 1.
        config: The configuration file.
        state: The state directory; None keeps no state.
        snapshot_interval_seconds: From one snapshot to the next.
        backup_interval_seconds: How long superseded snapshots are kept.
        port_base: The processes listen for each other on loopback, at this port and those after it.
        metrics_port: Process K serves its metrics at this port plus K; None serves none.
        until_drained: Whether to end once every tenant is drained.
        token: Tells its processes from those of any other cluster.
        hooks: Whether the receiver of hooks runs beside it.
        hooks_address: Host and port that the receiver listens on.
        hooks_metrics_port: Where it serves its metrics; None serves none.
    """

    size: int
    config: Path
    state: Path | None = None
    snapshot_interval_seconds: int = 10
    backup_interval_seconds: int = 0
    port_base: int = 2101
    metrics_port: int | None = None
    until_drained: bool = False
    token: str = ""
    hooks: bool = False
    hooks_address: tuple[str, int] = ("127.0.0.1", 0)
    hooks_metrics_port: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One process to start.

    Attributes:
        number: Its number, counted from 0; -1 for one that is none of the cluster's.
        command: Its command line.
        environment: Its whole environment.
        name: What stands before its lines; by default its number.
    """

    number: int
    command: tuple[str, ...]
    environment: Mapping[str, str]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a process is going to listen on.

    Attributes:
        host: The address.
        number: The port.
        purpose: What for, in words.
        option: The option that moves it.
    """

    host: str
    number: int
    purpose: str
    option: str


def members(cluster: Cluster, environ: Mapping[str, str]) -> tuple[Member, ...]:
    """The processes of a cluster.

    Args:
        cluster: What was asked for.
        environ: This process's environment, which they inherit but for what places them.
    """
    return tuple(Member(number, _command(cluster, number), _environment(cluster, number, environ)) for number in range(cluster.size))


def listening_ports(cluster: Cluster) -> Sequence[int]:
    """Where the processes listen for each other; nowhere where there is but one."""
    return range(cluster.port_base, cluster.port_base + cluster.size) if cluster.size > 1 else ()


def receiver(cluster: Cluster, environ: Mapping[str, str]) -> Member | None:
    """The receiver of hooks, which runs beside the cluster and is none of it; None where it isn't wanted."""
    if not cluster.hooks:
        return None
    command = [sys.executable, "-m", "okta_source", "hooks", "--config", str(cluster.config)]
    if cluster.hooks_metrics_port is not None:
        command += ["--metrics-port", str(cluster.hooks_metrics_port)]
    return Member(-1, tuple(command), dict(environ), "hooks")


def ports(cluster: Cluster) -> Iterator[Port]:
    """Every port that the cluster needs."""
    host, port = cluster.hooks_address
    if cluster.hooks and port:
        yield Port(host, port, "the receiver of hooks", "hooks.listen")
    if cluster.hooks and cluster.hooks_metrics_port is not None:
        yield Port(_EVERYWHERE, cluster.hooks_metrics_port, "the metrics of the receiver of hooks", "--hooks-metrics-port")
    for number, port in enumerate(listening_ports(cluster)):
        yield Port(LOOPBACK, port, f"process {number} to listen for the others", "--port-base")
    if cluster.metrics_port is not None:
        for number in range(cluster.size):
            yield Port(_EVERYWHERE, cluster.metrics_port + number, f"the metrics of process {number}", "--metrics-port")


def ports_that_clash(cluster: Cluster) -> Iterator[str]:
    """Find ports that can't be, or that are needed twice.

    Yields:
        What is wrong, one line each.
    """
    taken: dict[int, Port] = {}
    for port in ports(cluster):
        if port.number > _HIGHEST_PORT:
            yield f"port {port.number} for {port.purpose} is not allowed; allowed: up to {_HIGHEST_PORT}; choose a lower {port.option}"
        elif port.number in taken:
            other = taken[port.number]
            yield f"port {port.number} is wanted twice, for {other.purpose} and for {port.purpose}; choose another {port.option}"
        taken[port.number] = port


def _command(cluster: Cluster, number: int) -> tuple[str, ...]:
    # `bytewax.run` reads the arguments as Python literals.
    arguments = repr(str(cluster.config)) + (", until_drained=True" if cluster.until_drained else "")
    command = [sys.executable, "-m", "bytewax.run", f"flows.system_log:get_flow({arguments})"]
    if cluster.size > 1:
        addresses = ";".join(f"{LOOPBACK}:{cluster.port_base + each}" for each in range(cluster.size))
        command += ["-i", str(number), "-a", addresses]
    if cluster.state is not None:
        command += ["-r", str(cluster.state), "-s", str(cluster.snapshot_interval_seconds), "-b", str(cluster.backup_interval_seconds)]
    return tuple(command)


def _environment(cluster: Cluster, number: int, environ: Mapping[str, str]) -> dict[str, str]:
    left_out = {*_PLACE_VARIABLES, *_RECOVERY_VARIABLES, METRICS_ENABLED, METRICS_PORT}
    environment = {name: value for name, value in environ.items() if name not in left_out}
    if cluster.token:
        environment[CLUSTER] = cluster.token
    if cluster.metrics_port is not None:
        environment |= {METRICS_ENABLED: "1", METRICS_PORT: str(cluster.metrics_port + number)}
    return environment
