"""One output file that this process writes to: its handle, its unfinished frame, its exact size."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from sinks.durable import append_or_undo, make_directories, open_own, sync_directory
from sinks.errors import SinkStopped
from sinks.file.compression import Compression, Encoder, new_encoder

__all__ = ["FILE_MODE", "Moved", "OutputFile"]

FILE_MODE = 0o640
"""Who reads an archive is in its group: it tells of every person in a customer's organisation."""

_LOG = logging.getLogger(__name__)


class Moved(Exception):  # noqa: N818 (it names what happened)
    """The file isn't what this process left: someone moved, replaced, cut or extended it."""


class OutputFile:
    """Appends to one file; nothing but this object writes there while it lives.

    Sizes are what the file system says, not what was handed in: compressed data may still be in the encoder
    until `finish_frame`.

    Attributes:
        path: Where it is.
        size_bytes: How much of it this process knows of; the next byte goes there.
        dirty: Whether anything was taken in since the last `sync`.
    """

    __slots__ = (
        "_compression", "_created", "_encoder", "_fd", "_frame_start", "_identity", "_mode", "_stopped", "dirty", "path",
        "size_bytes",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        size_bytes: int,
        compression: Compression,
        stopped: Callable[[OSError, str], SinkStopped],
        mode: int = FILE_MODE,
    ) -> None:
        """Touches nothing yet.

        Args:
            path: Where it is, or will be once something is written.
            size_bytes: Its size now; 0 for a file that isn't there.
            compression: How what is appended gets compressed, if at all.
            stopped: Makes the error to raise of what the operating system says about a path.
            mode: Of the file when it is made, before the umask; who may read it may enter the folders made for it.
        """
        self.path = path
        self.size_bytes = size_bytes
        self.dirty = False
        self._compression: Compression = compression
        self._stopped = stopped
        self._encoder: Encoder | None = None
        self._frame_start = size_bytes
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._created = False
        self._mode = mode

    @property
    def is_open(self) -> bool:
        """Whether it holds a file descriptor."""
        return self._fd >= 0

    def create(self) -> None:
        """Make the file and its directories, if they are not there.

        Raises:
            SinkStopped: The operating system refuses.
        """
        try:
            readers = self._mode & 0o044
            make_directories(Path(self.path).parent, 0o700 | readers | readers >> 2)
            self._created = not Path(self.path).exists()
            self._open(os.O_CREAT)
        except OSError as error:
            raise self._stopped(error, self.path) from error

    def append(self, pieces: Iterable[bytes]) -> None:
        """Write a page, given in pieces, behind everything else, through the encoder if there is one.

        Raises:
            Moved: The file isn't what it was; nothing was written.
            SinkStopped: The operating system refuses; the file ends at a whole page, or frame, before.
        """
        try:
            if self._fd < 0:
                self._open(0)
            self._check()
            if self._compression != "none":
                if self._encoder is None:
                    self._encoder = new_encoder(self._compression)
                    self._frame_start = self.size_bytes
            else:
                self._frame_start = self.size_bytes
            self.dirty = True
            for piece in pieces:
                self._write(piece if self._encoder is None else self._encoder.compress(piece))
        except FileNotFoundError as error:
            raise Moved from error
        except OSError as error:
            raise self._stopped(error, self.path) from error

    def finish_frame(self) -> None:
        """End the compressed frame, so that the file could be cut here; else nothing.

        Raises:
            SinkStopped: The operating system refuses; the file ends at the frame before.
        """
        if self._encoder is None:
            return
        try:
            self._write(self._encoder.flush())
        except OSError as error:
            raise self._stopped(error, self.path) from error
        self._encoder = None

    def sync(self) -> None:
        """Return when everything written is on the disk, the file's name included. Safe in any one thread.

        Raises:
            SinkStopped: The operating system refuses. Trying again could succeed without the data: Linux
                forgets pages that it failed to write.
        """
        try:
            if self._fd >= 0:
                os.fdatasync(self._fd)
            else:
                self._sync_closed()
            if self._created:
                sync_directory(Path(self.path).parent)
                self._created = False
        except OSError as error:
            raise self._stopped(error, self.path) from error
        self.dirty = False

    def close(self) -> None:
        """Give the descriptor back. What isn't synced yet stays so; the next `append` opens the file again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self, flags: int) -> None:
        self._fd = open_own(self.path, os.O_WRONLY | os.O_APPEND | flags, self._mode)
        if self._identity is None:
            status = os.fstat(self._fd)
            self._identity = (status.st_dev, status.st_ino)

    def _check(self) -> None:
        # One stat (1.3 µs) a page is the price for noticing logrotate, and for a size that can be cut back to.
        status = os.stat(self.path)  # noqa: PTH116 (Path.stat costs twice as much, and this is per page)
        if (status.st_dev, status.st_ino) != self._identity or status.st_size != self.size_bytes:
            raise Moved

    def _write(self, data: bytes) -> None:
        if not data:
            return
        try:
            append_or_undo(self._fd, data, self._frame_start)
        except OSError:
            # The frame's beginning is gone from the file, so its end must never get there.
            self._encoder = None
            self.size_bytes = self._frame_start
            raise
        self.size_bytes += len(data)

    def _sync_closed(self) -> None:
        # Linux writes an inode's pages whoever asks, and still reports an earlier failure to a new descriptor.
        try:
            fd = open_own(self.path, os.O_WRONLY)
        except FileNotFoundError:
            _LOG.warning("%s was moved away before it was on the disk; its last events may be missing", self.path)
            return
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
