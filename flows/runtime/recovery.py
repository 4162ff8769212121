"""Bytewax's recovery store, looked at before Bytewax opens it: where it is, whom it knows, and what a crash left in it uncommitted.

Bytewax 0.21.1 writes the snapshots of an epoch first and commits the epoch afterwards. A `kill -9` in between leaves snapshots that no
resume uses at first: it takes the newest one before the committed epoch. But the next execution counts on from there and, if it has nothing
to snapshot for a key in the epoch of that number (sinks are snapshotted only when touched), commits the number and with it the stale
snapshot; the resume after that takes it up, and a file would be cut back to the wrong place. So they are deleted before every start.
"""

import logging
import pickle
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from flows.runtime.stores import StateUnusable, holds_stores, open_store, stores_in

__all__ = [
    "check_flow",
    "check_resumable",
    "check_usable",
    "check_whole",
    "fence_off_uncommitted",
    "flows_in",
    "is_spread",
    "known_state_keys",
    "resume_states",
]

_LOG = logging.getLogger(__name__)
_TABLES = ("parts", "exs", "fronts", "commits", "snaps")


def is_spread(directory: Path) -> bool:
    """Whether only some of the stores are here, or none, since the others lie with processes on other hosts."""
    return not holds_stores(directory) or bool(_absent(directory))


def check_whole(directory: Path, file_sinks: Sequence[str]) -> None:
    """Refuse file sinks where the state is spread over hosts: a tenant may move to another host, and its files can't.

    Args:
        directory: The state directory.
        file_sinks: The names of the sinks that write files.

    Raises:
        StateUnusable: There are some, and it is.
    """
    if file_sinks and is_spread(directory):
        msg = (
            f"The state directory {directory} holds only a part of the stores, so this cluster is spread over hosts, and file sinks "
            f"({', '.join(file_sinks)}) write exactly once only on one: tenants move between processes, their files stay. "
            "Run all processes on one host (python -m flows.cluster -n N), or send to a search server or a webhook."
        )
        raise StateUnusable(msg)


def check_usable(directory: Path, *, alone: bool) -> None:
    """Tell an operator what is wrong with the state directory before Bytewax does it with a traceback.

    Args:
        directory: The state directory.
        alone: Whether this process must hold a store, having no others beside it.

    Raises:
        StateUnusable: It isn't there, holds no store or not all of them, or a store in it can't be read.
    """
    stores = list(stores_in(directory))
    if not directory.is_dir() or (alone and not stores):
        what = "holds no store" if directory.is_dir() else "does not exist"
        msg = f"The state directory {directory} {what}. Make it once: mkdir -p {directory} && python -m bytewax.recovery {directory} 1"
        raise StateUnusable(msg)
    for store in stores:
        try:
            with closing(open_store(store)) as connection:
                for table in _TABLES:
                    connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  # names of our own
        except sqlite3.Error as error:
            msg = (
                f"The state store {store} can't be read ({error}). Restore the state directory as a whole from a backup; "
                "or move it away and make a new one: then polling begins at start_from."
            )
            raise StateUnusable(msg) from None
    if alone and (absent := _absent(directory)):
        msg = (
            f"The state directory {directory} holds {len(stores)} of {len(stores) + len(absent)} stores: {', '.join(absent)} not found. "
            "Bring them back, or restore the directory as a whole from a backup."
        )
        raise StateUnusable(msg)


def check_flow(directory: Path, flow_id: str) -> None:
    """Refuse the state directory of another flow: Bytewax keeps epochs by directory, so two flows in one would spoil each other's resume.

    Args:
        directory: The state directory.
        flow_id: The flow that is about to use it.

    Raises:
        StateUnusable: It holds another flow's state.
    """
    others = [flow for flow in flows_in(directory) if flow != flow_id]
    if others:
        msg = f"The state directory {directory} belongs to flows.{others[0]}: give flows.{flow_id} one of its own."
        raise StateUnusable(msg)


def flows_in(directory: Path) -> list[str]:
    """The ids of the flows that have saved state in it: one, or none yet."""
    found: set[str] = set()
    for store in stores_in(directory):
        with closing(open_store(store)) as connection:
            found.update(step.partition(".")[0] for (step,) in connection.execute("SELECT DISTINCT step_id FROM snaps"))
    return sorted(found)


