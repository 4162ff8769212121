"""Two jobs, one archive: what the live flow's files hold already is not put beside them once more.

A live flow that began with `start_from = "7d"` and a backfill of 90 days have seven days in common. In an index they meet by their ids; in
files nobody would notice. So a page is compared with the live flow's files, and with what audits have put beside them, before it goes to
the backfill's own. Those don't count: after a crash they are cut back, and what they held then is to come again.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from flows.reading.file_archive import ArchiveUnreadable, FileArchive
from flows.reading.keys import hour_of
from sinks.config import FileSinkConfig, SinkConfig
from sinks.documents import Documents
from sinks.errors import SinkStopped
from sinks.file.archive_files import ArchiveFiles
from sinks.metrics import SinkMetrics

__all__ = ["LeaveOut", "left_out", "those_of"]

_AUDITS = ("audit-*",)
# A second look reads files anew that a flow is writing: for a twentieth of the time, however large they are.
_LOOKS_SHARE = 20.0

_LEFT_OUT: Counter[str] = Counter()


class LeaveOut:
    """Takes out of each page what a file sink's files hold already.

    Args:
        sink: The sink's name.
        archive: The live flow's files.
        clock: Monotonic seconds.
    """

    def __init__(self, sink: str, archive: FileArchive, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._archive = archive
        self._clock = clock
        self._metrics = SinkMetrics(sink)
        self._look_again_at = 0.0

    def __call__(self, item: tuple[str, Documents]) -> tuple[str, Documents] | None:
        """A page with its tenant's name in front, less what is there; None where all of it is.

        Raises:
            SinkStopped: The files can't be read: going on would put into the archive twice what it may hold.
        """
        tenant, documents = item
        hours = [hour_of(head.published) for head in documents.heads]
        try:
            absent = self._absent(tenant, documents, hours, range(len(hours)), again=False)
            if absent and self._clock() >= self._look_again_at:
                began = self._clock()
                absent = self._absent(tenant, documents, hours, absent, again=True)
                ended = self._clock()
                self._look_again_at = ended + _LOOKS_SHARE * (ended - began)
        except ArchiveUnreadable as error:
            message = f"sink {self._sink!r} stopped the run: what its files hold of tenant {tenant!r} can't be read: {error}"
            raise SinkStopped(message, sink=self._sink, tenant=tenant) from error
        held = len(documents) - len(absent)
        if not held:
            return item
        self._metrics.events(tenant, "duplicate", held)
        _LEFT_OUT[self._sink] += held
        return (tenant, documents.take(absent)) if absent else None

    def _absent(self, tenant: str, documents: Documents, hours: list[int], places: "range | list[int]", *, again: bool) -> list[int]:
        heads = [documents.heads[at] for at in places]
        copies = self._archive.copies(tenant, heads, [hours[at] for at in places], again=again)
        return [at for at, count in zip(places, copies, strict=True) if not count]


def left_out() -> Mapping[str, int]:
    """Sink → events that this process has left out, since its files held them."""
    return dict(_LEFT_OUT)


def those_of(sinks: Mapping[str, SinkConfig]) -> dict[str, Callable[[tuple[str, Documents]], tuple[str, Documents] | None]]:
    """What takes out, for each file sink.

    Args:
        sinks: The configured sinks, with the paths of the live flow.
    """
    return {
        name: LeaveOut(name, FileArchive(ArchiveFiles(sink.path, sink.compression, _AUDITS)))
        for name, sink in sinks.items()
        if isinstance(sink, FileSinkConfig)
    }
