"""Fetching ahead: one request in flight, two pages waiting, memory and rate limit respected."""

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable

import pytest

from okta_source.fetching.feed import TenantFeed
from okta_source.fetching.pool import ByteBudget, FetchPool, Shared
from okta_source.http.connection_slots import ConnectionSlots
from okta_source.polling.outcome import Response
from tests.unit.okta_source.fakes import NOW, Clock, InlinePool, answer, events, failure, link_to, refusal
from tests.unit.okta_source.rig import Rig


def full(number: int, **headers: str) -> Response:
    return answer(events(3 * number, 3), link_to(str(number)), **headers)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def taken(feed: TenantFeed) -> list[str]:
    """The cursors of the pages that wait, taken."""
    found = []
    while page := feed.take():
        found.append(page[0].cursor.url.rpartition("=")[2])
    return found


def test_at_most_two_pages_are_fetched_ahead() -> None:
    rig = Rig(*(full(number) for number in range(10)))
    for _ in range(5):
        rig.fetch()
    assert len(rig.transport.urls) == 2
    assert rig.feed.take() is not None
    rig.fetch()
    rig.fetch()
    assert len(rig.transport.urls) == 3
    assert taken(rig.feed) == ["1", "2"]


def test_each_request_goes_where_the_last_answer_pointed() -> None:
    rig = Rig(full(1), full(2), answer([], link_to("3")))
    for _ in range(3):
        rig.fetch()
        rig.feed.take()
    assert rig.transport.urls[1:] == [link_to("1"), link_to("2")]


def test_only_one_request_is_in_flight_however_often_it_is_poked() -> None:
    gate = threading.Event()

    def hang() -> Response:
        assert gate.wait(10.0)
        return full(1)

    rig = Rig(hang, pool=FetchPool())
    for _ in range(50):
        rig.feed.poke()
    until(lambda: rig.transport.in_flight == 1)
    rig.feed.poke()
    assert rig.feed.in_flight
    assert rig.feed.take() is None
    gate.set()
    until(lambda: not rig.feed.in_flight)
    assert rig.transport.most_in_flight == 1


def test_a_thread_is_given_back_after_a_page_when_others_wait_for_one() -> None:
    rig = Rig(*(full(number) for number in range(5)))
    rig.pool.backed_up = True
    rig.fetch()
    assert len(rig.transport.urls) == 1


def test_after_a_short_page_nothing_is_asked_until_the_interval_is_over() -> None:
    rig = Rig(answer(events(1, 2), link_to("1")), answer([], link_to("2")))
    rig.fetch()
    rig.feed.take()
    for _ in range(99):
        rig.clock.advance(0.1)
        rig.fetch()
    assert len(rig.transport.urls) == 1
    rig.clock.advance(0.11)
    rig.fetch()
    assert rig.transport.urls[1:] == [link_to("1")]


def test_the_interval_counts_from_the_request_so_that_a_slow_answer_does_not_stretch_it() -> None:
    rig = Rig(lambda: rig.clock.advance(4.0) or answer([], link_to("1")), answer([], link_to("2")))  # type: ignore[func-returns-value]
    rig.fetch()
    rig.feed.take()
    rig.clock.advance(5.9)
    rig.fetch()
    assert len(rig.transport.urls) == 1
    rig.clock.advance(0.2)
    rig.fetch()
    assert len(rig.transport.urls) == 2


def test_memory_bounds_what_is_in_flight_and_waiting_over_all_tenants() -> None:
    clock, pool = Clock(), InlinePool()
    shared = Shared(pool, ByteBudget(2_500_000), clock)  # type: ignore[arg-type]
    tenants = [Rig(full(1), shared=shared, pool=pool) for _ in range(4)]
    shared.host("acme.okta.com").try_start(0.0)
    shared.host("acme.okta.com").finish(None)  # there has been an answer: requests may go out together
    for rig in tenants:
        rig.feed.poke()
    assert len(pool.jobs) == 2  # a megabyte is reserved for each until its first answer
    pool.run()
    assert [len(rig.transport.urls) for rig in tenants] == [2, 2, 0, 0]  # pages of half a kilobyte leave room for the others
    clock.advance(1.0)
    for rig in tenants:
        rig.feed.poke()
    pool.run()
    assert [len(rig.transport.urls) for rig in tenants] == [2, 2, 2, 2]
    held = sum(len(full(1).body) + 560 * len(json.loads(full(1).body)) for _ in range(8))
    assert shared.memory._used_bytes == held
    for rig in tenants:
        taken(rig.feed)
    assert shared.memory._used_bytes == 0


