"""How many connections stay open: bounded, kept by who has one, with room for drains."""

import resource

import pytest

from okta_source.http.connection_slots import ConnectionSlots, SlotHolder, default_slot_limit


def test_they_are_bounded_and_who_has_one_keeps_it() -> None:
    slots = ConnectionSlots(10, for_drains=0)
    holders = [SlotHolder(slots) for _ in range(15)]
    for _ in range(3):
        assert [holder.keeps_open(draining=False) for holder in holders] == [True] * 10 + [False] * 5
    assert slots.taken == 10


def test_what_is_given_back_is_free_for_others_once() -> None:
    slots = ConnectionSlots(2, for_drains=0)
    one, two, three = (SlotHolder(slots) for _ in range(3))
    assert one.keeps_open(draining=False)
    assert two.keeps_open(draining=False)
    one.release()
    one.release()
    assert slots.taken == 1
    assert three.keeps_open(draining=False)
    assert not one.keeps_open(draining=False)


def test_some_are_for_drains_and_have_to_be_given_back_at_their_end() -> None:
    slots = ConnectionSlots(6, for_drains=2)
    quiet, busy = [SlotHolder(slots) for _ in range(6)], SlotHolder(slots)
    assert sum(holder.keeps_open(draining=False) for holder in quiet) == 4
    assert busy.keeps_open(draining=True)
    assert not busy.keeps_open(draining=False)
    assert slots.taken == 4
    assert [holder.keeps_open(draining=False) for holder in quiet[:4]] == [True] * 4


def test_a_drain_that_ends_while_there_is_room_keeps_its_connection() -> None:
    slots = ConnectionSlots(6, for_drains=2)
    busy = SlotHolder(slots)
    assert busy.keeps_open(draining=True)
    assert busy.keeps_open(draining=False)


@pytest.mark.parametrize(("soft", "slots"), [(1024, 384), (64, 24), (8, 8), (1 << 20, 4096), (resource.RLIM_INFINITY, 4096)])
def test_by_default_they_leave_room_for_files_and_requests(monkeypatch: pytest.MonkeyPatch, soft: int, slots: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert default_slot_limit() == slots
