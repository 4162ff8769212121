"""The polling state machine: what is asked, what a page means, where it goes on. No socket, no clock, no sleep."""

import logging
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from okta_source.polling.limits import Backoff
from okta_source.polling.poller import RETENTION, Poller
from okta_source.polling.query import Query
from okta_source.polling.state import Cursor, TenantState
from tests.unit.okta_source.fakes import NOW, ORG, answer, event, events, link_to, refusal

QUERY = Query("acme", ORG, page_limit=3, poll_interval_seconds=10.0)
SINCE = NOW - timedelta(hours=1)


def poller(query: Query = QUERY, *, since: datetime = SINCE, state: TenantState | None = None) -> Poller:
    return Poller(query, Backoff(random.Random(1)), since=since, now=NOW, state=state)


def asks(subject: Poller) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(subject.cursor.url).query).items()}


def saved(cursor: Cursor | None = None, *, high_water: datetime | None = NOW - timedelta(minutes=10), query: Query = QUERY) -> TenantState:
    return TenantState(cursor or Cursor(link_to("7_1"), from_link=True), SINCE, high_water, query.fingerprint())


def test_the_first_request_asks_in_polling_order_from_the_start_on() -> None:
    subject = poller(Query("acme", ORG, filter='eventType eq "a b" and x co "é&+"', q="two words"))
    assert subject.cursor.url.startswith(f"{ORG}/api/v1/logs?")
    assert asks(subject) == {
        "since": "2026-03-01T11:00:00.000Z",
        "sortOrder": "ASCENDING",
        "limit": "1000",
        "filter": 'eventType eq "a b" and x co "é&+"',
        "q": "two words",
    }
    assert "+" not in subject.cursor.url  # a blank is %20: + means a plus to some servers
    assert not subject.cursor.from_link


def test_without_filter_and_q_neither_is_sent_and_until_never_is() -> None:
    assert set(asks(poller())) == {"since", "sortOrder", "limit"}


def test_a_since_is_rounded_down_so_that_nothing_is_lost() -> None:
    subject = poller(since=datetime(2026, 3, 1, 11, 0, 0, 123999, tzinfo=UTC))
    assert asks(subject)["since"] == "2026-03-01T11:00:00.123Z"


def test_a_full_page_goes_on_at_once() -> None:
    subject = poller()
    step = subject.receive(answer(events(1, 3), link_to("1_1")), NOW)
    assert (step.due_seconds, step.drained, step.failure, step.reset) == (0.0, False, None, False)
    assert step.page is not None
    assert step.page.sliced.events == 3
    assert step.page.cursor == subject.cursor == Cursor(link_to("1_1"), from_link=True)
    assert step.page.high_water == NOW
    assert step.page.received_at == NOW


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_short_or_empty_page_ends_the_drain_and_keeps_its_next(count: int) -> None:
    subject = poller()
    step = subject.receive(answer(events(1, count), link_to("1_1")), NOW)
    assert (step.due_seconds, step.drained) == (10.0, True)
    assert step.page is not None
    assert subject.cursor.url == link_to("1_1")


def test_the_page_limit_is_that_of_the_request_and_not_of_the_configuration() -> None:
    subject = poller(query=Query("acme", ORG, page_limit=3))
    subject.receive(answer(events(1, 3), f"{ORG}/api/v1/logs?after=1"), NOW)  # without a limit Okta's default of 100 counts
    assert subject.receive(answer(events(4, 3), link_to("2")), NOW).drained
    assert not subject.receive(answer(events(7, 3), link_to("3")), NOW).drained


@pytest.mark.parametrize("after", ["a%2Bb%2fc%3D", "1783111394963_1", "%C3%a9,;=+*~", "x&since=2026-01-01T00%3A00%3A00.000Z"])
def test_the_cursor_goes_back_byte_for_byte(after: str) -> None:
    subject = poller()
    subject.receive(answer([], link_to(after)), NOW)
    assert subject.cursor.url == link_to(after)
    again = poller(state=TenantState.from_plain(saved(subject.cursor).to_plain()))
    assert again.cursor == subject.cursor


