"""All outboxes of one sink in one process: which page goes on its way next, and how much waits."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.file.open_files import OpenFiles
from sinks.outbox.log import Log, Page

__all__ = ["Backlog"]

_LOG = logging.getLogger(__name__)

_POSITION_SECONDS = 0.2
_POSITIONS_AT_ONCE = 16
"""So many are written down without delay (15 µs each): what is not is sent again after a kill."""
_LOOK_SECONDS = 1.0
_LOOK_FOR_ROOM_SECONDS = 0.1
_MOST_SYNCS_AT_THE_END = 50
"""A stop has two seconds; whose files are left is found to be done with at the next start."""
_MOST_PAGES_OF_A_TENANT = 2
"""On their way at once, where order is kept: so what waits for one tenant leaves room for the others."""


class Backlog:
    """Thread-safe.

    Args:
        sink_name: The sink's name, for messages.
        in_order: Whether a tenant's pages go one after another.
        wall_clock: Seconds since 1970.

    Attributes:
        offer: Puts a page on its way, if there is room; returns whether there was. To be set before anything is written or read.
        is_held: Whether a tenant's pages would only wait for its own trouble, in the room of others.
        longest_page_bytes: How long a page may be that is put on its way now.
    """

    def __init__(self, sink_name: str, *, in_order: bool, wall_clock: Callable[[], float] = time.time) -> None:
        self._sink = sink_name
        self._in_order = in_order
        self.is_held: Callable[[str], bool] = lambda _tenant: False
        self.offer: Callable[[Documents], bool] = lambda _documents: False
        self.longest_page_bytes: Callable[[], float] = lambda: float("inf")
        self._wall_clock = wall_clock
        self._changed = threading.Condition()
        self._logs: dict[str, Log] = {}
        # Those with something to read, whose turn comes one after another.
        self._lagging: dict[str, Log] = {}
        self._moved: dict[str, Log] = {}
        self._positions_due = 0.0
        self._position_failed = False
        self._closed = False

    @property
    def waiting_bytes(self) -> int:
        """How much is not done with."""
        with self._changed:
            return sum(log.waiting_bytes for log in self._logs.values())

    def oldest_at(self) -> float | None:
        """When the oldest page that is not done with was written, epoch seconds; None where there is none."""
        with self._changed:
            moments = [log.oldest_at() for log in self._logs.values() if log.waiting_bytes]
        return min((moment for moment in moments if moment is not None), default=None)

    def knows(self, tenant: str) -> bool:
        """Whether it has a tenant's outbox."""
        with self._changed:
            return tenant in self._logs

    def add(self, log: Log) -> None:
        """Take a tenant's outbox up; what is in it goes on its way."""
        with self._changed:
            self._logs[log.tenant] = log
            self._moved.pop(log.tenant, None)
            if log.lags:
                self._lagging[log.tenant] = log
                self._changed.notify_all()

    def write(self, log: Log, documents: Documents) -> None:
        """Append a page; where nothing is in front of it and there is room, it goes on its way without being read again.

        Raises:
            SinkStopped: It can't be written.
        """
        with self._changed:
            log.make_room()
        page = log.append(documents, self._wall_clock())
        with self._changed:
            keeps_up = not log.lags and self._may_go(log)
            log.written(page)
            if keeps_up and self.offer(replace(documents, origin=page)):
                log.feed(page)
            elif log.tenant not in self._lagging:
                self._lagging[log.tenant] = log
                self._changed.notify_all()

    def snapshot(self, log: Log, open_files: OpenFiles) -> dict[str, Any]:
        """What a tenant resumes from.

        Args:
            log: The tenant's.
            open_files: The files of the tenant's worker.

        Raises:
            SinkStopped: It can't be written.
        """
        with self._changed:
            is_waiting = log.waiting_bytes > 0
        if is_waiting:
            # Not under the lock: a disk takes its time, and what is delivered meanwhile shall be noted meanwhile.
            open_files.sync()
        with self._changed:
            return log.snapshot()

    def close(self) -> None:
        """Let go of all outboxes, and wake whoever waits."""
        with self._changed:
            self._closed = True
            syncs = 0
            for log in self._logs.values():
                syncs += log.needs_a_sync
                log.close(leave=log.needs_a_sync and syncs > _MOST_SYNCS_AT_THE_END)
            for logs in (self._logs, self._lagging, self._moved):
                logs.clear()
            self._changed.notify_all()

    def abandon(self) -> None:
        """Close the files as they are."""
        with self._changed:
            self._closed = True
            for log in self._logs.values():
                log.abandon()
            for logs in (self._logs, self._lagging, self._moved):
                logs.clear()
            self._changed.notify_all()

    def settle(self, done: Sequence[Batch]) -> None:
        """Take note of events that are done with."""
        events: Counter[Page] = Counter()
        for batch in done:
            for part in batch.parts:
                if isinstance(part.origin, Page):
                    events[part.origin] += len(part)
        with self._changed:
            for page, count in events.items():
                if page.log.settle(page, count):
                    self._moved[page.log.tenant] = page.log
            now = time.monotonic()
            if self._moved and (len(self._moved) <= _POSITIONS_AT_ONCE or now >= self._positions_due):
                self._positions_due = now + _POSITION_SECONDS
                self._write_positions()
            if self._lagging:
                self._changed.notify_all()

    def feed_one(self) -> bool:
        """Read the next page and put it on its way, or wait a while where there is none; called by one thread only.

        Returns:
            Whether there was one, and room for it.

        Raises:
            SinkStopped: It can't be read.
        """
        with self._changed:
            log = self._next_lagging()
            if log is None:
                self._changed.wait(_LOOK_FOR_ROOM_SECONDS if self._lagging else _LOOK_SECONDS)
                self._write_positions()
                return False
        documents, page = log.read()
        with self._changed:
            if self._logs.get(log.tenant) is not log or (len(documents) and not self.offer(documents)):
                return False
            log.feed(page)
            if not len(documents):
                self._moved[log.tenant] = log
            del self._lagging[log.tenant]
            if log.lags:
                self._lagging[log.tenant] = log
        return True

    def _next_lagging(self) -> Log | None:
        if self._closed:
            return None
        longest_bytes = self.longest_page_bytes()
        # None of its pages is longer than all that it has to send.
        return next((log for log in self._lagging.values() if log.end - log.fed <= longest_bytes and self._may_go(log)), None)

    def _may_go(self, log: Log) -> bool:
        if self._in_order:
            return log.pages_under_way < _MOST_PAGES_OF_A_TENANT
        return not self.is_held(log.tenant)

    def _write_positions(self) -> None:
        moved, self._moved = self._moved, {}
        for log in moved.values():
            try:
                log.tidy()
            except OSError as error:
                self._moved[log.tenant] = log
                if not self._position_failed:
                    _LOG.warning("sink %s: what is delivered can't be noted in its outbox (%s): it may be sent again", self._sink, error)
                self._position_failed = True
            else:
                self._position_failed = False
