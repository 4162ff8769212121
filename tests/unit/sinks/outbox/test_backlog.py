"""All outboxes of a sink at once."""

from pathlib import Path

from sinks.delivery.batch import Batch
from sinks.errors import SinkStopped, stopped_by
from sinks.file.open_files import OpenFiles
from sinks.outbox import backlog as backlog_module
from sinks.outbox.backlog import Backlog
from sinks.outbox.log import Log
from tests.unit.sinks.scripted_target import make_page


def stopped(error: OSError, path: str) -> SinkStopped:
    return stopped_by(error, sink="s", tenant="acme", path=path, resumes=None)


def made(backlog: Backlog, folder: Path, tenants: int) -> list[Log]:
    files = OpenFiles()
    logs = [Log(folder / str(number), str(number), None, "here", files, stopped) for number in range(tenants)]
    for log in logs:
        backlog.add(log)
    return logs


def test_the_end_of_many_outboxes_needs_no_more_syncs_than_a_stop_has_time_for(tmp_path, monkeypatch):
    monkeypatch.setattr(backlog_module, "_MOST_SYNCS_AT_THE_END", 1)
    backlog = Backlog("s", in_order=True)
    sent = []
    backlog.offer = lambda documents: sent.append(documents) or True
    logs = made(backlog, tmp_path, 4)
    for log in logs:
        backlog.write(log, make_page(log.tenant, "a"))
    backlog.settle([Batch((sent[0],))])
    for log in logs:
        log.snapshot()  # of the first one it says that all is done with
    backlog.settle([Batch((documents,)) for documents in sent[1:]])
    backlog.close()
    assert [len(list((tmp_path / log.tenant).glob("*.ndjson"))) for log in logs] == [0, 0, 1, 1]
    again = made(Backlog("s", in_order=True), tmp_path, 4)
    assert [log.waiting_bytes for log in again] == [0, 0, 0, 0]


def test_where_there_is_room_for_short_pages_only_one_who_lags_far_does_not_keep_them_out(tmp_path):
    backlog = Backlog("s", in_order=True)
    sent = []
    backlog.offer = lambda documents: False
    far, near = made(backlog, tmp_path, 2)
    backlog.write(far, make_page("0", ["long"], 100_000))
    backlog.write(near, make_page("1", ["short"]))
    backlog.offer = lambda documents: sent.append(documents.heads[0].uuid) or True
    backlog.longest_page_bytes = lambda: 64_000
    assert backlog.feed_one()
    assert sent == ["short"]
    backlog.longest_page_bytes = lambda: float("inf")
    assert backlog.feed_one()
    assert sent == ["short", "long"]


def test_nothing_waits_where_nothing_but_damage_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(backlog_module, "_LOOK_SECONDS", 0.0)
    (log,) = made(Backlog("s", in_order=True), tmp_path, 1)
    for name in "abc":
        log.make_room()
        log.written(log.append(make_page("0", name), 100.0))
    state = log.snapshot()
    log.abandon()
    (path,) = (tmp_path / "0").glob("*.ndjson")
    path.write_bytes(path.read_bytes()[: log.end // 3] + bytes(log.end - log.end // 3))
    backlog = Backlog("s", in_order=True)
    sent = []
    backlog.offer = lambda documents: sent.append(documents) or True
    backlog.add(Log(tmp_path / "0", "0", state, "here", OpenFiles(), stopped))
    assert [backlog.feed_one() for _ in range(3)] == [True, True, False]
    assert [head.uuid for documents in sent for head in documents.heads] == ["a"]
    backlog.settle([Batch((sent[0],))])
    assert (backlog.waiting_bytes, backlog.oldest_at()) == (0, None)
    assert list((tmp_path / "0").glob("*.ndjson")) == []
