"""One tenant's part of the file sink: pages in, snapshots out, and the way back to a snapshot."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from bytewax.outputs import StatefulSinkPartition

from sinks.documents import Documents
from sinks.errors import SinkStopped, stopped_by
from sinks.file.compression import Compression
from sinks.file.journal import ABSENT, Journal, JournalDamaged
from sinks.file.keeping import Keeper
from sinks.file.open_files import OpenFiles
from sinks.file.output_file import FILE_MODE, Moved, OutputFile
from sinks.file.repair import cut_back, drop_unfinished_end, repair_end, size_of
from sinks.file.whereabouts import targets
from sinks.metrics import SinkMetrics
from sinks.paths import PathTemplate

__all__ = ["Clock", "FilePartition"]

_LOG = logging.getLogger(__name__)

_VERSION = 2
_OF_ABSOLUTE_PATHS = 1
_FILES_IN_STATE = 8
_FILES_OPEN = 1

Clock = Callable[[], datetime]


class FilePartition(StatefulSinkPartition[Documents, dict[str, Any]]):
    """Writes one tenant's pages."""

    def __init__(
        self,
        *,
        sink_name: str,
        tenant: str,
        template: PathTemplate,
        compression: Compression,
        journal_path: Path | None,
        open_files: OpenFiles,
        resume_state: dict[str, Any] | None,
        keeper: Keeper | None = None,
        clock: Clock,
        file_mode: int = FILE_MODE,
    ) -> None:
        """Bring the tenant's files back to the snapshot.

        Raises:
            SinkStopped: A file can't be cut back, or the state or the journal can't be understood.
        """
        self._sink = sink_name
        self._tenant = tenant
        self._template = template
        self._compression: Compression = compression
        self._open_files = open_files
        self._clock = clock
        self._file_mode = file_mode
        self._keeper = keeper
        self._resumes = journal_path is not None
        self._metrics = SinkMetrics(sink_name)
        self._files: OrderedDict[str, OutputFile] = OrderedDict()
        self._touched: set[str] = set()
        self._journal: Journal | None = None
        self._snapshot = 0
        state = resume_state or {"version": _VERSION, "snapshot": 0, "files": {}}
        if state["version"] not in (_VERSION, _OF_ABSOLUTE_PATHS):
            reason = f"its saved state has version {state['version']}"
            raise self._not_understood(reason)
        if journal_path is not None:
            try:
                self._journal = Journal(journal_path, partial(template.key_of_absolute, tenant))
            except OSError as error:
                raise self._stopped(error, str(journal_path)) from error
            except JournalDamaged as error:
                raise self._not_understood(str(error)) from error
        files: dict[str, int] = state["files"]
        if state["version"] == _OF_ABSOLUTE_PATHS:
            files = {template.key_of_absolute(tenant, path): size for path, size in files.items()}
        self._resume(state["snapshot"], files)

    def write_batch(self, values: list[Documents]) -> None:
        """Append pages, each to the file that its date says.

        Raises:
            SinkStopped: A file can't be written.
        """
        for documents in values:
            if not len(documents):
                continue
            started = perf_counter()
            span = documents.span()
            try:
                self._write(self._template.split(documents, span, self._clock()))
            except SinkStopped:
                self._metrics.batch("failed", perf_counter() - started)
                raise
            self._metrics.batch("delivered", perf_counter() - started)
            self._metrics.events(documents.tenant, "delivered", len(documents))
            self._metrics.latency(documents.heads, self._clock(), span)

    def snapshot(self) -> dict[str, Any]:
        """The sizes of the files in use, once all of it is on the disk.

        Raises:
            SinkStopped: A file can't be written.
        """
        if any(file.dirty for file in self._files.values()):
            self._open_files.sync()
        # Files of the last epoch stay, however many: a page of a long back-fill touches a file for each day.
        while len(self._files) > max(_FILES_IN_STATE, len(self._touched)):
            _, idle = self._files.popitem(last=False)
            self._open_files.forget(idle)
        # A file of an earlier day stays in the state for late events; its descriptor would be held for weeks, by each tenant.
        for path in list(self._files)[:-_FILES_OPEN]:
            if path not in self._touched:
                self._open_files.rest(self._files[path])
        self._touched.clear()
        self._snapshot += 1
        files = {self._template.key_of(path): file.size_bytes for path, file in self._files.items()}
        return {"version": _VERSION, "snapshot": self._snapshot, "files": files}

    def close(self) -> None:
        """Finish, sync and close the tenant's files.

        Bytewax closes partitions also while an exception ends the run, and an exception from here would then
        abort the process (SIGABRT) before anyone could tell why the run ended. So what goes wrong is only
        logged; a run that ends well has taken a snapshot before, which leaves nothing to be written here.
        """
        if not self._open_files.failed and any(file.dirty for file in self._files.values()):
            try:
                self._open_files.sync()
            except SinkStopped as error:
                _LOG.error("%s", error)
        self.abandon()

    def abandon(self) -> None:
        """Close the tenant's files as they are, without a last write."""
        for file in self._files.values():
            self._open_files.forget(file)
        self._files.clear()

    def _write(self, groups: Sequence[tuple[str, Documents]]) -> None:
        new = [path for path, _ in groups if path not in self._files]
        if new:
            self._begin(new)
        for path, documents in groups:
            file = self._files[path]
            try:
                file.append(documents.ndjson_pieces())
            except Moved:
                file = self._begin_again(file)
                try:
                    file.append(documents.ndjson_pieces())
                except Moved:
                    raise self._contested(path) from None
            self._files.move_to_end(path)
            self._touched.add(path)
            self._open_files.written(file)

    def _begin(self, paths: list[str]) -> None:
        """Prepare files that the last snapshot doesn't name, or that are not what it says."""
        sizes: dict[str, int] = {}
        for path in paths:
            try:
                repair_end(path, self._compression)
                sizes[path] = size_of(path)
            except OSError as error:
                raise self._stopped(error, path) from error
        if self._journal is not None:
            try:
                self._journal.note({self._template.key_of(path): size for path, size in sizes.items()}, self._snapshot)
            except OSError as error:
                raise self._stopped(error, str(self._journal.path)) from error
        for path, size in sizes.items():
            file = OutputFile(path, max(0, size), self._compression, self._stopped, self._file_mode)
            file.create()
            self._files[path] = file
            self._open_files.written(file)

    def _begin_again(self, file: OutputFile) -> OutputFile:
        """Part from a file that someone moved; what this run wrote there is finished and kept."""
        if not self._deleted_on_purpose(file.path):
            _LOG.warning(
                "%s was moved or changed by someone else; sink %s goes on with what is there now, or with a new file",
                file.path,
                self._sink,
            )
        if file.is_open:
            file.finish_frame()
            file.sync()
        self._open_files.forget(file)
        del self._files[file.path]
        self._begin([file.path])
        return self._files[file.path]

    def _resume(self, snapshot: int, files: dict[str, int]) -> None:
        self._snapshot = snapshot
        bases = {} if self._journal is None else self._journal.bases(snapshot)
        for key, target in targets(files, bases).items():
            path = self._template.path_of(key)
            try:
                if not self._template.makes(self._tenant, key):
                    self._leave_alone(path, target)
                    continue
                size = cut_back(path, target)
                if ABSENT < size < target and key in files:
                    drop_unfinished_end(path, self._compression)
            except OSError as error:
                raise self._stopped(error, path) from error
            if size == ABSENT < target and self._deleted_on_purpose(path):
                continue
            if size != target:
                what = "is missing" if size == ABSENT else f"has only {size} bytes left"
                _LOG.warning("sink %s left %s with %d bytes, now it %s; continuing there", self._sink, path, target, what)
            elif files.get(key) == size:
                self._files[path] = OutputFile(path, size, self._compression, self._stopped, self._file_mode)
        if self._journal is not None:
            try:
                self._journal.settle(snapshot)
            except OSError as error:
                raise self._stopped(error, str(self._journal.path)) from error

    def _deleted_on_purpose(self, path: str) -> bool:
        return self._keeper is not None and self._keeper.has_expired(self._tenant, path)

    def _leave_alone(self, path: str, size_bytes: int) -> None:
        """Say so where a file that the sink's path doesn't name any more holds what a resume would have cut off; never cut it."""
        size = size_of(path)
        if size > size_bytes:
            _LOG.warning(
                "sink %s leaves %s alone, which its path doesn't name (any more): the state knows %d of its %d bytes; what this sink wrote "
                "behind them, and then lost in a crash, comes again elsewhere",
                self._sink, path, max(0, size_bytes), size,
            )  # fmt: skip

    def _stopped(self, error: OSError, path: str) -> SinkStopped:
        return stopped_by(error, sink=self._sink, tenant=self._tenant, path=path, resumes=self._resumes)

    def _not_understood(self, reason: str) -> SinkStopped:
        fix = "run the version of this program that wrote it, or restore the state directory as a whole"
        message = f"sink {self._sink!r} can't resume tenant {self._tenant!r}: {reason}. What to do: {fix}. Nothing was changed."
        return SinkStopped(message, sink=self._sink, tenant=self._tenant, reason=reason, fix=fix)

    def _contested(self, path: str) -> SinkStopped:
        reason = "another program, or another sink, writes to the same file"
        fix = "give the sink a path of its own"
        message = (
            f"sink {self._sink!r} stopped the run: {reason}, {path}, where the events of tenant {self._tenant!r} go. "
            f"What to do: {fix}, then start the run again."
        )
        return SinkStopped(message, sink=self._sink, tenant=self._tenant, path=path, reason=reason, fix=fix)
