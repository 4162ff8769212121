"""Sinks whose `SinkStopped` ends the run with one message and exit code 3, where Bytewax would panic."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from bytewax.outputs import DynamicSink, FixedPartitionedSink, StatefulSinkPartition, StatelessSinkPartition

from flows.runtime.lifecycle import stop_run
from sinks.errors import SinkStopped

__all__ = ["StopsRun", "StopsRunKeyed"]

_LOG = logging.getLogger(__name__)
_R = TypeVar("_R")


def _guarded(call: Callable[[], _R]) -> _R:
    try:
        return call()
    except SinkStopped as error:
        stop_run(error)
        raise


def _close(partition: StatefulSinkPartition[Any, Any] | StatelessSinkPartition[Any]) -> None:
    """Close without raising: Bytewax closes while it unwinds an exception, and a second one aborts the process."""
    try:
        partition.close()
    except SinkStopped as error:
        stop_run(error)
        _LOG.critical("%s", error)


class _KeyedPartition(StatefulSinkPartition[Any, Any]):
    def __init__(self, partition: StatefulSinkPartition[Any, Any]) -> None:
        self._partition = partition

    def write_batch(self, values: list[Any]) -> None:
        _guarded(lambda: self._partition.write_batch(values))

    def snapshot(self) -> Any:
        return _guarded(self._partition.snapshot)

    def close(self) -> None:
        _close(self._partition)


class StopsRunKeyed(FixedPartitionedSink[Any, Any]):
    """A keyed sink whose `SinkStopped` ends the run with exit code 3 and one message instead of a panic.

    Args:
        sink: The sink.
    """

    def __init__(self, sink: FixedPartitionedSink[Any, Any]) -> None:
        self._sink = sink

    def list_parts(self) -> list[str]:
        """The sink's partitions."""
        return self._sink.list_parts()

    def part_fn(self, item_key: str) -> int:
        """The sink's own choice."""
        return self._sink.part_fn(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> StatefulSinkPartition[Any, Any]:
        """The sink's partition, guarded."""
        return _KeyedPartition(_guarded(lambda: self._sink.build_part(step_id, for_part, resume_state)))


class _Partition(StatelessSinkPartition[Any]):
    def __init__(self, partition: StatelessSinkPartition[Any]) -> None:
        self._partition = partition

    def write_batch(self, items: list[Any]) -> None:
        _guarded(lambda: self._partition.write_batch(items))

    def close(self) -> None:
        _close(self._partition)


class StopsRun(DynamicSink[Any]):
    """The same for a sink without state.

    Args:
        sink: The sink.
    """

    def __init__(self, sink: DynamicSink[Any]) -> None:
        self._sink = sink

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        """The sink's partition, guarded."""
        return _Partition(_guarded(lambda: self._sink.build(step_id, worker_index, worker_count)))
