"""Dead letter files in the hands of who sends them again, while others go on writing.

Who sends letters again *claims* their file: it becomes `<name>.replaying.ndjson`, and the path is free for new letters. So nobody waits for
a replay, and no replay takes a line away that it has not read. Afterwards what is left is given back, in front of what was written
meanwhile. A claimed file that a killed process left is whole, and the next one takes it back first.
"""

import contextlib
import fcntl
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from sinks.dead_letters.files import SUFFIX, Span, beside, copy_spans, letter_files, locked, repair_end, still_there, without
from sinks.durable import open_own, sync_directory

__all__ = ["ReplayUnderWay", "claim", "give_back", "original_name", "sole_replay", "take_back_claims"]

_CLAIMED: Final = ".replaying"
_LOCK_NAME: Final = ".replay.lock"


class ReplayUnderWay(Exception):  # noqa: N818 (it names what is)
    """Somebody else sends the letters of this folder again at this moment; the text is the lock's path."""


@contextlib.contextmanager
def sole_replay(folder: Path) -> Generator[None, None, None]:
    """Be the only one who claims files of this folder. The lock ends with its process, however that ends.

    Raises:
        ReplayUnderWay: Somebody else does.
        OSError: The operating system refuses.
    """
    path = folder / _LOCK_NAME
    while True:
        fd = open_own(path, os.O_CREAT | os.O_RDWR)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ReplayUnderWay(str(path)) from None
            if not still_there(path, fd):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
        finally:
            os.close(fd)


def claim(path: Path) -> Path | None:
    """Put a file aside, to be read and to be given back by its only owner.

    Returns:
        Where it is now; None where there was nothing in it, or it has gone: a flow takes out what it delivers after all.

    Raises:
        OSError: The operating system refuses.
    """
    with contextlib.ExitStack() as stack:
        try:
            fd = stack.enter_context(locked(path, create=False))
        except FileNotFoundError:
            return None
        if repair_end(fd) == 0:
            path.unlink()
            return None
        claimed = path.with_name(path.stem + _CLAIMED + SUFFIX)
        path.rename(claimed)
        sync_directory(path.parent)
        return claimed


def take_back_claims(folder: Path) -> None:
    """Give back whole what a killed process had claimed.

    Raises:
        OSError: The operating system refuses.
    """
    for path in letter_files(folder):
        if path.stem.endswith(_CLAIMED):
            give_back(path, [])


def give_back(claimed: Path, dropped: Sequence[Span]) -> None:
    """Put a claimed file back to its place, without some of its lines and in front of what was written there meanwhile.

    After a crash halfway its lines may be there twice.

    Args:
        claimed: The file.
        dropped: What of it shall go, ascending.

    Raises:
        OSError: The operating system refuses; the claimed file is as it was.
    """
    path = claimed.with_name(original_name(claimed))
    source = open_own(claimed, os.O_RDONLY)
    try:
        kept = without(dropped, os.fstat(source).st_size)
        if not kept:
            claimed.unlink()
            sync_directory(path.parent)
            return
        if not dropped:
            with locked(path) as fd:
                if os.fstat(fd).st_size == 0:
                    claimed.replace(path)
                    sync_directory(path.parent)
                    return
        with beside(claimed) as (temporary, copy):
            copy_spans(source, kept, copy)
            os.fsync(copy)  # the long part, while nobody waits for the lock
            with locked(path) as fd:
                copy_spans(fd, [(0, repair_end(fd))], copy)
                os.fsync(copy)
                temporary.replace(path)
                sync_directory(path.parent)
    finally:
        os.close(source)
    claimed.unlink()
    sync_directory(path.parent)


def original_name(claimed: Path) -> str:
    """The name that a claimed file had before."""
    return claimed.stem.removesuffix(_CLAIMED) + SUFFIX