def test_a_missing_next_on_a_short_page_asks_the_same_again() -> None:
    subject = poller()
    before = subject.cursor
    step = subject.receive(answer(events(1, 2)), NOW)
    assert step.drained
    assert subject.cursor == before
    assert step.page is not None
    assert step.page.cursor == before


def test_a_missing_next_on_a_full_page_goes_on_from_the_newest_event() -> None:
    subject = poller()
    step = subject.receive(answer(events(1, 3, NOW - timedelta(minutes=5))), NOW)
    assert (step.reset, step.due_seconds, step.drained) == (True, 0.0, False)
    assert asks(subject)["since"] == "2026-03-01T11:55:00.000Z"


@pytest.mark.parametrize("next_url", [None, f"{ORG}/api/v1/logs?since=2026-03-01T11%3A00%3A00.000Z&sortOrder=ASCENDING&limit=3"])
def test_a_full_page_that_leads_nowhere_is_not_asked_for_without_a_pause(next_url: str | None) -> None:
    subject = poller()
    step = subject.receive(answer([event(number, SINCE) for number in range(3)], next_url), NOW)
    assert asks(subject)["since"] == "2026-03-01T11:00:00.000Z"
    assert step.due_seconds == 10.0


def test_the_high_water_mark_only_rises() -> None:
    subject = poller()
    late = [event(1, NOW - timedelta(seconds=1)), event(2, NOW - timedelta(hours=5)), event(3, NOW - timedelta(seconds=2))]
    subject.receive(answer(late, link_to("1")), NOW)
    assert subject.high_water == NOW - timedelta(seconds=1)
    step = subject.receive(answer([event(4, NOW - timedelta(hours=9))], link_to("2")), NOW)
    assert step.page is not None
    assert step.page.high_water == subject.high_water == NOW - timedelta(seconds=1)
    step = subject.receive(answer([], link_to("3")), NOW)
    assert step.page is not None
    assert step.page.high_water == NOW - timedelta(seconds=1)


def test_an_event_from_the_future_does_not_carry_the_high_water_mark_away() -> None:
    subject = poller()
    page = [event(1, NOW - timedelta(seconds=9)), event(2) | {"published": "9999-12-31T23:59:59+14:00"}]
    step = subject.receive(answer(page, link_to("1")), NOW)
    assert step.page is not None
    assert len(step.page.sliced.heads) == 2
    assert subject.high_water == NOW


def test_an_event_of_the_first_year_is_a_mark_that_a_restart_survives() -> None:
    subject = poller()
    subject.receive(answer([event(1) | {"published": "0001-01-01T00:00:00Z"}], link_to("1")), NOW)
    assert subject.high_water is not None
    assert subject.high_water.year == 1
    step = subject.receive(refusal(410), NOW)
    assert step.reset
    assert not subject.cursor.from_link
    assert subject.cursor.url == poller().cursor.url


def test_malformed_events_are_set_aside_beside_good_ones() -> None:
    subject = poller()
    step = subject.receive(answer([event(1), {"uuid": "x", "published": "y"}, event(2)], link_to("1")), NOW)
    assert step.page is not None
    assert [head.uuid for head in step.page.sliced.heads] == [event(1)["uuid"], event(2)["uuid"]]
    (malformed,) = step.page.malformed
    assert (malformed.tenant, malformed.raw, malformed.status, malformed.attempts) == ("acme", b'{"uuid": "x", "published": "y"}', 200, 1)
    assert (malformed.uuid, malformed.published, malformed.first_at, malformed.last_at) == ("x", "y", NOW, NOW)
    assert (step.failure, step.drained, step.due_seconds) == (None, False, 0.0)  # a full page all the same
    assert subject.cursor.url == link_to("1")


