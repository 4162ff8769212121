"""The file sink: each tenant's events as NDJSON files, exactly once.

Unit of parallelism: the tenant. A partition per tenant, in the order of the source's partitions, so that
Bytewax puts it on the worker where the tenant's events arise.

Delivery: exactly once, across crashes too, where the run has a recovery store: on resume every file is cut
back to the snapshot, and the events behind it come again. Without one: appended, at least once or at most
once as `start_from` has it.

Snapshot: the number of the snapshot, and the sizes of the tenant's files in use, those of the last epoch
and in all at least 8. Older ones need no place in it: they are complete as of any later snapshot. Files first written to
after a snapshot are known from the journal (`sinks.journal`).

A file belongs to its sink. What others append to it after a snapshot is cut off with the rest in a resume;
what was there before stays. It may be moved away or deleted at any time: the next page starts it anew.
"""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sinks.compression import SUFFIXES, Compression
from sinks.documents import Documents
from sinks.errors import SinkStopped, stopped_by
from sinks.file_repair import cut_back, drop_unfinished_end, repair_end, size_of
from sinks.journal import ABSENT, Journal, JournalDamaged
from sinks.metrics import SinkMetrics
from sinks.open_files import OpenFiles
from sinks.output_file import Moved, OutputFile
from sinks.paths import PathTemplate, safe_name

__all__ = ["FilePartition", "FileSink"]

_LOG = logging.getLogger(__name__)

_FILES_IN_STATE = 8

Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


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
        clock: Clock,
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
        self._resumes = journal_path is not None
        self._metrics = SinkMetrics(sink_name)
        self._files: OrderedDict[str, OutputFile] = OrderedDict()
        self._touched: set[str] = set()
        self._journal: Journal | None = None
        self._snapshot = 0
        state = resume_state or {"version": 1, "snapshot": 0, "files": {}}
        if state["version"] != 1:
            reason = f"its saved state has version {state['version']}"
            raise self._not_understood(reason)
        if journal_path is not None:
            try:
                self._journal = Journal(journal_path)
            except OSError as error:
                raise self._stopped(error, str(journal_path)) from error
            except JournalDamaged as error:
                raise self._not_understood(str(error)) from error
        self._resume(state["snapshot"], state["files"])

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
                self._write(self._template.split(documents, span))
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
        self._touched.clear()
        self._snapshot += 1
        files = {path: file.size_bytes for path, file in self._files.items()}
        return {"version": 1, "snapshot": self._snapshot, "files": files}

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
                _LOG.error("%s", error)  # noqa: TRY400 (the message is for the operator and complete)
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
            data = documents.ndjson()
            try:
                file.append(data)
            except Moved:
                file = self._begin_again(file)
                file.append(data)
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
                self._journal.note(sizes, self._snapshot)
            except OSError as error:
                raise self._stopped(error, str(self._journal.path)) from error
        for path, size in sizes.items():
            file = OutputFile(path, max(0, size), self._compression, self._stopped)
            file.create()
            self._files[path] = file
            self._open_files.written(file)

    def _begin_again(self, file: OutputFile) -> OutputFile:
        """Part from a file that someone moved; what this run wrote there is finished and kept."""
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
        for path in {**files, **bases}:
            # A base below the state's size: the file had been moved away, and what is there is newer.
            target = min(sizes[path] for sizes in (files, bases) if path in sizes)
            try:
                size = cut_back(path, target)
                if ABSENT < size < target and path in files:
                    drop_unfinished_end(path, self._compression)
            except OSError as error:
                raise self._stopped(error, path) from error
            if size != target:
                what = "is missing" if size == ABSENT else f"has only {size} bytes left"
                _LOG.warning("sink %s left %s with %d bytes, now it %s; continuing there", self._sink, path, target,
                             what)  # fmt: skip
            elif files.get(path) == size:
                self._files[path] = OutputFile(path, size, self._compression, self._stopped)
        if self._journal is not None:
            try:
                self._journal.settle(snapshot)
            except OSError as error:
                raise self._stopped(error, str(self._journal.path)) from error

    def _stopped(self, error: OSError, path: str) -> SinkStopped:
        return stopped_by(error, sink=self._sink, tenant=self._tenant, path=path, resumes=self._resumes)

    def _not_understood(self, reason: str) -> SinkStopped:
        fix = "run the version of this program that wrote it, or restore the state directory as a whole"
        message = f"sink {self._sink!r} can't resume tenant {self._tenant!r}: {reason}. What to do: {fix}. Nothing was changed."
        return SinkStopped(message, sink=self._sink, tenant=self._tenant, reason=reason, fix=fix)


