"""Dead letters: what a target refused for good, as files that `replay` sends again.

`<dead_letter_dir>/<sink>/<YYYY-MM-DD>.ndjson`, one JSON object a line, by the day (UTC) of the last attempt.
The event is the last member, byte for byte as the sink was given it.

Several processes may write to one file; `sinks.dead_letters.files` says how.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from pathlib import Path

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from sinks.dead_letters import count
from sinks.dead_letters.files import locked, repair_end
from sinks.dead_letters.line import encode
from sinks.documents import Rejected
from sinks.durable import append_or_undo, make_directories, sync_directory
from sinks.errors import stopped_by
from sinks.metrics import SinkMetrics
from sinks.paths import safe_name

__all__ = ["DeadLetterFile", "DeadLetterPartition", "DeadLetterSink", "encode", "locked"]

_PIECE_BYTES = 1024 * 1024


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
        for path, group in self._by_path(letters).items():
            try:
                self._append_lines(path, map(encode, group))
            except OSError as error:
                sink = group[0].sink
                raise stopped_by(error, sink=sink, tenant="", path=str(path), resumes=None) from error
            self._count(group)
            count.count(group)

    def path_of(self, letter: Rejected) -> Path:
        """Where a dead letter goes."""
        day = letter.last_attempt_at.astimezone(UTC).date()
        return self._directory / safe_name(letter.sink) / f"{day.isoformat()}.ndjson"

    def _by_path(self, letters: Iterable[Rejected]) -> dict[Path, list[Rejected]]:
        by_path: dict[Path, list[Rejected]] = {}
        for letter in letters:
            by_path.setdefault(self.path_of(letter), []).append(letter)
        return by_path

    def _append_lines(self, path: Path, lines: Iterable[bytes]) -> None:
        make_directories(path.parent, 0o700)
        with locked(path) as fd:
            size = repair_end(fd)
            for piece in _pieces(lines):  # a page of letters is as large as a page, and joined it would be there twice
                append_or_undo(fd, piece, size)
            os.fsync(fd)
            if size == 0:
                sync_directory(path.parent)

    def _count(self, letters: Iterable[Rejected]) -> None:
        counts: dict[tuple[str, str], int] = {}
        for letter in letters:
            key = letter.sink, letter.tenant
            counts[key] = counts.get(key, 0) + 1
        for (sink, tenant), number in counts.items():
            if sink not in self._metrics:
                self._metrics[sink] = SinkMetrics(sink)
            self._metrics[sink].events(tenant, "dead_letter", number)


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    piece: list[bytes] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size >= _PIECE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    if piece:
        yield b"".join(piece)


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
