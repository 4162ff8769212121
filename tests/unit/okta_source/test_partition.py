"""What Bytewax sees of a tenant: pages in order, a snapshot behind the last of them, an end."""

import pickle
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from okta_source.fetching.control import STOP_GRACE_SECONDS
from okta_source.fetching.pool import FetchPool
from okta_source.partition import RetiredPartition
from okta_source.polling.event import Batch, Malformed
from okta_source.polling.outcome import Response
from tests.unit.okta_source.fakes import NOW, InlinePool, answer, event, events, failure, link_to, uuid
from tests.unit.okta_source.rig import Rig


def full(number: int) -> Response:
    return answer(events(3 * number, 3, NOW + timedelta(seconds=number - 100)), link_to(str(number)))


def drain(rig: Rig, batches: int = 50) -> list[str]:
    """The uuids that came out in a number of calls, the clock moving on between them."""
    found: list[str] = []
    for _ in range(batches):
        for item in rig.partition.next_batch():
            assert isinstance(item, Batch)
            found += [head.uuid for head in item.heads]
        if isinstance(rig.pool, InlinePool):
            rig.pool.run()
    return found


def to_the_end(rig: Rig) -> list[str]:
    """The uuids that come out until the partition ends."""
    found: list[str] = []
    for _ in range(100_000):
        try:
            found += drain(rig, 1)
        except StopIteration:
            return found
        rig.clock.advance(60.0 if rig.control.until_drained else 0.0)
    pytest.fail("it never ends")


def ids(*numbers: int) -> list[str]:
    return [uuid(number) for number in numbers]


def test_pages_come_out_one_at_a_time_and_in_order() -> None:
    rig = Rig(full(0), full(1), full(2), answer([], link_to("end")))
    sizes = []
    for _ in range(12):
        sizes.append(len(rig.partition.next_batch()))
        rig.pool.run()
    assert max(sizes) == 1
    rig = Rig(full(0), full(1), full(2), answer([], link_to("end")))
    assert drain(rig) == ids(*range(9))


def test_a_batch_holds_what_the_page_held() -> None:
    rig = Rig(answer(events(1, 2), link_to("1")))
    rig.fetch()
    (batch,) = rig.partition.next_batch()
    assert isinstance(batch, Batch)
    assert (batch.tenant, batch.source, batch.received_at) == (rig.tenant, "poll", NOW)
    assert [bytes(body)[:9] for body in batch.bodies] == [b'"uuid": "'] * 2


def test_the_snapshot_is_behind_the_last_page_handed_over_and_not_behind_what_was_fetched() -> None:
    rig = Rig(*(full(number) for number in range(6)))
    rig.fetch()
    assert len(rig.transport.urls) == 2
    before = rig.partition.snapshot()
    assert before["url"] == rig.transport.urls[0]
    assert before["high_water"] is None
    rig.partition.next_batch()
    after = rig.partition.snapshot()
    assert after["url"] == link_to("0")
    assert after["high_water"] == (NOW - timedelta(seconds=100)).isoformat()
    assert sum(len(packed) for _, packed, _ in after["window"]) == 3 * 16
    assert before["window"] == ()  # an earlier snapshot never changes


@pytest.mark.parametrize("handed_over", range(5))
def test_a_resume_from_any_snapshot_delivers_the_rest_once(handed_over: int) -> None:
    pages = [full(number) for number in range(5)]
    first = Rig(*pages)
    delivered: list[str] = []
    while len(delivered) < 3 * handed_over:
        first.fetch()
        for item in first.partition.next_batch():
            assert isinstance(item, Batch)
            delivered += [head.uuid for head in item.heads]
    plain = pickle.loads(pickle.dumps(first.partition.snapshot()))  # noqa: S301
    second = Rig(*pages[handed_over:], answer([], link_to("end")), plain=plain)
    delivered += drain(second)
    assert delivered == ids(*range(15))


def test_an_overlap_after_a_changed_filter_is_removed() -> None:
    first = Rig(full(0), answer([], link_to("end")))
    assert drain(first) == ids(0, 1, 2)
    second = Rig(answer(events(1, 3), link_to("9")), answer([], link_to("end")), plain=first.partition.snapshot(), filter="x pr")
    assert "filter=x%20pr" in second.poller.cursor.url
    assert drain(second) == ids(3)
    assert second.metric("okta_events_duplicate_total") == 2.0
    assert second.metric("okta_events_received_total") == 3.0


def test_a_changed_interval_or_token_keeps_the_place() -> None:
    first = Rig(full(0), answer([], link_to("end")))
    drain(first)
    second = Rig(answer([], link_to("more")), plain=first.partition.snapshot(), poll_interval_seconds=77.0)
    second.fetch()
    assert second.transport.urls == [link_to("end")]


