"""The state machine of a slice, over answers made of paper."""

import random
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from okta_source.history.reader import OVERLAP, SliceReader
from okta_source.history.slices import Slice
from okta_source.history.state import SliceState
from okta_source.polling.limits import Backoff
from okta_source.polling.outcome import Response, TransportFailure
from okta_source.polling.query import Query, okta_time
from okta_source.polling.state import Cursor, StateError
from okta_source.polling.step import Step
from tests.unit.okta_source.fakes import NOW, ORG, answer, event, failure, link_to, refusal

SINCE = NOW - timedelta(hours=3)
WANTED = Slice("acme", SINCE, NOW - timedelta(hours=2))
MILLISECOND = timedelta(milliseconds=1)


def reader(state: SliceState | None = None, **query: Any) -> SliceReader:
    asked = Query(**({"tenant": "acme", "org_url": ORG, "page_limit": 3} | query))
    return SliceReader(asked, WANTED, Backoff(random.Random(1)), now=NOW, state=state)


def events(first: int, count: int, minute: int = 10) -> list[dict[str, Any]]:
    return [event(first + step, SINCE + timedelta(minutes=minute, seconds=step)) for step in range(count)]


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def receive(machine: SliceReader, outcome: Response | TransportFailure) -> Step:
    return machine.receive(outcome, NOW)


def test_it_begins_bounded_and_follows_links_byte_for_byte() -> None:
    machine = reader()
    asked = parameters(machine.cursor.url)
    assert (asked["since"], asked["until"]) == (okta_time(WANTED.since - MILLISECOND), okta_time(WANTED.until + MILLISECOND))
    step = receive(machine, answer(events(1, 3), link_to("a%2Bb%2F")))
    assert (step.drained, step.due_seconds, machine.cursor) == (False, 0.0, Cursor(link_to("a%2Bb%2F"), from_link=True))


def test_a_page_without_a_link_ends_it() -> None:
    machine = reader()
    assert not receive(machine, answer(events(1, 3), link_to("b"))).drained
    assert receive(machine, answer(events(4, 2))).drained


def test_a_short_page_with_a_link_does_not_end_it_but_two_empty_ones_do() -> None:
    machine = reader()
    assert not receive(machine, answer(events(1, 1), link_to("b"))).drained
    assert not receive(machine, answer([], link_to("c"))).drained  # a filter on the way may have emptied it
    assert not receive(machine, answer(events(2, 1), link_to("d"))).drained
    assert not receive(machine, answer([], link_to("e"))).drained
    assert receive(machine, answer([], link_to("f"))).drained


def test_an_empty_page_that_leads_nowhere_ends_it() -> None:
    for itself in (False, True):
        machine = reader()
        receive(machine, answer(events(1, 1), link_to("b")))
        assert receive(machine, answer([], link_to("b") if itself else None)).drained


def test_a_full_page_without_a_link_is_looked_behind_once() -> None:
    machine = reader()
    assert not receive(machine, answer(events(1, 3))).drained
    assert parameters(machine.cursor.url)["since"] == okta_time(SINCE + timedelta(minutes=10, seconds=2) - MILLISECOND)
    assert receive(machine, answer(events(3, 1, 11))).drained


def test_a_full_page_that_stays_the_same_ends_it() -> None:
    machine = reader()
    same = [event(number, SINCE + timedelta(minutes=1)) for number in range(3)]
    assert not receive(machine, answer(same)).drained
    assert receive(machine, answer(same)).drained


def test_a_link_to_the_same_page_is_not_followed_for_ever() -> None:
    machine = reader()
    receive(machine, answer(events(1, 3), link_to("a")))
    assert receive(machine, answer(events(4, 2), link_to("a"))).drained


def test_a_link_that_was_lost_on_the_way_loses_no_event() -> None:
    machine = reader()
    receive(machine, answer(events(1, 3)))
    assert not receive(machine, answer(events(3, 3, 12), link_to("x"))).drained
    assert receive(machine, answer(events(7, 1, 20))).drained


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_refused_cursor_restarts_the_rest_of_the_slice(status: int) -> None:
    machine = reader()
    receive(machine, answer(events(1, 3), link_to("b")))
    cursor = machine.cursor
    assert not receive(machine, answer(b"<html>Not found</html>", status=status)).reset  # a gateway's
    assert machine.cursor == cursor
    step = receive(machine, refusal(status))
    assert (step.reset, step.due_seconds, step.failures) == (True, 0.0, 0)
    asked = parameters(machine.cursor.url)
    newest = SINCE + timedelta(minutes=10, seconds=2)
    assert asked["since"] == okta_time(newest - OVERLAP - MILLISECOND)
    assert asked["until"] == okta_time(WANTED.until + MILLISECOND)


