"""The budget against a server that counts: never a 429 when alone, the reserve kept, and hardly anything left unused."""

import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from okta_source.polling.limits import HostBudget, RateLimitHeaders

WINDOW = 60.0


@dataclass
class Server:
    """Counts requests in windows of 60 s, which begin somewhere in the minute or with the first request after the last one."""

    limit: int
    dice: random.Random
    starts_with_a_request: bool
    epoch: float = 1_772_366_400.37
    used: Counter[float] = field(default_factory=Counter)
    refused: int = 0
    start: float = -math.inf

    def __post_init__(self) -> None:
        if not self.starts_with_a_request:
            self.start = self.dice.uniform(-WINDOW, 0.0)

    def serve(self, now: float, skew: float) -> RateLimitHeaders:
        if now >= self.start + WINDOW:
            self.start = now if self.starts_with_a_request else self.start + WINDOW * ((now - self.start) // WINDOW)
        if self.used[self.start] >= self.limit:
            self.refused += 1
        else:
            self.used[self.start] += 1
        reset = int(self.epoch + skew + self.start + WINDOW)
        return RateLimitHeaders(self.limit, self.limit - self.used[self.start], reset, float(reset - int(self.epoch + skew + now)))


class Simulation:
    """Tenants that drain without end behind one budget. `slow_share` of the answers come up to four seconds late, and so out of order."""

    def __init__(self, limit: int, tenants: int, *, seed: int, starts_with_a_request: bool = False, slow_share: float = 0.02) -> None:
        self.dice = random.Random(seed)
        self.server = Server(limit, self.dice, starts_with_a_request)
        self.budget = HostBudget()
        self.reserve = 0.1
        self.skew = 0.0
        self.round_trip = 0.2 if limit < 600 else 0.06
        self.slow_share = slow_share
        self.lost_share = 0.0
        self.sent = 0
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        for _ in range(tenants):
            self.at(self.dice.random(), self._try)

    def at(self, moment: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._agenda, (moment, next(self._order), what))

    def run(self, seconds: float) -> None:
        while self._agenda[0][0] < seconds:
            moment, _, what = heapq.heappop(self._agenda)
            what(moment)

    def _try(self, now: float) -> None:
        wait = self.budget.wait_seconds(now, self.reserve)
        if wait > 0.0:
            self.at(now + min(wait, 0.25), self._try)
            return
        self.budget.started()
        self.sent += 1
        self.at(now + self.dice.uniform(0.1, 0.5) * self.round_trip, self._serve)

    def _serve(self, now: float) -> None:
        found = self.server.serve(now, self.skew)
        way_back = self.dice.uniform(0.1, 0.5) * self.round_trip
        if self.dice.random() < self.slow_share:
            way_back += self.dice.uniform(0.5, 4.0)
        lost = self.dice.random() < self.lost_share

        def arrive(then: float) -> None:
            self.budget.finished(None if lost else found, then, answered=not lost)
            self.at(then, self._try)

        self.at(now + way_back, arrive)

    def inner_windows(self) -> list[int]:
        """Requests in each window but the first and the last, which the simulation cut off."""
        return [count for _, count in sorted(self.server.used.items())][1:-1]


@pytest.mark.parametrize("starts_with_a_request", [False, True])
@pytest.mark.parametrize("tenants", [1, 3, 10])
@pytest.mark.parametrize("limit", [20, 60, 600])
def test_alone_it_is_never_refused_and_uses_what_it_may(limit: int, tenants: int, starts_with_a_request: bool) -> None:
    usable = limit - math.ceil(limit * 0.1)
    for seed in range(3):
        # One tenant can't use up 600 requests a minute while every fiftieth answer takes seconds.
        slow_share = 0.0 if limit == 600 and tenants == 1 else 0.02
        simulation = Simulation(limit, tenants, seed=seed, starts_with_a_request=starts_with_a_request, slow_share=slow_share)
        simulation.run(480.0)
        windows = simulation.inner_windows()
        assert simulation.server.refused == 0
        assert len(windows) >= 5
        assert max(simulation.server.used.values()) <= usable
        assert min(windows) >= 0.95 * usable


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_an_organisation_whose_clock_differs_from_ours_makes_no_difference(skew: float) -> None:
    simulation = Simulation(60, 3, seed=5)
    simulation.skew = skew
    simulation.run(480.0)
    assert simulation.server.refused == 0
    assert min(simulation.inner_windows()) == max(simulation.inner_windows()) == 54


def test_answers_that_get_lost_are_counted_as_spent() -> None:
    simulation = Simulation(60, 3, seed=7)
    simulation.lost_share = 0.2
    simulation.run(480.0)
    assert simulation.server.refused == 0
    assert max(simulation.server.used.values()) <= 56  # the next answer counts what was lost just before it


@pytest.mark.parametrize(("limit", "reserve"), [(1, 0.0), (1, 0.9), (20, 0.9)])
def test_the_smallest_budgets_still_poll(limit: int, reserve: float) -> None:
    simulation = Simulation(limit, 3, seed=9)
    simulation.reserve = reserve
    simulation.run(480.0)
    assert simulation.server.refused == 0
    assert min(simulation.inner_windows()) == max(1, limit - math.ceil(limit * reserve))


def test_another_client_shares_the_quota_and_the_reserve_is_its_own() -> None:
    simulation = Simulation(60, 3, seed=11)
    refused_others = 0

    def other(now: float) -> None:
        nonlocal refused_others
        before = simulation.server.refused
        simulation.server.serve(now, 0.0)
        refused_others += simulation.server.refused - before
        simulation.at(now + 2.0, other)  # 30 a minute

    simulation.at(0.3, other)
    simulation.run(600.0)
    assert simulation.server.refused - refused_others == 0
    assert simulation.sent >= 8 * 24
    assert max(simulation.server.used.values()) <= 60