def test_a_page_of_nothing_but_duplicates_moves_the_cursor_and_emits_nothing() -> None:
    rig = Rig(answer(events(1, 3), link_to("1")), answer(events(1, 3), link_to("2")), answer([], link_to("3")))
    assert drain(rig) == ids(1, 2, 3)
    assert rig.partition.snapshot()["url"] == link_to("3")


def test_malformed_events_travel_beside_the_batch() -> None:
    rig = Rig(answer([event(1), {"uuid": "x"}, 5], link_to("1")))
    rig.fetch()
    items = rig.partition.next_batch()
    assert [type(item) for item in items] == [Malformed, Malformed, Batch]
    assert rig.metric("okta_events_malformed_total") == 2.0
    assert rig.metric("okta_events_received_total") == 3.0
    assert rig.metric("okta_pages_total") == 1.0


def test_the_lag_is_zero_after_a_short_page_and_the_newest_events_age_while_draining() -> None:
    rig = Rig(full(0), answer(events(3, 1), link_to("1")))
    rig.fetch()
    rig.partition.next_batch()
    assert rig.metric("okta_poll_lag_seconds") == 100.0
    assert rig.metric("okta_last_event_timestamp_seconds") == (NOW - timedelta(seconds=100)).timestamp()
    rig.partition.next_batch()
    assert rig.metric("okta_poll_lag_seconds") == 0.0


@pytest.mark.parametrize("parked", [failure("server"), answer(status=429, Retry_After="300")])
def test_the_lag_of_a_tenant_that_is_parked_in_mid_drain_grows(parked: Any) -> None:
    rig = Rig(full(0), parked)
    rig.fetch()
    rig.partition.next_batch()
    for seconds in (100.0, 160.0, 220.0):
        rig.partition.next_batch()
        assert rig.metric("okta_poll_lag_seconds") == seconds
        rig.clock.advance(60.0)


def test_a_quiet_tenant_has_no_lag_however_old_its_newest_event_until_polls_fail() -> None:
    rig = Rig(answer(events(1, 2), link_to("1")), *[answer([], link_to("2"))] * 20, failure("dns"))
    for _ in range(21):
        rig.fetch()
        rig.partition.next_batch()
        assert rig.has("okta_poll_lag_seconds")
        assert rig.metric("okta_poll_lag_seconds") == 0.0
        rig.clock.advance(600.0)
    for minutes in range(10, 60, 10):
        rig.fetch()
        assert rig.metric("okta_poll_lag_seconds") == minutes * 60.0  # since the last success
        rig.clock.advance(600.0)


def test_there_is_no_lag_as_long_as_nothing_is_known_and_a_failure_is_something() -> None:
    rig = Rig(failure("dns"), answer([], link_to("1")))
    assert not rig.has("okta_poll_lag_seconds")
    rig.fetch()
    rig.clock.advance(30.0)
    assert rig.metric("okta_poll_lag_seconds") == 30.0
    rig.fetch()
    rig.partition.next_batch()
    assert rig.has("okta_poll_lag_seconds")
    assert rig.metric("okta_poll_lag_seconds") == 0.0


def test_a_resume_in_mid_drain_lags_from_the_start_and_one_behind_a_drain_waits_for_an_answer() -> None:
    first = Rig(full(0), full(1), answer([], link_to("end")))
    first.fetch()
    first.partition.next_batch()
    in_mid_drain = pickle.loads(pickle.dumps(first.partition.snapshot()))  # noqa: S301
    drain(first)
    drained = pickle.loads(pickle.dumps(first.partition.snapshot()))  # noqa: S301

    late = Rig(failure("server"), plain=in_mid_drain)
    assert late.metric("okta_poll_lag_seconds") == 100.0
    assert late.partition.snapshot() == in_mid_drain
    late.clock.advance(50.0)
    late.fetch()
    assert late.metric("okta_poll_lag_seconds") == 150.0

    quiet = Rig(failure("server"), answer([], link_to("more")), plain=drained)
    assert not quiet.has("okta_poll_lag_seconds")
    quiet.fetch()
    quiet.clock.advance(50.0)
    quiet.fetch()
    quiet.partition.next_batch()
    assert quiet.has("okta_poll_lag_seconds")
    assert quiet.metric("okta_poll_lag_seconds") == 0.0


def test_a_snapshot_of_any_tenant_is_told() -> None:
    before = REGISTRY.get_sample_value("okta_last_snapshot_timestamp_seconds") or 0.0
    Rig(full(0)).partition.snapshot()
    assert (REGISTRY.get_sample_value("okta_last_snapshot_timestamp_seconds") or 0.0) > before


def naps(rig: Rig) -> float:
    awake = rig.partition.next_awake()
    assert awake is not None
    return (awake - datetime.now(UTC)).total_seconds()


