"""Nobody is blamed for what the target or chance did, in the simulated time of `test_suspicion`: outages, flaky servers, proxies."""

import itertools
import random

import pytest

from sinks.delivery.target import Again, Outcome, Refused
from tests.unit.sinks.delivery.test_suspicion import HANG, QUICK, World, guilty, names_of, refuse
from tests.unit.sinks.scripted_target import take_all, uuids

ORDERS = pytest.mark.parametrize("in_order", [False, True])
BLAMES = pytest.mark.parametrize("blame", ["doubtful", "content"])


@BLAMES
@ORDERS
def test_a_target_that_goes_down_while_a_batch_is_halved(blame, in_order):
    for begins in (tenths / 10 for tenths in range(1, 80, 3)):

        def answer(batch, now, begins=begins):
            is_down = begins <= now < begins + 3600.0
            # Another trouble than the event's: one that looks the same, after all others, is taken for it.
            return (refuse(batch, blame, "server", 500), QUICK) if is_down else guilty(["a3"], "403")(batch, now)

        world = World(answer, in_order=in_order)
        world.add(names_of("a", 8))
        world.run(4200.0)
        for number in range(4):
            world.add([f"z{number}"], "globex")
            world.run(120.0)
        assert world.dead == ["a3"], begins
        assert len(world.delivered_at) == 11, begins


@BLAMES
def test_one_flake_before_an_outage(blame):
    calls = itertools.count()

    def answer(batch, now):
        number = next(calls)
        return refuse(batch, blame) if number == 0 or (number > 1 and now < 3600.0) else take_all(batch), QUICK

    world = World(answer, in_order=True)
    world.add(["a0"])
    world.run(0.2)
    world.add(["b0"], "globex")
    world.run(4000.0)
    assert (world.dead, sorted(world.order)) == ([], ["a0", "b0"])


@ORDERS
def test_a_proxy_that_finds_everything_too_large_for_an_hour(in_order):
    def answer(batch, now):
        return (Outcome(split=Refused(0, "Too large.", 413), too_large=True) if now < 3600.0 else take_all(batch)), QUICK

    world = World(answer, in_order=in_order, batch_events=100)
    world.add(names_of("a", 100))
    for number in range(70):
        world.run(60.0)
        world.add([f"g{number}"], "globex")
    world.run(600.0)
    assert world.dead == []
    assert len(world.delivered_at) == 170


@pytest.mark.parametrize("after_seconds", [None, 5.0])
@ORDERS
def test_a_guilty_event_for_which_a_proxy_blames_the_server(in_order, after_seconds):
    def answer(batch, _now):
        if "a3" in uuids(batch):
            again = Again(range(len(batch)), "Bad gateway.", status=502, after_seconds=after_seconds, blame="target")
            return Outcome(again=[again]), QUICK
        return take_all(batch), QUICK

    world = World(answer, in_order=in_order)
    world.add(names_of("a", 8))
    for number in range(100):
        world.run(60.0)
        world.add([f"g{number}"], "globex")
    world.run(1.0)
    assert world.dead == ["a3"]
    assert len(world.delivered_at) == 7 + 100
    assert world.delay([name for name in names_of("a", 8) if name != "a3"]) <= 1200.0
    assert world.delay([name for name in world.came if name[0] == "g"]) <= 1.0
    assert world.delivery.down_count == 0


@BLAMES
@ORDERS
def test_one_of_two_servers_refuses(blame, in_order):
    dice = random.Random(7)
    world = World(lambda batch, _now: (refuse(batch, blame) if dice.random() < 0.5 else take_all(batch), QUICK), in_order=in_order)
    for second in range(600):
        world.add(names_of(f"a{second}-", 8))
        world.add(names_of(f"g{second}-", 2), "globex")
        world.run(1.0)
    world.run(300.0)
    assert world.dead == []
    assert len(world.delivered_at) == 6000


