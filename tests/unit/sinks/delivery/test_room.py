"""How much may be under way, and what takes no room."""

import random

import pytest

from sinks.delivery.core import Delivery
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.room import Room
from sinks.delivery.target import Again, Outcome
from tests.unit.sinks.scripted_target import EPOCH, ScriptedTarget, fail_all, make_page, take_all, uuids

ANY = float("inf")


def make(**policy):
    settings = {"batch_events": 1, "batch_bytes": 1000, "max_in_flight": 2, "in_order": True, **policy}
    delivery = Delivery("search", ScriptedTarget(), DeliveryPolicy(**settings), "raw", random.Random(1))
    return delivery, Room(DeliveryPolicy(**settings), delivery.queue, delivery.ledger)


def send(delivery, answer=take_all, now=1.0):
    attempt = delivery.next(now, EPOCH)
    delivery.done(attempt, answer(attempt.job.batch), now, EPOCH)
    delivery.ledger.confirm(delivery.ledger.take_settled())
    return uuids(attempt.job.batch)


def doubtful(batch):
    return fail_all(batch, blame="doubtful")


def test_pages_of_many_events_that_go_one_by_one_take_one_place_each():
    delivery, room = make()
    for tenant in range(100):
        delivery.add(make_page(f"t{tenant}", [f"{tenant}-{number}" for number in range(1000)]), 0.0)
    assert (delivery.queue.places, len(delivery.queue)) == (100, 100)
    assert room.longest_page_bytes() == ANY


def test_a_batch_is_cut_as_the_one_in_front_of_it_goes():
    delivery, _ = make(batch_events=2)
    delivery.add(make_page("acme", "abcde"), 0.0)
    delivery.add(make_page("acme", "fg"), 0.0)
    cut = [len(delivery.queue)]
    sent = []
    while len(delivery.queue):
        sent.append("".join(send(delivery)))
        cut.append(len(delivery.queue))
    assert (sent, cut) == (["ab", "cd", "e", "fg"], [1, 1, 1, 1, 0])
    assert delivery.ledger.pending_bytes == 0


def test_behind_one_that_fails_there_is_always_another_one():
    delivery, _ = make()
    delivery.add(make_page("acme", "abc"), 0.0)
    send(delivery, doubtful)
    assert [uuids(job.batch) for job in delivery.queue] == [["a"], ["b"]]


def test_tenants_take_turns():
    delivery, _ = make()
    for tenant in "xyz":
        delivery.add(make_page(tenant, [f"{tenant}{number}" for number in range(3)]), 0.0)
    assert [name for _ in range(9) for name in send(delivery)] == ["x0", "y0", "z0", "x1", "y1", "z1", "x2", "y2", "z2"]


def test_while_nothing_gets_through_those_ask_of_whom_something_did_last():
    delivery, _ = make()
    for tenant in "xyz":
        delivery.add(make_page(tenant, [f"{tenant}{number}" for number in range(3)]), 0.0)
    assert [*send(delivery), *send(delivery)] == ["x0", "y0"]
    assert [*send(delivery, doubtful), *send(delivery, doubtful)] == ["z0", "z0"]  # one event is tried twice in a row
    assert send(delivery) == ["y1"]


def test_what_waits_for_itself_takes_no_room_nor_does_what_is_behind_it():
    delivery, room = make()
    delivery.add(make_page("acme", ["a", "b"], 9_000_000), 0.0)
    assert room.longest_page_bytes() == 0.0
    send(delivery, doubtful)
    assert room.longest_page_bytes() == ANY
    delivery.add(make_page("globex", ["c"], 13_000_000), 0.0)
    assert 0.0 < room.longest_page_bytes() < ANY
    delivery.add(make_page("globex", ["d"], 4_000_000), 0.0)
    assert room.longest_page_bytes() == 0.0


def test_what_waits_for_itself_is_bounded():
    delivery, room = make()
    delivery.add(make_page("acme", ["a", *(f"b{number}" for number in range(4))], 10_000_000), 0.0)
    send(delivery, doubtful)
    assert room.longest_page_bytes() == 0.0


def test_what_waits_for_the_whole_target_is_not_put_aside():
    delivery, room = make()
    delivery.add(make_page("acme", ["a", "b"], 9_000_000), 0.0)
    send(delivery, fail_all)
    assert room.longest_page_bytes() == 0.0


def test_what_was_told_to_wait_alone_is_put_aside():
    delivery, room = make(batch_events=2, batch_bytes=20_000_000, max_in_flight=1)
    delivery.add(make_page("acme", list("abcdefg"), 9_000_000), 0.0)
    assert room.longest_page_bytes() == 0.0
    send(delivery, lambda _batch: Outcome(delivered=[0], again=[Again([1], "Busy.", status=429)]))
    assert room.longest_page_bytes() == ANY


@pytest.mark.parametrize(("batches", "enough"), [(17, False), (19, True)])
def test_where_no_order_is_kept_a_tenant_has_a_share_of_what_is_put_aside(batches, enough):
    delivery, room = make(in_order=False)
    delivery.add(make_page("acme", [str(number) for number in range(batches)]), 0.0)
    delivery.add(make_page("globex", ["x"]), 0.0)
    for job in delivery.queue:
        job.doubt = Again((), "Forbidden.", blame="doubtful")
    assert (room.has_enough_of("acme"), room.has_enough_of("globex")) == (enough, False)


def test_what_is_not_cut_yet_is_given_up_with_the_rest():
    delivery, _ = make(retry_for_seconds=60.0)
    delivery.add(make_page("acme", [str(number) for number in range(50)]), 0.0)
    attempt = delivery.next(1.0, EPOCH)
    delivery.done(attempt, fail_all(attempt.job.batch, after_seconds=60.0), 1.0, EPOCH)
    delivery.done(delivery.next(61.5, EPOCH), fail_all(attempt.job.batch), 61.5, EPOCH)
    assert [letter.uuid for letter in delivery.ledger.take_settled().letters] == [str(number) for number in range(50)]
    assert len(delivery.queue) == 0


def test_a_stop_gives_up_what_is_not_cut_yet():
    delivery, _ = make()
    delivery.add(make_page("acme", [str(number) for number in range(50)]), 0.0)
    delivery.next(1.0, EPOCH)
    delivery.give_up(EPOCH)
    assert [letter.uuid for letter in delivery.ledger.take_settled().letters] == [str(number) for number in range(50)]
