"""Bringing files to a known end: back to a snapshot, or to where something can be appended."""

import logging
import os
from pathlib import Path

from sinks.durable import end_of_last_line, open_own, sync_directory, write_all
from sinks.file.compression import Compression, end_of_last_frame
from sinks.file.journal import ABSENT

__all__ = ["cut_back", "drop_unfinished_end", "repair_end", "size_of"]

_LOG = logging.getLogger(__name__)

_COPY_BYTES = 1 << 20


def size_of(path: str) -> int:
    """A file's size in bytes, `ABSENT` where there is none."""
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return ABSENT


def cut_back(path: str, size_bytes: int) -> int:
    """Cut a file to a size that it had, durably. Repeating it changes nothing.

    Args:
        path: The file.
        size_bytes: The size; `ABSENT` removes the file.

    Returns:
        The file's size now; less than `size_bytes` if it was shorter before, `ABSENT` if it is missing.

    Raises:
        OSError: The operating system refuses.
    """
    size = size_of(path)
    if size <= size_bytes:
        return size
    if size_bytes == ABSENT:
        Path(path).unlink()
        sync_directory(Path(path).parent)
    else:
        _truncate(path, size_bytes)
    return size_bytes


def drop_unfinished_end(path: str, compression: Compression) -> None:
    """Cut off a trailing half line, or half frame, of a file that the sink wrote and someone cut.

    Raises:
        OSError: The operating system refuses.
    """
    size = size_of(path)
    whole = _whole_size(path, size, compression)
    if whole < size:
        _truncate(path, whole)


def repair_end(path: str, compression: Compression) -> None:
    """Make sure that what is appended to a file of unknown origin can be read, without losing a byte of it.

    Half a line gets its line feed. Half a compressed frame would make everything behind it unreadable, so
    it is moved to a file beside, `<path>.unfinished`.

    Raises:
        OSError: The operating system refuses.
    """
    size = size_of(path)
    if size <= 0:
        return
    if compression == "none":
        fd = open_own(path, os.O_RDWR | os.O_APPEND)
        try:
            if os.pread(fd, 1, size - 1) != b"\n":
                write_all(fd, b"\n")
                # Before anyone notes the size: a size that a power cut undoes would be taken for a loss.
                os.fsync(fd)
        finally:
            os.close(fd)
        return
    whole = _whole_size(path, size, compression)
    if whole < size:
        aside = f"{path}.unfinished"
        _LOG.warning("%s ends in an unfinished %s frame, moved to %s", path, compression, aside)
        _copy_end(path, whole, aside)
        _truncate(path, whole)


def _whole_size(path: str, size_bytes: int, compression: Compression) -> int:
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        if compression == "none":
            return end_of_last_line(file.fileno(), size_bytes)
        return end_of_last_frame(file, compression)


def _truncate(path: str, size_bytes: int) -> None:
    fd = open_own(path, os.O_WRONLY)
    try:
        os.ftruncate(fd, size_bytes)
        os.fsync(fd)
    finally:
        os.close(fd)


def _copy_end(path: str, start: int, aside: str) -> None:
    fd = open_own(aside, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o640)
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            file.seek(start)
            while data := file.read(_COPY_BYTES):
                write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(Path(aside).parent)