@pytest.mark.parametrize("outcome", [failure(), answer(b"<html>"), answer(status=500), answer(b"[]")])
def test_memory_is_given_back_whatever_happens(outcome: Response) -> None:
    rig = Rig(outcome)
    rig.fetch()
    taken(rig.feed)
    assert rig.memory._used_bytes == 0
    assert not rig.feed.in_flight


def test_a_defect_is_told_and_polling_goes_on_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    def crash() -> Response:
        raise ZeroDivisionError

    rig = Rig(crash, answer([], link_to("1")))
    with caplog.at_level(logging.ERROR):
        rig.fetch()
    assert "ZeroDivisionError" in caplog.text
    assert not rig.feed.in_flight
    assert rig.memory._used_bytes == 0
    rig.clock.advance(59.0)
    rig.fetch()
    assert len(rig.transport.urls) == 1
    rig.clock.advance(2.0)
    rig.fetch()
    assert taken(rig.feed) == ["1"]


def rate(remaining: int, resets_in: int, limit: int = 10) -> dict[str, str]:
    return {
        "X_Rate_Limit_Limit": str(limit),
        "X_Rate_Limit_Remaining": str(remaining),
        "X_Rate_Limit_Reset": str(1772366400 + resets_in),
        "Date": "Sun, 01 Mar 2026 12:00:00 GMT",
    }


@pytest.mark.parametrize(
    ("script", "wait"),
    [
        ((full(1, **rate(1, 20)), answer(b"[]")), 21.0),  # what is left is the reserve
        ((answer(status=429, **rate(0, 30)), answer(b"[]")), 31.0),
        ((answer(status=429, Retry_After="40"), answer(b"[]")), 40.0),
    ],
)
def test_a_rate_limit_wait_is_counted_while_it_lasts(script: tuple[Response, ...], wait: float) -> None:
    rig = Rig(*script, reserve=0.1)
    rig.fetch()
    rig.feed.take()
    counted = []
    for _ in range(int(wait / 0.25) - 1):
        rig.fetch()
        rig.clock.advance(0.25)
        counted.append(rig.metric("okta_rate_limit_wait_seconds_total"))
    assert len(rig.transport.urls) == 1
    assert counted[-1] == pytest.approx(wait, abs=0.76)
    assert max(after - before for before, after in itertools.pairwise(counted)) <= 0.26
    rig.clock.advance(0.5)
    rig.fetch()
    assert len(rig.transport.urls) == 2
    assert rig.metric("okta_rate_limit_wait_seconds_total") == pytest.approx(wait, abs=0.3)


def test_a_429_of_one_tenant_holds_the_others_of_its_host_back() -> None:
    clock, pool = Clock(), InlinePool()
    shared = Shared(pool, ByteBudget(), clock)  # type: ignore[arg-type]
    one = Rig(answer(status=429, **rate(0, 30)), full(1), shared=shared, pool=pool)
    other = Rig(full(1), shared=shared, pool=pool)
    one.fetch()
    other.fetch()
    assert other.transport.urls == []
    clock.advance(31.1)
    other.fetch()
    assert len(other.transport.urls) == 2


def test_the_metrics_of_answers() -> None:
    rig = Rig(full(1, **rate(7, 20)), answer(status=401), failure("dns"), answer([], link_to("2")))
    rig.fetch()
    assert rig.metric("okta_tenant_up") == 0.0  # the page came, and the request behind it failed
    for _ in range(2):
        rig.clock.advance(30.0)
        rig.fetch()
    assert rig.metric("okta_requests_total", code="200") == 2.0
    assert rig.metric("okta_requests_total", code="401") == 1.0
    assert rig.metric("okta_requests_total", code="error") == 1.0
    assert rig.metric("okta_errors_total", error_type="auth", stage="fetch") == 1.0
    assert rig.metric("okta_errors_total", error_type="dns", stage="fetch") == 1.0
    assert rig.metric("okta_request_duration_seconds_count") == 4.0
    assert rig.metric("okta_rate_limit_limit") == 10.0
    assert rig.metric("okta_rate_limit_remaining") == 7.0
    assert rig.metric("okta_rate_limit_reset_timestamp_seconds") == 1772366420.0
    assert rig.metric("okta_last_success_timestamp_seconds") == rig.clock.now().timestamp()


