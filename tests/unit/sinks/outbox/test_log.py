"""One tenant's outbox over runs, kills and lost files; a page is known by its event's uuid."""

import logging

import pytest

from sinks.errors import SinkStopped
from sinks.outbox import log as log_module
from sinks.outbox import position as position_module
from tests.unit.sinks.scripted_target import make_page


def test_nothing_is_there_before_something_is_written(rig):
    assert (rig.log.waiting_bytes, rig.log.oldest_at(), rig.segments) == (0, None, [])
    rig.snapshot()
    assert rig.state == {"version": 2, "outbox": "here", "end": 0, "done": 0}
    assert not rig.folder.exists()


def test_a_kill_cuts_back_to_the_snapshot(rig):
    rig.write("a", "b")
    rig.snapshot()
    rig.write("c")
    rig.kill()
    rig.start()
    assert rig.names() == ["a", "b"]
    rig.write("c", "d")
    assert rig.names() == ["c", "d"]


@pytest.mark.usefixtures("_small_segments")
def test_a_kill_cuts_back_over_several_segments(rig):
    rig.write("a", size=600)
    rig.snapshot()
    rig.write("b", "c", "d", "e", size=600)
    assert len(rig.segments) > 2
    rig.kill()
    rig.start()
    assert rig.names() == ["a"]
    rig.write("b", size=600)
    rig.snapshot()
    rig.kill()
    assert rig.start().names() == ["a", "b"]


def test_without_a_snapshot_all_is_kept_that_is_whole(rig):
    rig.write("a", "b")
    rig.kill()
    with rig.segments[0].open("ab") as file:
        file.write(b"00000a1c 00000f3e2d\n{half a frame")
    rig.start()
    assert rig.names() == ["a", "b"]
    rig.write("c")
    assert rig.names() == ["c"]


def test_a_state_of_an_earlier_version_is_none(rig):
    rig.state = {"version": 1}
    assert rig.start().log.end == 0


def test_a_state_of_another_outbox_says_nothing_of_this_one(rig, caplog):
    rig.write("a")
    rig.kill()
    rig.state = {"version": 2, "outbox": "there", "end": 5000, "done": 4000}
    assert rig.start().names() == ["a"]
    assert "comes from another outbox, which held 1000 bytes" in caplog.text
    rig.write("b")
    assert rig.names() == ["b"]


def test_what_an_earlier_run_left_without_a_snapshot_goes_when_it_is_done_with(rig):
    rig.write("a")
    rig.snapshot()
    rig.kill()
    rig.state = None
    rig.start()
    rig.settle(rig.read_all())
    rig.log.delete_done()
    assert rig.segments == []


def test_what_is_done_with_is_not_sent_again(rig):
    rig.write("a", "b", "c")
    rig.snapshot()
    rig.settle(rig.read_all()[:2])
    rig.kill()
    assert rig.start().names() == ["c"]


def test_what_is_done_with_out_of_turn_waits_for_what_is_in_front(rig):
    rig.write("a", "b", "c")
    pages = rig.read_all()
    rig.settle(pages[1:])
    assert rig.log.done == 0
    rig.settle(pages[:1])
    assert rig.log.waiting_bytes == 0


def test_a_page_is_done_with_when_all_its_events_are(rig):
    rig.log.make_room()
    rig.log.written(rig.log.append(make_page("acme", "abc"), 100.0))
    ((_, page),) = rig.read_all()
    assert rig.log.settle(page, 2) == 0
    assert rig.log.settle(page, 1) == page.end


def test_what_was_done_with_behind_the_snapshot_is_sent_again(rig):
    rig.write("a")
    rig.snapshot()
    rig.write("b")
    rig.settle(rig.read_all())
    rig.kill()
    rig.start()
    assert rig.names() == []
    rig.write("b")
    assert rig.names() == ["b"]


@pytest.mark.usefixtures("_small_segments")
def test_segments_go_when_they_are_done_with_and_a_snapshot_is_behind_them(rig):
    rig.write("a", "b", "c", "d", size=900)
    pages = rig.read_all()
    rig.settle(pages[:2])
    rig.log.delete_done()
    assert len(rig.segments) == 4, "no snapshot is behind them"
    rig.snapshot()
    assert len(rig.segments) == 2
    rig.settle(pages[2:])
    rig.log.delete_done()
    assert len(rig.segments) == 1, "the one that is written stays"
    rig.log.close()
    assert rig.segments == []
    rig.snapshot()
    assert rig.start().log.waiting_bytes == 0
    rig.write("e")
    assert rig.names() == ["e"]