@pytest.mark.parametrize(("error_type", "status"), [("rate_limited", 429), ("server", 503)])
@ORDERS
def test_a_target_that_is_overloaded_and_refuses_nine_of_ten_requests(in_order, error_type, status):
    dice = random.Random(0)

    def answer(batch, now):
        if now < 1200.0 and dice.random() < 0.9:
            return refuse(batch, "target", error_type, status), QUICK
        return take_all(batch), QUICK

    world = World(answer, in_order=in_order)
    for second in range(300):
        world.add(names_of(f"a{second}-", 8))
        world.add(names_of(f"g{second}-", 2), "globex")
        world.run(4.0)
    world.run(900.0)
    assert world.dead == []
    assert len(world.delivered_at) == 3000


@pytest.mark.parametrize("tenants", [1, 2, 3])
@pytest.mark.parametrize("how", ["reset", "hangs"])
def test_the_end_of_an_outage_changes_no_order_and_cuts_no_batch(how, tenants):
    others = 0
    for number in range(12):
        ends = 600.0 + number * 5.3

        def answer(batch, now, ends=ends):
            if not 5.0 <= now < ends:
                return take_all(batch), QUICK
            return (refuse(batch, error_type="connection", status=None), QUICK) if how == "reset" else (take_all(batch), 1000.0)

        world = World(answer, in_order=True, seed=number)
        turns = itertools.count()
        while world.now < ends + 60.0:
            turn = next(turns)
            for tenant in "abc"[:tenants]:
                world.add(names_of(f"{tenant}{turn}-", 3), tenant)
            world.run(20.0)
        world.run(300.0)
        assert world.dead == []
        assert len(world.delivered_at) == len(world.came)
        came_with = {name: names for _, names in world.sent for name in names}
        is_whole = all(len(names) == 3 for names in came_with.values())
        is_ordered = all([n for n in world.order if n[0] == t] == [n for n in world.came if n[0] == t] for t in "abc")
        others += not (is_whole and is_ordered)
    # Who is asked with in the very second in which the target comes back gets through first.
    assert others <= 1 if how == "hangs" else others == 0


@pytest.mark.parametrize("in_order", [False, True])
def test_a_sink_with_one_request_at_a_time_stands_still_for_one_time_out(in_order):
    world = World(guilty(["a3"], "hangs"), in_order=in_order, max_in_flight=1)
    for second in range(400):
        world.add([f"g{second}"], "globex")
        if second == 60:
            world.add(names_of("a", 8))
        world.run(1.0)
    assert world.dead == ["a3"]
    late = [name for name in world.came if name[0] == "g" and world.delay([name]) > 1.0]
    assert world.delay(late) <= HANG
    assert len(late) <= HANG + 5


@ORDERS
def test_a_target_that_takes_long_for_large_batches_stalls_once(in_order):
    def answer(batch, now):
        return take_all(batch), 1000.0 if 100.0 <= now < 100.5 else 0.02 if len(batch) < 50 else 3.0

    world = World(answer, in_order=in_order, batch_events=500)
    for second in range(300):
        if second == 100:
            world.add(names_of("a", 500))
        world.add([f"g{second}"], "globex")
        world.run(1.0)
    assert [len(names) for _, names in world.sent if names[0][0] == "a"] == [500, 500]
    assert world.dead == []


def test_an_index_without_events_is_not_down_for_ever():
    def answer(batch, _now):
        late = [position for position, name in enumerate(uuids(batch)) if name == "late"]
        others = [position for position in range(len(batch)) if position not in late]
        return Outcome(others, again=[Again(late, "Blocked.", status=403, scope="old")] if late else []), QUICK

    world = World(answer, retry_for_seconds=3600.0)
    world.add(["late"])
    for number in range(6):
        world.run(900.0)
        assert world.delivery.down_count == (number < 4)
        world.add([f"a{number}"])
    assert world.dead == ["late"]
