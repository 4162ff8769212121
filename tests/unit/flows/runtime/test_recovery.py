"""The recovery store before Bytewax opens it: what is fenced off, whom it knows, where it is."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import InconsistentPartitionsError, RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, cluster_main, run_main

from flows.runtime.invocation import in_cluster, recovery_dir
from flows.runtime.recovery import (
    check_resumable,
    check_usable,
    check_whole,
    fence_off_uncommitted,
    is_spread,
    known_state_keys,
    resume_states,
)
from flows.runtime.stores import StateUnusable, make_directory, make_stores

STEP = "flow.numbers"
Snap = tuple[str, str, int]


class Numbers(StatefulSourcePartition[int, int]):
    def __init__(self, start: int, end: int) -> None:
        self._next = start
        self._end = end

    def next_batch(self) -> list[int]:
        if self._next >= self._end:
            raise StopIteration
        self._next += 1
        return [self._next - 1]

    def snapshot(self) -> int:
        return self._next


class NumberSource(FixedPartitionedSource[int, int]):
    """Counts in each of its parts, from where it stopped to `end`."""

    def __init__(self, end: int, names: Iterable[str] = ("acme", "globex")) -> None:
        self._end = end
        self._names = list(names)

    def list_parts(self) -> list[str]:
        return self._names

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Numbers:
        return Numbers(resume_state or 0, self._end)


def count(store: Path, end: int, *, cluster: int = 0) -> list[int]:
    out: list[int] = []
    flow = Dataflow("flow")
    op.output("out", op.input("numbers", flow, NumberSource(end)), TestingSink(out))
    settings: dict[str, Any] = {"epoch_interval": timedelta(0), "recovery_config": RecoveryConfig(str(store), backup_interval=timedelta(1))}
    if cluster:
        cluster_main(flow, [], 0, worker_count_per_proc=cluster, **settings)
    else:
        run_main(flow, **settings)
    return out


def rows(store: Path, query: str) -> list[Any]:
    found: list[Any] = []
    for part in sorted(store.glob("part-*.sqlite3")):
        with closing(sqlite3.connect(part)) as connection:
            found += connection.execute(query).fetchall()
    return found


def insert(store: Path, part: int, table: str, *values: tuple[Any, ...]) -> None:
    columns = {
        "exs": "ex_num, worker_count, resume_epoch",
        "fronts": "ex_num, worker_index, worker_frontier",
        "snaps": "step_id, state_key, snap_epoch, ser_change",
    }[table]
    with closing(sqlite3.connect(store / f"part-{part}.sqlite3")) as connection, connection:
        marks = ",".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)  # noqa: S608


def epochs(store: Path) -> list[int]:
    return sorted(epoch for (epoch,) in rows(store, "SELECT snap_epoch FROM snaps"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    init_db_dir(tmp_path, 3)
    return tmp_path


def test_a_store_that_was_never_used_is_left_alone(store: Path) -> None:
    assert fence_off_uncommitted(store) == 0
    assert known_state_keys(store, STEP) == []


def test_a_folder_without_a_store_is_left_for_bytewax_to_complain_about(tmp_path: Path) -> None:
    assert fence_off_uncommitted(tmp_path) == 0
    assert fence_off_uncommitted(tmp_path / "nowhere") == 0
    assert known_state_keys(tmp_path, STEP) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cluster", [0, 2])
def test_after_a_clean_run_there_is_nothing_to_fence_off_and_the_next_one_goes_on(store: Path, cluster: int) -> None:
    assert sorted(count(store, 5, cluster=cluster)) == sorted([*range(5)] * 2)
    before = rows(store, "SELECT step_id, state_key, snap_epoch, ser_change FROM snaps")
    assert before
    assert fence_off_uncommitted(store) == 0
    assert rows(store, "SELECT step_id, state_key, snap_epoch, ser_change FROM snaps") == before
    assert sorted(count(store, 8, cluster=cluster)) == sorted([5, 6, 7] * 2)


def test_uncommitted_snapshots_are_deleted_and_bytewax_resumes_before_them(store: Path) -> None:
    count(store, 5)
    frontier = max(epoch for (epoch,) in rows(store, "SELECT worker_frontier FROM fronts"))
    kept = epochs(store)
    # A crash between writing the snapshots of an epoch and committing it; the stale ones lie in whichever part their key belongs to.
    stale = b"\x80\x04K\x63."  # 99, pickled
    insert(store, 0, "snaps", (STEP, "acme", frontier, stale), (STEP, "other", frontier + 7, stale))
    insert(store, 2, "snaps", (STEP, "globex", frontier, stale), ("flow.sink", "acme", frontier + 1, None))
    assert fence_off_uncommitted(store) == 4
    assert epochs(store) == kept
    assert all(epoch < frontier for epoch in kept)
    assert fence_off_uncommitted(store) == 0
    assert sorted(count(store, 6)) == [5, 5]


@pytest.mark.parametrize(
    ("executions", "fronts", "resume_epoch"),
    [
        ([(0, 1, 1)], [], 1),  # no frontier was ever told: nothing is committed
        ([(0, 1, 1)], [(0, 0, 7)], 7),
        ([(0, 3, 1)], [(0, 0, 9), (0, 1, 7), (0, 2, 8)], 7),
        ([(0, 3, 4)], [(0, 0, 9), (0, 2, 8)], 4),  # worker 1 has told nothing since the start
        ([(0, 1, 1), (1, 1, 6)], [(0, 0, 9)], 6),  # an earlier execution's frontier says nothing
        ([(1, 1, 6), (0, 5, 1)], [(1, 0, 8), (0, 0, 2)], 8),  # the last execution counts, not the last row
        ([(0, 4, 1), (1, 1, 5)], [(0, 3, 5), (1, 0, 6), (1, 3, 2)], 6),  # nor workers that there are none of any more
    ],
)
def test_the_fence_stands_where_the_next_execution_starts(
    store: Path, executions: list[tuple[int, int, int]], fronts: list[tuple[int, int, int]], resume_epoch: int
) -> None:
    for number, execution in enumerate(executions):
        insert(store, number % 3, "exs", execution)
    for number, front in enumerate(fronts):
        insert(store, (number + 1) % 3, "fronts", front)
    for part in range(3):
        insert(store, part, "snaps", *((STEP, f"key{part}", epoch, b"x") for epoch in range(1, 13)))
    assert fence_off_uncommitted(store) == 3 * (13 - resume_epoch)
    assert epochs(store) == sorted([*range(1, resume_epoch)] * 3)
    assert fence_off_uncommitted(store) == 0


def test_bytewax_itself_resumes_where_the_fence_stands(store: Path) -> None:
    count(store, 5)
    fence_off_uncommitted(store)
    frontier = max(epoch for (epoch,) in rows(store, "SELECT worker_frontier FROM fronts"))
    count(store, 6)
    last = max(rows(store, "SELECT ex_num, resume_epoch FROM exs"))
    assert last == (1, frontier)


def test_the_tenants_of_earlier_runs_are_known_by_their_step(store: Path) -> None:
    count(store, 3)
    assert known_state_keys(store, STEP) == ["acme", "globex"]
    insert(store, 1, "snaps", (STEP, "initech", 1, b"x"), (STEP, "initech", 2, b"x"), ("flow.sink", "hooli", 1, b"x"))
    assert known_state_keys(store, STEP) == ["acme", "globex", "initech"]
    assert known_state_keys(store, "flow.other") == []


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["-r", "state"], "state"),
        (["-rstate"], "state"),
        (["--recovery-directory", "state"], "state"),
        (["--recovery-directory=state"], "state"),
        (["--recovery-dir", "state"], "state"),  # Bytewax understands abbreviations
        (["flows.system_log", "-s", "10", "-b", "0", "-r", "state", "-w", "2"], "state"),
        (["flows.system_log:get_flow('okta.toml')", "-r", "my state"], "my state"),
        (["-r", "first", "-r", "second"], "second"),
        (["-i", "0", "-a", "host0:2101;host1:2101", "-r", "/abs/state"], "/abs/state"),
        (["flows.system_log"], None),
        ([], None),
    ],
)
def test_the_state_directory_is_read_as_bytewax_reads_it(argv: list[str], expected: str | None) -> None:
    assert recovery_dir(argv, {}) == (Path(expected).absolute() if expected else None)


def test_the_environment_names_it_unless_the_command_line_does() -> None:
    environ = {"BYTEWAX_RECOVERY_DIRECTORY": "from-environment"}
    assert recovery_dir(["flows.system_log"], environ) == Path("from-environment").absolute()
    assert recovery_dir(["-r", "given"], environ) == Path("given").absolute()
    assert recovery_dir([], {"BYTEWAX_RECOVERY_DIRECTORY": ""}) is None


def test_the_process_own_command_line_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bytewax.run", "flows.system_log", "-r", "mine"])
    assert recovery_dir(environ={}) == Path("mine").absolute()


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        ([], {}, False),
        (["flows.system_log", "-r", "state"], {}, False),
        (["-i", "0", "-a", "a:1;b:2"], {}, True),
        (["--addresses=a:1;b:2"], {}, True),
        ([], {"BYTEWAX_ADDRESSES": "a:1;b:2"}, True),
        ([], {"BYTEWAX_HOSTFILE_PATH": "hosts"}, True),
    ],
)
def test_a_cluster_is_told_by_its_addresses(argv: list[str], environ: dict[str, str], expected: bool) -> None:
    assert in_cluster(argv, environ) is expected


def test_a_process_of_a_cluster_needs_no_store_of_its_own_but_the_folder(tmp_path: Path) -> None:
    check_usable(tmp_path, alone=False)
    with pytest.raises(StateUnusable, match="holds no store"):
        check_usable(tmp_path, alone=True)
    with pytest.raises(StateUnusable, match="does not exist"):
        check_usable(tmp_path / "gone", alone=False)


@pytest.mark.parametrize("here", [{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}])
def test_where_other_hosts_hold_some_of_the_stores_nothing_committed_is_deleted(store: Path, here: set[int]) -> None:
    """One store alone may name the last execution and not how far it came: then everything since its start would look uncommitted."""
    for end in (5, 9):
        count(store, end, cluster=3)
    for part in {0, 1, 2} - here:
        (store / f"part-{part}.sqlite3").unlink()
    kept = rows(store, "SELECT step_id, state_key, snap_epoch FROM snaps")
    assert is_spread(store)
    assert fence_off_uncommitted(store) == 0
    assert rows(store, "SELECT step_id, state_key, snap_epoch FROM snaps") == kept


def test_file_sinks_need_the_whole_state_on_one_host(store: Path, tmp_path: Path) -> None:
    check_whole(store, ["archive"])
    (store / "part-1.sqlite3").unlink()
    check_usable(store, alone=False)
    check_whole(store, [])
    with pytest.raises(StateUnusable, match=r"file sinks \(archive, copy\).*flows\.cluster"):
        check_whole(store, ["archive", "copy"])
    with pytest.raises(StateUnusable, match=r"holds 2 of 3 stores: part-1\.sqlite3 not found"):
        check_usable(store, alone=True)


def test_made_stores_are_whole_and_bytewax_runs_on_them(tmp_path: Path) -> None:
    directory = tmp_path / "some" / "state"
    make_directory(directory)
    make_stores(directory, 2)
    assert sorted(path.name for path in directory.iterdir()) == ["part-0.sqlite3", "part-1.sqlite3"]
    check_usable(directory, alone=True)
    assert not is_spread(directory)
    assert sorted(count(directory, 2, cluster=3)) == [0, 0, 1, 1]


def test_a_store_that_is_ahead_of_the_last_run_is_refused_as_bytewax_would(store: Path) -> None:
    count(store, 5)
    check_resumable(store, "begin anew.")
    with closing(sqlite3.connect(store / "part-1.sqlite3")) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO commits (part_index, commit_epoch) VALUES (1, 77)")
    with pytest.raises(StateUnusable, match=r"can't be resumed: part-1\.sqlite3 went on to epoch 77 .* from one backup; .* begin anew\."):
        check_resumable(store, "begin anew.")
    with pytest.raises(InconsistentPartitionsError):
        count(store, 9)


def test_stores_of_different_sets_are_refused(tmp_path: Path) -> None:
    for folder, size in (("two", 2), ("three", 3)):
        make_directory(tmp_path / folder)
        make_stores(tmp_path / folder, size)
    (tmp_path / "two" / "part-1.sqlite3").replace(tmp_path / "three" / "part-1.sqlite3")
    with pytest.raises(StateUnusable, match="its stores belong to sets of 2 and 3"):
        check_resumable(tmp_path / "three", "begin anew.")


def test_what_a_step_resumes_from_is_its_newest_snapshot(store: Path) -> None:
    count(store, 4)
    count(store, 6)
    assert resume_states(store, STEP) == {"acme": 6, "globex": 6}
    assert resume_states(store, "flow.other") == {}


def test_a_snapshot_that_can_t_be_read_is_told(tmp_path: Path) -> None:
    make_stores(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "part-0.sqlite3")) as connection, connection:
        connection.execute("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, 'acme', 1, x'00')", (STEP,))
    with pytest.raises(StateUnusable, match="can't be read"):
        resume_states(tmp_path, STEP)


def test_a_store_without_its_tables_is_told(tmp_path: Path) -> None:
    make_stores(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "part-0.sqlite3")) as connection, connection:
        connection.execute("DROP TABLE commits")
    with pytest.raises(StateUnusable, match=r"part-0\.sqlite3 can't be read \(no such table: commits\)"):
        check_usable(tmp_path, alone=True)
