"""What a file sink's files hold, event by event and hour by hour: for whoever compares with them, or must not deliver again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from flows.reading.holdings import HourCount, WindowHoldings, read_window, signature_of
from flows.reading.keys import HOUR_SECONDS, key_of
from sinks.documents import DocumentHead
from sinks.file.archive_files import ArchiveFiles

__all__ = ["DELETED", "ArchiveUnreadable", "FileArchive"]

DELETED: Final = -2
"""Instead of a number of copies: the event's day was deleted since it is older than what is kept."""
_WINDOWS_A_TENANT: Final = 4
_SETS: Final = 8


class ArchiveUnreadable(Exception):  # noqa: N818 (it names what is the case)
    """An archive can't be asked; the message says why and what to do."""


class FileArchive:
    """The files of a file sink.

    Memory: 16 bytes for each event of a tenant's windows that are in use (a UTC day, or an hour where the path has one), up to four a
    tenant, and about 100 bytes for each event of the eight hours looked at last.

    Args:
        files: Finds them.
        keep: How long the sink keeps its files; None for ever.
        now: Epoch seconds.
    """

    def __init__(self, files: ArchiveFiles, keep: timedelta | None = None, now: Callable[[], float] = time.time) -> None:
        self.counts_exactly = True
        self._files = files
        self._keep = keep
        self._now = now
        self._windows: dict[str, OrderedDict[int, WindowHoldings]] = {}
        self._sets: OrderedDict[tuple[str, int], set[bytes]] = OrderedDict()
        self._notes: dict[str, None] = {}

    def copies(self, tenant: str, heads: Sequence[DocumentHead], hours: Sequence[int], *, again: bool = False) -> Sequence[int]:
        """Look each event up in the files of its hour; with `again`, files that have changed since are read again first."""
        if again:
            for first in {self._files.window(hour).start for hour in hours}:
                self._forget_if_changed(tenant, first)
        keys_by_hour = {hour: self._keys(tenant, hour) for hour in set(hours)}
        absent = {hour: DELETED if self._has_expired(hour) else 0 for hour in keys_by_hour}
        return [1 if key_of(head.uuid) in keys_by_hour[hour] else absent[hour] for head, hour in zip(heads, hours, strict=True)]

    def trouble(self, tenant: str, head: DocumentHead) -> str:  # noqa: ARG002
        """Nothing: of files that can't be read, `copies` says so."""
        return ""

    def counts(self, tenant: str, hours: range) -> Mapping[int, HourCount]:
        """What the files hold now."""
        for first in {self._files.window(hour).start for hour in hours}:
            self._forget_if_changed(tenant, first)
        return {hour: self._window(tenant, hour).count(hour) for hour in hours}

    def notes(self) -> Sequence[str]:
        """Damaged lines and files."""
        return list(self._notes)

    def _has_expired(self, hour: int) -> bool:
        """Whether the sink has deleted the file of an hour, or is about to: its last moment is older than what is kept."""
        if self._keep is None:
            return False
        return self._files.window(hour).stop * HOUR_SECONDS <= self._now() - self._keep.total_seconds()

    def _keys(self, tenant: str, hour: int) -> set[bytes]:
        keys = self._sets.get((tenant, hour))
        if keys is None:
            keys = self._sets[tenant, hour] = self._window(tenant, hour).keys(hour)
            while len(self._sets) > _SETS:
                self._sets.popitem(last=False)
        self._sets.move_to_end((tenant, hour))
        return keys

    def _window(self, tenant: str, hour: int) -> WindowHoldings:
        windows = self._windows.setdefault(tenant, OrderedDict())
        hours = self._files.window(hour)
        window = windows.get(hours.start)
        if window is None:
            try:
                window = windows[hours.start] = read_window(self._files.existing(tenant, hours), hours)
            except OSError as error:
                message = f"{error.filename}: {error.strerror}. Run the audit as a user who may read the archive."
                raise ArchiveUnreadable(message) from error
            self._notes.update(dict.fromkeys(window.notes))
            while len(windows) > _WINDOWS_A_TENANT:
                windows.popitem(last=False)
        windows.move_to_end(hours.start)
        return window

    def _forget_if_changed(self, tenant: str, first: int) -> None:
        window = self._windows.get(tenant, OrderedDict()).get(first)
        hours = self._files.window(first)
        if window is not None and signature_of(self._files.existing(tenant, hours)) != window.signature:
            del self._windows[tenant][first]
            for hour in hours:
                self._sets.pop((tenant, hour), None)
