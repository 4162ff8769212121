"""What the poller makes of everything that is not a page."""

import math
import random
from datetime import timedelta

import pytest

from okta_source.polling.body_reader import DECODE_TRIES
from okta_source.polling.limits import Backoff
from okta_source.polling.outcome import Response, TransportFailure
from okta_source.polling.poller import DRAIN_TRIES, Poller
from okta_source.polling.query import Query
from okta_source.polling.state import TenantState
from tests.unit.okta_source.fakes import NOW, ORG, answer, event, events, failure, link_to, refusal

QUERY = Query("acme", ORG, page_limit=3, poll_interval_seconds=10.0)
FULL = events(1, 3, NOW - timedelta(minutes=20))


def poller(state: TenantState | None = None) -> Poller:
    return Poller(QUERY, Backoff(random.Random(1)), since=NOW - timedelta(hours=1), now=NOW, state=state)


def following_a_link() -> Poller:
    subject = poller()
    subject.receive(answer(FULL, link_to("1_1")), NOW)
    assert subject.cursor.url == link_to("1_1")
    return subject


@pytest.mark.parametrize("make", [poller, following_a_link])
@pytest.mark.parametrize(
    ("outcome", "error_type", "stage", "code"),
    [
        (refusal(401), "auth", "fetch", "401"),
        (refusal(403), "permission", "fetch", "403"),
        (refusal(408), "timeout", "fetch", "408"),
        (refusal(500), "server", "fetch", "500"),
        (refusal(503), "server", "fetch", "503"),
        (answer(status=302, Location="https://evil.example/"), "foreign_link", "fetch", "302"),
        (answer(status=204), "decode", "decode", "204"),
        (answer(b"<html>Sign in</html>"), "decode", "decode", "200"),
        (answer(b'{"errorCode":"E0000001"}'), "decode", "decode", "200"),
        (answer(b'[{"uuid":"1"'), "decode", "decode", "200"),
        (answer(b""), "decode", "decode", "200"),
        (failure("timeout"), "timeout", "fetch", "error"),
        (failure("connection"), "connection", "fetch", "error"),
        (failure("tls"), "tls", "fetch", "error"),
        (failure("dns"), "dns", "fetch", "error"),
        (failure("auth"), "auth", "token", "error"),
        (failure("decode"), "decode", "decode", "error"),
    ],
)
def test_a_failure_keeps_the_cursor_and_backs_off(make, outcome, error_type: str, stage: str, code: str) -> None:
    subject = make()
    before, mark = subject.cursor, subject.high_water
    for attempt in range(1, DRAIN_TRIES + 1):
        step = subject.receive(outcome, NOW)
        assert step.failure is not None
        assert (step.failure.error_type, step.failure.stage, step.failure.code) == (error_type, stage, code)
        assert step.failure.message
        assert step.failure.fix
        assert 2**attempt / 2 <= step.due_seconds <= 2**attempt
        assert (step.page, step.reset, step.drained, step.block_seconds) == (None, False, False, 0.0)
        assert step.failures == attempt
        assert step.exhausted == (attempt == DRAIN_TRIES)
        assert (subject.cursor, subject.high_water) == (before, mark)
    assert all(subject.receive(outcome, NOW).due_seconds <= 300.0 for _ in range(100))
    step = subject.receive(answer([], link_to("2")), NOW)
    assert (step.failure, step.failures, step.exhausted) == (None, 0, False)
    assert subject.receive(failure(), NOW).due_seconds <= 2.0  # the count starts again


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_refused_link_restarts_at_once_behind_the_high_water_mark(status: int) -> None:
    subject = following_a_link()
    step = subject.receive(refusal(status), NOW)
    assert (step.due_seconds, step.reset, step.page, step.failures, step.exhausted) == (0.0, True, None, 0, False)
    assert step.failure is not None
    assert step.failure.code == str(status)
    assert link_to("1_1") in step.failure.message
    assert "since=2026-03-01T11%3A35%3A00.000Z" in subject.cursor.url  # twenty minutes ago, less five
    assert not subject.cursor.from_link
    assert subject.receive(answer(FULL, link_to("2_1")), NOW).due_seconds == 0.0


