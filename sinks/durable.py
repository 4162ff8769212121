"""Bytes that are on the disk when the call returns: what files need beyond `open` and `write`."""

import contextlib
import errno
import os
import stat
from pathlib import Path

__all__ = [
    "ForeignFileError", "append_or_undo", "end_of_last_line", "make_directories", "open_own", "replace_file", "sync_directory", "write_all",
    "write_into",
]  # fmt: skip

_SCAN_BYTES = 1 << 16
_LINK = "there is a symbolic link of that name"
_NOT_PLAIN = "there is something of that name that is no plain file"
_DEVICES = ("/dev/", "/proc/")
_MOVE = "move it away, or change the path"


class ForeignFileError(OSError):
    """What stands at a path is no file of ours, and is left as it is.

    Attributes:
        reason: What it is instead.
        fix: What to do about it.
    """

    def __init__(self, reason: str, fix: str, path: str) -> None:
        super().__init__(errno.EEXIST, reason, path)
        self.reason = reason
        self.fix = fix


def open_own(path: str | Path, flags: int, mode: int = 0o600) -> int:
    """Open a plain file of our own: neither followed elsewhere nor waited for.

    Where somebody else may write to the folder, a link would have us append to a file of their choice, and a FIFO hold up every tenant: to
    open one waits for its reader, in the kernel, where no signal is heard.

    Args:
        path: The file.
        flags: Of `os.open`.
        mode: Of a file that is made, before the umask.

    Raises:
        ForeignFileError: It is a link, no plain file, or belongs to another user.
        OSError: The operating system refuses.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP and Path(path).is_symlink():
            raise ForeignFileError(_LINK, "remove the link, or name the file itself", str(path)) from None
        if error.errno == errno.ENXIO:  # a FIFO without a reader, or a socket
            raise ForeignFileError(_NOT_PLAIN, _MOVE, str(path)) from None
        raise
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise ForeignFileError(_NOT_PLAIN, _MOVE, str(path))
        if status.st_uid != os.geteuid():
            reason = f"the file of that name belongs to another user (uid {status.st_uid})"
            raise ForeignFileError(reason, "run as that user, or give the file to the one that runs the pipeline (chown)", str(path))
    except OSError:
        os.close(fd)
        raise
    return fd


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
    fd = open_own(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
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
