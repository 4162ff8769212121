"""What the command line and the environment tell `bytewax.run` of a process: its state directory, and its seat in a cluster.

Read here a second time, since Bytewax tells nobody: by the same flags, abbreviations and variables. A process that runs a flow by itself
(that of `bytewax-okta run`) says what `bytewax.run` would have been told, by `become_run`.
"""

import argparse
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["CLUSTER", "Seat", "become_run", "in_cluster", "is_own_run", "on_one_host", "process_number", "recovery_dir", "seat"]

CLUSTER: Final = "OKTA_CLUSTER"
"""The variable by which `python -m flows.cluster` tells its processes whose they are."""


_own: list[str] | None = None


def become_run(arguments: Sequence[str]) -> None:
    """Say that this process is there to run one flow, as `bytewax.run` is, and calls Bytewax itself.

    Args:
        arguments: What `bytewax.run` would have been given beside the flow, such as `["-r", "state"]`.
    """
    global _own  # noqa: PLW0603  # what a process is, it is for good
    _own = list(arguments)


def is_own_run() -> bool:
    """Whether this process has said so."""
    return _own is not None


@dataclass(frozen=True, slots=True)
class Seat:
    """A process's place among those that belong together.

    Attributes:
        cluster: The same for all of them, and for no others that could know the same state directory at the same time.
        process: Its number.
        size: How many they are.
    """

    cluster: str
    process: int
    size: int


def recovery_dir(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The state directory of this run, absolute, read from the same flag and variable as `bytewax.run` reads it.

    Args:
        argv: The command line without the program's name; by default this process's.
        environ: The environment.

    Returns:
        The directory, or None when the run keeps no state.
    """
    directory = _arguments(argv, environ).recovery_directory
    return Path(directory).absolute() if directory else None


def in_cluster(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is one of several: then its part of the stores may lie with the others."""
    return bool(_addresses(_arguments(argv, environ), environ))


def on_one_host(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether all processes of the run are here, by their addresses: then the state directory must hold every store."""
    arguments = _arguments(argv, environ)
    if not arguments.addresses and environ.get("BYTEWAX_HOSTFILE_PATH"):
        return False  # pods, each with a store of its own, whatever their addresses look like
    return len({address.strip().rpartition(":")[0] for address in _addresses(arguments, environ)}) <= 1


def seat(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> Seat | None:
    """This process's place in its cluster.

    The processes of `python -m flows.cluster` are told whose they are; those of a cluster by hand have the same list of addresses.

    Returns:
        None for a run of one process.
    """
    arguments = _arguments(argv, environ)
    addresses = _addresses(arguments, environ)
    process = _whole(process_number(argv, environ))
    if cluster := environ.get(CLUSTER):
        return Seat(cluster, process or 0, max(1, len(addresses)))
    if process is None or not addresses:
        return None
    return Seat(hashlib.sha256(";".join(addresses).encode()).hexdigest()[:16], process, len(addresses))


def process_number(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The number of this process as it was given, by flag, variable or as a pod's; None where there is none."""
    found: str | None = _arguments(argv, environ).process_id
    if found is None and "BYTEWAX_POD_NAME" in environ and "BYTEWAX_STATEFULSET_NAME" in environ:
        found = environ["BYTEWAX_POD_NAME"].replace(f"{environ['BYTEWAX_STATEFULSET_NAME']}-", "")
    return found


def _arguments(argv: Sequence[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(add_help=False)  # abbreviations are understood, as `bytewax.run` understands them
    parser.add_argument("-r", "--recovery-directory", default=environ.get("BYTEWAX_RECOVERY_DIRECTORY"))
    parser.add_argument("-a", "--addresses", default=environ.get("BYTEWAX_ADDRESSES"))
    parser.add_argument("-i", "--process-id", default=environ.get("BYTEWAX_PROCESS_ID"))
    return parser.parse_known_args(list(argv) if argv is not None else sys.argv[1:] if _own is None else _own)[0]


def _addresses(arguments: argparse.Namespace, environ: Mapping[str, str]) -> list[str]:
    if arguments.addresses:
        return str(arguments.addresses).split(";")
    hosts = environ.get("BYTEWAX_HOSTFILE_PATH")
    if not hosts:
        return []
    with suppress(OSError, ValueError):
        return [line.strip() for line in Path(hosts).read_text().splitlines() if line.strip()]
    return [hosts]  # Bytewax will say what is wrong with it; until then: not alone


def _whole(number: str | None) -> int | None:
    with suppress(TypeError, ValueError):
        return int(number)  # type: ignore[arg-type]
    return None
