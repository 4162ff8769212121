"""A stop signal that one process of a cluster receives ends the input of all of them.

Otherwise the signalled process would stop polling its tenants but stay in the cluster for as long as the others go on: its tenants would be
polled by nobody. So a stop travels through the dataflow to every worker. Bytewax has no broadcast, but `redistribute` sends each item to a
random worker: with 64 items a worker, the chance that one gets none is e^-64.
"""

from datetime import UTC, datetime, timedelta

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from okta_source.fetching.control import RunControl

__all__ = ["relay_stops"]

_NAP = timedelta(seconds=0.1)
_ITEMS_A_WORKER = 64


class _StopPartition(StatelessSourcePartition[str]):
    """Says "stop" once to everyone, then ends; emits nothing before."""

    def __init__(self, control: RunControl, worker_count: int) -> None:
        self._control = control
        self._items = ["stop"] * (worker_count * _ITEMS_A_WORKER if worker_count > 1 else 0)
        self._told = False

    def next_batch(self) -> list[str]:
        if self._told:
            raise StopIteration
        if not self._control.stopping:
            return []
        self._told = True
        return self._items

    def next_awake(self) -> datetime | None:
        return None if self._told else datetime.now(UTC) + _NAP


class _StopSource(DynamicSource[str]):
    def __init__(self, control: RunControl) -> None:
        self._control = control

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _StopPartition:  # noqa: ARG002
        return _StopPartition(self._control, worker_count)


class _StopReceiver(StatelessSinkPartition[str]):
    def __init__(self, control: RunControl) -> None:
        self._control = control

    def write_batch(self, items: list[str]) -> None:  # noqa: ARG002
        self._control.request_stop()


class _StopSink(DynamicSink[str]):
    def __init__(self, control: RunControl) -> None:
        self._control = control

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _StopReceiver:  # noqa: ARG002
        return _StopReceiver(self._control)


def relay_stops(step_id: str, flow: Dataflow, control: RunControl) -> None:
    """Add the relay to a flow that runs for ever.

    Args:
        step_id: Id of its input step.
        flow: The dataflow.
        control: This process's switches.
    """
    stops = op.input(step_id, flow, _StopSource(control))
    op.output(f"{step_id}_received", op.redistribute(f"{step_id}_everywhere", stops), _StopSink(control))
