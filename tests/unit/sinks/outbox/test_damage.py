"""Whatever happens to a file: what can be read is sent, what can't is kept and told once."""

import logging
import random

import pytest

from sinks.outbox.reading import read_onward
from sinks.outbox.segments import segments_in

PAGES = tuple("abcdefgh")


@pytest.fixture
def _full(rig, caplog):
    """Pages of 250 bytes that wait, in segments of four."""
    caplog.set_level(logging.ERROR)
    rig.write(*PAGES, size=93)
    rig.snapshot()
    rig.kill()


def frames_of(rig):
    """Each page's segment, and where in it it begins and ends."""
    offset, found = 0, []
    while offset < rig.log.end:
        _, end, _ = read_onward(tuple(segments_in(rig.folder)), offset, rig.log.end, lambda *_: None)
        start, path = max(item for item in segments_in(rig.folder) if item[0] <= offset)
        found.append((path, offset - start, end - start))
        offset = end
    return dict(zip(PAGES, found, strict=True))


def spoil(path, begin, end, data=None):
    whole = path.read_bytes()
    path.write_bytes(whole[:begin] + (data or b"\0" * (end - begin)) + whole[end:])


@pytest.mark.usefixtures("_small_segments", "_full")
@pytest.mark.parametrize("has_state", [True, False])
@pytest.mark.parametrize("spoiled", ["a", "c", "d", "e", "h", "bc", "cdef", "abcdefgh", "bg"])
@pytest.mark.parametrize("part", ["lengths", "head", "documents", "all"])
def test_all_that_can_be_read_is_sent_and_what_can_not_is_kept(rig, caplog, has_state, spoiled, part):
    for name, (path, begin, end) in frames_of(rig).items():
        if name in spoiled:
            first, last = {"lengths": (0, 19), "head": (25, 40), "documents": (end - begin - 40, end - begin), "all": (0, end - begin)}[
                part
            ]
            spoil(path, begin + first, begin + last)
    if not has_state:
        rig.state = None
    rig.start()
    pages = rig.read_all()
    assert [name for name, _ in pages] == [name for name in PAGES if name not in spoiled]
    kept = b"".join(path.read_bytes() for path in sorted(rig.folder.glob("*.damaged")))
    assert kept.count(b"\0") >= 15 * len(spoiled)
    told = [record for record in caplog.records if "can't be read and are not sent" in record.getMessage()]
    assert len(told) == len(list(rig.folder.glob("*.damaged")))
    assert all(str(rig.folder) in record.getMessage() and "tenant acme" in record.getMessage() for record in told)
    rig.settle(pages)
    rig.write("i")
    assert rig.names() == ["i"], "and it goes on behind it"


@pytest.mark.usefixtures("_full")
def test_it_is_told_once_however_often_a_run_starts_before_it_is_passed(rig, caplog):
    path, begin, end = frames_of(rig)["c"]
    spoil(path, begin, end)
    for _ in range(3):
        rig.start()
        assert rig.names() == [name for name in PAGES if name != "c"]
        rig.kill()
    assert caplog.text.count("can't be read and are not sent") == 1


@pytest.mark.usefixtures("_full")
@pytest.mark.parametrize("digits", [b"00000000", b"ffffffff", b"-0000001"])
def test_lengths_that_are_wrong_swallow_nothing(rig, digits):
    path, begin, _ = frames_of(rig)["c"]
    spoil(path, begin, begin + 8, digits)
    assert rig.start().names() == [name for name in PAGES if name != "c"]


@pytest.mark.usefixtures("_full")
def test_a_last_page_with_wrong_lengths_is_no_unfinished_one(rig):
    path, begin, _ = frames_of(rig)["h"]
    spoil(path, begin + 18, begin + 19, b"f")
    rig.state = None
    assert rig.start().names() == list(PAGES[:-1])
    assert len(list(rig.folder.glob("*.damaged"))) == 1


@pytest.mark.usefixtures("_full")
def test_what_a_kill_left_of_a_page_is_nothing_to_tell(rig, caplog):
    (path, begin, end) = frames_of(rig)["h"]
    whole = path.read_bytes()
    rig.state = None
    for size in range(begin, end, 7):
        path.write_bytes(whole[:size])
        rig.start()
        assert rig.names() == list(PAGES[:-1])
        rig.kill()
    assert caplog.text == ""
    assert list(rig.folder.glob("*.damaged")) == []


@pytest.mark.usefixtures("_small_segments", "_full")
@pytest.mark.parametrize("seed", range(40))
def test_damage_of_any_kind_costs_no_page_that_it_does_not_touch(rig, seed):
    chance = random.Random(seed)
    touched = set()
    frames = frames_of(rig)
    for name, (path, begin, end) in frames.items():
        if chance.random() < 0.3:
            first = chance.randrange(begin, end)
            last = min(end, first + chance.choice([1, 4, 60]))
            spoil(path, first, last, chance.randbytes(last - first))
            touched.add(name)
    rig.state = chance.choice([rig.state, None])
    assert [name for name in rig.start().names() if name not in touched] == [name for name in PAGES if name not in touched]
