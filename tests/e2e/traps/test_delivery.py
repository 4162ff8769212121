"""Traps 4 and 9 to 12: what was fetched is delivered, and what was not delivered is fetched again, whatever interrupts."""

import errno
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from okta_source.fetching.pool import ByteBudget
from okta_source.simulator import Organisation, RateLimit, Scripted, Simulator
from tests.e2e.harness import Workplace, wait_for
from tests.e2e.traps.rig import ByHand, drain, event, poll, tenant, uuids, workplace


def served(organisation: Organisation) -> list[str]:
    """What was asked for and answered with events, in order."""
    return [request.target for request in organisation.requests if request.status == 200 and request.events]


def test_trap_04_a_burst_larger_than_a_poll_makes_progress_through_429_time_outs_and_restarts(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=600, span_seconds=7200)
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=10, request_timeout_seconds=0.5)
        received: list[str] = []
        states: dict[str, object] = {}
        for trouble in (Scripted(status=429), Scripted(stall_after_bytes=200), Scripted(reset=True), Scripted(status=503)):
            good = [Scripted(fallthrough=True)] * 3
            organisation.script(*good, trouble, *good)
            with ByHand(acme, states=states) as source:
                for _ in range(40):
                    received += uuids(source.ask())
                    source.clock.advance(1.0)
                states = source.snapshots()
        with ByHand(acme, states=states) as source:
            for _ in range(90):
                received += uuids(source.ask())
                source.clock.advance(1.0)
    assert received == organisation.uuids()
    # Progress: but for the pages fetched ahead at each of the four restarts, no page was served twice.
    pages = served(organisation)
    assert len(pages) - len(set(pages)) <= 4 * 3 + 1  # the stalled answer counts as served here


def test_trap_04_the_time_of_an_event_is_when_it_was_published_never_when_it_came_in(tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=40)
    organisation = Organisation("acme")
    organisation.append([event(1, long_ago)])
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation)
        drain(place)
    assert [path.name for path in (place.out / "acme").iterdir()] == [f"{long_ago:%Y-%m-%d}.ndjson"]
    line = orjson.loads(place.lines("acme")[0])
    assert datetime.fromisoformat(line["published"]) == long_ago.replace(microsecond=long_ago.microsecond // 1000 * 1000)
    assert datetime.fromisoformat(line["_okta_ingested_at"]) - long_ago > timedelta(days=39)


def test_trap_09_a_write_that_fails_is_no_delivery(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=300, span_seconds=3 * 86_400)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20, start_from="5d")
        # The first day's file can be written; where the last day's belongs, there is a folder.
        obstacle = place.out / "acme" / f"{datetime.now(UTC):%Y-%m-%d}.ndjson"
        obstacle.mkdir(parents=True)
        with pytest.raises(Exception, match="can't write the events") as caught:
            drain(place)
        assert "next run continues from the last snapshot" in str(caught.value)
        written = sum(len(path.read_bytes().splitlines()) for path in obstacle.parent.iterdir() if path.is_file())
        assert 0 < written < 300
        obstacle.rmdir()
        drain(place)
    place.judge(organisation)


def test_trap_09_a_full_disk_between_fetch_and_acknowledgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = Organisation("acme", events=200)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20)
        with monkeypatch.context() as patched:
            patched.setattr("sinks.file.output_file.append_or_undo", full)
            with pytest.raises(Exception, match="full"):
                drain(place)
        assert organisation.requests_count > 0
        assert place.lines("acme") == []
        drain(place)
    place.judge(organisation)


def test_trap_09_killed_before_the_pages_were_acknowledged(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=3000, latency_seconds=0.02)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=50)
        place.make_state()
        # No snapshot until the end: nothing that was fetched is acknowledged when the kill comes.
        with place.run(snapshot_seconds=3600) as flow:
            wait_for(lambda: organisation.requests_count > 10 and size(place, "acme") > 0, "something to be written")
            flow.kill()
        before = organisation.requests_count
        drain(place)
    assert not organisation.requests[before].cursor
    place.judge(organisation)


def size(place: Workplace, name: str) -> int:
    return sum(path.stat().st_size for path in (place.out / name).glob("*"))


def test_trap_10_pages_before_a_429_are_delivered_not_thrown_away(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=50)
    organisation.script(*[Scripted(fallthrough=True)] * 3, Scripted(status=429))
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=10)
        with ByHand(acme) as source:
            before = uuids(source.settle())
            assert [request.status for request in organisation.requests] == [200, 200, 200, 429]
            assert before == organisation.uuids()[:30], "what came before the 429 must not wait for its end"
            source.clock.advance(70.0)
            assert uuids(source.settle()) == organisation.uuids()[30:]


@pytest.mark.parametrize("page_limit", [1, 7, 64, 149, 150, 151])
def test_trap_11_no_cap_cuts_a_page_in_two(tmp_path: Path, page_limit: int) -> None:
    organisation = Organisation("acme", events=150)
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=page_limit)
        # Room for less than one page: the process's bound on memory holds requests back, and never shortens what came.
        with ByHand(acme, memory=ByteBudget(1)) as source:
            received: list[str] = []
            for _ in range(160):
                received += uuids(source.settle())
                source.clock.advance(0.02)
            assert received == organisation.uuids()


def test_trap_11_the_saved_cursor_stands_behind_what_was_handed_over_not_behind_what_was_fetched(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=45)
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=7)
        with ByHand(acme) as source:
            received: list[str] = []
            for _ in range(12):
                received += uuids(source.ask())
                with ByHand(acme, states=source.snapshots(), clock=source.clock) as resumed:
                    assert received + uuids(resumed.settle()) == organisation.uuids()
        assert received == organisation.uuids()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_trap_12_ten_minutes_of_stand_still_leave_no_gap(tmp_path: Path, number: signal.Signals) -> None:
    now = datetime.now(UTC)
    organisation = Organisation("acme", events=500, latency_seconds=0.01, rate_limit=RateLimit(10_000))
    with Simulator([organisation]) as sim:
        # From now on: whoever forgets where he was loses what came while he was away.
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20, start_from="now")
        place.make_state()
        with place.run() as flow:
            wait_for(lambda: organisation.requests_count > 0, "a request")
            watched = len(organisation)
            organisation.append(300)
            wait_for(lambda: size(place, "acme") > 0, "something to be written")
            flow.send(number)
            assert flow.wait(10) == (-signal.SIGKILL if number is signal.SIGKILL else 0)
        before = organisation.requests_count
        organisation.append([event(minute, now - timedelta(minutes=10 - minute)) for minute in range(10)])
        organisation.append(200)
        drain(place)
    assert organisation.requests[before].cursor, "the restart must go on from the cursor"
    assert sorted(orjson.loads(line)["uuid"] for line in place.lines("acme")) == sorted(organisation.uuids()[watched:])


def test_trap_12_a_stop_does_not_first_fetch_the_whole_backlog(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=20_000, latency_seconds=0.02)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20)
        poll(place, lambda: organisation.requests_count >= 10, "requests")
        assert organisation.requests_count < 100
        assert 0 < len(place.lines("acme")) < 2_000
