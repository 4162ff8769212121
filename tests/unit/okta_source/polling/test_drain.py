"""Where a drain ends: two signs for an end, whatever stands in between, and no spinning where there is none."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from okta_source.polling.limits import Backoff
from okta_source.polling.outcome import Response
from okta_source.polling.poller import Poller
from okta_source.polling.query import Query
from okta_source.polling.step import Step
from tests.unit.okta_source.fakes import NOW, ORG, answer, event, link_to
from tests.unit.okta_source.rig import Rig

INTERVAL = 10.0
LIMIT = 1000
HOUR = timedelta(hours=1)


def poller(interval: float = INTERVAL) -> Poller:
    query = Query("acme", ORG, page_limit=LIMIT, poll_interval_seconds=interval)
    return Poller(query, Backoff(random.Random(1)), since=NOW - 20 * HOUR, now=NOW)


def page(published: Sequence[datetime], number: int = 0, *, link: str | None = None, **more: str) -> Response:
    found = [event(number * LIMIT + index, moment) for index, moment in enumerate(published)]
    return answer(found, link_to(str(number), limit=LIMIT) if link is None else link or None, **more)


class Clamped:
    """A log of events a tenth of a second apart, the last one 12 h ago; whatever is asked for, so many a page come."""

    def __init__(self, events: int, sizes: Callable[[], int], last: datetime = NOW - 12 * HOUR) -> None:
        self.moments = [last - timedelta(seconds=0.1) * (events - 1 - number) for number in range(events)]
        self._sizes = sizes
        self._at = self._pages = 0

    def __call__(self) -> Response:
        size = self._sizes()
        moments = self.moments[self._at : self._at + size]
        found = [event(self._at + index, moment) for index, moment in enumerate(moments)]
        self._at += len(moments)
        self._pages += 1
        return answer(found, link_to(str(self._pages), limit=LIMIT))


def drain(subject: Poller, ask: Callable[[], Response], most: int = 1000) -> list[Step]:
    """Ask until a drain ends, while the clock goes on by a tenth of a second for each request and by what is to be waited."""
    steps: list[Step] = []
    now = NOW
    while not (steps and steps[-1].drained) and len(steps) < most:
        steps.append(subject.receive(ask(), now))
        now += timedelta(seconds=0.1 + steps[-1].due_seconds)
    return steps


@pytest.mark.parametrize("sizes", [lambda: 100, partial(random.Random(7).randint, 1, 300)], ids=["clamp", "filter"])
def test_short_pages_hours_behind_are_followed_to_the_end_without_a_pause(sizes: Callable[[], int]) -> None:
    log = Clamped(5000, sizes)
    steps = drain(poller(), log)
    assert sum(step.page.sliced.events for step in steps if step.page) == 5000
    assert [step.due_seconds for step in steps[:-1]] == [0.0] * (len(steps) - 1)
    assert steps[-1].page
    assert steps[-1].page.sliced.events == 0
    assert not any(step.late for step in steps)


def test_events_of_one_moment_that_a_gateway_cuts_into_pages_are_followed_too() -> None:
    log = Clamped(2500, lambda: 100)
    log.moments = [NOW - 12 * HOUR] * 2500
    steps = drain(poller(), log)
    assert sum(step.page.sliced.events for step in steps if step.page) == 2500
    assert sum(step.due_seconds for step in steps[:-1]) < 1.0


@pytest.mark.parametrize(
    ("interval", "age_seconds", "ends"),
    [(10.0, 0, True), (10.0, 59, True), (10.0, 61, False), (60.0, 179, True), (60.0, 181, False), (1.0, 30, True), (86401.0, 901, False)],
)
def test_the_end_of_a_short_page_is_fresh_for_a_few_intervals(interval: float, age_seconds: float, ends: bool) -> None:
    step = poller(interval).receive(page([NOW - HOUR, NOW - timedelta(seconds=age_seconds), NOW - HOUR]), NOW)
    assert (step.drained, step.due_seconds) == (ends, interval if ends else 0.0)


def test_a_trickle_near_the_present_does_not_spin() -> None:
    subject = poller()
    for number in range(100):
        now = NOW + timedelta(seconds=10.0 * number)
        step = subject.receive(page([now - timedelta(seconds=9), now - timedelta(seconds=2)], number), now)
        assert (step.drained, step.due_seconds) == (True, INTERVAL)


@pytest.mark.parametrize("skew", [timedelta(minutes=-10), timedelta(minutes=10), timedelta(hours=12)])
def test_freshness_goes_by_oktas_clock_and_not_by_ours(skew: timedelta) -> None:
    ours = NOW + skew
    dated = format_datetime(NOW, usegmt=True)
    assert poller().receive(page([NOW - timedelta(seconds=5)], Date=dated), ours).drained
    assert not poller().receive(page([NOW - 12 * HOUR], Date=dated), ours).drained


def test_an_event_dated_ahead_is_no_sign_of_an_end() -> None:
    subject = poller()
    ahead = NOW + timedelta(days=2)
    assert not subject.receive(page([NOW - 12 * HOUR, ahead]), NOW).drained
    step = subject.receive(page([NOW - 11 * HOUR, ahead], 1), NOW)
    assert (step.drained, step.due_seconds) == (False, 0.0)
    assert subject.receive(page([NOW - timedelta(seconds=1), ahead], 2), NOW).drained


def test_a_short_page_of_which_nothing_is_an_event_is_followed() -> None:
    step = poller().receive(answer([1, 2], link_to("1", limit=LIMIT)), NOW)
    assert (step.drained, step.due_seconds) == (False, 0.0)


def test_a_log_that_is_hours_late_is_asked_no_more_than_once_an_interval_for_long_and_keeps_its_lag() -> None:
    subject = poller()
    now, requests, late = NOW, 0, None
    while now < NOW + timedelta(minutes=30):
        requests += 1
        step = subject.receive(page([now - 2 * HOUR - timedelta(seconds=1), now - 2 * HOUR], requests), now)
        assert not step.drained
        late = late or step.late
        now += timedelta(seconds=0.1 + step.due_seconds)
    assert requests <= 180 + 10
    assert late is not None
    assert "2.0 h old" in late.message


def test_late_events_behind_newer_ones_do_not_spin_either() -> None:
    subject = poller()
    subject.receive(page([NOW - timedelta(seconds=1)]), NOW)
    waits = [subject.receive(page([NOW - 3 * HOUR], number), NOW + timedelta(seconds=number)).due_seconds for number in range(1, 12)]
    assert waits[:4] == [0.25, 0.5, 1.0, 2.0]
    assert waits[-1] == INTERVAL


def test_where_the_link_was_lost_a_clamp_is_noticed_all_the_same() -> None:
    subject = poller()
    step = subject.receive(page([NOW - 12 * HOUR, NOW - 11 * HOUR], link=""), NOW)
    assert (step.drained, step.due_seconds, step.reset) == (False, 0.0, True)
    assert "since=2026-03-01T01%3A00%3A00.000Z" in subject.cursor.url
    step = subject.receive(page([NOW - 11 * HOUR], link=""), NOW)  # the same event again, and nothing newer
    assert (step.drained, step.due_seconds, step.reset) == (True, INTERVAL, False)


def test_a_page_that_leads_to_itself_is_asked_for_once_more_and_then_believed() -> None:
    subject = poller()
    itself = subject.cursor.url
    first = subject.receive(page([NOW - 12 * HOUR], link=itself), NOW)
    again = subject.receive(page([NOW - 12 * HOUR], link=itself), NOW + timedelta(seconds=10))
    assert [(step.drained, step.due_seconds) for step in (first, again)] == [(False, INTERVAL), (True, INTERVAL)]


def fed(rig: Rig) -> int:
    """Take what waits; how many pages that were."""
    return sum(1 for _ in iter(rig.feed.take, None))


def test_a_run_until_drained_goes_on_to_the_end_of_what_a_clamp_hands_out() -> None:
    log = Clamped(300, lambda: 10)
    rig = Rig(log, until_drained=True, page_limit=LIMIT)
    pages = 0
    while not rig.feed.finished:
        rig.fetch()
        pages += fed(rig)
    assert pages == 31
    assert rig.control.undrained() == {}


def test_a_run_until_drained_does_not_wait_for_a_log_that_is_late_and_says_so() -> None:
    rig = Rig(lambda: page([rig.clock.now() - 2 * HOUR], len(rig.transport.urls)), until_drained=True, page_limit=LIMIT)
    for _ in range(100):
        rig.fetch()
        fed(rig)
        rig.clock.advance(rig.feed.idle_seconds() or 0.1)
        if rig.feed.finished:
            break
    assert rig.feed.finished
    assert "2.0 h old" in rig.control.undrained()[rig.tenant].message
    assert not rig.metric("okta_errors_total", error_type="timeout", stage="fetch")


def test_the_lag_is_zero_only_behind_an_end() -> None:
    script: list[Any] = [page([NOW - 12 * HOUR], 1), page([NOW - 11 * HOUR], 2), page([NOW - timedelta(seconds=3)], 3)]
    rig = Rig(*script, page_limit=LIMIT)
    lags = []
    for _ in script:
        rig.fetch()
        rig.partition.next_batch()
        lags.append(rig.metric("okta_poll_lag_seconds"))
    assert lags == [12 * 3600.0, 11 * 3600.0, 0.0]