def test_it_never_sleeps_for_longer_than_half_a_second_and_wakes_its_worker_when_nobody_else_does() -> None:
    rig = Rig(answer([], link_to("1")), failure(), poll_interval_seconds=86400.0)
    assert naps(rig) <= 0.25
    rig.fetch()
    assert naps(rig) <= 0.0  # a page waits
    rig.partition.next_batch()
    assert 0.0 < naps(rig) <= 0.25  # a day to go
    assert 0.25 < naps(rig) <= 0.5
    rig.clock.advance(86400.0)
    rig.fetch()
    assert naps(rig) <= 0.5
    rig.control.request_stop()
    assert naps(rig) <= 0.005


def test_a_stop_hands_over_what_was_fetched_and_then_ends() -> None:
    rig = Rig(*(full(number) for number in range(9)))
    rig.fetch()
    rig.control.request_stop()
    assert rig.partition.next_batch()
    assert rig.partition.next_batch()
    with pytest.raises(StopIteration):
        rig.partition.next_batch()
    assert len(rig.transport.urls) == 2
    assert rig.partition.snapshot()["url"] == link_to("1")


def test_a_tenant_that_rests_for_a_day_ends_with_the_run() -> None:
    rig = Rig(answer([], link_to("1")), poll_interval_seconds=86400.0)
    rig.fetch()
    rig.partition.next_batch()
    assert rig.partition.next_batch() == []
    assert rig.feed.rests()
    rig.control.request_stop()
    with pytest.raises(StopIteration):
        rig.partition.next_batch()


class Hanging:
    """A request that answers when it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def __call__(self) -> Response:
        assert self.gate.wait(10.0)
        return full(0)


def hanging() -> tuple[Rig, Hanging]:
    request = Hanging()
    rig = Rig(request, pool=FetchPool())
    rig.partition.next_batch()
    deadline = time.monotonic() + 10.0
    while not rig.transport.in_flight:
        assert time.monotonic() < deadline
    rig.control.request_stop()
    assert rig.partition.next_batch() == []  # there is some grace
    return rig, request


def test_a_stop_leaves_a_hanging_request_behind_after_its_grace() -> None:
    rig, request = hanging()
    rig.clock.advance(STOP_GRACE_SECONDS - 0.01)
    assert rig.partition.next_batch() == []
    rig.clock.advance(0.02)
    with pytest.raises(StopIteration):
        rig.partition.next_batch()
    rig.partition.close()
    assert not rig.transport.closed
    request.gate.set()


def test_a_page_that_comes_within_the_grace_is_not_lost() -> None:
    rig, request = hanging()
    request.gate.set()
    assert to_the_end(rig) == ids(0, 1, 2)
    assert rig.partition.snapshot()["url"] == link_to("0")
    rig.partition.close()
    assert rig.transport.closed


def test_the_end_of_the_last_request_between_two_looks_loses_no_page() -> None:
    rig = Rig(full(0))
    rig.feed.poke()
    rig.control.request_stop()
    rig.control.stopping  # noqa: B018
    take, feed = rig.feed.take, rig.feed

    def take_then_finish() -> Any:
        """The page comes and the request ends right behind an empty-handed look."""
        found = take()
        feed._busy = False
        return found

    feed.take = take_then_finish  # type: ignore[method-assign]
    assert rig.partition.next_batch() == []


def test_a_run_until_drained_ends_behind_the_short_page() -> None:
    rig = Rig(full(0), answer(events(3, 1), link_to("1")), until_drained=True)
    assert to_the_end(rig) == ids(0, 1, 2, 3)
    assert rig.partition.snapshot()["url"] == link_to("1")


def test_a_run_until_drained_ends_without_a_tenant_that_keeps_failing() -> None:
    rig = Rig(full(0), failure("dns"), until_drained=True)
    assert to_the_end(rig) == ids(0, 1, 2)
    assert rig.control.undrained()[rig.tenant].error_type == "dns"
    assert rig.partition.snapshot()["url"] == link_to("0")


@pytest.mark.parametrize("state", [None, {"version": 1, "url": "x"}, {"version": 99}, "anything"])
def test_a_retired_tenant_keeps_its_state_untouched_and_ends_at_once(state: object) -> None:
    partition = RetiredPartition(state)
    with pytest.raises(StopIteration):
        partition.next_batch()
    assert partition.snapshot() is state


def test_events_of_unlikely_times_are_counted_and_delivered() -> None:
    moments = [NOW, NOW - timedelta(days=367), NOW - timedelta(days=365), NOW + timedelta(days=3), NOW.replace(year=1)]
    rig = Rig(answer([event(number, moment) for number, moment in enumerate(moments)], link_to("1")))
    before = rig.metric("okta_events_unlikely_time_total") or 0.0
    assert drain(rig) == ids(*range(5))
    assert rig.metric("okta_events_unlikely_time_total") == before + 3
