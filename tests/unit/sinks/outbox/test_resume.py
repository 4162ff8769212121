"""Where an outbox goes on after kills and power cuts; a page is known by its event's uuid."""

import logging
import os

import pytest

from tests.unit.sinks.scripted_target import make_page


def deliver(rig, *names):
    """Write pages that are done with at once."""
    rig.write(*names)
    rig.settle(rig.read_all())


def write_page(rig, *uuids):
    rig.log.make_room()
    rig.log.written(rig.log.append(make_page("acme", uuids), 100.0))


@pytest.mark.parametrize("pages", [[["b", "c", "d", "e"]], [["late"], ["b"], ["c"]], [["b"], ["c"], ["d"]]])
def test_what_was_done_with_behind_the_snapshot_says_nothing_of_what_comes_in_its_place(rig, monkeypatch, pages):
    monkeypatch.setattr("sinks.outbox.log._WORTH_DELETING_BYTES", 100)
    deliver(rig, "a")
    rig.snapshot()
    deliver(rig, "b", "c")
    rig.kill()
    rig.start()  # the target is away now
    for uuids in pages:
        write_page(rig, *uuids)
    rig.snapshot()
    rig.kill()
    rig.start()
    found = []
    while rig.log.lags:
        documents, page = rig.log.read()
        rig.log.feed(page)
        found.append([head.uuid for head in documents.heads])
    assert found == pages


def test_a_position_behind_what_is_there_without_a_snapshot(rig):
    rig.write("a")
    size = rig.segments[0].stat().st_size
    deliver(rig, "b")
    rig.kill()
    os.truncate(rig.segments[0], size)  # by a power cut
    rig.start()
    assert rig.names() == []
    rig.write("c")
    rig.kill()
    assert rig.start().names() == ["c"]


def test_a_position_that_an_earlier_release_left_within_a_page_counts_no_more(rig):
    deliver(rig, "a")
    rig.snapshot()
    write_page(rig, "b", "c", "d")
    rig.snapshot()
    rig.kill()
    (rig.folder / "position").write_text(f"{rig.log.end - 50:020d}\n")
    assert rig.start().names() == ["b"], "named by its first event"


def test_an_empty_file_is_no_segment(rig):
    rig.log.make_room()
    rig.kill()
    rig.start()
    rig.write("a")
    rig.snapshot()
    rig.kill()
    assert rig.start().names() == ["a"]


def test_an_empty_file_behind_others_is_no_segment(rig, monkeypatch):
    monkeypatch.setattr("sinks.outbox.log.SEGMENT_BYTES", 100)
    rig.write("a")
    rig.log.make_room()
    rig.kill()
    rig.start()
    rig.write("b")
    rig.snapshot()
    rig.settle(rig.read_all()[:1])
    rig.log.delete_done()
    assert len(rig.segments) == 1
    rig.kill()
    assert rig.start().names() == ["b"]


@pytest.mark.parametrize("left", [0, 300])
def test_what_a_power_cut_took_of_delivered_events_is_not_missing(rig, caplog, left):
    caplog.set_level(logging.ERROR)
    deliver(rig, "a", "b", "c")
    rig.snapshot()  # without a sync: all is done with
    rig.kill()
    os.truncate(rig.segments[0], left)
    rig.start()
    assert rig.log.waiting_bytes == 0
    rig.write("d")
    rig.snapshot()
    rig.kill()
    assert rig.start().names() == ["d"]
    assert caplog.text == ""


def test_what_waits_and_is_missing_is_told_with_its_size(rig, caplog):
    deliver(rig, "a")
    rig.write("b", "c")
    rig.snapshot()
    rig.kill()
    os.truncate(rig.segments[0], rig.log.end - 150)
    assert rig.start().names() == ["b"]
    assert "are missing, 150 bytes of them" in caplog.text


@pytest.mark.usefixtures("_small_segments")
def test_a_copy_of_a_file_may_be_longer_and_what_is_missing_is_told_all_the_same(rig, caplog):
    rig.write("a", "b", "c", size=900)
    rig.snapshot()
    rig.kill()
    with rig.segments[0].open("ab") as file:
        file.write(bytes(500))
    assert rig.start().names() == ["a", "b", "c"]
    assert caplog.text == ""
    rig.kill()
    rig.segments[1].unlink()
    os.truncate(rig.segments[0], rig.log.end // 3)
    assert rig.start().names() == ["a", "c"]
    assert f"are missing, {rig.log.end // 3} bytes of them" in caplog.text
