import json

import pytest

from sinks.delivery.target import Again, Outcome, Refused
from sinks.http.client import Answer
from sinks.http.verdicts import CODES, STATUSES, of_code, of_status
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


def all_in_doubt(outcome: Outcome, status: int) -> str:
    """The batch is refused for what some of it may be; returns why."""
    assert outcome.split is not None
    assert (outcome.split.position, outcome.split.status) == (0, status)
    assert outcome == Outcome(split=outcome.split, too_large=outcome.too_large)
    return outcome.split.reason


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered_whatever_it_says(status):
    assert verdict(status, b'{"message": "error", "code": 9}') == Outcome(delivered=range(3))


@pytest.mark.parametrize("status", sorted({*STATUSES, 300, 302, 399, 418, 501, 599}))
def test_every_status_has_its_verdict(status):
    outcome = verdict(status, b'{"message": "later"}')
    wanted = of_status(status)
    if wanted.blame == "content":
        assert all_in_doubt(outcome, status).startswith(f"{ADDRESS} answered {status}: later.")
        return
    again = all_again(outcome)
    assert (again.status, again.error_type, again.blame, again.after_seconds) == (status, wanted.error_type, wanted.blame, None)
    assert again.reason == f"{ADDRESS} answered {status}: later."


@pytest.mark.parametrize("status", [302, 403, 408, 425, 429, 500, 503])
def test_retry_after_is_honoured_and_is_the_targets_own_word(status):
    again = all_again(verdict(status, Retry_After="17"))
    assert (again.after_seconds, again.blame) == (17, "target")


@pytest.mark.parametrize(("status", "body"), [(502, b""), (504, b"timeout"), (403, b"<html>blocked</html>"), (500, b"<html></html>")])
def test_retry_after_of_what_stands_in_front_may_still_mean_an_event(status, body):
    again = all_again(verdict(status, body, Retry_After="17"))
    assert (again.after_seconds, again.blame) == (17, "doubtful")


def test_retry_after_as_a_date_is_honoured():
    headers = {"Date": "Fri, 01 May 2026 09:30:00 GMT", "Retry_After": "Fri, 01 May 2026 09:30:42 GMT"}
    assert all_again(verdict(503, **headers)).after_seconds == 42


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_redirects_name_the_place_they_lead_to(status):
    fix = all_again(verdict(status, Location="https://other.example.com/in?token=s3cret")).fix
    assert fix == "Redirects are not followed; put the final URL (https://other.example.com/in) into the sink's url."
    assert "()" not in all_again(verdict(status)).fix


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (401, "Give the receiver's credentials"),
        (402, ""),
        (403, "Let the sink's credentials write there"),
        (404, "Correct the sink's url"),
        (405, "it takes no POST"),
        (410, "gone for good"),
        (429, "max_in_flight"),
        (451, ""),
        (503, "its log"),
    ],
)
def test_what_to_do(status, fix):
    again = all_again(verdict(status, b'{"error": "no, s3cret is wrong."}'))
    assert again.reason == f"{ADDRESS} answered {status}: no, *** is wrong."
    assert fix in again.fix
    assert bool(fix) == bool(again.fix)


@pytest.mark.parametrize(("status", "fix"), [(400, ""), (413, "Raise the receiver's limit"), (415, "Choose the encoding"), (422, "")])
def test_what_to_do_about_content(status, fix):
    reason = all_in_doubt(verdict(status, b'{"error": "no, s3cret is wrong."}'), status)
    assert reason.startswith(f"{ADDRESS} answered {status}: no, *** is wrong.")
    assert fix in reason
    assert not reason.endswith(" ")


@pytest.mark.parametrize("status", [403, 404, 405, 406, 451])
@pytest.mark.parametrize("front", [b"\n ", b"\xef\xbb\xbf\n"])
def test_a_page_is_no_missing_privilege(status, front):
    again = all_again(verdict(status, front + b"<!DOCTYPE html><html><body>Request blocked</body></html>"))
    assert again.reason == f"{ADDRESS} answered {status}: Request blocked."
    assert "a proxy, a firewall or a sign-in answers" in again.fix
    assert "credentials write" not in again.fix


def test_a_body_that_says_nothing_leaves_no_gap():
    assert all_in_doubt(verdict(422), 422) == f"{ADDRESS} answered 422."


@pytest.mark.parametrize("events", [1, 3])
def test_413_is_split_down_to_the_one_event_that_is_too_large(events):
    outcome = verdict(413, events=events)
    assert outcome.too_large
    assert all_in_doubt(outcome, 413) == f"{ADDRESS} answered 413. Raise the receiver's limit on the size of a request."


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_clock_that_is_far_from_ours_is_why_a_signature_is_refused(status):
    answer = Answer(status, {}, b'{"error": "timestamp too old"}')
    outcome = judge(
        answer, 3, address=ADDRESS, is_hec=False, now_epoch_seconds=NOW, mask=str, clock_words="The clock of x is 400 s behind."
    )
    again = all_again(outcome)
    assert (again.status, again.fix, again.blame) == (status, "The clock of x is 400 s behind.", "target")


