"""One tenant's outbox: what was written, what is on its way, and what is done with, as offsets that only grow.

    <outbox_dir>/<sink>/<tenant>/00000000000000000000.ndjson    segments, each named by the offset at which it begins
    <outbox_dir>/<sink>/<tenant>/position                       behind this offset nothing is done with yet
    <outbox_dir>/<sink>/<tenant>/00000000000000000000.damaged   what could not be read there; nobody reads it again

An offset never comes back: a segment that is done with is deleted, and the next one goes on counting. So a snapshot needs no more than the
offset of the end: on resume all behind it is cut off, since it comes again from Okta, in the same pages. What is done with but lies behind
that end is sent again then, under the same ids.

The position is written as events are done with, and synced before a segment is deleted, unless a snapshot says the same: a thousand
outboxes that are closed at once would need a thousand syncs. One that a power cut has lost is an older one, by which events are sent again;
never a newer one.
"""

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sinks.documents import Documents
from sinks.durable import make_directories
from sinks.errors import SinkStopped
from sinks.file.open_files import OpenFiles
from sinks.file.output_file import Moved, OutputFile
from sinks.outbox.damage import put_aside
from sinks.outbox.frame import encode
from sinks.outbox.position import Position
from sinks.outbox.reading import read_onward, written_at
from sinks.outbox.resume import resumed
from sinks.outbox.segments import segment_path

__all__ = ["Log", "Page"]

SEGMENT_BYTES = 16 * 1024 * 1024
"""How long a segment grows before another one is begun: what a disk is given back at once."""
_WORTH_DELETING_BYTES = 1024 * 1024


@dataclass(slots=True, eq=False)
class Page:
    """A page that is on its way.

    Attributes:
        log: Where it lies.
        end: The offset behind it.
        at: When it was written, epoch seconds.
        left: How many of its events are not done with.
    """

    log: "Log"
    end: int
    at: float
    left: int