def test_a_long_segment_goes_at_a_snapshot_where_all_is_done_with(rig, monkeypatch):
    monkeypatch.setattr(log_module, "_WORTH_DELETING_BYTES", 100)
    rig.write("a")
    rig.settle(rig.read_all())
    rig.snapshot()
    assert rig.segments == []
    rig.write("b")
    rig.kill()
    rig.start()
    assert rig.log.waiting_bytes == 0
    rig.write("b")
    assert rig.names() == ["b"]


@pytest.mark.parametrize("told", [True, False])
def test_the_end_needs_a_sync_where_no_snapshot_says_that_all_is_done_with(rig, monkeypatch, told):
    synced = []
    monkeypatch.setattr(position_module.os, "fdatasync", synced.append)
    rig.write("a")
    pages = rig.read_all()
    if told:
        rig.settle(pages)
    rig.snapshot()
    if not told:
        rig.settle(pages)
    assert rig.log.needs_a_sync is not told
    synced.clear()
    rig.log.close()
    assert (len(synced), rig.segments) == (0 if told else 1, [])
    assert rig.start().log.waiting_bytes == 0


def test_what_is_left_at_the_end_is_known_to_be_done_with(rig):
    rig.write("a")
    pages = rig.read_all()
    rig.snapshot()
    rig.settle(pages)
    rig.log.close(leave=True)
    assert len(rig.segments) == 1
    assert rig.start().log.waiting_bytes == 0
    rig.write("b")
    assert rig.names() == ["b"]
    rig.snapshot()
    assert len(rig.segments) == 1


def test_a_position_that_a_power_cut_lost_sends_again(rig):
    rig.write("a", "b")
    rig.settle(rig.read_all()[:1])
    rig.snapshot()
    rig.kill()
    (rig.folder / "position").write_bytes(b"\0" * 21)
    assert rig.start().names() == ["b"], "the snapshot knows it too"
    rig.state = None
    rig.kill()
    assert rig.start().names() == ["a", "b"]


def test_an_earlier_snapshot_than_what_is_there(rig):
    rig.write("a")
    rig.snapshot()
    earlier = rig.state
    rig.write("b", "c")
    rig.snapshot()
    rig.settle(rig.read_all())
    rig.log.close()
    rig.state = earlier
    rig.start()
    assert rig.log.waiting_bytes == 0
    rig.write("b")
    assert rig.names() == ["b"]


@pytest.mark.usefixtures("_small_segments")
def test_missing_files_are_told_and_the_rest_is_sent(rig, caplog):
    caplog.set_level(logging.ERROR)
    rig.write("a", "b", "c", size=900)
    rig.snapshot()
    rig.kill()
    rig.segments[1].unlink()
    assert rig.start().names() == ["a", "c"]
    assert "events that were still to be sent are missing" in caplog.text


def test_a_folder_that_is_gone_is_told(rig, caplog):
    rig.write("a")
    rig.snapshot()
    rig.kill()
    for path in rig.folder.iterdir():
        path.unlink()
    rig.start()
    assert rig.log.waiting_bytes == 0
    assert "Was outbox_dir moved" in caplog.text
    rig.write("b")
    assert rig.names() == ["b"]


def test_a_file_that_somebody_changed_stops_the_run(rig):
    rig.write("a")
    with rig.segments[0].open("ab") as file:
        file.write(b"hello\n")
    rig.log.make_room()
    with pytest.raises(SinkStopped, match="somebody else has changed it"):
        rig.log.append(make_page("acme", "b"), 100.0)


def test_the_oldest_is_known_from_memory_and_from_the_file(rig):
    for at, name in ((100.0, "a"), (200.0, "b")):
        rig.log.make_room()
        rig.log.written(rig.log.append(make_page("acme", name), at))
    assert rig.log.oldest_at() == 100.0
    pages = rig.read_all()
    rig.settle(pages[:1])
    assert rig.log.oldest_at() == 200.0
    rig.settle(pages[1:])
    assert rig.log.oldest_at() is None


def test_only_its_owner_reads_it(rig):
    rig.write("a")
    rig.settle(rig.read_all())
    assert rig.folder.stat().st_mode & 0o777 == 0o700
    assert (rig.folder / "position").stat().st_mode & 0o777 == 0o600
