"""Behind which offset nothing of an outbox is done with yet, in a file of its own, which is written over in place.

A full disk has room for that too, once the file is there: so it is made with the folder.
"""

import errno
import os
from pathlib import Path

__all__ = ["Position"]

_NAME = "position"
_DIGITS = 20


class Position:
    """One tenant's.

    Args:
        folder: The tenant's; nothing is stored while it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._stored = -1

    def read(self) -> int:
        """The offset that was stored last, in bytes; 0 where none was, or it can't be made out: then events are sent again.

        Raises:
            OSError: The operating system refuses.
        """
        try:
            return int(self._path.read_bytes()[:_DIGITS])
        except (FileNotFoundError, ValueError):
            return 0

    def begin(self, offset: int) -> None:
        """Store an offset, in bytes, where none was stored yet.

        Raises:
            OSError: The operating system refuses.
        """
        if not self._path.exists():
            self.store(offset)

    def store(self, offset: int, *, sync: bool = False) -> None:
        """Store an offset, in bytes, over the one before it, where that is news; survives a power cut with `sync` alone.

        Raises:
            OSError: The operating system refuses. Nothing is lost by it: events are sent again.
        """
        if (self._stored == offset and not sync) or not self._path.parent.is_dir():
            return
        fd = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, b"%0*d\n" % (_DIGITS, offset), 0)
            if sync:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        self._stored = offset

    def has_room(self, offset: int, *, sync: bool) -> bool:
        """The same, where the disk has room for it; returns whether it has.

        Raises:
            OSError: The operating system refuses for another reason.
        """
        try:
            self.store(offset, sync=sync)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return False
        return True