def test_links_refused_one_after_the_other_back_off_and_one_that_works_forgives() -> None:
    subject = following_a_link()
    waits = []
    for _ in range(DRAIN_TRIES):
        step = subject.receive(refusal(400), NOW)
        waits.append(step.due_seconds)
        subject.receive(answer(FULL, link_to("again")), NOW)
    assert waits[0] == 0.0
    assert all(low <= wait <= 2 * low for low, wait in zip((1.0, 2.0, 4.0, 8.0), waits[1:], strict=True))
    assert step.exhausted
    subject.receive(answer([], link_to("3_1")), NOW)
    assert subject.receive(refusal(400), NOW).due_seconds == 0.0


@pytest.mark.parametrize(("status", "error_type"), [(400, "bad_request"), (404, "not_found"), (410, "bad_request")])
def test_our_own_request_refused_is_a_failure_and_no_reset(status: int, error_type: str) -> None:
    subject = poller()
    before = subject.cursor
    step = subject.receive(refusal(status), NOW)
    assert step.failure is not None
    assert (step.failure.error_type, step.reset, step.failures) == (error_type, False, 1)
    assert 1.0 <= step.due_seconds <= 2.0
    assert subject.cursor == before


NOT_OKTAS = (b"<html>Not found</html>", b"", b'{"message":"no Route matched"}', b'{"errorCode":"NOT_FOUND","errorSummary":"x"}', b"[1]")


@pytest.mark.parametrize("body", NOT_OKTAS)
@pytest.mark.parametrize("status", [400, 404, 410])
def test_only_an_error_of_oktas_own_gives_a_cursor_up(status: int, body: bytes) -> None:
    subject = following_a_link()
    before = subject.cursor
    for _ in range(3):
        step = subject.receive(answer(body, status=status), NOW)
        assert (step.reset, subject.cursor) == (False, before)
        assert step.due_seconds > 0.0
    assert subject.receive(refusal(status), NOW).reset


def too_many(**more: str) -> Response:
    given = {"X_Rate_Limit_Limit": "60", "X_Rate_Limit_Remaining": "0", "X_Rate_Limit_Reset": "1772366405"}
    given |= {"Date": "Sun, 01 Mar 2026 12:00:00 GMT"} | more
    return refusal(429, **{name: value for name, value in given.items() if value})


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({}, 6.0, 6.0),  # reset - Date + 1
        ({"Date": "Sun, 01 Mar 2026 11:00:00 GMT", "X_Rate_Limit_Reset": "1772362805"}, 6.0, 6.0),  # their clock is an hour behind
        ({"X_Rate_Limit_Remaining": "7"}, 6.0, 6.0),
        ({"Date": ""}, 6.0, 6.0),  # our own clock says the same time
        ({"Retry_After": "17"}, 17.0, 17.0),
        ({"Retry_After": "Sun, 01 Mar 2026 12:00:17 GMT"}, 17.0, 17.0),
        ({"Retry_After": "2.5"}, 2.5, 2.5),
        ({"Retry_After": "²"}, 6.0, 6.0),
        ({"Retry_After": "٣"}, 6.0, 6.0),
        ({"Retry_After": "soon"}, 6.0, 6.0),
        ({"Retry_After": "0"}, 1.0, 2.0),
        ({"Retry_After": "100000"}, 1.0, 2.0),
        ({"X_Rate_Limit_Reset": "1772366390"}, 1.0, 2.0),  # in the past
        ({"X_Rate_Limit_Reset": "1872366390"}, 1.0, 2.0),  # years ahead
        ({"X_Rate_Limit_Reset": ""}, 1.0, 2.0),
        ({"X_Rate_Limit_Limit": "", "X_Rate_Limit_Remaining": "", "X_Rate_Limit_Reset": ""}, 1.0, 2.0),
        ({"X_Rate_Limit_Limit": "0"}, 1.0, 2.0),  # simultaneous requests: the reset is only an estimate
    ],
)
@pytest.mark.parametrize("make", [poller, following_a_link])
def test_a_429_waits_for_the_reset_and_holds_the_whole_host_back(make, headers: dict[str, str], low: float, high: float) -> None:
    subject = make()
    before = subject.cursor
    step = subject.receive(too_many(**headers), NOW)
    assert step.failure is not None
    assert (step.failure.error_type, step.failure.code, step.failures) == ("rate_limited", "429", 1)
    assert low <= step.due_seconds <= high
    assert step.block_seconds == step.due_seconds
    assert (step.page, step.reset) == (None, False)
    assert subject.cursor == before