# 207: each part has a status of its own


def test_207_is_read_part_by_part():
    outcome = verdict(207, json.dumps({"items": [{"status": 201}, {"status": 422}, {"status": 503}]}).encode())
    assert outcome.delivered == [0]
    assert [(refused.position, refused.status) for refused in outcome.refused] == [(1, 422)]
    assert [again.positions for again in outcome.again] == [[2]]


def test_207_is_read_to_its_end():
    parts = [{"status": 201, "href": "x" * 200} for _ in range(500)]
    parts[7]["status"] = 422
    outcome = verdict(207, json.dumps({"items": parts}).encode(), events=500)
    assert len(outcome.delivered) == 499
    assert [(refused.position, refused.status) for refused in outcome.refused] == [(7, 422)]


@pytest.mark.parametrize(
    ("statuses", "blame", "error_type"),
    [
        ([201, 500, 201], "doubtful", "server"),
        ([500, 403, 500], "doubtful", "server"),
        ([429, 429, 429], "target", "rate_limited"),
        ([500, 429, 201], "target", "rate_limited"),
    ],
)
def test_a_part_of_a_207_speaks_of_whom_its_status_does(statuses, blame, error_type):
    (again,) = verdict(207, json.dumps([{"status": status} for status in statuses]).encode()).again
    assert (again.blame, again.error_type) == (blame, error_type)
    assert again.positions == [position for position, status in enumerate(statuses) if status > 300]
    assert f"{again.status} in an answer of 207" in again.reason


@pytest.mark.parametrize("body", [b'{"refused": 1}', b'[{"status": 200}]', b'[{"status": "x"}, {}, {}]', b'"ok"'])
def test_207_that_does_not_say_what_became_of_each_is_told(body):
    outcome = verdict(207, body)
    assert outcome.delivered == range(3)
    assert outcome.notice is not None
    assert "answers 207" in outcome.notice.text


def test_notices_of_207_are_of_one_kind_whatever_their_words():
    first, second = (verdict(207, json.dumps({"request": request, "failed": 1}).encode()).notice for request in "ab")
    assert first is not None
    assert second is not None
    assert first.text != second.text
    assert first.kind == second.kind


@pytest.mark.parametrize("body", [b"", b"<multistatus/>", b'[{"status": 200}, {"st', b"[" + b" " * 200_000 + b"]"], ids=len)
def test_207_of_which_nothing_can_be_read_delivers_nothing(body):
    again = all_again(verdict(207, body))
    assert (again.status, again.error_type, again.blame) == (207, "decode", "doubtful")
    assert again.fix


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
def test_without_a_number_that_can_be_the_batch_is_in_doubt(number):
    assert "Invalid data format (code 6)" in all_in_doubt(splunk(400, "Invalid data format", 6, number), 400)


def test_only_splunk_counts_events_like_that():
    body = json.dumps({"text": "Invalid data format", "code": 6, "invalid-event-number": 1}).encode()
    all_in_doubt(verdict(400, body), 400)


@pytest.mark.parametrize("code", [0, *sorted(CODES)])
@pytest.mark.parametrize("status", [200, 400, 503])
def test_every_code_has_its_verdict_whatever_the_status(status, code):
    outcome = splunk(status, "Words", code)
    if code == 0 and status == 200:
        assert outcome == Outcome(delivered=range(3))
        return
    wanted = of_code(code, status)
    if wanted.blame == "content":
        assert "Words (code" in all_in_doubt(outcome, status)
        return
    again = all_again(outcome)
    assert (again.blame, again.error_type) == (wanted.blame, wanted.error_type)


@pytest.mark.parametrize("body", [b"", b"<html><body>Sign in</body></html>", b"[]", b"{}", b'{"code": "0"}', b'{"code": false}', b"OK"])
def test_a_200_that_is_not_splunks_delivers_nothing(body):
    again = all_again(verdict(200, body, is_hec=True))
    assert (again.status, again.error_type, again.blame) == (200, "decode", "doubtful")
    assert again.fix


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
        (400, "Data channel is missing", 10, "200 means received, not indexed"),
        (400, "Invalid data channel", 11, "what stands there is none"),
        (400, "ACK is disabled", 14, "X-Splunk-Request-Channel"),
        (404, "Not there", 99, "Correct the sink's url."),
    ],
)
def test_what_to_do_about_splunk(status, text, code, fix):
    again = all_again(splunk(status, text, code, 1))
    assert f"answered {status}: {text} (code {code})." in again.reason
    assert fix in again.fix


@pytest.mark.parametrize("code", ["6", [6], {"a": 1}, None, 6.0, True])
def test_a_code_that_is_none_is_no_code(code):
    assert "(code" not in all_in_doubt(splunk(400, "odd", code, 1), 400)


@pytest.mark.parametrize("body", [b"", b"<html>proxy</html>", b"[]", b'"x"', b"\xff"])
def test_what_stands_in_front_of_splunk_may_say_anything(body):
    all_in_doubt(verdict(400, body, is_hec=True), 400)
    all_again(verdict(502, body, is_hec=True))
