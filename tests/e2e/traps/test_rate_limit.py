"""Traps 20 to 25: the rate limit is a budget that is shared and kept, and read against the organisation's own clock."""

import itertools
import time
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import pytest

from okta_source.simulator import Organisation, RateLimit, Scripted, Simulator
from tests.e2e.harness import Workplace
from tests.e2e.traps.rig import ByHand, drain, series, tenant, uuids, workplace, workplace_settings
from tests.unit.okta_source.fakes import Clock

# Long enough that no window ends while a test runs, short enough to be believed.
LONG_WINDOW_SECONDS = 800.0


def too_many(limit: int | None, remaining: int | None, reset_in: float | None, *, skew_seconds: float = 0.0) -> Scripted:
    """A 429 whose reset is so far from its own `Date`, by an organisation whose clock is ahead."""
    now = int(time.time() + skew_seconds)
    values = {"Limit": limit, "Remaining": remaining, "Reset": None if reset_in is None else int(now + reset_in)}
    headers = {f"X-Rate-Limit-{name}": None if value is None else str(value) for name, value in values.items()}
    return Scripted(status=429, headers={**headers, "Date": formatdate(now, usegmt=True)})


def asked_after(source: ByHand, organisation: Organisation, longest: float) -> float:
    """How long it takes, by the source's clock, until the next request."""
    before = organisation.requests_count
    for tick in range(int(longest * 20)):
        source.settle()
        if organisation.requests_count > before:
            return tick / 20
        source.clock.advance(0.05)
    return float("inf")


@pytest.mark.parametrize("skew_seconds", [0.0, 3600.0, -3600.0])
def test_trap_20_the_reset_is_waited_for_by_the_organisations_clock(tmp_path: Path, skew_seconds: float) -> None:
    organisation = Organisation("acme", events=5)
    organisation.script(too_many(60, 0, 5, skew_seconds=skew_seconds))
    with Simulator([organisation]) as sim, ByHand(tenant(tmp_path, sim.url("acme"), organisation)) as source:
        source.settle()
        assert 5.0 <= asked_after(source, organisation, 20) <= 6.5
        assert organisation.requests[-1].status == 200


@pytest.mark.parametrize("skew_seconds", [3600.0, -3600.0])
def test_trap_20_our_own_clock_may_be_wrong(tmp_path: Path, skew_seconds: float) -> None:
    organisation = Organisation("acme", events=5)
    organisation.script(too_many(60, 0, 5))
    clock = Clock(datetime.fromtimestamp(time.time() + skew_seconds, UTC))
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation)
        with ByHand(acme, clock=clock) as source:
            source.settle()
            assert 5.0 <= asked_after(source, organisation, 20) <= 6.5


@pytest.mark.parametrize(
    ("limit", "remaining", "reset_in"),
    [(60, 0, -5), (60, 0, -86_400), (60, 0, 86_400), (None, None, None), (60, 0, None), (None, None, 5)],
    ids=["past", "long past", "far future", "no headers", "no reset", "reset alone"],
)
def test_trap_20_a_reset_that_makes_no_sense_or_is_missing(
    tmp_path: Path, limit: int | None, remaining: int | None, reset_in: float | None
) -> None:
    organisation = Organisation("acme", events=5)
    organisation.script(*[too_many(limit, remaining, reset_in)] * 4)
    with Simulator([organisation]) as sim, ByHand(tenant(tmp_path, sim.url("acme"), organisation)) as source:
        source.settle()
        waits = [asked_after(source, organisation, 60) for _ in range(4)]
        assert organisation.requests[-1].status == 200
    # Never at once, longer each time, and never for a day.
    assert 1.0 <= waits[0] <= 2.1
    assert waits[0] <= waits[1] <= waits[2] <= waits[3] <= 16.1


def test_trap_20_in_real_time_no_request_before_the_reset(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=45)
    reset = 0.0

    def refuse(_: object) -> Scripted:
        nonlocal reset
        reset = int(time.time()) + 2.0
        return too_many(60, 0, 2)

    organisation.script(Scripted(fallthrough=True), Scripted(fallthrough=True), refuse)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=10)
        assert drain(place) == {}
    refused, following = organisation.requests[2:4]
    assert refused.status == 429
    assert reset <= following.at <= reset + 5.0
    assert following.target == refused.target
    assert sum(request.status == 429 for request in organisation.requests) == 1
    place.judge(organisation)


@pytest.mark.parametrize(
    ("limit", "remaining", "shortest", "longest"),
    [(60, 7, 5.0, 6.5), (0, 0, 1.0, 8.1), (0, 5, 1.0, 8.1)],
    ids=["some left", "concurrency", "limit 0"],
)
def test_trap_21_a_429_without_remaining_0_or_with_limit_0_backs_off(
    tmp_path: Path, limit: int, remaining: int, shortest: float, longest: float
) -> None:
    organisation = Organisation("acme", events=5)
    organisation.script(*[too_many(limit, remaining, 5)] * 3)
    with Simulator([organisation]) as sim, ByHand(tenant(tmp_path, sim.url("acme"), organisation)) as source:
        source.settle()
        waits = [asked_after(source, organisation, 60) for _ in range(3)]
        assert [request.status for request in organisation.requests] == [429, 429, 429, 200, 200]
    assert all(shortest <= wait <= longest for wait in waits), waits