def test_up_tells_whether_the_last_poll_succeeded(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(answer([], link_to("1")), refusal(403), answer([], link_to("2")))
    ups = []
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            rig.fetch()
            taken(rig.feed)
            ups.append(rig.metric("okta_tenant_up"))
            rig.clock.advance(30.0)
    assert ups == [1.0, 0.0, 1.0]
    assert f"{rig.tenant} (Acme Inc.): Okta answered 403" in caplog.text
    assert "okta.logs.read" in caplog.text
    assert "next try in" in caplog.text
    assert "polling succeeds again" in caplog.text


def test_a_trouble_that_lasts_is_told_once_and_its_change_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    script = [refusal(403)] * 5 + [failure("dns")] * 3 + [answer([], link_to("1")), refusal(403), refusal(403)]
    rig = Rig(*script)
    with caplog.at_level(logging.INFO):
        for _ in script:
            rig.fetch()
            taken(rig.feed)
            rig.clock.advance(300.0)
    lines = [record.getMessage() for record in caplog.records]
    assert ["403" in lines[0], "dns" in lines[1], "succeeds again" in lines[2], "403" in lines[3]] == [True] * 4
    assert len(lines) == 4
    assert "so 5 times since 12:00:00 UTC" in lines[1]
    assert "after 40 min" in lines[2]
    assert "so 3 times since 12:25:00 UTC" in lines[2]
    assert rig.metric("okta_errors_total", error_type="permission", stage="fetch") == 7.0


def test_the_wait_that_is_told_is_that_of_the_budget_where_it_is_longer(caplog: pytest.LogCaptureFixture) -> None:
    spent = {"X_Rate_Limit_Limit": "60", "X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": str(int(NOW.timestamp()) + 40)}
    rig = Rig(refusal(500, Date="Sun, 01 Mar 2026 12:00:00 GMT", **spent), answer([], link_to("1")))
    rig.fetch()
    assert "(next try in 41.0 s)" in caplog.text
    rig.clock.advance(40.5)
    rig.fetch()
    assert len(rig.transport.urls) == 1
    rig.clock.advance(1.0)
    rig.fetch()
    assert len(rig.transport.urls) == 2


def test_a_tenant_that_was_not_asked_yet_is_neither_up_nor_down() -> None:
    rig = Rig(answer([], link_to("1")))
    assert not rig.has("okta_tenant_up")
    assert rig.metric("okta_tenant_started_timestamp_seconds") == rig.clock.now().timestamp()
    rig.fetch()
    assert rig.metric("okta_tenant_up") == 1.0


def test_the_reason_of_a_failure_is_there_for_as_long_as_it_lasts() -> None:
    rig = Rig(answer(status=401), failure("timeout"), answer([], link_to("1")))
    reasons = (("auth", "fetch"), ("timeout", "fetch"))
    found = []
    for _ in range(3):
        rig.fetch()
        found.append([rig.has("okta_tenant_failing", error_type=error_type, stage=stage) for error_type, stage in reasons])
        rig.clock.advance(30.0)
    assert found == [[True, False], [False, True], [False, False]]


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        ((answer([], link_to("1")),), 10.0),  # the interval
        ((answer(status=429, **rate(0, 30)),), 31.0),
        ((full(1, **rate(1, 20)), answer(b"[]")), 21.0),  # what is left is the reserve
    ],
)
def test_when_the_next_request_is_due_is_told_however_often_it_is_looked_at(script: tuple[Response, ...], seconds: float) -> None:
    rig = Rig(*script, reserve=0.1)
    rig.fetch()
    due = rig.clock.now().timestamp() + seconds
    for _ in range(20):
        assert rig.metric("okta_next_poll_timestamp_seconds") == pytest.approx(due, rel=0, abs=0.01)
        rig.feed.take()
        rig.fetch()
        rig.clock.advance(0.25)


