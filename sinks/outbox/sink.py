"""A sink that sends: each tenant's pages into its outbox, and from there to one target, by way of the delivery core.

Unit of parallelism: the tenant. A partition per tenant, in the order of the source's partitions, so that Bytewax puts it on the worker
where the tenant's events arise. All partitions of a process share one writer: a thousand quiet tenants travel in few requests.

Delivery: at least once. `write_batch` appends and returns, `snapshot` syncs and returns, and neither waits for the target. The writer's
threads follow at the target's pace: from memory while they keep up, from the files where they lag. A target that knows an event by its id
makes effectively once of it.

Snapshot: the offset at which the tenant's outbox ends. On resume all behind it is cut off, since those pages come again.

A process sends what lies in the outboxes of its own tenants, and what lies on its host of tenants that are elsewhere now. A tenant that
moves to another host leaves behind what was not sent, which its former host sends: see docs/delivery.md.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Target
from sinks.delivery.writer import Letters, Writer
from sinks.documents import Documents
from sinks.errors import SinkStopped, stopped_by
from sinks.file.open_files import OpenFiles
from sinks.metrics import watch_outbox
from sinks.outbox.backlog import Backlog
from sinks.outbox.left import Left
from sinks.outbox.log import Log
from sinks.outbox.owner import Owner
from sinks.outbox.segments import segments_in
from sinks.paths import safe_name
from sinks.tenant_partitions import TenantPartitions

__all__ = ["KeyedSink"]

_LOG = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_LAST_CHANCE_SECONDS = 1.3
_ADOPT_SECONDS = 20.0
"""How long after a partition was built what lies here of tenants without one is taken up: those of a cluster are built at the same time."""


class _Shared:
    """What all partitions of a process share, from the first to the last of them."""

    def __init__(self, writer: Writer, backlog: Backlog, owner: Owner, adopt: Callable[["_Shared"], None]) -> None:
        self.writer = writer
        self.backlog = backlog
        self.owner = owner
        self.name = owner.name()
        self.users = 0
        self._adopt = adopt
        self._adopts_at = float("inf")
        self._closed = False

    def start(self) -> None:
        self.writer.start()
        threading.Thread(target=self._feed, name="okta-outbox", daemon=True).start()

    def built(self) -> None:
        """Another partition has been built; whoever's are not built soon are not coming."""
        self._adopts_at = time.monotonic() + _ADOPT_SECONDS

    def close(self) -> None:
        self._closed = True
        self.writer.close()
        self.backlog.close()

    def abandon(self) -> None:
        self._closed = True
        self.writer.close()
        self.backlog.abandon()

    def _feed(self) -> None:
        try:
            while not self._closed:
                if time.monotonic() >= self._adopts_at:
                    self._adopts_at = float("inf")
                    self._adopt(self)
                if self.writer.wait_for_room(_LOOK_SECONDS * 10):
                    self.backlog.feed_one()
        except SinkStopped as error:
            if not self._closed:
                self.writer.stop(error)


