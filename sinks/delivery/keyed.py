"""A sink that sends: each tenant's pages to one target, by way of the delivery core.

Unit of parallelism: the tenant. A partition per tenant, in the order of the source's partitions, so that Bytewax puts it on the worker
where the tenant's events arise. All partitions of a process share one writer: a thousand quiet tenants travel in few requests.

Delivery: at least once. Bytewax calls `snapshot` for every partition that was written to in an epoch, with and without a recovery store,
and that call waits until everything handed over so far is with the target or the dead letters: the first one of an epoch waits, the others
find nothing left. A target that knows an event by its id makes effectively once of it.

Snapshot: nothing but a version; where the source stood is all that is needed.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Target
from sinks.delivery.writer import Letters, Writer
from sinks.documents import Documents
from sinks.errors import SinkStopped
from sinks.tenant_partitions import TenantPartitions

__all__ = ["KeyedSink"]

_LOG = logging.getLogger(__name__)


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
        document_format: str,
        stop_deadline: Callable[[], float | None],
        on_failure: Callable[[Iterable[str], str], None],
    ) -> None:
        """Opens no connection.

        Args:
            sink_name: The sink's name in the configuration; a label of its metrics.
            tenants: All tenants of the source: see `TenantPartitions`.
            make_target: Makes the target, when the first partition is built.
            policy: How to deliver.
            letters: Where events go that can't be delivered.
            document_format: The format of the documents.
            stop_deadline: The moment on `time.monotonic` after which a stopping run must wait no longer; None while it isn't stopping.
            on_failure: Told of each failed attempt: the tenants and the kind of failure.
        """
        self._sink_name = sink_name
        self._partitions = TenantPartitions(sink_name, tenants)
        self._make_target = make_target
        self._policy = policy
        self._letters = letters
        self._document_format = document_format
        self._stop_deadline = stop_deadline
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._writer: Writer | None = None
        self._users = 0

    def list_parts(self) -> list[str]:
        """All tenants, sorted."""
        return list(self._partitions.names)

    def part_fn(self, item_key: str) -> int:
        """The tenant's position."""
        return self._partitions.index_of(item_key)

    def build_part(
        self,
        step_id: str,  # noqa: ARG002
        for_part: str,  # noqa: ARG002
        resume_state: dict[str, Any] | None,  # noqa: ARG002
    ) -> StatefulSinkPartition[Documents, dict[str, Any]]:
        """A tenant's end of the writer, which starts with the first of them."""
        with self._lock:
            if self._writer is None:
                self._writer = Writer(
                    self._sink_name,
                    self._make_target(),
                    self._policy,
                    self._letters,
                    document_format=self._document_format,
                    stop_deadline=self._stop_deadline,
                    on_failure=self._on_failure,
                )
                self._writer.start()
            self._users += 1
            return _Partition(self._writer, self._release)

    def _release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users or self._writer is None:
                return
            writer, self._writer = self._writer, None
        try:
            # A run that ends well has taken a snapshot before, which leaves nothing to wait for.
            writer.drain()
        except SinkStopped as error:
            # Bytewax closes partitions also while an exception ends the run, and another one from here would abort the process.
            _LOG.error("%s", error)
        writer.close()


class _Partition(StatefulSinkPartition[Documents, dict[str, Any]]):
    def __init__(self, writer: Writer, release: Callable[[], None]) -> None:
        self._writer = writer
        self._release = release

    def write_batch(self, values: list[Documents]) -> None:
        for documents in values:
            self._writer.add(documents)

    def snapshot(self) -> dict[str, Any]:
        self._writer.drain()
        return {"version": 1}

    def close(self) -> None:
        self._release()
