"""One cluster at a time for a state directory: two of them would poll each tenant twice and cut each other's files.

The lock is the kernel's and lies on the folder itself. The processes inherit it, so it ends with the last of them: a cluster that starts
while those of a launcher that was killed are still stopping waits for them.
"""

import fcntl
import logging
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from flows.runtime.recovery import StateUnusable

__all__ = ["hold"]

_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 10.0
_LOOK_SECONDS = 0.1


@contextmanager
def hold(directory: Path, patience_seconds: float = _PATIENCE_SECONDS) -> Generator[int, None, None]:
    """Hold a state directory's lock.

    Args:
        directory: The state directory.
        patience_seconds: How long to wait for another cluster's end; a stop takes 5 s at most.

    Yields:
        The file descriptor that holds it; whoever inherits it holds it too.

    Raises:
        StateUnusable: Another cluster runs on it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + patience_seconds
        if not (free := _locked(descriptor)):
            _LOG.info("another cluster uses %s: waiting up to %g s for its end", directory, patience_seconds)
        while not free:
            if time.monotonic() >= deadline:
                msg = f"The state directory {directory} is in use by another cluster. End that one, or give each a directory of its own."
                raise StateUnusable(msg)
            time.sleep(_LOOK_SECONDS)
            free = _locked(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
