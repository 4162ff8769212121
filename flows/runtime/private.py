"""A state directory is its owner's alone: what is in it are pickles, which run as code when they are read."""

import contextlib
import os
import stat
from pathlib import Path

from flows.runtime.stores import StateUnusable

__all__ = ["check_private"]

_OTHERS = stat.S_IRWXO


def check_private(directory: Path) -> None:
    """Refuse a state directory into which others may write, and close it to those who may only read.

    `python -m bytewax.recovery` makes it with the umask, so anybody on the machine could read cursors and the names of organisations. A
    group of this process's own may write: volumes of Kubernetes are made so (`fsGroup`).

    Args:
        directory: The state directory; one that isn't there is nobody's concern here.

    Raises:
        StateUnusable: Somebody else owns it or a store in it, or may write there. The message says who, and what to type.
    """
    groups = {os.getegid(), *os.getgroups()}
    for path in (directory, *sorted(directory.glob("*.sqlite3"))):
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_uid not in (os.geteuid(), 0):
            raise StateUnusable(
                _refusal(directory, path, f"belongs to another user (uid {status.st_uid})", f"chown -R $(id -u) {directory}")
            )
        if status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid not in groups):
            why = f"can be written to by others (mode {stat.S_IMODE(status.st_mode):04o})"
            raise StateUnusable(_refusal(directory, path, why, f"chmod -R go-w {directory}"))
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(directory.stat().st_mode)
        if mode & _OTHERS:
            directory.chmod(mode & ~_OTHERS)


def _refusal(directory: Path, path: Path, why: str, command: str) -> str:
    return (
        f"The state directory {directory} can't be used: {path} {why}. What lies there are pickles: whoever writes one has code of their "
        f"own run here at the next start. If nobody has, type: {command}"
    )