class FileSink(FixedPartitionedSink[Documents, dict[str, Any]]):
    """Appends each tenant's events to files; takes keyed items `(tenant, Documents)`.

    Raises:
        ValueError: A name can't stand in a path, the path's placeholders are wrong, or several tenants
            would write the same file.
    """

    def __init__(
        self,
        sink_name: str,
        path_template: str,
        tenants: Sequence[str],
        *,
        compression: Compression = "none",
        journal_dir: Path | None,
        clock: Clock = _utc_now,
    ) -> None:
        """Touches no file.

        Args:
            sink_name: The sink's name in the configuration; a label of its metrics.
            path_template: Absolute path with `{tenant}`, `{date}` and `{hour}`; `.gz` or `.zst` is added.
            tenants: All tenants of the source, retired ones and those that the sink's filter leaves out
                included: Bytewax assigns partitions to workers by position.
            compression: none, gzip or zstd.
            journal_dir: A folder inside the recovery store; None when the run has no recovery store.
            clock: The present, with a time zone.
        """
        self._sink_name = safe_name(sink_name)
        self._template = PathTemplate(path_template, SUFFIXES[compression])
        self._names = sorted({safe_name(tenant) for tenant in tenants})
        self._indices = {name: index for index, name in enumerate(self._names)}
        self._compression: Compression = compression
        self._journal_dir = journal_dir
        self._clock = clock
        self._lock = threading.Lock()
        self._open_files: dict[int, OpenFiles] = {}
        self._partitions: dict[str, FilePartition] = {}
        if not os.path.isabs(path_template):  # noqa: PTH117 (a template is not a path yet)
            message = f"sink {sink_name!r}: the path {path_template!r} is not absolute"
            raise ValueError(message)
        if len(self._names) > 1 and "tenant" not in self._template.names:
            message = (
                f"sink {sink_name!r}: the path {path_template!r} has no {{tenant}}, so {len(self._names)} tenants "
                "(retired ones count) would write the same file, and none of them could be continued after a crash"
            )
            raise ValueError(message)

    def list_parts(self) -> list[str]:
        """All tenants, sorted."""
        return list(self._names)

    def part_fn(self, item_key: str) -> int:
        """The tenant's position: Bytewax takes it as an index into the sorted partitions.

        Raises:
            ValueError: The tenant was not among the constructor's.
        """
        try:
            return self._indices[item_key]
        except KeyError:
            message = f"sink {self._sink_name!r} got events of the unknown tenant {item_key!r}"
            raise ValueError(message) from None

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, Any] | None) -> FilePartition:  # noqa: ARG002
        """Bring a tenant's files back to the snapshot, and continue there.

        Raises:
            SinkStopped: They can't be brought back.
        """
        journal_path = None
        if self._journal_dir is not None:
            journal_path = self._journal_dir / f"{self._sink_name}.{for_part}.ndjson"
        with self._lock:
            # The same flow may run again in this process after an abort, which closes nothing.
            earlier = self._partitions.pop(for_part, None)
            if earlier is not None:
                earlier.abandon()
            open_files = self._open_files.setdefault(threading.get_ident(), OpenFiles())
        partition = FilePartition(
            sink_name=self._sink_name,
            tenant=for_part,
            template=self._template,
            compression=self._compression,
            journal_path=journal_path,
            open_files=open_files,
            resume_state=resume_state,
            clock=self._clock,
        )
        with self._lock:
            self._partitions[for_part] = partition
        return partition
