"""One owner for a state directory: whoever writes to it holds its lock for life, taken before anything in it is touched or asked.

Two runs on one state would poll each tenant twice and cut each other's files, and the second one's fence (`flows.runtime.recovery`) would
delete snapshots of the first. So the owner is a process, or the processes of one cluster, and everybody else is refused.

The lock is the kernel's (flock), so it ends with the process, however that ends, and holds between containers on one host; between hosts as
far as their shared file system knows locks. In the folder `owner` of the state directory lie

| file | lock |
|---|---|
| `run` | exclusive: a run of one process. Shared: processes of one cluster. It says who they are; of no worth once nobody holds it |
| `process-K` | exclusive: process K of a cluster, so that nobody takes its seat while it lives |
| `guard` | exclusive, for the moment in which the above are looked at and taken |

A cluster's processes begin together: the first one finds nobody and founds the ownership, the others join it, each number once. As long as
some are missing, nothing has begun (Bytewax connects all of them first), so that one that died may be started again. Once all have joined,
nobody joins any more: one that died has the others end too, and the next start founds anew when the last of them has gone. What a fence
deletes is therefore never of a run that lives.
"""

import fcntl
import logging
import os
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from flows.runtime.invocation import Seat
from flows.runtime.stores import StateUnusable

__all__ = ["LAUNCHER", "Holder", "guarded", "hold", "hold_for_life", "holders"]

LAUNCHER: Final = -1
"""The seat of `python -m flows.cluster` itself, which founds what its processes join."""

_LOG = logging.getLogger(__name__)
_FOLDER: Final = "owner"
_PATIENCE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.1
_LONGEST_COMMAND: Final = 300
_held: dict[tuple[int, int], "_Locks"] = {}


class Holder(msgspec.Struct, frozen=True):
    """Who holds a state directory.

    Attributes:
        pid: Process ID.
        host: The host, or container, that it counts on.
        command: Its command line.
        since: RFC 3339, UTC.
    """

    pid: int
    host: str
    command: str
    since: str

    def describe(self) -> str:
        """For people."""
        where = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"pid {self.pid}{where} ({self.command}), since {self.since}"


class _Record(msgspec.Struct, omit_defaults=True):
    joined: dict[str, Holder]
    cluster: str = ""
    size: int = 1

    @property
    def complete(self) -> bool:
        return len(set(self.joined) - {str(LAUNCHER)}) >= self.size


class _Locks:
    """Descriptors that hold locks."""

    def __init__(self, *descriptors: int) -> None:
        self._descriptors = descriptors

    def release(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)


@contextmanager
def hold(
    directory: Path, seat: Seat | None = None, *, subject: str = "", patience_seconds: float = _PATIENCE_SECONDS
) -> Generator[None, None, None]:
    """Hold a directory.

    Args:
        directory: It must be there.
        seat: The process's seat in its cluster; None for a run of one process.
        subject: What it is, for people, such as `The archive data`; by default it is a state directory.
        patience_seconds: How long to wait for another run's end; a stop takes 2 s.

    Raises:
        StateUnusable: Another run holds it, or it can't be locked.
    """
    locks = _take(directory, seat, subject or f"The state directory {directory}", patience_seconds)
    try:
        yield
    finally:
        locks.release()