def test_429s_without_headers_back_off_further_and_further() -> None:
    subject = poller()
    waits = [subject.receive(refusal(429), NOW).due_seconds for _ in range(6)]
    assert all(2**attempt / 2 <= wait <= 2**attempt for attempt, wait in enumerate(waits, 1))


def test_a_success_tells_the_rate_limit() -> None:
    headers = {"X_Rate_Limit_Limit": "60", "X_Rate_Limit_Remaining": "55", "X_Rate_Limit_Reset": "1772366423"}
    step = poller().receive(answer([], link_to("1"), **headers), NOW)
    assert step.rate_limit is not None
    assert (step.rate_limit.limit, step.rate_limit.remaining, step.rate_limit.resets_in_seconds) == (60, 55, 23.0)


@pytest.mark.parametrize(
    "foreign", ["https://evil.example/api/v1/logs?after=1", "http://acme.okta.com/x", "/relative", "https://evil.example/?" + ORG]
)
def test_a_foreign_next_is_not_followed_but_its_page_is_delivered(foreign: str) -> None:
    subject = poller()
    before = subject.cursor
    step = subject.receive(answer(FULL, foreign), NOW)
    assert step.failure is not None
    assert (step.failure.error_type, step.failure.stage) == ("foreign_link", "fetch")
    assert (step.failures, step.drained) == (1, False)
    assert 1.0 <= step.due_seconds <= 2.0
    assert step.page is not None
    assert step.page.sliced.events == 3
    assert step.page.cursor == subject.cursor == before
    for _ in range(DRAIN_TRIES - 1):
        step = subject.receive(answer(FULL, foreign), NOW)
    assert step.exhausted


def test_a_body_that_stays_undecodable_goes_to_the_dead_letters_whole_and_its_next_is_followed() -> None:
    subject = following_a_link()
    broken = answer(b"<html>broken", link_to("2_1"))
    subject.receive(failure(), NOW)  # other failures in between count for nothing here
    for attempt in range(1, DECODE_TRIES):
        step = subject.receive(broken, NOW + timedelta(seconds=attempt))
        assert (step.page, step.exhausted) == (None, False)
        assert subject.cursor.url == link_to("1_1")
    step = subject.receive(broken, NOW + timedelta(seconds=60))
    assert step.page is not None
    (malformed,) = step.page.malformed
    assert malformed.raw == b"<html>broken"
    assert (malformed.status, malformed.attempts) == (200, DECODE_TRIES)
    assert (malformed.first_at, malformed.last_at) == (NOW + timedelta(seconds=1), NOW + timedelta(seconds=60))
    assert step.page.sliced.events == 0
    assert step.page.high_water == subject.high_water
    assert step.page.cursor == subject.cursor
    assert subject.cursor.url == link_to("2_1")
    assert (step.due_seconds, step.drained, step.exhausted) == (0.0, False, False)
    assert step.failure is not None  # told, though the drain goes on


