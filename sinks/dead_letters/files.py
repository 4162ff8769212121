"""The files of dead letters: how several processes write to one and take lines out of it.

`<dead_letter_dir>/<sink>/<YYYY-MM-DD>.ndjson`, one letter a line, mode 0600.

Each process holds the file's lock (`flock`) while it appends. Who replaces, cuts, renames or removes a file holds the lock of the file
that it takes away; a writer that waited for it then finds another file at the path, or none, and starts over.
"""

import contextlib
import fcntl
import os
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Final

from sinks.dead_letters.line import is_json
from sinks.durable import end_of_last_line, open_own, write_all

__all__ = ["SUFFIX", "Span", "beside", "copy_spans", "letter_files", "locked", "repair_end", "still_there", "without"]

Span = tuple[int, int]
"""Where a piece of a file begins and ends, in bytes."""

SUFFIX: Final = ".ndjson"
_BLOCK_BYTES: Final = 1 << 20


@contextlib.contextmanager
def locked(path: Path, *, create: bool = True) -> Generator[int, None, None]:
    """Open a dead letter file and hold its lock; the path names this very file meanwhile.

    Args:
        path: The file.
        create: Whether to make it if need be.

    Yields:
        The descriptor, for reading and appending.

    Raises:
        OSError: The operating system refuses, or there is no such file.
    """
    flags = os.O_RDWR | os.O_APPEND | (os.O_CREAT if create else 0)
    while True:
        fd = open_own(path, flags)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if still_there(path, fd):
                yield fd
                return
        finally:
            os.close(fd)


def repair_end(fd: int) -> int:
    """Bring a locked file to the end of a line; returns its size in bytes.

    A last line that is whole JSON, as an editor leaves it, gets its line feed. Another one is what a crash
    left of a letter; the run that was writing it had not gone on, so its letter comes again.
    """
    size = os.fstat(fd).st_size
    end = end_of_last_line(fd, size)
    if end == size:
        return size
    if is_json(os.pread(fd, size - end, end)):
        os.write(fd, b"\n")
        return size + 1
    os.ftruncate(fd, end)
    return end


def letter_files(folder: Path) -> list[Path]:
    """The files of a sink's folder, by name; none where there is no folder."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith(".") and path.is_file())
    return []


@contextlib.contextmanager
def beside(path: Path) -> Generator[tuple[Path, int], None, None]:
    """A new file beside another one, to be renamed; goes away when that fails.

    Yields:
        Its path and descriptor.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    fd = open_own(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    try:
        yield temporary, fd
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def copy_spans(source: int, spans: Iterable[Span], target: int) -> None:
    """Append pieces of a file to another one, a block at a time.

    Raises:
        OSError: The operating system refuses.
    """
    for start, end in spans:
        position = start
        while position < end:
            block = os.pread(source, min(_BLOCK_BYTES, end - position), position)
            if not block:
                message = "the file became shorter while it was read"
                raise OSError(message)
            write_all(target, block)
            position += len(block)


def without(dropped: Iterable[Span], size: int) -> list[Span]:
    """What remains of a file of this size, in order."""
    rest: list[Span] = []
    position = 0
    for start, end in sorted(dropped):
        if start > position:
            rest.append((position, start))
        position = end
    if position < size:
        rest.append((position, size))
    return rest


def still_there(path: Path, fd: int) -> bool:
    """Whether a path names the file that a descriptor was opened by it."""
    mine = os.fstat(fd)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