def hold_for_life(directory: Path, seat: Seat | None = None, *, subject: str = "", patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """The same until this process ends, however it ends. Asking again for what it holds already changes nothing.

    Raises:
        StateUnusable: As for `hold`.
    """
    subject = subject or f"The state directory {directory}"
    with _explained(subject):
        status = directory.stat()
    identity = status.st_dev, status.st_ino
    if identity not in _held:
        _held[identity] = _take(directory, seat, subject, patience_seconds)


def holders(directory: Path) -> list[Holder]:
    """Who holds a state directory at this moment; nobody where it is free."""
    with suppress(FileNotFoundError):
        run = os.open(directory / _FOLDER / "run", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return [] if _locked(run, fcntl.LOCK_EX) else _by_number(_read(run))
        finally:
            os.close(run)
    return []


@contextmanager
def guarded(directory: Path) -> Generator[None, None, None]:
    """Be alone among the processes of one's own cluster, for a moment. The directory must be held.

    Raises:
        OSError: It isn't.
    """
    guard = os.open(directory / _FOLDER / "guard", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
    finally:
        os.close(guard)


def _take(directory: Path, seat: Seat | None, subject: str, patience_seconds: float) -> _Locks:
    deadline = time.monotonic() + patience_seconds
    folder = directory / _FOLDER
    waits = False
    with _explained(subject):
        folder.mkdir(mode=0o700, exist_ok=True)
        while True:
            found = _look(folder, seat)
            if isinstance(found, _Locks):
                return found
            if time.monotonic() >= deadline:
                break
            if not waits:
                waits = True
                _LOG.info("%s is in use by %s; waiting up to %g s for its end", subject, _describe(found), patience_seconds)
            time.sleep(_LOOK_SECONDS)
    msg = f"{subject} is in use by {_describe(found)}: end that run first, or give this one a directory of its own."
    raise StateUnusable(msg)


def _look(folder: Path, seat: Seat | None) -> _Locks | _Record:
    """Take what is free, or what is ours already; else say whose it is."""
    guard = _open(folder / "guard")
    try:
        run = _open(folder / "run")
        if not _locked(guard, fcntl.LOCK_EX):
            record = _read(run)
            os.close(run)
            return record
        return _found(folder, run, seat) if _locked(run, fcntl.LOCK_EX) else _join(folder, run, seat)
    finally:
        os.close(guard)


def _found(folder: Path, run: int, seat: Seat | None) -> _Locks:
    if seat is None:
        _write(run, _Record({"0": _myself()}))
        return _Locks(run)
    process = _open(folder / f"process-{seat.process}")
    # Nobody lives: whoever held it before is only just gone, or about to be, without anything in the directory to do.
    fcntl.flock(process, fcntl.LOCK_EX)
    _write(run, _Record({str(seat.process): _myself()}, seat.cluster, seat.size))
    # For a moment nobody holds it, which nobody can make use of without the guard.
    fcntl.flock(run, fcntl.LOCK_SH)
    return _Locks(run, process)


def _join(folder: Path, run: int, seat: Seat | None) -> _Locks | _Record:
    record = _read(run)
    if seat is not None and record.cluster == seat.cluster and _locked(run, fcntl.LOCK_SH):
        number = str(seat.process)
        process = _open(folder / f"process-{seat.process}")
        if not record.complete and _locked(process, fcntl.LOCK_EX):
            _write(run, _Record({**record.joined, number: _myself()}, record.cluster, record.size))
            return _Locks(run, process)
        os.close(process)
    os.close(run)
    return record


def _myself() -> Holder:
    command = " ".join(sys.orig_argv)
    if len(command) > _LONGEST_COMMAND:
        command = command[:_LONGEST_COMMAND] + " …"
    since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Holder(os.getpid(), socket.gethostname(), command, since)


def _describe(record: _Record) -> str:
    described = [holder.describe() for holder in _by_number(record)]
    return described[0] if described else "another run"


def _by_number(record: _Record) -> list[Holder]:
    return [holder for _, holder in sorted(record.joined.items(), key=lambda item: int(item[0]))]


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(run: int) -> _Record:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(os.pread(run, os.fstat(run).st_size, 0), type=_Record)
    return _Record({})


def _write(run: int, record: _Record) -> None:
    os.ftruncate(run, 0)
    os.pwrite(run, msgspec.json.encode(record), 0)


@contextmanager
def _explained(subject: str) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        msg = (
            f"{subject} can't be locked ({error.strerror}): it has to be a folder that this user may write to, on a file system with locks."
        )
        raise StateUnusable(msg) from None
