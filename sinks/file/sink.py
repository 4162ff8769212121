"""The file sink: each tenant's events as NDJSON files, exactly once.

Unit of parallelism: the tenant. A partition per tenant, in the order of the source's partitions, so that
Bytewax puts it on the worker where the tenant's events arise.

Delivery: exactly once, across crashes too, where the run has a recovery store: on resume every file is cut
back to the snapshot, and the events behind it come again. Without one: appended, at least once or at most
once as `start_from` has it.

Snapshot: its number, and the sizes of the tenant's files in use: the 8 written last, or all of the last epoch
where they are more. Older ones need no place in it: they are complete as of any later snapshot. Files first
written to after a snapshot are known from the journal (`sinks.file.journal`). Both name files as the template
does, from the folder on that it was counted from, and a file that the template can't name is never cut.

A file belongs to its sink. What others append to it after a snapshot is cut off with the rest in a resume;
what was there before stays. It may be moved away or deleted at any time: the next page starts it anew.

Bytewax 0.21.1 can resume from a snapshot that a killed run never committed; whoever starts the run deletes
those from the recovery store first, or events may be there twice.
"""

import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bytewax.outputs import FixedPartitionedSink

from sinks.documents import Documents
from sinks.file.compression import SUFFIXES, Compression
from sinks.file.keeping import Keeper
from sinks.file.open_files import OpenFiles
from sinks.file.output_file import FILE_MODE
from sinks.file.partition import Clock, FilePartition
from sinks.paths import PathTemplate, safe_name
from sinks.tenant_partitions import TenantPartitions

__all__ = ["FileSink"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


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
        base: str = "",
        keep: timedelta | None = None,
        beside: Sequence[str] = (),
        journal_dir: Path | None,
        clock: Clock = _utc_now,
        file_mode: int = FILE_MODE,
    ) -> None:
        """Touches no file.

        Args:
            sink_name: The sink's name in the configuration; a label of its metrics.
            path_template: Absolute path with `{tenant}`, `{date}` and `{hour}`; `.gz` or `.zst` is added.
            tenants: All tenants of the source: see `TenantPartitions`.
            compression: none, gzip or zstd.
            base: The folder that the path was counted from, where it was a relative one: state and journal then name files from there on,
                and a deployment that is moved or copied as a whole finds its own.
            keep: How long files are kept, by the date in their paths, see `sinks.file.keeping`; None keeps them for ever.
            beside: The markers of files that others put beside and that are kept as long, as globs.
            journal_dir: A folder inside the recovery store; None when the run has no recovery store.
            clock: The present, with a time zone.
            file_mode: Of files when they are made, before the umask.
        """
        self._sink_name = safe_name(sink_name)
        self._template = PathTemplate(path_template, SUFFIXES[compression], base)
        self._tenants = TenantPartitions(sink_name, tenants)
        self._compression: Compression = compression
        self._journal_dir = journal_dir
        self._clock = clock
        self._file_mode = file_mode
        self._keeper: Keeper | None = None
        if keep is not None:
            self._keeper = Keeper(sink_name, self._template.text, self._tenants.names, keep, markers=beside, clock=clock)
        self._lock = threading.Lock()
        self._open_files: dict[int, OpenFiles] = {}
        self._partitions: dict[str, FilePartition] = {}
        if not os.path.isabs(path_template):  # noqa: PTH117 (a template is not a path yet)
            message = f"sink {sink_name!r}: the path {path_template!r} is not absolute"
            raise ValueError(message)
        if len(self._tenants.names) > 1 and "tenant" not in self._template.names:
            message = (
                f"sink {sink_name!r}: the path {path_template!r} has no {{tenant}}, so {len(self._tenants.names)} tenants "
                "(retired ones count) would write the same file, and none of them could be continued after a crash"
            )
            raise ValueError(message)

    def list_parts(self) -> list[str]:
        """All tenants, sorted."""
        return list(self._tenants.names)

    def part_fn(self, item_key: str) -> int:
        """The tenant's position.

        Raises:
            ValueError: The tenant was not among the constructor's.
        """
        return self._tenants.index_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, Any] | None) -> FilePartition:  # noqa: ARG002
        """Bring a tenant's files back to the snapshot, and continue there.

        Raises:
            SinkStopped: They can't be brought back.
        """
        journal_path = None
        if self._journal_dir is not None:
            journal_path = self._journal_dir / f"{self._sink_name}.{for_part}.ndjson"
        with self._lock:
            # The same flow may run again in this process after an abort, which need not have closed anything.
            earlier = self._partitions.pop(for_part, None)
            if earlier is not None:
                earlier.abandon()
            open_files = self._open_files.get(threading.get_ident())
            if open_files is None or open_files.failed:
                open_files = self._open_files[threading.get_ident()] = OpenFiles()
        partition = FilePartition(
            sink_name=self._sink_name,
            tenant=for_part,
            template=self._template,
            compression=self._compression,
            journal_path=journal_path,
            open_files=open_files,
            resume_state=resume_state,
            keeper=self._keeper,
            clock=self._clock,
            file_mode=self._file_mode,
        )
        with self._lock:
            self._partitions[for_part] = partition
            if self._keeper is not None:
                self._keeper.start()
        return partition
