"""Starts are spread out, and every tenant finds back to its own place in the interval."""

import random

import pytest

from okta_source.polling.pace import StartPacer, next_turn

INTERVAL = 10.0


def test_a_small_fleet_starts_at_once() -> None:
    pacer = StartPacer()
    assert {pacer.start_at(1000.0) for _ in range(50)} == {1000.0}


def test_a_thousand_tenants_start_at_most_a_hundred_a_second_in_the_order_in_which_they_asked() -> None:
    pacer = StartPacer()
    starts = [pacer.start_at(1000.0 + number / 1e6) for number in range(1000)]
    assert starts == sorted(starts)
    assert starts[0] == 1000.0
    assert 9.4 < starts[-1] - starts[0] < 10.0
    assert all(sum(start <= at < start + 1.0 for at in starts) <= 151 for start in starts)  # 50 at once, 100 within the second


def test_those_that_come_later_do_not_wait_for_nothing() -> None:
    pacer = StartPacer()
    for _ in range(200):
        pacer.start_at(1000.0)
    assert {pacer.start_at(2000.0) for _ in range(50)} == {2000.0}
    assert pacer.start_at(2000.0) > 2000.0


@pytest.mark.parametrize("late", [0.0, 0.001, 0.4])
def test_a_tenant_in_its_place_stays_there(late: float) -> None:
    started, origin = 1000.0 + late, 1000.0
    for turn in range(1, 1000):
        due = next_turn(origin, INTERVAL, started)
        assert due == pytest.approx(origin + turn * INTERVAL, abs=1e-3)
        started = due + late


@pytest.mark.parametrize("interval", [1.0, 10.0, 7.3, 86400.0])
def test_one_that_has_lost_its_place_finds_back_in_two_polls_and_never_waits_longer_than_the_interval(interval: float) -> None:
    dice = random.Random(1)
    for _ in range(2000):
        origin, started = dice.uniform(0.0, 1e6), dice.uniform(1e6, 2e6)
        for _ in range(2):
            due = next_turn(origin, interval, started)
            assert 0.4 * interval - 1e-6 <= due - started <= interval + 1e-6
            started = due
        away = (started - origin) % interval
        assert min(away, interval - away) < 1e-3


def test_after_a_stop_of_all_they_are_spread_out_again() -> None:
    pacer = StartPacer()
    origins = [pacer.start_at(0.0) for _ in range(1000)]
    turns = [next_turn(origin, INTERVAL, 500.0 + number / 300.0) for number, origin in enumerate(origins)]  # a rush after an outage
    turns = [next_turn(origin, INTERVAL, turn) for origin, turn in zip(origins, turns, strict=True)]
    for second in range(510, 525):
        assert sum(second <= turn < second + 1 for turn in turns) <= 152
    assert max(turns) <= 500.0 + 1000 / 300.0 + 2 * INTERVAL
