"""Traps 1 to 3 and 5 to 8: when a drain ends, and that nothing of Okta's order in time is trusted."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Request, Scripted, Simulator
from tests.e2e.harness import Workplace
from tests.e2e.traps.rig import HOUR, ByHand, drain, event, growth, poll, tenant, uuids, workplace

INTERVAL_SECONDS = 10.0


@pytest.mark.parametrize("new_cursor_each_time", [False, True])
def test_trap_01_a_next_link_on_every_empty_page_is_not_chased(tmp_path: Path, *, new_cursor_each_time: bool) -> None:
    organisation = Organisation("acme")
    numbers = itertools.count()

    def empty(request: Request) -> Scripted:
        after = next(numbers) if new_cursor_each_time else 7
        return Scripted(body=b"[]", next_url=f"{request.base_url}/api/v1/logs?limit=1000&after=1_{after}")

    organisation.script(*[empty] * 100)
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, poll_interval_seconds=INTERVAL_SECONDS)
        with ByHand(acme) as source:
            for interval in range(1, 6):
                source.settle()
                assert organisation.requests_count == interval
                source.clock.advance(INTERVAL_SECONDS - 0.5)
                source.settle()
                assert organisation.requests_count == interval, "an empty page was followed before the interval was over"
                source.clock.advance(0.6)


def test_trap_01_a_run_over_a_quiet_organisation_asks_once_an_interval(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=30)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=10)
        poll(place, lambda: organisation.requests_count >= 6, "requests")
    # Three full pages and the empty one that ends the drain, then one request a second.
    times = [request.at for request in organisation.requests]
    assert [request.events for request in organisation.requests][:5] == [10, 10, 10, 0, 0]
    # As the organisation saw them, which on a busy machine may have been held up itself.
    assert all(later - earlier > 0.5 for earlier, later in itertools.pairwise(times[3:]))
    place.judge(organisation)


def test_trap_02_a_short_page_ends_the_drain_though_more_keeps_trickling_in(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=25)

    def trickle(_: Request) -> Scripted:
        organisation.append(3)
        return Scripted(fallthrough=True)

    organisation.script(*[trickle] * 1000)
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=10, poll_interval_seconds=INTERVAL_SECONDS)
        with ByHand(acme) as source:
            received = uuids(source.settle())
            assert [request.events for request in organisation.requests] == [10, 10, 10, 7]
            for interval in range(1, 10):
                source.clock.advance(INTERVAL_SECONDS)
                received += uuids(source.settle())
                assert organisation.requests_count == 4 + interval, "a short page was followed"
        # The cursor of a short page is kept: the next drain starts behind it, not at a time.
        assert all(request.cursor for request in organisation.requests[1:])
    assert received == organisation.uuids()


def test_trap_03_an_event_persisted_hours_after_it_was_published(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    organisation = Organisation("acme", events=50)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20)
        for late in ([], [event(1, now - 3 * HOUR)], [event(2, now - 20 * HOUR), event(3, now)], []):
            organisation.append(late)
            assert drain(place) == {}
            place.judge(organisation)
    # A span with an end is ordered by `published`, and what is persisted after it was asked for stays out.
    assert not any("until=" in request.target for request in organisation.requests)


def test_trap_05_published_steps_back_within_and_between_pages(tmp_path: Path) -> None:
    start = datetime.now(UTC) - HOUR
    seconds = [5, 1, 4, 9, 2, 9, 7, 0, 3, 8, 6, 5, 1]
    organisation = Organisation("acme")
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=2)
        for number, second in enumerate(seconds):
            organisation.append([event(number, start + timedelta(seconds=second))])
            if number % 3 == 2:
                # The last event of a page is not the newest: whoever goes on from its time writes it, and others, again.
                with growth("okta_events_received_total", 3, tenant="acme"), growth("okta_events_duplicate_total", 0, tenant="acme"):
                    assert drain(place) == {}
                place.judge(organisation)
        drain(place)
        place.judge(organisation)
    assert all(request.cursor for request in organisation.requests[1:])


def test_trap_06_three_events_of_one_millisecond_split_by_a_restart(tmp_path: Path) -> None:
    moment = datetime.now(UTC).replace(microsecond=987_000) - HOUR
    organisation = Organisation("acme")
    organisation.append([event(number, moment) for number in range(3)])
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=2)
        with ByHand(acme) as source:
            source.ask()
            first = source.ask()
            states = source.snapshots()
        assert uuids(first) == organisation.uuids()[:2]
        organisation.append([event(3, moment)])
        # The cursor is refused as well, so that the restart has nothing but a time to go on from.
        organisation.script(Scripted(status=410))
        with ByHand(acme, states=states) as source:
            rest = source.settle()
    assert uuids(rest) == organisation.uuids()[2:]
    since = organisation.requests[-2].target
    assert "987Z" in since, f"the milliseconds of the newest event are gone: {since}"
    assert b'987Z"' in bytes(rest[0].bodies[0])  # type: ignore[union-attr]


def test_trap_06_a_time_between_two_milliseconds_is_rounded_down(tmp_path: Path) -> None:
    moment = datetime.now(UTC).replace(microsecond=987_000) - HOUR
    finer = moment.isoformat(timespec="milliseconds").replace("+00:00", "999Z")
    organisation = Organisation("acme")
    organisation.append([orjson.dumps({"uuid": "a", "published": finer, "eventType": "t"})])
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation)
        drain(place)
        organisation.script(Scripted(status=400))
        drain(place)
    assert "987Z" in organisation.requests[-1].target
    assert orjson.loads(place.lines("acme")[0])["published"] == finer


def test_trap_07_same_millisecond_batch_larger_than_a_page(tmp_path: Path) -> None:
    moment = datetime.now(UTC) - HOUR
    organisation = Organisation("acme")
    organisation.append([event(number, moment) for number in range(2500)])
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=1000)
        with growth("okta_events_received_total", 2500, tenant="acme"):
            for _ in range(3):
                assert drain(place) == {}
                place.judge(organisation)


def test_trap_08_an_empty_page_and_a_restart_leave_the_window_of_seen_events_alone(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=40, span_seconds=100)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20)
        for _ in range(3):
            drain(place)
        assert organisation.requests[-1].events == 0
        # Everything comes again; only the memory of what was seen can tell.
        organisation.script(Scripted(status=410))
        with growth("okta_events_duplicate_total", 40, tenant="acme"):
            drain(place)
        assert_once(place, organisation)
        organisation.append(5)
        drain(place)
        assert_once(place, organisation)


def assert_once(place: Workplace, organisation: Organisation) -> None:
    place.judge(organisation)
    assert len(place.lines("acme")) == len(organisation)