def test_a_saved_cursor_is_taken_up_as_it_is() -> None:
    subject = poller(state=saved())
    assert subject.cursor == Cursor(link_to("7_1"), from_link=True)
    assert subject.high_water == NOW - timedelta(minutes=10)
    assert subject.started_at == SINCE
    assert not subject.was_restarted


@pytest.mark.parametrize("changed", [{"filter": "x pr"}, {"q": "x"}, {"page_limit": 4}])
def test_changed_parameters_restart_behind_the_high_water_mark(changed: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        subject = poller(Query("acme", ORG, **({"page_limit": 3} | changed)), state=saved())  # type: ignore[arg-type]
    assert subject.was_restarted
    assert asks(subject)["since"] == "2026-03-01T11:45:00.000Z"  # ten minutes before now, less the overlap of five
    assert asks(subject).items() >= {name.replace("page_", ""): str(value) for name, value in changed.items()}.items()
    assert "filter, q or page_limit have changed" in caplog.text


@pytest.mark.parametrize("changed", [{"poll_interval_seconds": 99.0}, {"allowed_hosts": ("login.acme.com",)}, {"tenant": "renamed"}])
def test_other_changes_keep_the_cursor(changed: dict[str, object]) -> None:
    subject = poller(Query(**({"tenant": "acme", "org_url": ORG, "page_limit": 3} | changed)), state=saved())  # type: ignore[arg-type]
    assert subject.cursor.url == link_to("7_1")


def test_a_saved_cursor_of_another_organisation_is_not_followed(caplog: pytest.LogCaptureFixture) -> None:
    foreign = Cursor(link_to("7_1", org="https://other.okta.com"), from_link=True)
    with caplog.at_level(logging.WARNING):
        subject = poller(state=saved(foreign))
    assert subject.was_restarted
    assert subject.cursor.url.startswith(f"{ORG}/api/v1/logs?since=2026-03-01T11%3A45")
    assert "other.okta.com" in caplog.text
    allowed = Query("acme", ORG, allowed_hosts=("other.okta.com",), page_limit=3)
    assert poller(allowed, state=saved(foreign)).cursor == foreign


def test_a_saved_request_of_our_own_is_made_anew() -> None:
    own = Cursor(QUERY.url_since(SINCE), from_link=False)
    assert asks(poller(state=saved(own)))["since"] == "2026-03-01T11:45:00.000Z"
    assert asks(poller(state=saved(own, high_water=None)))["since"] == "2026-03-01T11:00:00.000Z"


def test_a_rewind_never_goes_behind_the_start() -> None:
    early = saved(high_water=SINCE + timedelta(minutes=1), query=Query("acme", ORG, q="old", page_limit=3))
    assert asks(poller(state=early))["since"] == "2026-03-01T11:00:00.000Z"


def test_the_overlap_is_the_querys_own() -> None:
    query = Query("acme", ORG, page_limit=3, overlap=timedelta(seconds=30))
    assert asks(poller(query, state=saved(query=QUERY_OF_BEFORE)))["since"] == "2026-03-01T11:49:30.000Z"


QUERY_OF_BEFORE = Query("acme", ORG, filter="before", page_limit=3)


def test_a_start_before_the_retention_is_clamped_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        subject = poller(since=NOW - timedelta(days=200))
    assert asks(subject)["since"] == "2025-12-01T12:00:00.000Z"
    assert "90 days" in caplog.text
    caplog.clear()
    poller(since=NOW - RETENTION)
    assert caplog.text == ""


def test_a_tenant_that_was_away_for_longer_than_the_retention_restarts_within_it() -> None:
    own = Cursor(QUERY.url_since(NOW - timedelta(days=150)), from_link=False)
    state = TenantState(own, NOW - timedelta(days=150), None, QUERY.fingerprint())
    assert asks(poller(state=state))["since"] == "2025-12-01T12:00:00.000Z"
