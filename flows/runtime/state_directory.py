"""A run takes its state directory: everything that is looked at, in the order in which it has to be, before any request is made."""

from collections.abc import Mapping
from pathlib import Path

from flows.runtime.invocation import on_one_host, seat
from flows.runtime.owner import hold_for_life
from flows.runtime.place import check_place
from flows.runtime.private import check_private
from flows.runtime.recovery import check_flow, check_resumable, check_usable, check_whole, fence_off_uncommitted, is_spread
from flows.runtime.stores import StateUnusable
from sinks.config import FileSinkConfig, SinkConfig

__all__ = ["MAIN_FLOW", "WAY_OUT", "examine_state", "take_state"]

MAIN_FLOW = "system_log"
"""The id of the main flow, which `flows.system_log` wires and `flows.cluster` starts."""
WAY_OUT = (
    'move it away, make a new one, start with start_from = "now", and an hour later have what is missing delivered by '
    "python -m flows.audit --repair, with a --since before the trouble began."
)
"""What can be done with a state of the main flow that can't be resumed."""


def take_state(directory: Path, flow_id: str, sinks: Mapping[str, SinkConfig] | None, *, way_out: str) -> None:
    """Become the owner of a state directory for the life of this process, and make sure that it can be resumed.

    Args:
        directory: The state directory.
        flow_id: The flow that is about to use it.
        sinks: The sinks that this run writes to; None where that isn't known yet, and the caller checks the place when it is.
        way_out: What can be done with a state that can't be resumed, see `check_resumable`.

    Raises:
        StateUnusable: It can't be used: it isn't there, another run lives on it, it belongs to another flow or another place, or what is in
            it doesn't fit together. The message says which, and what to do.
    """
    if directory.is_dir():
        hold_for_life(directory, seat())
    examine_state(directory, flow_id, sinks, alone=on_one_host(), way_out=way_out)


def examine_state(directory: Path, flow_id: str, sinks: Mapping[str, SinkConfig] | None, *, alone: bool, way_out: str) -> None:
    """Make sure that a state directory that is held can be resumed, and remove what a crash left in it uncommitted.

    Args:
        directory: The state directory.
        flow_id: The flow that is about to use it.
        sinks: As for `take_state`.
        alone: Whether every store must be here, since there are no processes on other hosts.
        way_out: As for `take_state`.

    Raises:
        StateUnusable: As for `take_state`.
    """
    check_private(directory)
    check_usable(directory, alone=alone)
    check_flow(directory, flow_id)
    files = {name: sink for name, sink in (sinks or {}).items() if isinstance(sink, FileSinkConfig)}
    check_whole(directory, list(files))
    if is_spread(directory):
        return
    check_resumable(directory, way_out)
    fence_off_uncommitted(directory)
    if sinks is None:
        return
    try:
        check_place(directory, files, {name: f"{flow_id}.sink_{name}" for name in files})
    except OSError as error:
        msg = f"The state directory {directory} can't be used: {error}."
        raise StateUnusable(msg) from None
