import json

import pytest

from sinks.delivery.target import Again, Outcome, Refused
from sinks.http.client import Answer
from sinks.webhook.verdict import judge

ADDRESS = "https://siem.example.com/ingest"
NOW = 1_777_627_800.0


def verdict(status: int, body: bytes = b"", *, events: int = 3, is_hec: bool = False, **headers: str) -> Outcome:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status, names, body)
    return judge(answer, events, address=ADDRESS, is_hec=is_hec, now_epoch_seconds=NOW, mask=lambda text: text.replace("s3cret", "***"))


def splunk(status: int, text: str, code: object, number: object = None, events: int = 3) -> Outcome:
    body = {"text": text, "code": code} | ({} if number is None else {"invalid-event-number": number})
    return verdict(status, json.dumps(body).encode(), events=events, is_hec=True)


def all_again(outcome: Outcome) -> Again:
    (again,) = outcome.again
    assert list(again.positions) == [0, 1, 2]
    assert outcome == Outcome(again=[again])
    return again


def all_refused(outcome: Outcome, status: int) -> str:
    assert [refused.position for refused in outcome.refused] == [0, 1, 2]
    assert {refused.status for refused in outcome.refused} == {status}
    assert outcome == Outcome(refused=outcome.refused)
    (reason,) = {refused.reason for refused in outcome.refused}
    return reason


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize("is_hec", [False, True])
def test_2xx_is_delivered_whatever_it_says(status, is_hec):
    assert verdict(status, b'{"message": "error", "code": 9}', is_hec=is_hec) == Outcome(delivered=range(3))


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (408, "timeout"),
        (425, "server"),
        (429, "rate_limited"),
        (500, "server"),
        (502, "server"),
        (503, "server"),
        (529, "server"),
        (599, "server"),
    ],
)
def test_what_may_pass_is_sent_again(status, error_type):
    again = all_again(verdict(status, b'{"message": "later"}'))
    assert (again.status, again.error_type, again.after_seconds) == (status, error_type, None)
    assert again.reason == f"{ADDRESS} answered {status}: later."


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_retry_after_is_honoured(status):
    assert all_again(verdict(status, Retry_After="17")).after_seconds == 17


def test_retry_after_as_a_date_is_honoured():
    headers = {"Date": "Fri, 01 May 2026 09:30:00 GMT", "Retry_After": "Fri, 01 May 2026 09:30:42 GMT"}
    assert all_again(verdict(503, **headers)).after_seconds == 42


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_redirects_are_refused_with_the_place_they_lead_to(status):
    reason = all_refused(verdict(status, Location="https://other.example.com/in?token=s3cret"), status)
    assert "Redirects are not followed; put the final URL (https://other.example.com/in) into the sink's url." in reason
    assert "s3cret" not in reason
    assert "()" not in all_refused(verdict(status), status)


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (400, ""),
        (401, "Give the receiver's credentials"),
        (402, ""),
        (403, "Let the sink's credentials write there"),
        (404, "Correct the sink's url"),
        (405, "it takes no POST"),
        (410, "gone for good"),
        (415, "Choose the encoding"),
        (422, ""),
        (451, ""),
    ],
)
def test_other_4xx_are_refused_in_the_receivers_words(status, fix):
    reason = all_refused(verdict(status, b'{"error": "no, s3cret is wrong."}'), status)
    assert reason.startswith(f"{ADDRESS} answered {status}: no, *** is wrong.")
    assert fix in reason
    assert not reason.endswith(" ")


def test_a_body_that_says_nothing_leaves_no_gap():
    assert all_refused(verdict(422), 422) == f"{ADDRESS} answered 422."


def test_413_is_split_down_to_the_one_event_that_is_too_large():
    outcome = verdict(413)
    assert outcome.too_large
    assert outcome == Outcome(split=Refused(0, f"{ADDRESS} answered 413.", 413), too_large=True)
    (refused,) = verdict(413, events=1).refused
    assert (refused.position, refused.status) == (0, 413)
    assert "Raise the receiver's limit" in refused.reason


# Splunk's HTTP Event Collector


@pytest.mark.parametrize(
    ("text", "code"), [("Invalid data format", 6), ("Event field is required", 12), ("Event field cannot be blank", 13)]
)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_splunk_refuses_one_event_and_gets_the_others_again(text, code, number):
    outcome = splunk(400, text, code, number)
    (refused,), (again,) = outcome.refused, outcome.again
    assert refused == Refused(number, f"{ADDRESS} answered 400: {text} (code {code}).", 400)
    assert again.positions == [position for position in range(3) if position != number]
    assert again.error_type == "bad_request"
    assert not outcome.delivered


def test_splunk_refuses_the_only_event():
    assert splunk(400, "Invalid data format", 6, 0, events=1) == Outcome(
        refused=[Refused(0, f"{ADDRESS} answered 400: Invalid data format (code 6).", 400)]
    )


@pytest.mark.parametrize("number", [None, 3, -1, "0", 1.5, [0]])
def test_without_a_number_that_can_be_splunk_refuses_them_all(number):
    assert "Invalid data format (code 6)" in all_refused(splunk(400, "Invalid data format", 6, number), 400)


def test_only_splunk_counts_events_like_that():
    body = json.dumps({"text": "Invalid data format", "code": 6, "invalid-event-number": 1}).encode()
    all_refused(verdict(400, body), 400)


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [(503, "Server is busy", 9), (429, "Server is busy", 9), (400, "Server is busy", 9), (500, "Internal server error", 8)],
)
def test_a_busy_splunk_gets_everything_again(status, text, code):
    # It says how far it came (`invalid-event-number`), not that what it had is safe.
    again = all_again(splunk(status, text, code, 1))
    assert again.status == status
    assert f"{text} (code {code})" in again.reason


@pytest.mark.parametrize(
    ("status", "text", "code", "fix"),
    [
        (403, "Token disabled", 1, "Enable the token in Splunk."),
        (401, "Token is required", 2, "as: Splunk TOKEN."),
        (401, "Invalid authorization", 3, "as: Splunk TOKEN."),
        (403, "Invalid token", 4, "Give a token that this Splunk knows"),
        (400, "Incorrect index", 7, "correct the sink's index"),
        (400, "Data channel is missing", 10, "X-Splunk-Request-Channel"),
        (400, "No data", 5, ""),
        (404, "Not there", 99, "Correct the sink's url."),
    ],
)
def test_what_splunk_will_not_have_is_refused_with_the_fix(status, text, code, fix):
    reason = all_refused(splunk(status, text, code, 1), status)
    assert f"answered {status}: {text} (code {code})." in reason
    assert fix in reason


@pytest.mark.parametrize("code", ["6", [6], {"a": 1}, None, 6.0])
def test_a_code_that_is_none_is_no_code(code):
    assert "(code" not in all_refused(splunk(400, "odd", code, 1), 400)


@pytest.mark.parametrize("body", [b"", b"<html>proxy</html>", b"[]", b'"x"', b"\xff"])
def test_what_stands_in_front_of_splunk_may_say_anything(body):
    all_refused(verdict(400, body, is_hec=True), 400)
    all_again(verdict(502, body, is_hec=True))
