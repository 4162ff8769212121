"""Dead letters: what a target refused for good, as files that `replay` sends again.

`<dead_letter_dir>/<sink>/<YYYY-MM-DD>.ndjson`, one JSON object a line, by the day (UTC) of the last attempt.
The event is the last member, byte for byte as the sink was given it.

Several processes may write to one file: each holds the file's lock (`flock`) while it writes. Who replaces or
removes a file, as `replay` does, holds the lock of the file that it takes away; a writer that waited for it
then finds another file at the path, or none, and starts over.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Generator, Iterable, Sequence
from datetime import UTC
from pathlib import Path

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from sinks.documents import Rejected, rfc3339
from sinks.durable import append_or_undo, end_of_last_line, make_directories, sync_directory
from sinks.errors import stopped_by
from sinks.metrics import SinkMetrics
from sinks.paths import safe_name

__all__ = ["DeadLetterFile", "DeadLetterPartition", "DeadLetterSink", "encode", "locked"]

_LINE_BREAKS_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")


def encode(rejected: Rejected) -> bytes:
    r"""One line, with its line feed.

    An event that is JSON is spliced in untouched, but for line breaks, which only stand between tokens there
    and become spaces. Anything else becomes a JSON string, its undecodable bytes escaped as `\xff`.
    """
    published = rejected.published
    about = _encode({
        "tenant": rejected.tenant,
        "sink": rejected.sink,
        "reason": rejected.reason,
        "status": rejected.status,
        "attempts": rejected.attempts,
        "first_attempt_at": rfc3339(rejected.first_attempt_at),
        "last_attempt_at": rfc3339(rejected.last_attempt_at),
        "uuid": rejected.uuid,
        "published": published if published is None or isinstance(published, str) else rfc3339(published),
        "format": rejected.format,
    })  # fmt: skip
    if _is_json(rejected.event):
        event = rejected.event.translate(_LINE_BREAKS_TO_SPACES)
    else:
        event = _encode(rejected.event.decode(errors="backslashreplace"))
    return b"".join((about[:-1], b',"event":', event, b"}\n"))


@contextlib.contextmanager
def locked(path: Path) -> Generator[int, None, None]:
    """Open a dead letter file, made if need be, and hold its lock; the path names this very file meanwhile.

    Yields:
        The descriptor, for reading and appending.

    Raises:
        OSError: The operating system refuses.
    """
    while True:
        fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if _still_there(path, fd):
                yield fd
                return
        finally:
            os.close(fd)


class DeadLetterFile:
    """Appends dead letters, durably; what it returns from is on the disk.

    The directories get mode 0700 and the files 0600, since dead letters hold personal data.
    """

    def __init__(self, directory: Path) -> None:
        """Touches no file.

        Args:
            directory: `dead_letter_dir`, with a folder for each sink.
        """
        self._directory = directory
        self._metrics: dict[str, SinkMetrics] = {}

    def append(self, letters: Sequence[Rejected]) -> None:
        """Write dead letters of any sinks and tenants, all with one write and one sync per file.

        Raises:
            SinkStopped: They can't be written. None may be dropped, so the run must end.
        """
        by_path: dict[Path, list[Rejected]] = {}
        for letter in letters:
            by_path.setdefault(self.path_of(letter), []).append(letter)
        for path, group in by_path.items():
            try:
                self._append_lines(path, b"".join(encode(letter) for letter in group))
            except OSError as error:
                sink = group[0].sink
                raise stopped_by(error, sink=sink, tenant="", path=str(path), resumes=None) from error
            self._count(group)

    def path_of(self, letter: Rejected) -> Path:
        """Where a dead letter goes."""
        day = letter.last_attempt_at.astimezone(UTC).date()
        return self._directory / safe_name(letter.sink) / f"{day.isoformat()}.ndjson"

    def _append_lines(self, path: Path, lines: bytes) -> None:
        make_directories(path.parent, 0o700)
        with locked(path) as fd:
            size = _repair_end(fd)
            append_or_undo(fd, lines, size)
            os.fsync(fd)
            if size == 0:
                sync_directory(path.parent)

    def _count(self, letters: Iterable[Rejected]) -> None:
        counts: dict[tuple[str, str], int] = {}
        for letter in letters:
            key = letter.sink, letter.tenant
            counts[key] = counts.get(key, 0) + 1
        for (sink, tenant), count in counts.items():
            if sink not in self._metrics:
                self._metrics[sink] = SinkMetrics(sink)
            self._metrics[sink].events(tenant, "dead_letter", count)


class DeadLetterPartition(StatelessSinkPartition[Rejected]):
    """Writes the dead letters of one worker."""

    def __init__(self, file: DeadLetterFile) -> None:
        self._file = file

    def write_batch(self, items: list[Rejected]) -> None:
        """Append dead letters, durably.

        Raises:
            SinkStopped: They can't be written.
        """
        self._file.append(items)


class DeadLetterSink(DynamicSink[Rejected]):
    """A stream of dead letters, each to the file of its sink.

    Unit of parallelism: the worker. Delivery: at least once; after a crash a dead letter may be there twice.
    It has no snapshot.
    """

    def __init__(self, directory: Path) -> None:
        """Touches no file.

        Args:
            directory: `dead_letter_dir`, with a folder for each sink.
        """
        self._file = DeadLetterFile(directory)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> DeadLetterPartition:  # noqa: ARG002
        """A writer for one worker."""
        return DeadLetterPartition(self._file)


def _encode(value: object) -> bytes:
    # A lone surrogate in a reason becomes its \\u escape, which JSON knows too.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _is_json(event: bytes) -> bool:
    try:
        # Not msgspec: it refuses a lone surrogate's escape, which is JSON. NaN and the infinities are not.
        json.loads(event.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)


def _still_there(path: Path, fd: int) -> bool:
    mine = os.fstat(fd)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _repair_end(fd: int) -> int:
    """Bring the file to the end of a line; returns its size in bytes.

    A last line that is whole JSON, as an editor leaves it, gets its line feed. Another one is what a crash
    left of a letter; the run that was writing it had not gone on, so its letter comes again.
    """
    size = os.fstat(fd).st_size
    end = end_of_last_line(fd, size)
    if end == size:
        return size
    if _is_json(os.pread(fd, size - end, end)):
        os.write(fd, b"\n")
        return size + 1
    os.ftruncate(fd, end)
    return end
