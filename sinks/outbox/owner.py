"""Which outbox this is, and which process it belongs to: one at a time, of the processes of a cluster each its tenants'.

Offsets mean something in one outbox alone. A tenant that comes from another host brings a snapshot of the outbox there, which says nothing
about the one here: so each has a name of its own, made with it.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from sinks.durable import make_directories
from sinks.errors import SinkStopped

__all__ = ["Owner"]

_LOCK = ".lock"
_NAME = ".name"


class Owner:
    """Holds a byte of one lock file for each tenant, for the life of the process: the system lets go of it however the process ends.

    Args:
        folder: The sink's.
        sink_name: The sink's name.
        stopped: Makes the error to raise of what the operating system says about a path.
    """

    def __init__(self, folder: Path, sink_name: str, stopped: Callable[[OSError, str], SinkStopped]) -> None:
        self._path = folder / _LOCK
        self._sink = sink_name
        self._stopped = stopped
        self._fd = -1

    def name(self) -> str:
        """The outbox's own name, made with it.

        Raises:
            SinkStopped: It can't be read or written.
        """
        path = self._path.with_name(_NAME)
        try:
            # Looked for first: a disk that is full has no room for another.
            return path.read_text() if path.exists() else self._made(path)
        except OSError as error:
            raise self._stopped(error, str(path)) from error

    def _made(self, path: Path) -> str:
        make_directories(path.parent, 0o700)
        # Whole or not at all: another process of the cluster may look at the same moment.
        temporary = path.with_name(f"{_NAME}.{os.getpid()}")
        try:
            temporary.write_text(secrets.token_hex(8))
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(temporary)
        finally:
            temporary.unlink(missing_ok=True)
        return path.read_text()

    def take(self, tenant: str) -> None:
        """Make a tenant's outbox this process's own.

        Raises:
            SinkStopped: It is another process's, or can't be known.
        """
        if not self.takes(tenant):
            reason = f"another process sends what is in {self._path.parent}"
            fix = "end the other run, or give this one another outbox_dir"
            message = f"sink {self._sink!r} stopped the run: {reason} for tenant {tenant!r}. What to do: {fix}. Nothing was changed."
            raise SinkStopped(message, sink=self._sink, tenant=tenant, path=str(self._path.parent), reason=reason, fix=fix)

    def takes(self, tenant: str) -> bool:
        """The same where it is nobody else's; returns whether it is this process's own now.

        Raises:
            SinkStopped: It can't be known.
        """
        try:
            if self._fd < 0:
                make_directories(self._path.parent, 0o700)
                self._fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte_of(tenant))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise self._stopped(error, str(self._path)) from error
        return True


def _byte_of(tenant: str) -> int:
    return int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=7).digest()) >> 1
