"""The file sink in Bytewax itself: aborted, resumed, on one worker and on two."""

import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import AbortExecution, FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, cluster_main, run_main

from sinks.errors import SinkStopped, stopped_in
from sinks.file.sink import FileSink

TENANTS = ["zeta", "acme", "midway"]


class AbortingPartition(StatefulSourcePartition):
    def __init__(self, pages, aborts, position):
        self.pages, self.aborts, self.position = pages, aborts, position

    def next_batch(self):
        if self.position >= len(self.pages):
            raise StopIteration
        if self.position in self.aborts:
            self.aborts.remove(self.position)
            raise AbortExecution
        self.position += 1
        return [self.pages[self.position - 1]]

    def snapshot(self):
        return self.position


class AbortingSource(FixedPartitionedSource):
    """Aborts once before each of these positions. TestingSource miscounts once it has skipped an old ABORT."""

    def __init__(self, pages, aborts):
        self.pages, self.aborts = pages, list(aborts)

    def list_parts(self):
        return ["only"]

    def build_part(self, step_id, for_part, resume_state):
        return AbortingPartition(self.pages, self.aborts, resume_state or 0)


def flow_of(source, sink):
    flow = Dataflow("test")
    pages = op.input("in", flow, source)
    op.output("out", op.key_on("key", pages, lambda page: page.tenant), sink)
    return flow


def in_may() -> datetime:
    return datetime(2024, 5, 31, tzinfo=UTC)


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
        return FileSink("archive", template, TENANTS, compression=compression, journal_dir=tmp_path / "state" / "files", clock=in_may)

    return new_sink


@pytest.fixture
def pages(make_page):
    pages = []
    for number in range(30):
        day = f"2024-05-{1 + number // 10:02}T10:00"
        pages.append(make_page(TENANTS[number % 3], (2 * number, day), (2 * number + 1, day)))
    return pages


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


def expected(pages):
    found = {}
    for page in pages:
        for head in page.heads:
            found.setdefault((page.tenant, str(head.published.date())), []).append(int(head.uuid))
    return found


@pytest.mark.parametrize("epoch_seconds", [0, 10])
@pytest.mark.parametrize("aborts", [(2, 8, 17, 25), (5, 6, 7, 8), (0, 29)])
def test_aborted_again_and_again_every_event_is_there_once(*, tmp_path, recovery, new_sink, pages, epoch_seconds, aborts):
    source = AbortingSource(pages, aborts)
    flow = flow_of(source, new_sink())
    for _ in range(len(aborts) + 1):
        fence(tmp_path / "state")
        run_main(flow, epoch_interval=timedelta(seconds=epoch_seconds), recovery_config=recovery)
    assert source.aborts == []
    assert written(tmp_path) == expected(pages)


@pytest.mark.parametrize("workers", [(1, 2), (2, 1), (3, 2)])
def test_another_number_of_workers_continues(tmp_path, recovery, new_sink, pages, workers):
    source = TestingSource([*pages[:20], TestingSource.EOF(), *pages[20:]])
    for count in workers:
        cluster_main(flow_of(source, new_sink()), [], 0, epoch_interval=timedelta(0), recovery_config=recovery,
                     worker_count_per_proc=count)  # fmt: skip
    assert written(tmp_path) == expected(pages)


def test_without_recovery_the_files_are_whole_at_the_end(tmp_path, pages):
    sink = FileSink("archive", str(tmp_path / "out" / "{tenant}" / "{date}.ndjson"), TENANTS, journal_dir=None, clock=in_may)
    run_main(flow_of(TestingSource(pages), sink))
    assert written(tmp_path) == expected(pages)


def test_what_stops_a_sink_arrives_as_such(tmp_path, new_sink, make_page):
    blocked = tmp_path / "out" / "acme"
    blocked.parent.mkdir()
    blocked.write_text("a file, not a folder")
    with pytest.raises(SinkStopped, match="part of the path is a file") as caught:
        run_main(flow_of(TestingSource([make_page("acme", (1, "2024-05-01T10:00"))]), new_sink()))
    assert stopped_in(caught.value).tenant == "acme"


FULL_DISK = """
import resource, sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, run_main
from sinks import Documents, FileSink, stopped_in

head = SimpleNamespace(uuid="u", published=datetime(2024, 5, 1, tzinfo=UTC), event_type="t")
names = ["a", "b", "c"]
pages = [Documents(names[n % 3], [head] * 10, [b"{"] * 10, [b'"n":%d}' % hash((n, i)) for i in range(10)])
         for n in range(300)]
sink = FileSink("archive", sys.argv[1] + "/{tenant}", names, compression=sys.argv[2], journal_dir=None)
flow = Dataflow("full")
op.output("out", op.key_on("key", op.input("in", flow, TestingSource(pages)), lambda page: page.tenant), sink)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    run_main(flow, epoch_interval=timedelta(days=1))
except Exception as error:
    if stopped_in(error).tenant in names:
        sys.exit(3)
"""


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("limit_bytes", [7, 2000])
def test_a_full_disk_ends_the_run_in_order(tmp_path, compression, limit_bytes):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path, compression, str(limit_bytes)], text=True,
                          capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(Path.cwd())})  # fmt: skip
    assert done.returncode == 3, done.stderr
    for path in tmp_path.iterdir():
        assert path.stat().st_size <= limit_bytes
        if compression == "none":
            assert path.read_bytes()[-1:] in {b"", b"\n"}