def test_the_count_of_undecodable_bodies_starts_again_after_a_page() -> None:
    subject = poller()
    broken = answer(b"{}", link_to("2_1"))
    for _ in range(DECODE_TRIES - 1):
        subject.receive(broken, NOW)
    subject.receive(answer([], link_to("1_1")), NOW)
    assert subject.receive(broken, NOW).page is None
    assert subject.cursor.url == link_to("1_1")


@pytest.mark.parametrize("next_url", [None, "https://evil.example/api/v1/logs?after=1"])
def test_an_undecodable_body_without_a_next_to_follow_is_never_given_up(next_url: str | None) -> None:
    subject = following_a_link()
    steps = [subject.receive(answer(b"<html>", next_url), NOW) for _ in range(3 * DECODE_TRIES)]
    assert all(step.page is None for step in steps)
    assert [step.exhausted for step in steps].index(True) == DRAIN_TRIES - 1
    assert subject.cursor.url == link_to("1_1")


def test_a_page_of_which_nothing_is_well_formed_is_a_page() -> None:
    subject = poller()
    step = subject.receive(answer([1, None, {}], link_to("1_1")), NOW)
    assert step.page is not None
    assert len(step.page.malformed) == 3
    assert step.page.high_water is None
    assert (step.failure, subject.cursor.url) == (None, link_to("1_1"))


def test_what_was_seen_before_a_failure_is_still_the_place_to_rewind_to() -> None:
    subject = following_a_link()
    subject.receive(answer([event(9, NOW - timedelta(minutes=1))], link_to("2_1")), NOW)
    subject.receive(refusal(500), NOW)
    subject.receive(refusal(410), NOW)
    assert "since=2026-03-01T11%3A54%3A00.000Z" in subject.cursor.url


def test_the_same_refused_body_twice_is_taken_apart_a_different_one_is_asked_for_again() -> None:
    good = b'{"uuid":"1","published":"2026-03-01T12:00:00.000Z","eventType":"t"}'
    poisoned = b'{"uuid":"2","published":"2026-03-01T12:00:00.000Z","eventType":"t","name":"half \\ud83d"}'
    broken = b'{"uuid":"3","published":"2026-03-01T12:00:00.000Z","eventType":"t","n":01}'
    body = b"[" + b",".join([good, poisoned, broken]) + b"]"
    subject = poller()
    for accident in (body, body.replace(b"half", b"HALF"), body):
        assert subject.receive(answer(accident), NOW).page is None
    step = subject.receive(answer(body), NOW)
    assert step.failure is None
    assert step.page
    assert [head.uuid for head in step.page.sliced.heads] == ["1", "2"]
    (malformed,) = step.page.malformed
    assert (malformed.raw, malformed.attempts) == (broken, 4)


@pytest.mark.parametrize(
    ("least", "most", "low", "high"),
    [(0.0, math.inf, 1.0, 2.0), (17.0, math.inf, 17.0, 17.0), (0.0, 0.5, 0.5, 0.5), (0.0, 15.0, 1.0, 2.0)],
)
def test_a_token_failure_may_bound_the_back_off(least: float, most: float, low: float, high: float) -> None:
    outcome = TransportFailure("auth", "No token.", "Wait.", at_token=True, least_wait_seconds=least, most_wait_seconds=most)
    assert low <= poller().receive(outcome, NOW).due_seconds <= high


def test_a_store_that_costs_nothing_to_look_at_is_looked_at_often() -> None:
    subject = poller()
    outcome = TransportFailure("auth", "Empty.", "Fill it.", at_token=True, most_wait_seconds=15.0)
    assert max(subject.receive(outcome, NOW).due_seconds for _ in range(20)) == 15.0


def test_a_refused_proof_is_no_refused_cursor() -> None:
    subject = following_a_link()
    header = 'DPoP algs="RS256", error="invalid_dpop_proof", error_description="The DPoP proof JWT is issued in the future."'
    step = subject.receive(answer(b"", status=400, WWW_Authenticate=header), NOW)
    assert step.failure
    assert (step.failure.error_type, step.reset) == ("auth", False)
    assert subject.cursor.url == link_to("1_1")