def test_a_tenant_in_back_off_tells_when_it_is_tried_again() -> None:
    rig = Rig(failure("dns"), answer([], link_to("1")))
    rig.fetch()
    due = rig.metric("okta_next_poll_timestamp_seconds")
    assert 1.0 <= due - rig.clock.now().timestamp() <= 2.0
    rig.clock.advance(due - rig.clock.now().timestamp() - 0.01)
    rig.fetch()
    assert len(rig.transport.urls) == 1
    rig.clock.advance(0.02)
    rig.fetch()
    assert len(rig.transport.urls) == 2


def test_a_wait_for_the_rate_limit_ends_with_the_reset_though_the_worker_looks_away() -> None:
    rig = Rig(answer(status=429, **rate(0, 30)), answer(b"[]"))
    rig.fetch()
    rig.fetch()
    rig.clock.advance(500.0)  # a sink holds the worker up
    assert rig.metric("okta_rate_limit_wait_seconds_total") == pytest.approx(31.0)
    rig.fetch()
    assert rig.metric("okta_rate_limit_wait_seconds_total") == pytest.approx(31.0)


def test_a_refused_cursor_is_counted_and_does_not_take_the_tenant_down() -> None:
    rig = Rig(full(1), refusal(410), full(2))
    rig.fetch()
    rig.feed.take()
    rig.fetch()
    assert rig.metric("okta_cursor_resets_total") == 1.0
    assert rig.metric("okta_tenant_up") == 1.0


def test_a_run_until_drained_is_finished_when_the_short_page_has_been_taken() -> None:
    rig = Rig(full(1), answer(events(9, 1), link_to("2")), until_drained=True)
    rig.fetch()
    assert not rig.feed.finished
    rig.feed.take()
    assert not rig.feed.finished
    rig.feed.take()
    assert rig.feed.finished
    assert rig.control.undrained() == {}
    rig.clock.advance(100.0)
    rig.fetch()
    assert len(rig.transport.urls) == 2


def test_a_credential_that_cannot_be_read_is_an_error_but_no_request() -> None:
    rig = Rig(failure("auth"), failure("timeout"))
    rig.fetch()
    assert rig.metric("okta_errors_total", error_type="auth", stage="token") == 1.0
    assert rig.metric("okta_requests_total", code="error") == 0.0
    rig.clock.advance(30.0)
    rig.fetch()
    assert rig.metric("okta_requests_total", code="error") == 1.0


def test_a_tenant_that_fails_five_times_in_a_row_is_given_up_with_its_reason() -> None:
    rig = Rig(answer(status=401), until_drained=True)
    for _ in range(20):
        rig.fetch()
        rig.clock.advance(100.0)
    assert len(rig.transport.urls) == 5
    assert rig.feed.finished
    assert rig.control.undrained()[rig.tenant].error_type == "auth"


def test_idle_seconds_follow_what_is_expected() -> None:
    rig = Rig(answer([], link_to("1")))
    rig.feed.poke()
    assert rig.feed.idle_seconds() == 0.001
    rig.clock.advance(0.2)
    assert rig.feed.idle_seconds() == pytest.approx(0.05)
    rig.clock.advance(10.0)
    assert rig.feed.idle_seconds() == 0.1
    rig.pool.run()
    assert rig.feed.idle_seconds() == 0.0
    rig.feed.take()
    assert rig.feed.idle_seconds() > 0.0


def test_a_hanging_request_keeps_its_connection_at_the_end() -> None:
    rig = Rig(full(1))
    rig.feed.poke()
    rig.feed.close()
    assert not rig.transport.closed
    rig.pool.run()
    rig.feed.close()
    assert rig.transport.closed


def test_a_request_that_was_only_queued_at_the_stop_is_not_made() -> None:
    rig = Rig(full(1))
    rig.feed.poke()
    rig.control.request_stop()
    rig.pool.run()
    assert rig.transport.urls == []
    assert not rig.feed.in_flight
    assert rig.memory._used_bytes == 0


