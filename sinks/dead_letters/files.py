"""The files of dead letters: how several processes write to one and take lines out of it.

`<dead_letter_dir>/<sink>/<YYYY-MM-DD>.ndjson`, one letter a line, mode 0600.

Each process holds the file's lock (`flock`) while it appends. Who replaces, cuts, renames or removes a file holds the lock of the file
that it takes away; a writer that waited for it then finds another file at the path, or none, and starts over.
"""

import contextlib
import fcntl
import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from sinks.dead_letters.line import is_json
from sinks.durable import end_of_last_line, open_own, sync_directory, write_all

__all__ = ["SUFFIX", "Span", "beside", "copy_spans", "letter_files", "locked", "repair_end", "still_there", "take_out", "without"]

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


def take_out(path: Path, lines: Iterable[bytes]) -> int:
    """Take lines out of a file again, the last ones that are equal to these; the file goes when nothing is left.

    The usual case, that they are its end, costs no more than reading them. Otherwise the rest is copied, which a crash survives: there is
    the old file or the new one. Nothing that others append is lost.

    Args:
        path: The file; need not be there.
        lines: With their line feeds; each is taken out as often as it occurs here.

    Returns:
        How many were there.

    Raises:
        OSError: The operating system refuses; the file is as it was.
    """
    wanted = Counter(lines)
    missing = wanted.total()
    dropped: list[Span] = []
    with contextlib.ExitStack() as stack:
        try:
            fd = stack.enter_context(locked(path, create=False))
        except FileNotFoundError:
            return 0
        size = os.fstat(fd).st_size
        for start, line in _lines_from_end(fd, size):
            if not missing:
                break
            if wanted[line] > 0:
                wanted[line] -= 1
                missing -= 1
                dropped.append((start, start + len(line)))
        if dropped:
            _keep(path, fd, without(dropped, size))
    return len(dropped)


def letter_files(folder: Path) -> list[Path]:
    """The files of a sink's folder, by name; none where there is no folder."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith(".") and path.is_file())
    return []


def _keep(path: Path, fd: int, kept: Sequence[Span]) -> None:
    """Leave only these pieces of a locked file."""
    if not kept:
        path.unlink()
    elif len(kept) == 1 and kept[0][0] == 0:
        os.ftruncate(fd, kept[0][1])
        os.fsync(fd)
    else:
        with beside(path) as (temporary, copy):
            copy_spans(fd, kept, copy)
            os.fsync(copy)
            temporary.replace(path)
    sync_directory(path.parent)


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


def _lines_from_end(fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Each line and its offset, the last one first; holds a block or a line at a time."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        block = os.pread(fd, end - start, start)
        if start > 0:
            skipped = block.find(b"\n", 0, len(block) - 1) + 1
            if skipped:
                start, block = start + skipped, block[skipped:]
            else:
                start = end_of_last_line(fd, end - 1)
                block = os.pread(fd, end - start, start)
        position = end
        for line in reversed(block.splitlines(keepends=True)):
            position -= len(line)
            yield position, line
        end = start


def still_there(path: Path, fd: int) -> bool:
    """Whether a path names the file that a descriptor was opened by it."""
    mine = os.fstat(fd)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
