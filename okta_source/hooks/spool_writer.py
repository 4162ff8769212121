"""The receiver's side of the spool: appends deliveries and syncs them, a new segment now and then, old ones deleted."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from okta_source.hooks.frame import Frame, encode
from okta_source.hooks.segments import Retention, is_segment, next_name, superfluous

__all__ = ["SpoolError", "SpoolWriter", "TenantSpool", "prepare_spool"]

_LOG = logging.getLogger(__name__)

SEGMENT_BYTES: Final = 16 * 1024 * 1024
SEGMENT_SECONDS: Final = 3600.0
_SMALLEST_SEGMENT_BYTES: Final = 256 * 1024
_LOCK_NAME: Final = ".receiver.lock"


class SpoolError(Exception):
    """The spool can't be used; the message says why and what to do."""


def prepare_spool(folder: Path, tenants: Sequence[str], patience_seconds: float = 3.5) -> int:
    """Make the folders and lock the spool: it has one writer.

    Args:
        folder: The spool.
        tenants: Whose folders are needed.
        patience_seconds: How long to wait for another receiver's end; a stop takes 3 s at most.

    Returns:
        The file descriptor that holds the lock.

    Raises:
        SpoolError: A folder can't be made or written to, or another receiver uses the spool.
    """
    try:
        for name in tenants:
            (folder / name).mkdir(parents=True, exist_ok=True)
            if not os.access(folder / name, os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write there", str(folder / name))
        lock = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _sync_folder(folder)
    except OSError as error:
        where = error.filename or folder
        msg = f"hooks.spool_dir: {where} can't be used ({error.strerror}); let this user write there, or name another folder"
        raise SpoolError(msg) from None
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(lock)
                msg = f"hooks.spool_dir: another receiver writes to {folder}; end that one, or give each a folder of its own"
                raise SpoolError(msg) from None
            time.sleep(0.05)
        else:
            return lock


class TenantSpool:
    """One tenant's segments. Used by one thread at a time.

    Args:
        folder: The tenant's folder, which exists.
        kept: How much is kept.
        now: The clock, epoch seconds.
    """

    def __init__(self, folder: Path, kept: Retention, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._kept = kept
        self._now = now
        self._segment_bytes = max(min(SEGMENT_BYTES, kept.size_bytes // 4), _SMALLEST_SEGMENT_BYTES)
        self._descriptor: int | None = None
        self._name: str | None = None
        self._started = 0.0
        self._synced_bytes = 0
        self._written_bytes = 0

    def append(self, frames: Sequence[Frame]) -> None:
        """Write deliveries; `sync` makes them durable.

        Raises:
            OSError: They couldn't be written: none of them may be confirmed.
        """
        full = self._written_bytes >= self._segment_bytes or self._now() - self._started >= SEGMENT_SECONDS
        # A segment that somebody has deleted would take deliveries that nobody reads.
        deleted = self._descriptor is not None and not os.fstat(self._descriptor).st_nlink
        if self._descriptor is None or deleted or (full and self._written_bytes):
            self._start_segment()
        assert self._descriptor is not None  # noqa: S101  # just opened
        data = memoryview(b"".join(map(encode, frames)))
        try:
            while data:
                written = os.write(self._descriptor, data)
                self._written_bytes += written
                data = data[written:]
        except OSError:
            self._give_up()
            raise

    def sync(self) -> None:
        """Make what was written durable.

        Raises:
            OSError: It may not be: nothing since the last sync may be confirmed.
        """
        if self._descriptor is None or self._written_bytes == self._synced_bytes:
            return
        try:
            os.fdatasync(self._descriptor)
        except OSError:
            self._give_up()
            raise
        self._synced_bytes = self._written_bytes

    def delete_old(self) -> None:
        """Delete what is past its age, or beyond the size, oldest first."""
        try:
            found = {entry.name: entry.stat() for entry in os.scandir(self._folder) if is_segment(entry.name)}
        except OSError as error:
            _LOG.warning("%s can't be looked through: %s", self._folder, error.strerror)
            return
        now = self._now()
        sizes = {name: status.st_size for name, status in found.items()}
        ages = {name: now - status.st_mtime for name, status in found.items()}
        for name in superfluous(sizes, ages, self._kept, self._name):
            if ages[name] <= self._kept.seconds:
                _LOG.warning("%s: %s is deleted, since the spool has more than hooks.keep_megabytes", self._folder.name, name)
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as error:
                _LOG.warning("%s can't be deleted: %s", self._folder / name, error.strerror)
                return

    def close(self) -> None:
        """Close the segment; an empty one is removed."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            if not self._written_bytes and self._name:
                with contextlib.suppress(OSError):
                    (self._folder / self._name).unlink()

    def _start_segment(self) -> None:
        self.close()
        now = self._now()
        self._folder.mkdir(parents=True, exist_ok=True)
        known = [path.name for path in self._folder.iterdir()]
        name = next_name([*known, self._name] if self._name else known, int(now * 1000))
        self._descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._name, self._started = name, now
        self._synced_bytes = self._written_bytes = 0
        try:
            _sync_folder(self._folder)
        except OSError:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Never write behind what may be torn; a segment without anything confirmed is emptied, so that a full disk gets no fuller."""
        assert self._descriptor is not None  # noqa: S101  # its writing has just failed
        if not self._synced_bytes:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                self._written_bytes = 0
                return
        os.close(self._descriptor)
        self._descriptor = None


class SpoolWriter:
    """Every tenant's spool.

    Args:
        folder: The spool, prepared.
        tenants: The tenants' names.
        kept: How much of each is kept.
        now: The clock, epoch seconds.
    """

    def __init__(self, folder: Path, tenants: Sequence[str], kept: Retention, now: Callable[[], float] = time.time) -> None:
        self._tenants = {name: TenantSpool(folder / name, kept, now) for name in tenants}

    def __getitem__(self, tenant: str) -> TenantSpool:
        return self._tenants[tenant]

    def delete_old(self) -> None:
        """Delete what is past its age, or beyond the size."""
        for spool in self._tenants.values():
            spool.delete_old()

    def close(self) -> None:
        """Close every segment."""
        for spool in self._tenants.values():
            spool.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