def test_trap_21_a_200_with_limit_0_is_no_budget(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=45)
    nothing = {"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(int(time.time()) + 50)}
    organisation.script(*[Scripted(fallthrough=True, headers=dict(nothing))] * 5)  # type: ignore[arg-type]
    with Simulator([organisation]) as sim, ByHand(tenant(tmp_path, sim.url("acme"), organisation, page_limit=10)) as source:
        assert uuids(source.settle()) == organisation.uuids()


def test_trap_22_answers_without_rate_limit_headers_are_healthy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    organisation = Organisation("bare", events=300, rate_limit=None)
    errors = ("auth", "bad_request", "rate_limited", "server", "decode", "connection")
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("bare"), organisation, page_limit=10)
        with caplog.at_level("WARNING"):
            assert drain(place) == {}
        place.judge(organisation)
    assert organisation.requests_count == 31
    assert caplog.messages == []
    assert series("okta_tenant_up", tenant="bare") == 1
    assert all(series("okta_errors_total", tenant="bare", error_type=error, stage="fetch") == 0 for error in errors)
    assert series("okta_rate_limit_wait_seconds_total", tenant="bare") == 0


@pytest.mark.parametrize(("keys", "most"), [({}, 18), ({"rate_limit_reserve": 0.5}, 10), ({"rate_limit_reserve": 0.0}, 20)])
def test_trap_23_a_reserve_is_left_to_others(tmp_path: Path, keys: dict[str, float], most: int) -> None:
    organisation = Organisation("acme", events=500, rate_limit=RateLimit(20, LONG_WINDOW_SECONDS))
    with Simulator([organisation]) as sim, ByHand(tenant(tmp_path, sim.url("acme"), organisation, page_limit=10, **keys)) as source:
        for _ in range(20):
            source.settle()
            source.clock.advance(0.25)
    assert organisation.requests_count == most
    assert organisation.rejected_429_count == 0, "a 429 is an event in the organisation's own log"


def test_trap_23_what_others_use_meanwhile_counts(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=500, rate_limit=RateLimit(20, LONG_WINDOW_SECONDS))
    spent = iter([0, 0, 9])
    organisation.script(*[lambda _: (organisation.spend_rate_limit(next(spent)), Scripted(fallthrough=True))[1]] * 3)
    with Simulator([organisation]) as sim, ByHand(tenant(tmp_path, sim.url("acme"), organisation, page_limit=10)) as source:
        for _ in range(20):
            source.settle()
            source.clock.advance(0.25)
    # Of 20 requests 9 were spent by somebody else and 2 stay in reserve.
    assert 9 <= organisation.requests_count <= 10
    assert organisation.rejected_429_count == 0


def test_trap_24_tenants_of_one_organisation_share_its_budget_and_others_are_not_blocked(tmp_path: Path) -> None:
    shared = Organisation("shared", events=500, rate_limit=RateLimit(20, LONG_WINDOW_SECONDS))
    other = Organisation("other", seed=2, events=300, rate_limit=RateLimit(600, LONG_WINDOW_SECONDS))
    with Simulator([shared, other]) as sim:
        place = Workplace(tmp_path)
        for name in ("emea", "apac"):
            place.add(name, sim.url("shared"), shared.token, page_limit=10)
        place.add("other", sim.url("other"), other.token, page_limit=10)
        place.write()
        with ByHand(*workplace_settings(place)) as source:
            received: list[str] = []
            for _ in range(60):
                for name in ("emea", "apac"):
                    source.ask(name)
                received += uuids(source.ask("other"))
                source.clock.advance(0.01)
    assert shared.requests_count == 18
    assert shared.rejected_429_count == 0
    assert received == other.uuids()


def test_trap_24_a_429_of_one_tenant_holds_its_whole_organisation_back(tmp_path: Path) -> None:
    shared, other = Organisation("shared", events=10), Organisation("other", seed=2, events=10)
    shared.script(too_many(60, 0, 30))
    with Simulator([shared, other]) as sim:
        place = Workplace(tmp_path)
        for name in ("emea", "apac"):
            place.add(name, sim.url("shared"), shared.token)
        place.add("other", sim.url("other"), other.token)
        place.write()
        with ByHand(*workplace_settings(place)) as source:
            for _ in range(20):
                for name in source.partitions:
                    source.settle(name)
                source.clock.advance(1.0)
            assert shared.requests_count == 1
            assert other.requests_count > 10
            source.clock.advance(15.0)
            for name in source.partitions:
                source.settle(name)
            assert shared.requests_count == 5  # both find events that are hours old, and look for more
    assert [request.status for request in shared.requests] == [429, 200, 200, 200, 200]


def test_trap_24_end_to_end_a_spent_organisation_does_not_delay_another(tmp_path: Path) -> None:
    spent = Organisation("spent", events=200, rate_limit=RateLimit(10, 3.0))
    free = Organisation("free", seed=2, events=400, rate_limit=RateLimit(600, 60.0))
    with Simulator([spent, free]) as sim:
        place = Workplace(tmp_path)
        place.add_all(sim, [spent, free], page_limit=20)
        place.write()
        spent._limiter._phase = time.time() / 3.0 % 1.0  # a window begins now, so that none ends by chance in the middle
        assert drain(place) == {}
    place.judge(spent)
    place.judge(free)
    assert spent.rejected_429_count == 0
    times = [request.at for request in spent.requests]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) > 0.5, "the budget of 10 for 11 pages was not waited for"
    assert free.requests[-1].at < spent.requests[-1].at


def test_trap_25_the_default_request_asks_for_1000(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=2500)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation)
        drain(place)
    assert [request.events for request in organisation.requests] == [1000, 1000, 500, 0]
    assert all("limit=1000" in request.target for request in organisation.requests)
    place.judge(organisation)
