"""What files held before a run first wrote to them: the part of a file sink's memory that a crash can't undo.

A resumed sink knows from its state where the files that were in use then are to be cut. Files first written
to *after* that snapshot are not in the state, and the crash lost the snapshots that would have named them;
yet what they hold is going to be written again. So before the first byte goes to a file that the last
snapshot doesn't name, its size is noted here, with the number of that last snapshot.

On resume from snapshot *n*, a file's *base*, its size as of snapshot *n*, is the smallest size noted after
*n*: a sink's file only ever grows, so the smallest is the earliest. Notes from before *n* say nothing, and a
file without any later note hasn't been touched since. This holds for whichever snapshot a run resumes from,
the last, the one before, or none at all (n = 0), so it doesn't matter how many of the snapshots that were
taken had also been committed when the process died.

A file is noted by its key (`sinks.paths.PathTemplate.key_of`), which holds wherever the deployment is moved.

One file per sink and tenant, beside the recovery store and part of it: delete or restore them together.
A line per note; all are on the disk before `note` returns. A last line without an end is the trace of a
crash within `note`, whose file therefore has not been written to.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from sinks.durable import append_or_undo, make_directories, open_own, replace_file, sync_directory

__all__ = ["ABSENT", "Journal", "JournalDamaged"]

_VERSION = 2
_OF_ABSOLUTE_PATHS = 1

ABSENT = -1
"""The size of a file that didn't exist."""

# Notes are dropped once this many snapshots lie behind them. Bytewax commits an epoch before it starts the
# second one after it, so a run never resumes from a snapshot nearly as old.
_KEPT_SNAPSHOTS = 64
_KEPT_NOTES = 256


class _Note(msgspec.Struct, frozen=True):
    """A file had this size, in bytes, when it was first written to after this snapshot. `path` is the file's key."""

    path: str
    size: int
    after: int


class _Header(msgspec.Struct, frozen=True):
    version: int


class JournalDamaged(Exception):  # noqa: N818 (it names what happened)
    """The journal holds what no version of this program wrote."""


class Journal:
    """The notes of one sink and tenant.

    Args:
        path: The journal's own path.
        key_of_absolute: Makes a key of the absolute path by which earlier releases noted a file.

    Attributes:
        path: The journal's own path.
        outdated: Whether it was written by such a release; the first change to it makes it one of this release.

    Raises:
        JournalDamaged: The file isn't a journal, or that of a newer version.
        OSError: It can't be read.
    """

    def __init__(self, path: Path, key_of_absolute: Callable[[str], str] = str) -> None:
        self.path = path
        self.outdated = False
        self._notes: list[_Note] = []
        self._ends_whole = True
        self._compact_at = _KEPT_NOTES
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            self._exists = False
            return
        self._exists = True
        *lines, rest = data.split(b"\n")
        self._ends_whole = not rest and bool(lines)
        try:
            version = msgspec.json.decode(lines[0], type=_Header).version if lines else _VERSION
            if version not in (_VERSION, _OF_ABSOLUTE_PATHS):
                message = f"{path} is of a newer version"
                raise JournalDamaged(message)
            self._notes = [msgspec.json.decode(line, type=_Note) for line in lines[1:]]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"{path} is damaged: {error}"
            raise JournalDamaged(message) from error
        if version == _OF_ABSOLUTE_PATHS:
            self.outdated = True
            self._notes = [_Note(key_of_absolute(note.path), note.size, note.after) for note in self._notes]

    @property
    def keys(self) -> frozenset[str]:
        """Every file that is noted."""
        return frozenset(note.path for note in self._notes)

    def bases(self, snapshot: int) -> Mapping[str, int]:
        """The size that each file touched since this snapshot had when it was taken."""
        bases: dict[str, int] = {}
        for note in self._notes:
            if note.after >= snapshot:
                bases[note.path] = min(note.size, bases.get(note.path, note.size))
        return bases

    def note(self, sizes: Mapping[str, int], after: int) -> None:
        """Note the sizes of files, durably, before they are first written to.

        Args:
            sizes: The size of each file in bytes, or `ABSENT`, by key.
            after: The number of the last snapshot.

        Raises:
            OSError: It couldn't be written; then the files must not be written to either.
        """
        notes = [_Note(key, size, after) for key, size in sizes.items()]
        if self.outdated:
            self._rewrite(self._notes)
        if len(self._notes) >= self._compact_at:
            self._rewrite([old for old in self._notes if old.after >= after - _KEPT_SNAPSHOTS])
            self._compact_at = max(_KEPT_NOTES, 2 * len(self._notes))
        self._append(notes)
        self._notes += notes

    def settle(self, snapshot: int) -> None:
        """Forget what was noted since this snapshot, after every file has been brought back to its base.

        The run that starts now counts its snapshots on from this one, so an old note would mix with its own.

        Raises:
            OSError: It couldn't be written; the notes are still there, and settling can be repeated.
        """
        kept = [note for note in self._notes if note.after < snapshot]
        if len(kept) < len(self._notes) or not self._ends_whole or self.outdated:
            self._rewrite(kept)

    def _append(self, notes: list[_Note]) -> None:
        if not self._exists:
            make_directories(self.path.parent, 0o700)
        fd = open_own(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            size = os.fstat(fd).st_size
            append_or_undo(fd, _lines(notes if size else [_Header(_VERSION), *notes]), size)
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if not self._exists:
            sync_directory(self.path.parent)
            self._exists = True

    def _rewrite(self, notes: list[_Note]) -> None:
        replace_file(self.path, _lines([_Header(_VERSION), *notes]))
        self._notes = notes
        self._ends_whole = True
        self.outdated = False


def _lines(items: Iterable[msgspec.Struct]) -> bytes:
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)