class KeyedSink(FixedPartitionedSink[Documents, dict[str, Any]]):
    """Sends each tenant's events to a target; takes keyed items `(tenant, Documents)`."""

    def __init__(
        self,
        sink_name: str,
        tenants: Sequence[str],
        make_target: Callable[[], Target],
        policy: DeliveryPolicy,
        letters: Letters,
        *,
        outbox_dir: Path,
        document_format: str,
        wait_until: Callable[[bool], float] = lambda _progress: time.monotonic(),
        on_left: Callable[[Left], None] = lambda _left: None,
        on_failure: Callable[[Iterable[str], str], None],
        on_stopped: Callable[[SinkStopped], None] = lambda _error: None,
    ) -> None:
        """Opens no connection and no file.

        Args:
            sink_name: The sink's name in the configuration; a label of its metrics.
            tenants: All tenants of the source: see `TenantPartitions`.
            make_target: Makes the target, when the first partition is built.
            policy: How to deliver.
            letters: Where events go that can't be delivered.
            outbox_dir: Where a folder for the sink is made.
            document_format: The format of the documents.
            wait_until: Until which moment on `time.monotonic` the end of the run waits for the outbox to be empty; asked again and again,
                and told whether something has got through meanwhile.
            on_left: Told what is left then.
            on_failure: Told of each failed attempt: the tenants and the kind of failure.
            on_stopped: Told why the sink can't go on, from a thread of its own; whoever hands something over after that is told by an
                exception.
        """
        self._sink_name = safe_name(sink_name)
        self._partitions = TenantPartitions(sink_name, tenants)
        self._make_target = make_target
        self._policy = policy
        self._letters = letters
        self._folder = outbox_dir / self._sink_name
        self._document_format = document_format
        self._wait_until = wait_until
        self._on_left = on_left
        self._on_failure = on_failure
        self._on_stopped = on_stopped
        self._lock = threading.Lock()
        self._shared: _Shared | None = None
        self._open_files: dict[int, OpenFiles] = {}

    def list_parts(self) -> list[str]:
        """All tenants, sorted."""
        return list(self._partitions.names)

    def part_fn(self, item_key: str) -> int:
        """The tenant's position."""
        return self._partitions.index_of(item_key)

    def build_part(
        self,
        step_id: str,  # noqa: ARG002
        for_part: str,
        resume_state: dict[str, Any] | None,
    ) -> StatefulSinkPartition[Documents, dict[str, Any]]:
        """A tenant's outbox, brought back to the snapshot, and its end of the writer, which starts with the first of them.

        Raises:
            SinkStopped: The outbox can't be used, or another process uses it.
        """
        with self._lock:
            if self._shared is None:
                self._shared = self._share()
            shared = self._shared
            shared.users += 1
            open_files = self._open_files.setdefault(threading.get_ident(), OpenFiles())
            shared.owner.take(for_part)
            log = Log(self._folder / safe_name(for_part), for_part, resume_state, shared.name, open_files, self._stopped_by)
            shared.backlog.add(log)
            shared.built()
        return _Partition(shared, log, open_files, self._release)

    @property
    def waiting_bytes(self) -> int:
        """What waits in the outboxes of this process."""
        shared = self._shared
        return shared.backlog.waiting_bytes if shared is not None else 0

    @property
    def has_stopped(self) -> bool:
        """Whether it can't go on."""
        return self._shared is not None and self._shared.writer.has_stopped

    def flush(self) -> None:
        """Send what there is, without waiting for others to fill a batch."""
        if self._shared is not None:
            self._shared.writer.flush()

    def kill(self) -> None:
        """End all threads as they are, as a crash would: for tests, which can't kill a process in which they run."""
        if self._shared is not None:
            self._shared.abandon()
            self._shared = None

    def _share(self) -> _Shared:
        backlog = Backlog(self._sink_name, in_order=self._policy.in_order)
        writer = Writer(
            self._sink_name,
            self._make_target(),
            self._policy,
            self._letters,
            document_format=self._document_format,
            on_failure=self._on_failure,
            on_done=backlog.settle,
            on_stopped=self._on_stopped,
        )
        backlog.offer, backlog.is_held, backlog.longest_page_bytes = writer.offer, writer.is_held, writer.longest_page_bytes
        shared = _Shared(writer, backlog, Owner(self._folder, self._sink_name, self._stopped_by), self._adopt)
        watch_outbox(self._sink_name, lambda: (backlog.waiting_bytes, backlog.oldest_at()))
        shared.start()
        return shared

    def _adopt(self, shared: _Shared) -> None:
        """Send what lies here of tenants that other hosts have now, or nobody."""
        with self._lock:
            for folder in sorted(path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
                tenant = folder.name
                if shared.backlog.knows(tenant) or not any(segments_in(folder)) or not shared.owner.takes(tenant):
                    continue
                try:
                    log = Log(folder, tenant, None, shared.name, OpenFiles(), self._stopped_by)
                except SinkStopped as error:
                    _LOG.error("sink %s: what is left of tenant %s can't be sent: %s", self._sink_name, tenant, error)
                    continue
                if log.waiting_bytes:
                    _LOG.info("sink %s: sending what an earlier run left of tenant %s, who is elsewhere now", self._sink_name, tenant)
                shared.backlog.add(log)

    def _stopped_by(self, error: OSError, path: str) -> SinkStopped:
        return stopped_by(error, sink=self._sink_name, tenant="", path=path, resumes=None)

    def _release(self, partition: "_Partition") -> None:
        with self._lock:
            shared = partition.shared
            shared.users -= 1
            is_last = not shared.users
            if is_last and self._shared is shared:
                self._shared = None
        if not is_last:
            return
        self._adopt(shared)
        shared.writer.flush()
        before = shared.backlog.waiting_bytes
        while before and not shared.writer.has_stopped:
            left_seconds = self._wait_until(shared.backlog.waiting_bytes < before) - time.monotonic()
            # A target that fails is given no last chance: a run that stops shall end.
            if left_seconds <= (_LAST_CHANCE_SECONDS if shared.writer.is_failing else 0.0):
                break
            before = shared.backlog.waiting_bytes
            time.sleep(_LOOK_SECONDS)
        left = shared.backlog.waiting_bytes
        if left:
            self._on_left(Left(self._sink_name, left, shared.backlog.oldest_at(), self._folder))
        shared.close()


class _Partition(StatefulSinkPartition[Documents, dict[str, Any]]):
    def __init__(self, shared: _Shared, log: Log, open_files: OpenFiles, release: Callable[["_Partition"], None]) -> None:
        self.shared = shared
        self._log = log
        self._open_files = open_files
        self._release = release

    def write_batch(self, values: list[Documents]) -> None:
        self.shared.writer.raise_if_stopped()
        for documents in values:
            if len(documents):
                self.shared.backlog.write(self._log, documents)

    def snapshot(self) -> dict[str, Any]:
        self.shared.writer.raise_if_stopped()
        return self.shared.backlog.snapshot(self._log, self._open_files)

    def close(self) -> None:
        self._release(self)
