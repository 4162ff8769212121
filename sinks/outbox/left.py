"""What outboxes still hold: at the end of a run, and at the start of one that sends nothing of it."""

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sinks.documents import rfc3339
from sinks.outbox.position import Position
from sinks.outbox.reading import written_at
from sinks.outbox.segments import missing_between, segments_in

__all__ = ["Left", "left_by_others"]


@dataclass(frozen=True, slots=True)
class Left:
    """What an outbox still holds.

    Attributes:
        sink: The sink's name.
        size_bytes: How much.
        oldest_at: When the oldest of it was written, epoch seconds; None where that can't be read.
        folder: Where it is.
    """

    sink: str
    size_bytes: int
    oldest_at: float | None
    folder: Path

    @property
    def waiting(self) -> str:
        """How much waits, since when and where, for people."""
        since = f" since {rfc3339(datetime.fromtimestamp(self.oldest_at, UTC))}" if self.oldest_at is not None else ""
        return f"{self.size_bytes / 1e6:,.3g} MB of events wait{since} in {self.folder}"

    def __str__(self) -> str:
        return f"sink {self.sink}: {self.waiting}; the next run sends them"


def left_by_others(outbox_dir: Path, senders: Collection[str]) -> Iterator[Left]:
    """What waits in folders of sinks that are none of these; what can't be looked at is passed over.

    Args:
        outbox_dir: Where all sinks have their folders.
        senders: The names of the sinks that send.
    """
    folders: list[Path] = []
    with contextlib.suppress(OSError):
        folders = sorted(outbox_dir.iterdir())
    for folder in folders:
        if folder.name in senders or folder.name.startswith(".") or not folder.is_dir():
            continue
        size_bytes, oldest_at = 0, None
        with contextlib.suppress(OSError):
            for tenant in folder.iterdir():
                waits, since = _waiting(tenant)
                size_bytes += waits
                oldest_at = min(filter(None, (oldest_at, since)), default=None)
        if size_bytes:
            yield Left(folder.name, size_bytes, oldest_at, folder)


def _waiting(folder: Path) -> tuple[int, float | None]:
    segments = list(segments_in(folder))
    if not segments:
        return 0, None
    start, path = segments[-1]
    end = start + path.stat().st_size
    done = max(segments[0][0], min(Position(folder).read(), end))
    return end - done - missing_between(segments, done, end), written_at(segments, done, end)