class Log:
    """Not thread-safe: who shares it holds a lock, except while `append` writes and `read` reads, which only one thread each may do.

    Args:
        folder: Its own.
        tenant: Whose events it holds.
        state: The last snapshot's; None where there is none. That of an earlier version, or of another outbox, says nothing of this one.
        outbox: The outbox's name.
        open_files: The files that the same worker has open.
        stopped: Makes the error to raise of what the operating system says about a path.

    Attributes:
        end: The offset behind what was written.
        fed: The offset behind what is on its way, or done with.
        done: The offset behind what is done with.

    Raises:
        SinkStopped: The files can't be read, or not be cut back.
    """

    def __init__(
        self,
        folder: Path,
        tenant: str,
        state: dict[str, Any] | None,
        outbox: str,
        open_files: OpenFiles,
        stopped: Callable[[OSError, str], SinkStopped],
    ) -> None:
        self.folder = folder
        self.tenant = tenant
        self._outbox = outbox
        self._open_files = open_files
        self._stopped = stopped
        self._current: OutputFile | None = None
        self._rolled: list[OutputFile] = []
        self._pages: deque[Page] = deque()
        self._position = Position(folder)
        try:
            where = resumed(folder, self._position, tenant, outbox, state)
        except OSError as error:
            raise stopped(error, str(folder)) from error
        self.end, self.fed, self.done = where.end, where.done, where.done
        # Up to which offset no later run writes it again, and up to which the last snapshot knows that it is done with.
        self._covered, self._told = where.end, where.told
        # Where each segment begins; the last one is the one that is written. Replaced as a whole, since another thread reads it.
        self._segments = where.segments

    @property
    def waiting_bytes(self) -> int:
        """How much is not done with."""
        return self.end - self.done

    @property
    def lags(self) -> bool:
        """Whether there is something that is not on its way yet."""
        return self.fed < self.end

    @property
    def pages_under_way(self) -> int:
        """How many pages are on their way."""
        return len(self._pages)

    # -- writing, on the worker's thread

    def make_room(self) -> None:
        """Begin another segment, where the last one is long enough, or there is none.

        Raises:
            SinkStopped: It can't be made.
        """
        if self._current is not None and self._current.size_bytes < SEGMENT_BYTES:
            return
        try:
            make_directories(self.folder, 0o700)
            self._position.begin(self.done)
        except OSError as error:
            raise self._stopped(error, str(self.folder)) from error
        path = segment_path(self.folder, self.end)
        file = OutputFile(str(path), 0, "none", self._stopped)
        file.create()
        if self._current is not None:
            # The next snapshot syncs it with the others.
            self._rolled.append(self._current)
        self._current = file
        self._segments = (*self._segments, (self.end, path))

    def append(self, documents: Documents, at_epoch_seconds: float) -> Page:
        """Write a page behind everything else, after `make_room`; `written` makes it count.

        Raises:
            SinkStopped: It can't be written; the file is as it was.
        """
        file = self._current
        assert file is not None  # noqa: S101 (make_room has made it)
        size, pieces = encode(documents, at_epoch_seconds)
        try:
            file.append(pieces)
        except Moved:
            error = OSError(0, "somebody else has changed it")
            raise self._stopped(error, file.path) from None
        self._open_files.written(file)
        return Page(self, self.end + size, at_epoch_seconds, len(documents))

    def written(self, page: Page) -> None:
        """A page is in the file."""
        self.end = page.end

    def snapshot(self) -> dict[str, Any]:
        """What to resume from, once all that is not done with is on the disk; what is done with is deleted.

        Raises:
            SinkStopped: It can't be written.
        """
        if self.done < self.end and (self._rolled or (self._current is not None and self._current.dirty)):
            self._open_files.sync()
        for file in self._rolled:
            self._open_files.forget(file)
        self._rolled.clear()
        self._covered = self.end
        if self._current is not None and self.done == self.end and self._current.size_bytes >= _WORTH_DELETING_BYTES:
            self._open_files.forget(self._current)
            self._current = None
        try:
            self.delete_done()
        except OSError as error:
            raise self._stopped(error, str(self.folder)) from error
        self._told = self.done
        return {"version": 2, "outbox": self._outbox, "end": self.end, "done": self.done}

    @property
    def needs_a_sync(self) -> bool:
        """Whether its files can be deleted at the end only after a sync of the position, which no snapshot knows."""
        return bool(self._segments) and self.done == self.end > self._told

    def close(self, *, leave: bool = False) -> None:
        """Let go of the files, and leave none where all is done with, unless that is wished: the next run finds out as well."""
        self.abandon()
        with contextlib.suppress(OSError):
            if leave:
                self.write_position()
            else:
                self.tidy()

    def abandon(self) -> None:
        """Close the files as they are."""
        for file in (*self._rolled, *filter(None, (self._current,))):
            self._open_files.forget(file)
        self._rolled.clear()
        self._current = None

    # -- sending

    def feed(self, page: Page) -> None:
        """A page is on its way; the one behind the last."""
        self._pages.append(page)
        self.fed = page.end
        self._pass_done()

    def settle(self, page: Page, events: int) -> int:
        """Some events of a page are done with; returns how many bytes need not be kept any more."""
        page.left -= events
        before = self.done
        self._pass_done()
        return self.done - before

    def _pass_done(self) -> None:
        while self._pages and not self._pages[0].left:
            self.done = self._pages.popleft().end

    def oldest_at(self) -> float | None:
        """When the first page that is not done with was written, epoch seconds; None where there is none, or it can't be read."""
        if self._pages:
            return self._pages[0].at
        return written_at(self._segments, self.done, self.end)

    def read(self) -> tuple[Documents, Page]:
        """The page behind what is on its way, past what can't be read; `feed` makes it so.

        Returns:
            Its documents, none where nothing more can be read, and the page.

        Raises:
            SinkStopped: It can't be read, or what is damaged not be kept.
        """
        # Before the segments: the last of them may be younger than the end, and no older one.
        end = self.end
        try:
            found = read_onward(self._segments, self.fed, end, lambda offset, data: put_aside(self.folder, self.tenant, offset, data))
        except OSError as error:
            raise self._stopped(error, str(error.filename or self.folder)) from error
        page = Page(self, found.end, found.at, len(found.documents or ()))
        return replace(found.documents or Documents(self.tenant, [], [], []), origin=page), page

    def tidy(self) -> None:
        """Delete what need not be kept any more, and write down what is done with, where that is news.

        Raises:
            OSError: The operating system refuses. Nothing is lost by it: events are sent again.
        """
        # In this order, since a disk that is too full for the second needs the first.
        self.delete_done()
        self.write_position()

    def write_position(self) -> None:
        """Only the second of it, with the same errors."""
        self._position.store(self.done)

    def delete_done(self) -> None:
        """Delete segments that are done with and behind which a snapshot stands.

        Raises:
            OSError: The operating system refuses.
        """
        until = min(self.done, self._covered)
        ends = [start for start, _ in self._segments[1:]]
        if self._current is None:
            ends.append(self.end)
        ended = [path for (_, path), end in zip(self._segments, ends, strict=False) if end <= until]
        if not ended:
            return
        # What is deleted makes room for the note, where there is none. A kill in between makes the next run tell of missing events, and
        # loses none.
        sync = ends[len(ended) - 1] > self._told
        is_noted = self._position.has_room(self.done, sync=sync)
        self._segments = self._segments[len(ended) :]
        for path in ended:
            path.unlink(missing_ok=True)
            is_noted = is_noted or self._position.has_room(self.done, sync=sync)
