"""The file sink in Bytewax itself: aborted, resumed, on one worker and on two."""

import json
import sqlite3
from datetime import timedelta

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, cluster_main, run_main

from sinks.errors import SinkStopped
from sinks.file import FileSink

TENANTS = ["zeta", "acme", "midway"]


def flow_of(items, sink, name="test"):
    flow = Dataflow(name)
    pages = op.input("in", flow, TestingSource(items))
    op.output("out", op.key_on("key", pages, lambda page: page.tenant), sink)
    return flow


@pytest.fixture
def recovery(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    init_db_dir(state, 2)
    return RecoveryConfig(state)


@pytest.fixture
def new_sink(tmp_path):
    def new_sink(compression="none"):
        template = str(tmp_path / "out" / "{tenant}" / "{date}.ndjson")
        return FileSink("archive", template, TENANTS, compression=compression, journal_dir=tmp_path / "state" / "files")

    return new_sink


@pytest.fixture
def items(make_page):
    items = []
    for number in range(30):
        day = f"2024-05-{1 + number // 10:02}T10:00"
        items.append(make_page(TENANTS[number % 3], (2 * number, day), (2 * number + 1, day)))
    for position in (25, 17, 8, 2):
        items.insert(position, TestingSource.ABORT())
    return items


def fence(state):
    """Drop snapshots that no run committed; Bytewax 0.21.1 may resume from them otherwise."""
    stores = [sqlite3.connect(path) for path in sorted(state.glob("part-*.sqlite3"))]
    # Which of the files an execution and its progress are kept in is up to their hash.
    runs = [row for store in stores for row in store.execute("SELECT ex_num, resume_epoch FROM exs")]
    fronts = [row for store in stores for row in store.execute("SELECT ex_num, worker_frontier FROM fronts")]
    last, resume_epoch = max(runs, default=(None, 0))
    committed = min((front for run, front in fronts if run == last), default=resume_epoch)
    for store in stores:
        store.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (committed,))
        store.commit()
        store.close()


def written(tmp_path):
    found = {}
    for path in sorted((tmp_path / "out").rglob("*.ndjson")):
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert {line["_okta_tenant"] for line in lines} == {path.parent.name}
        found[path.parent.name, path.stem] = [line["n"] for line in lines]
    return found


def expected(items):
    found = {}
    for page in items:
        if not isinstance(page, TestingSource.ABORT):
            for head, body in zip(page.heads, page.bodies, strict=True):
                numbers = found.setdefault((page.tenant, str(head.published.date())), [])
                numbers.append(int(bytes(body)[4:-1]))
    return found


@pytest.mark.parametrize("epoch_seconds", [0, 10])
def test_aborted_four_times_every_event_is_there_once(tmp_path, recovery, new_sink, items, epoch_seconds):
    flow = flow_of(items, new_sink())
    for _ in range(5):
        fence(tmp_path / "state")
        run_main(flow, epoch_interval=timedelta(seconds=epoch_seconds), recovery_config=recovery)
    assert all(item._triggered for item in items if isinstance(item, TestingSource.ABORT))
    assert written(tmp_path) == expected(items)


@pytest.mark.parametrize("workers", [(1, 2), (2, 1), (3, 2)])
def test_another_number_of_workers_continues(tmp_path, recovery, new_sink, items, workers):
    pages = [item for item in items if not isinstance(item, TestingSource.ABORT)]
    flow = flow_of([*pages[:20], TestingSource.EOF(), *pages[20:]], new_sink())
    for count in workers:
        cluster_main(flow, [], 0, epoch_interval=timedelta(0), recovery_config=recovery, worker_count_per_proc=count)
    assert written(tmp_path) == expected(items)


def test_a_finished_run_continues_with_new_events(tmp_path, recovery, new_sink, make_page, items):
    pages = [item for item in items if not isinstance(item, TestingSource.ABORT)]
    source = [*pages[:20], TestingSource.EOF(), *pages[20:]]
    for _ in range(2):
        run_main(flow_of(source, new_sink()), epoch_interval=timedelta(0), recovery_config=recovery)
    assert written(tmp_path) == expected(items)


def test_without_recovery_the_files_are_whole_at_the_end(tmp_path, make_page, items):
    pages = [item for item in items if not isinstance(item, TestingSource.ABORT)]
    sink = FileSink("archive", str(tmp_path / "out" / "{tenant}" / "{date}.ndjson"), TENANTS, journal_dir=None)
    run_main(flow_of(pages, sink))
    assert written(tmp_path) == expected(items)


def test_what_stops_a_sink_arrives_as_such(tmp_path, new_sink, make_page):
    blocked = tmp_path / "out" / "acme"
    blocked.parent.mkdir()
    blocked.write_text("a file, not a folder")
    with pytest.raises(SinkStopped, match="part of the path is a file") as caught:
        run_main(flow_of([make_page("acme", (1, "2024-05-01T10:00"))], new_sink()))
    chain, error = [], caught.value
    while error is not None:
        chain.append(error)
        error = error.__cause__
    assert any(isinstance(link, SinkStopped) and link.tenant == "acme" for link in chain)
