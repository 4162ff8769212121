"""Bytes that are on the disk when the call returns: what files need beyond `open` and `write`."""

import contextlib
import os
import stat
from pathlib import Path

__all__ = [
    "append_or_undo", "end_of_last_line", "make_directories", "replace_file", "sync_directory", "write_all", "write_into",
]  # fmt: skip

_SCAN_BYTES = 1 << 16
_DEVICES = ("/dev/", "/proc/")


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, in as many calls as the kernel wants.

    Raises:
        OSError: The kernel refused; a part may be written.
    """
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)
        while written < len(data):
            written += os.write(fd, view[written:])


def append_or_undo(fd: int, data: bytes, size_bytes: int) -> None:
    """Write every byte at the end of a file, or none.

    Args:
        fd: A file opened for appending.
        data: What to write.
        size_bytes: The file's size before, to which it is cut back when the kernel refuses halfway.

    Raises:
        OSError: The kernel refused; the file is as it was.
    """
    try:
        write_all(fd, data)
    except OSError:
        # What could be worse than a full disk is half a line that the next event is glued to.
        with contextlib.suppress(OSError):
            os.ftruncate(fd, size_bytes)
        raise


def end_of_last_line(fd: int, size_bytes: int) -> int:
    """The offset behind a file's last line feed, 0 where there is none.

    Args:
        fd: A file opened for reading.
        size_bytes: Where to look back from.
    """
    end = size_bytes
    while end > 0:
        start = max(0, end - _SCAN_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def sync_directory(path: str | Path) -> None:
    """Make the names in a directory durable: without it a new file may vanish in a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directories(path: Path, mode: int = 0o777) -> None:
    """Make a directory and its missing parents, all with this mode, durably.

    Raises:
        OSError: One of them couldn't be made, or there is a file of that name.
    """
    if path.is_dir():
        return
    make_directories(path.parent, mode)
    path.mkdir(mode, exist_ok=True)
    sync_directory(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Put new content in a file's place: whatever happens, there is the old content or the new.

    Raises:
        OSError: It couldn't be written; the old content is still there.
    """
    temporary = path.with_name(path.name + ".tmp")
    fd = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
    sync_directory(path.parent)


def write_into(path: Path, data: bytes) -> None:
    """Write a file that somebody has named, into what is there: a plain file is replaced at once, a link stays and its file is replaced.

    What is no plain file (a pipe, a terminal, a device such as /dev/stdout) is written to.

    Raises:
        OSError: It couldn't be written; `ENXIO` for a pipe that nobody reads.
    """
    try:
        is_plain = stat.S_ISREG(path.stat().st_mode) and not str(path).startswith(_DEVICES)
    except FileNotFoundError:
        is_plain = True
    if is_plain:
        replace_file(Path(os.path.realpath(path)), data)
        return
    # Without waiting for a reader: a run that is over would never end.
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.set_blocking(fd, True)
        write_all(fd, data)
    finally:
        os.close(fd)