def test_many_tenants_start_spread_out_and_keep_their_places_after_all_were_held_up() -> None:
    clock, pool = Clock(), InlinePool()
    shared = Shared(pool, ByteBudget(), clock)  # type: ignore[arg-type]
    rigs = [Rig(answer([], link_to("1")), shared=shared, pool=pool, org=f"org{number}") for number in range(300)]

    def step(seconds: float) -> int:
        clock.advance(seconds)
        before = sum(len(rig.transport.urls) for rig in rigs)
        for rig in rigs:
            rig.feed.poke()
        pool.run()
        for rig in rigs:
            rig.feed.take()
        return sum(len(rig.transport.urls) for rig in rigs) - before

    polls = [step(0.1) for _ in range(200)]
    assert max(polls) <= 62
    assert sum(polls[:30]) == 300
    assert step(100.0) == 300  # everybody was held up
    again = [step(0.1) for _ in range(400)]
    assert max(again[-100:]) <= 62
    assert sum(again[-100:]) == 300


def test_a_run_until_drained_starts_everybody_at_once() -> None:
    clock, pool = Clock(), InlinePool()
    shared = Shared(pool, ByteBudget(1 << 40), clock)  # type: ignore[arg-type]
    rigs = [Rig(answer([], link_to("1")), shared=shared, pool=pool, until_drained=True, org=f"org{number}") for number in range(300)]
    for rig in rigs:
        rig.feed.poke()
    assert len(pool.jobs) == 300


def test_one_in_a_long_drain_does_not_keep_quiet_ones_from_their_turn() -> None:
    clock, pool = Clock(), InlinePool()
    shared = Shared(pool, ByteBudget(), clock)  # type: ignore[arg-type]
    pages = itertools.count()
    busy = Rig(lambda: full(next(pages)), shared=shared, pool=pool, org="busy")
    quiet = [Rig(answer([], link_to("1")), shared=shared, pool=pool, org=f"quiet{number}") for number in range(200)]
    asked: dict[str, list[float]] = {rig.tenant: [] for rig in quiet}
    for _ in range(1000):
        clock.advance(0.05)
        for rig in (busy, *quiet):
            before = len(rig.transport.urls)
            rig.fetch()
            rig.feed.take()
            if rig is not busy and len(rig.transport.urls) > before:
                asked[rig.tenant].append(clock())
    assert len(busy.transport.urls) >= 1000
    assert all(len(moments) >= 4 for moments in asked.values())
    assert max(after - before for moments in asked.values() for before, after in itertools.pairwise(moments)) <= 10.1


def test_a_connection_is_closed_where_the_process_has_no_room_for_it() -> None:
    clock, pool = Clock(), InlinePool()
    shared = Shared(pool, ByteBudget(), clock, ConnectionSlots(2, for_drains=0))  # type: ignore[arg-type]
    rigs = [Rig(answer([], link_to("1")), shared=shared, pool=pool, org=f"org{number}") for number in range(3)]
    for rig in rigs:
        rig.fetch()
    assert [rig.transport.closed for rig in rigs] == [False, False, True]
    rigs[0].feed.close()
    rigs[2].feed.take()
    rigs[2].transport.closed = False
    clock.advance(10.1)
    rigs[2].fetch()
    assert not rigs[2].transport.closed


@pytest.mark.parametrize("script", [(failure(),), (answer(status=500),) * 9, (answer([], link_to("1")),)])
def test_a_connection_is_closed_that_nobody_will_need_soon(script: tuple[Response, ...]) -> None:
    rig = Rig(*script, poll_interval_seconds=60.0)
    for _ in range(9):
        rig.fetch()
        taken(rig.feed)
        rig.clock.advance(300.0)
    assert rig.transport.closed
    assert rig.shared.connections.taken == 0


def test_a_slow_answer_is_looked_for_when_it_may_be_there() -> None:
    rig = Rig(lambda: rig.clock.advance(0.18) or answer([], link_to("1")))  # type: ignore[func-returns-value]
    rig.fetch()
    rig.feed.take()
    rig.clock.advance(10.0)
    rig.feed.poke()
    assert rig.feed.idle_seconds() == pytest.approx(0.09)
    rig.clock.advance(0.1)
    assert rig.feed.idle_seconds() == pytest.approx(0.025)


def test_a_tenant_whose_job_waits_has_hanging_threads_looked_for() -> None:
    rig = Rig(full(1))
    relieved: list[bool] = []
    rig.pool.relieve = lambda: relieved.append(True)
    rig.feed.poke()
    rig.feed.poke()
    assert relieved == []
    rig.pool.backed_up = True
    rig.feed.poke()
    assert relieved == [True]
