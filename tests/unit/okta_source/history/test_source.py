"""Bounded reads of simulated organisations: whatever happens, exactly the events of the span, once."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main

from okta_source.history import HistorySource, HourCounts, Slice, SliceDone, cut_by, history_input
from okta_source.history.counts import hour_of
from okta_source.polling.limits import Backoff
from okta_source.simulator import Faults, Organisation, RateLimit, Simulator
from okta_source.simulator.records import Scripted
from okta_source.simulator.schedule import timestamp
from tests.unit.okta_source.history.driver import Driver, tenant_of

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _quick_and_with_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("okta_source.history.tenant.Backoff", lambda rng: Backoff(rng, 0.01, 0.05))
    for name in ("acme", "globex"):
        monkeypatch.setenv(f"TOKEN_{name.upper()}", f"00sim-{name}")


@pytest.fixture
def simulators() -> Iterator[list[Simulator]]:
    started: list[Simulator] = []
    yield started
    for simulator in started:
        simulator.stop()


def organisation(name: str = "acme", **settings: Any) -> Organisation:
    return Organisation(name, **{"events": 3000, "now": NOW, "rate_limit": None, "gzip": False, **settings})


def start(simulators: list[Simulator], *organisations: Organisation) -> Simulator:
    simulators.append(Simulator(organisations))
    simulators[-1].start()
    return simulators[-1]


def slices_of(*names: str, hours: int = 4, since: datetime = NOW - 2 * DAY, until: datetime = NOW) -> tuple[Slice, ...]:
    return cut_by(names, since, until, hours)


def driver(simulators: list[Simulator], org: Organisation, *, slices: tuple[Slice, ...] | None = None, **settings: Any) -> Driver:
    sim = start(simulators, org)
    return Driver([tenant_of(sim, org, page_limit=100, **settings)], slices or slices_of(org.name), now=lambda: NOW)


def at(number: int, published: datetime) -> bytes:
    return json.dumps(
        {"uuid": f"{number:08x}-aaaa-11f0-8000-0000000000ff", "published": timestamp(round(published.timestamp() * 1000)), "eventType": "a"}
    ).encode()


def test_every_event_of_the_span_comes_once_in_the_order_of_published(simulators: list[Simulator]) -> None:
    org = organisation(late_probability=0.05)
    run = driver(simulators, org).live()
    run.judge(org)
    assert run.ledger.totals().counts == HourCounts(3000, 3000)
    assert all("until=" in request.target for request in org.requests)


@pytest.mark.parametrize("form", ["separate", "self_last", "comma_in_url"])
def test_links_in_every_form(simulators: list[Simulator], form: str) -> None:
    org = organisation(events=1000, link_form=form, cursor_form="encoded")
    driver(simulators, org).live().judge(org)


def test_only_the_span_comes(simulators: list[Simulator]) -> None:
    org = organisation()
    since, until = NOW - timedelta(hours=15, minutes=20), NOW - timedelta(hours=5)
    wanted = [event for event in org.persisted() if since <= datetime.fromisoformat(json.loads(event)["published"]) < until]
    assert 0 < len(wanted) < 3000
    driver(simulators, org, slices=slices_of("acme", hours=1, since=since, until=until)).live().judge(org, wanted)


def test_an_event_on_a_bound_comes_once_whichever_way_the_bounds_count(simulators: list[Simulator]) -> None:
    org = organisation(events=0)
    slices = slices_of("acme", hours=6)
    millisecond = timedelta(milliseconds=1)
    moments = [wanted.since + step for wanted in slices for step in (-millisecond, timedelta(), millisecond)]
    inside = [at(number, moment) for number, moment in enumerate(moments) if moment >= slices[0].since]
    org.append([at(number, moment) for number, moment in enumerate(moments)])
    driver(simulators, org, slices=slices).live().judge(org, inside)


def test_many_events_of_one_millisecond(simulators: list[Simulator]) -> None:
    org = organisation(events=0)
    org.append([at(number, NOW - HOUR) for number in range(950)])
    driver(simulators, org).live().judge(org)


def test_what_okta_repeats_is_removed_and_counted(simulators: list[Simulator]) -> None:
    org = organisation(events=400)
    repeated = org.persisted()[100:150]
    org.append(repeated)
    run = driver(simulators, org).live()
    run.judge(org, org.persisted()[:400])
    assert run.ledger.totals().counts == HourCounts(450, 400, 50)


def test_what_is_no_event_goes_to_the_dead_letters_once(simulators: list[Simulator]) -> None:
    org = organisation(events=200)
    bad = [b'{"uuid":null,"published":"%s"}' % timestamp(round((NOW - HOUR).timestamp() * 1000)).encode()]
    org.append(bad)
    run = driver(simulators, org).live()
    run.judge(org, org.persisted()[:200])
    assert [malformed.raw for malformed in run.malformed] == bad
    assert run.ledger.hours()["acme", hour_of(NOW - HOUR)].malformed == 1


def test_counts_by_hour_are_those_of_the_organisation(simulators: list[Simulator]) -> None:
    org = organisation()
    run = driver(simulators, org).live()
    expected = Counter(hour_of(datetime.fromisoformat(json.loads(event)["published"])) for event in org.persisted())
    assert {hour: counts.new for (_, hour), counts in run.ledger.hours().items()} == expected


def test_with_every_fault(simulators: list[Simulator]) -> None:
    org = organisation(faults=Faults.all(0.02, hang_seconds=0.2))
    org.faults.rate_limit_reset_seconds = 0.0
    run = driver(simulators, org, request_timeout_seconds=0.3).live()
    run.judge(org)
    assert any(request.status != 200 for request in org.requests)


def test_refused_cursors_lose_and_repeat_nothing(simulators: list[Simulator]) -> None:
    org = organisation(faults=Faults(cursor_expired=0.3))
    run = driver(simulators, org).live()
    run.judge(org)
    assert run.ledger.totals().counts.duplicate > 0 or org.requests_count > 60


def test_lives_that_end_anywhere_add_up(simulators: list[Simulator]) -> None:
    org = organisation()
    run = driver(simulators, org)
    for batches in (1, 5, 8, 3):
        run.live(batches=batches, nap_seconds=0.1)
        assert run.ledger.totals().done < len(run.slices)
    run.live()
    run.judge(org)
    assert run.ledger.totals().counts == HourCounts(3000, 3000)


def test_a_stop_hands_over_what_is_there_and_the_next_run_goes_on(simulators: list[Simulator]) -> None:
    org = organisation(latency_seconds=0.02)
    run = driver(simulators, org).live(stop_after=6)
    assert 0 < len(run.lines["acme"]) < 3000
    assert not run.ledger.failed()
    run.live().judge(org)


def test_a_complete_read_asks_nothing_more(simulators: list[Simulator]) -> None:
    org = organisation()
    run = driver(simulators, org).live()
    asked = org.requests_count
    run.live().judge(org)
    assert org.requests_count == asked
    assert run.ledger.totals().counts == HourCounts(3000, 3000)


def test_a_done_slice_keeps_no_uuids(simulators: list[Simulator]) -> None:
    run = driver(simulators, organisation()).live()
    assert all(state["done"] and state["window"] == () for state in run.states.values())


def test_a_slice_that_has_not_begun_has_no_state(simulators: list[Simulator]) -> None:
    run = driver(simulators, organisation()).live(batches=1)
    assert None in run.states.values()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_failing_tenant_does_not_hold_up_another(simulators: list[Simulator], caplog: pytest.LogCaptureFixture) -> None:
    bad, good = organisation(forbidden=True), organisation("globex")
    sim = start(simulators, bad, good)
    tenants = [tenant_of(sim, org, page_limit=100) for org in (bad, good)]
    slices = slices_of("acme", "globex")
    run = Driver(tenants, slices, now=lambda: NOW).live()
    assert {wanted.tenant for wanted in run.ledger.failed()} == {"acme"}
    assert len(run.ledger.failed()) == len(slices) / 2
    assert {failure.error_type for failure in run.ledger.failed().values()} == {"permission"}
    # Sixteen were on their way when the first refusal came, then one at a time.
    assert bad.requests_count <= 16 + 5
    assert len(run.lines["globex"]) == 3000
    refused, given_up = warnings(caplog)  # once for all of its slices and tries
    assert "acme, slice from" in refused
    assert "403" in refused
    assert "(given up in this run) (what was said before was so " in given_up
    bad.forbidden = False
    run.live()
    run.judge(bad)
    run.judge(good)


def test_one_bad_slice_does_not_hold_up_the_others(simulators: list[Simulator], caplog: pytest.LogCaptureFixture) -> None:
    org = organisation()
    slices = slices_of("acme")
    bad = f"since={timestamp(round(slices[3].since.timestamp() * 1000) - 1).replace(':', '%3A')}"

    def answer(request: Any) -> Scripted:
        return Scripted(status=500) if bad in request.target else Scripted(fallthrough=True)

    org.script(*[answer] * 2000)
    run = driver(simulators, org, slices=slices).live()
    assert list(run.ledger.failed()) == [slices[3]]
    assert len(warnings(caplog)) == 2
    assert "(given up in this run)" in warnings(caplog)[1]
    assert run.ledger.totals().done == len(slices) - 1


def test_several_requests_at_once_but_one_for_a_slice(simulators: list[Simulator]) -> None:
    org = organisation(latency_seconds=0.1)
    run = driver(simulators, org).live()
    run.judge(org)
    arrivals = [(request.at, request.target.partition("until=")[2][:30]) for request in org.requests]
    at_once = [{until for then, until in arrivals if at - 0.09 < then <= at} for at, _ in arrivals]
    assert max(map(len, at_once)) > 4
    assert max(map(len, at_once)) <= 16
    by_slice: dict[str, list[float]] = {}
    for moment, until in arrivals:
        by_slice.setdefault(until, []).append(moment)
    assert all(later - earlier > 0.09 for moments in by_slice.values() for earlier, later in pairwise(moments))


def test_the_rate_limit_is_used_but_for_the_reserve_and_never_earns_a_429(simulators: list[Simulator]) -> None:
    org = Organisation("acme", events=4000, now=None, rate_limit=RateLimit(20, 3.0), gzip=False)
    now = datetime.now(UTC)
    sim = start(simulators, org)
    run = Driver([tenant_of(sim, org, page_limit=100, rate_limit_reserve=0.2)], slices_of("acme", since=now - DAY - HOUR, until=now)).live()
    run.judge(org)
    windows = Counter(org.rate_limit_window(request.at) for request in org.requests)
    assert org.rejected_429_count == 0
    assert max(windows.values()) <= 16
    # Nearly all of it: what a loaded machine has no time for is no fault of the pacing, which the benchmark measures.
    assert all(windows[number] >= 12 for number in sorted(windows)[1:-1])


def test_a_share_of_the_budget_is_all_it_takes(simulators: list[Simulator]) -> None:
    org = Organisation("acme", events=500, now=None, rate_limit=RateLimit(40, 4.0), gzip=False)
    now = datetime.now(UTC)
    sim = start(simulators, org)
    slices = slices_of("acme", hours=3, since=now - DAY - HOUR, until=now)
    run = Driver([tenant_of(sim, org, rate_limit_reserve=0.5)], slices, budget_share=0.25).live()
    run.judge(org)
    # Five, and maybe one that was started as the window before ended; all of it would be nine at once.
    assert max(Counter(org.rate_limit_window(request.at) for request in org.requests).values()) <= 6


def test_in_bytewax_the_streams_are_told_apart(simulators: list[Simulator]) -> None:
    org = organisation(events=300)
    org.append([b'"not an event"'])
    sim = start(simulators, org)
    slices = slices_of("acme", hours=12, until=NOW + HOUR)
    flow = Dataflow("flow")
    out = history_input("okta", flow, HistorySource([tenant_of(sim, org)], slices, now=lambda: NOW))
    pages: list[Any] = []
    malformed: list[Any] = []
    done: list[SliceDone] = []
    op.output("pages", out.pages, TestingSink(pages))
    op.output("malformed", out.malformed, TestingSink(malformed))
    op.output("done", out.done, TestingSink(done))
    run_main(flow)
    assert sum(len(page.heads) for page in pages) == 300
    assert len(malformed) == 1
    assert {item.slice for item in done} == set(slices)


def test_slices_of_unknown_tenants_are_refused() -> None:
    with pytest.raises(ValueError, match="not configured: acme"):
        HistorySource([], slices_of("acme"))