def check_resumable(directory: Path, way_out: str) -> None:
    """Find out what Bytewax would end with `InconsistentPartitionsError` for: stores that no one run has left so.

    Args:
        directory: The state directory.
        way_out: What can be done where there is no backup, a sentence.

    Raises:
        StateUnusable: It can't be resumed; nothing was changed.
    """
    resume_epoch = _resume_epoch(directory)
    committed: dict[str, int] = {}
    counts: dict[str, int] = {}
    for store in stores_in(directory):
        with closing(open_store(store)) as connection:
            committed[store.name] = max((row[0] for row in connection.execute("SELECT commit_epoch FROM commits")), default=0)
            counts.update((store.name, row[0]) for row in connection.execute("SELECT part_count FROM parts"))
    ahead = [name for name, epoch in committed.items() if resume_epoch is not None and epoch > resume_epoch]
    if ahead:
        what = f"{', '.join(ahead)} went on to epoch {max(committed.values())} after the last run had stopped at {resume_epoch}"
    elif len(set(counts.values())) > 1:
        what = f"its stores belong to sets of {' and '.join(str(count) for count in sorted(set(counts.values())))}"
    else:
        return
    msg = (
        f"The state directory {directory} can't be resumed: {what}. Either two runs have used it at once, which this release doesn't allow "
        "any more, or its stores come from different backups. Events may be missing or be there twice since then. "
        f"Restore the directory as a whole from one backup; or, without one, {way_out}"
    )
    raise StateUnusable(msg)


def resume_states(directory: Path, step_id: str) -> dict[str, Any]:
    """What a step will resume from, by partition, once what was never committed has been fenced off.

    Args:
        directory: The state directory.
        step_id: The step's full id, such as `system_log.sink_archive`.

    Raises:
        StateUnusable: A snapshot can't be read.
    """
    found: dict[str, tuple[int, bytes]] = {}
    for store in stores_in(directory):
        with closing(open_store(store)) as connection:
            rows = connection.execute("SELECT state_key, snap_epoch, ser_change FROM snaps WHERE step_id = ?", (step_id,))
            for key, epoch, change in rows:
                if key not in found or epoch > found[key][0]:
                    found[key] = epoch, change
    try:
        return {key: pickle.loads(change) for key, (_, change) in found.items() if change is not None}  # noqa: S301  # Bytewax's own form
    except Exception as error:  # noqa: BLE001  # a damaged pickle raises anything
        msg = f"A snapshot of {step_id} in {directory} can't be read ({error}). Restore the directory as a whole from a backup."
        raise StateUnusable(msg) from None


def fence_off_uncommitted(directory: Path) -> int:
    """Delete every snapshot of an epoch that the last execution did not complete.

    Every process of a cluster does this before it joins; it is idempotent, and no process writes before all have joined.

    Where that execution ended is told by all stores together, and one alone may say too little: so where some of them lie with other hosts,
    nothing is deleted. Source partitions don't need it, since each epoch snapshots them anew; file sinks do.

    Args:
        directory: The state directory.

    Returns:
        How many snapshots were deleted.
    """
    if is_spread(directory):
        return 0
    resume_epoch = _resume_epoch(directory)
    if resume_epoch is None:
        return 0
    deleted = 0
    for store in stores_in(directory):
        with closing(open_store(store)) as connection, connection:
            deleted += connection.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (resume_epoch,)).rowcount
    if deleted:
        _LOG.info(
            "%s: %d snapshots of the interrupted epoch %d were never committed and have been removed", directory, deleted, resume_epoch
        )
    return deleted


def known_state_keys(directory: Path, step_id: str) -> list[str]:
    """The partitions that a step has saved state for, sorted: tenants of earlier runs that may have left the configuration.

    Args:
        directory: The state directory.
        step_id: The step's full id, such as `system_log.okta`.
    """
    keys: set[str] = set()
    for store in stores_in(directory):
        with closing(open_store(store)) as connection:
            keys.update(key for (key,) in connection.execute("SELECT DISTINCT state_key FROM snaps WHERE step_id = ?", (step_id,)))
    return sorted(keys)


def _resume_epoch(directory: Path) -> int | None:
    """Where the next execution starts: the least frontier of the last execution's workers; None for a store that was never used."""
    last: tuple[int, int, int] | None = None
    frontiers: dict[tuple[int, int], int] = {}
    for store in stores_in(directory):
        with closing(open_store(store)) as connection:
            for execution in connection.execute("SELECT ex_num, worker_count, resume_epoch FROM exs"):
                last = max(last, execution) if last else execution
            for ex_num, worker, frontier in connection.execute("SELECT ex_num, worker_index, worker_frontier FROM fronts"):
                frontiers[ex_num, worker] = max(frontier, frontiers.get((ex_num, worker), 0))
    if last is None:
        return None
    ex_num, worker_count, resume_epoch = last
    # A worker that has not yet told its frontier still stands where the execution began.
    return min(frontiers.get((ex_num, worker), resume_epoch) for worker in range(worker_count))


def _absent(directory: Path) -> list[str]:
    """The names of the stores that belong to those that are here."""
    stores = list(stores_in(directory))
    count = 0
    for store in stores:
        with closing(open_store(store)) as connection:
            count = max(count, *(row[0] for row in connection.execute("SELECT part_count FROM parts")), 0)
    return sorted({f"part-{index}.sqlite3" for index in range(count)} - {store.name for store in stores})
