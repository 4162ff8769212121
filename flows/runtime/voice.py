"""The thread that lets a run speak: it looks at the run's numbers once a second and logs what `flows.runtime.spoken` finds worth a line.

It also writes the status file, from which `status` reads where no metrics are served.
"""

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY

from flows.runtime.exposition import exposition
from flows.runtime.last_line import LastLine
from flows.runtime.progress import Progress
from flows.runtime.spoken import Line, SinkReading, Speaker, start_line
from flows.runtime.undelivered import undelivered
from okta_source.metrics import TENANTS
from okta_source.status.file import STATUS_FILE
from sinks.dead_letters.count import written
from sinks.durable import replace_file
from sinks.metrics import delivered_events, outboxes

__all__ = ["Voice", "last_written"]

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0
_STATUS_SECONDS: Final = 10.0
_LONGEST_STATUS_SECONDS: Final = 30.0
_STATUS_SHARE: Final = 0.005
"""Of the time, that the status file may take: 1,000 tenants are 0.08 s a time."""


class Voice:
    """One run's voice.

    Args:
        tenants: Name → name for people.
        since: Tenant → where its events begin, epoch seconds.
        sinks: Name → type.
        state: The state directory, in which the status file lies.
        metrics: Where metrics are served; empty for nowhere.
        resumed_at: When the state was last written; None for a first start.
        quiet: Whether nothing is to be said; the status file is written all the same.
        last_line: Where to show how far it is; None for nowhere.
    """

    def __init__(
        self,
        *,
        tenants: Mapping[str, str],
        since: Mapping[str, float],
        sinks: Mapping[str, str],
        state: Path,
        metrics: str,
        resumed_at: float | None,
        quiet: bool,
        last_line: LastLine | None = None,
    ) -> None:
        self._sinks = sinks
        self._status_file = state / STATUS_FILE
        self._quiet = quiet
        self._last_line = None if quiet else last_line
        self._progress = Progress(len(tenants))
        self._start_line = start_line(list(tenants.values()), sinks, str(state), metrics, resumed_at)
        self._speaker = Speaker(since, time.time())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="okta-voice", daemon=True)

    def start(self) -> None:
        """Say the first line, and begin to look."""
        self._say(self._start_line)
        self._thread.start()

    def end(self) -> None:
        """The run has ended: say what has not been said, and the numbers once more. The status file goes: it would only grow old."""
        self._ended.set()
        self._thread.join()
        if self._last_line:
            self._last_line.clear()
        self._look()
        self._say(self._report())
        with suppress(OSError):
            self._status_file.unlink()

    def _speak(self) -> None:
        next_status = 0.0
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                self._look()
                if self._speaker.is_report_due(time.time()):
                    self._say(self._report())
                self._show_progress()
                if (began := time.monotonic()) >= next_status:
                    replace_file(self._status_file, exposition(REGISTRY).encode())
                    took = time.monotonic() - began
                    next_status = began + min(max(_STATUS_SECONDS, took / _STATUS_SHARE), _LONGEST_STATUS_SECONDS)
            except OSError as error:
                _LOG.warning("%s can't be written (%s): `status` will not know of this run", self._status_file, error.strerror)

    def _look(self) -> None:
        for line in self._speaker.listen(dict(TENANTS), time.time()):
            self._say(line)

    def _show_progress(self) -> None:
        if self._last_line:
            waits = sum(size for size, _ in outboxes().values())
            columns = self._last_line.columns
            self._last_line.show(self._progress.line(dict(TENANTS), waits, undelivered(written()), time.time(), columns))

    def _report(self) -> Line:
        waiting = outboxes()
        delivered = delivered_events()
        sinks = {name: SinkReading(delivered.get(name, 0), *waiting.get(name, (0, None))) for name in self._sinks}
        return self._speaker.report(dict(TENANTS), sinks, undelivered(written()), time.time())

    def _say(self, line: Line) -> None:
        if not self._quiet:
            _LOG.info("%s", line.text, extra={"told": {"event": line.event, **line.values}})


def last_written(state: Path) -> float | None:
    """When a state directory's stores were last written, epoch seconds; None where there are none."""
    times = [path.stat().st_mtime for path in state.glob("part-*.sqlite3*")]
    return max(times, default=None)