def test_refusals_without_end_back_off_and_are_given_up() -> None:
    machine = reader()
    steps = []
    for number in range(11):
        receive(machine, answer(events(1, 3), link_to(f"b{number}"))) if number == 0 else None
        machine.cursor = Cursor(link_to(f"c{number}"), from_link=True)
        steps.append(receive(machine, refusal(410)))
    assert steps[0].due_seconds == 0.0
    assert all(step.due_seconds > 0 for step in steps[1:])
    assert [step.exhausted for step in steps] == [False] * 10 + [True]


@pytest.mark.parametrize(("status", "tries"), [(401, 5), (403, 5), (400, 5), (500, 10), (503, 10)])
def test_failures_are_given_up_after_so_many_tries(status: int, tries: int) -> None:
    machine = reader()
    steps = [receive(machine, answer(b"", status=status)) for _ in range(tries)]
    assert [step.exhausted for step in steps] == [False] * (tries - 1) + [True]
    assert all(step.due_seconds > 0 for step in steps)


def test_a_success_in_between_starts_the_count_anew() -> None:
    machine = reader()
    for _ in range(9):
        receive(machine, failure())
    receive(machine, answer(events(1, 3), link_to("b")))
    assert receive(machine, failure()).failures == 1


def test_a_spent_rate_limit_is_waited_for_without_end() -> None:
    machine = reader()
    headers = {"X_Rate_Limit_Limit": "60", "X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": str(int(NOW.timestamp()) + 20)}
    for _ in range(30):
        step = receive(machine, answer(b"", status=429, Date="Sun, 01 Mar 2026 12:00:00 GMT", **headers))
        assert (step.block_seconds, step.exhausted) == (21.0, False)


def test_a_foreign_link_is_not_followed_and_its_page_is_not_lost() -> None:
    machine = reader()
    url = machine.cursor.url
    step = receive(machine, answer(events(1, 3), "https://evil.example.com/api/v1/logs?after=x"))
    assert step.page is not None
    assert step.failure is not None
    assert (step.failure.error_type, step.drained, machine.cursor.url) == ("foreign_link", False, url)


def test_a_broken_body_is_asked_for_again_and_in_the_end_skipped_with_its_link() -> None:
    machine = reader()
    for number in range(9):
        assert receive(machine, answer(b"{broken" + str(number).encode(), link_to("b"))).page is None
    step = receive(machine, answer(b"{broken", link_to("b")))
    assert step.page is not None
    assert step.page.malformed[0].raw == b"{broken"
    assert machine.cursor.url == link_to("b")


def test_a_broken_last_page_gives_the_slice_up_instead_of_calling_it_complete() -> None:
    machine = reader()
    steps = [receive(machine, answer(b"{broken" + str(number).encode())) for number in range(10)]
    assert [step.exhausted for step in steps] == [False] * 9 + [True]
    assert not any(step.drained for step in steps)


def test_elements_that_are_no_events_are_malformed() -> None:
    step = receive(reader(), answer([event(1, SINCE), {"uuid": None}]))
    assert step.page is not None
    assert (len(step.page.sliced.heads), len(step.page.malformed), step.drained) == (1, 1, True)


def state_of(machine: SliceReader, **more: Any) -> SliceState:
    query = Query("acme", ORG, page_limit=3)
    return SliceState(machine.cursor, machine.high_water, done=False, query=query.fingerprint(), **more)


def test_a_resume_goes_on_at_the_saved_cursor() -> None:
    machine = reader()
    receive(machine, answer(events(1, 3), link_to("b")))
    again = reader(SliceState.from_plain(state_of(machine).to_plain()))
    assert (again.cursor, again.high_water, again.was_restarted) == (machine.cursor, machine.high_water, False)


@pytest.mark.parametrize("changed", [{"filter": 'eventType eq "a"'}, {"org_url": "https://other.okta.com"}])
def test_a_cursor_of_another_query_or_organisation_is_not_used(changed: dict[str, Any]) -> None:
    machine = reader()
    receive(machine, answer(events(1, 3), link_to("b")))
    again = reader(state_of(machine), **changed)
    assert again.was_restarted
    assert parameters(again.cursor.url)["since"] == okta_time(SINCE + timedelta(minutes=9, seconds=2) - MILLISECOND)


def test_state_of_an_unknown_release_is_refused() -> None:
    with pytest.raises(StateError, match="version 2"):
        SliceState.from_plain(state_of(reader()).to_plain() | {"version": 2})


def test_what_okta_no_longer_takes_is_not_asked_for() -> None:
    old = Slice("acme", NOW - timedelta(days=200), NOW - timedelta(days=100))
    machine = SliceReader(Query("acme", ORG), old, Backoff(random.Random(1)), now=NOW)
    assert parameters(machine.cursor.url)["since"] == okta_time(NOW - timedelta(days=179) - MILLISECOND)
