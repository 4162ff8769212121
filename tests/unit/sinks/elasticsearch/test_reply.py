import json

import pytest

from sinks.delivery.target import Again, Outcome, Refused
from sinks.elasticsearch.reply import read_reply
from sinks.http.client import Answer

INDICES = ["logs-a", "logs-a", "logs-b"]


def read(status: int, body: object = b"", headers: dict[str, str] | None = None, count: int = 3) -> Outcome:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_reply(Answer(status, headers or {}, data), count, lambda: INDICES, "http://search:9200", 0.0)


def items(*verdicts: object) -> dict[str, object]:
    """A `_bulk` answer: a status, or a status with an error's type and reason, for each event."""
    made = []
    for verdict in verdicts:
        if isinstance(verdict, tuple):
            status, own_type, reason = verdict
            made.append({"create": {"status": status, "error": {"type": own_type, "reason": reason}}})
        else:
            made.append({"create": {"status": verdict}})
    return {"errors": any(verdict != 201 for verdict in verdicts), "items": made}


def only(outcome: Outcome) -> Again:
    """The one reason for which everything is to be sent again."""
    assert not outcome.delivered
    assert not outcome.duplicates
    assert not outcome.refused
    assert outcome.split is None
    (again,) = outcome.again
    assert list(again.positions) == [0, 1, 2]
    return again


def test_all_delivered():
    assert list(read(200, items(201, 201, 201)).delivered) == [0, 1, 2]


def test_item_by_item():
    outcome = read(200, items((409, "version_conflict_engine_exception", "there"), 201, (400, "mapper_parsing_exception", "no ip")))
    assert outcome == Outcome([1], [0], [], [Refused(2, "mapper_parsing_exception: no ip", 400)])


def test_what_is_taken_and_not_kept_is_not_delivered():
    # An ingest pipeline with a drop processor: OpenSearch and Elasticsearch answer 200 and "noop" for a create.
    outcome = read(200, items(201, 200, 200))
    assert (outcome.delivered, outcome.dropped) == ([0], (1, 2))
    assert outcome.notice is not None
    assert "for logs-a and logs-b and doesn't keep them" in outcome.notice.text
    assert "index.default_pipeline" in outcome.notice.text


@pytest.mark.parametrize(
    ("status", "own_type", "reason", "scope", "error_type", "fix"),
    [
        (429, "es_rejected_execution_exception", "rejected execution", "", "rate_limited", "max_in_flight"),
        (429, "circuit_breaking_exception", "Data too large", "", "rate_limited", "overloaded"),
        (503, "process_cluster_event_timeout_exception", "failed to process", "", "server", ""),
        (500, "translog_exception", "no space", "", "server", ""),
        (403, "cluster_block_exception", "index [.ds-logs-b-1] blocked by: [FORBIDDEN/8/index write (api)];",
         "logs-b", "server", "index.blocks"),
        (429, "cluster_block_exception", "index [logs-b] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];",
         "logs-b", "server", "Free disk space"),
        (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];", "", "server", "cluster.blocks"),
        (503, "unavailable_shards_exception", "[logs-b][0] primary shard is not active", "logs-b", "server", "shards"),
        (400, "index_closed_exception", "closed", "logs-b", "not_found", "_open"),
        (404, "index_not_found_exception", "no such index [logs-b]", "logs-b", "not_found", "auto_create_index"),
        (400, "invalid_index_name_exception", "must be lowercase", "logs-b", "not_found", "target"),
        (400, "validation_exception", "Validation Failed: 1: this action would add [2] shards, but this cluster currently has "
         "[1000]/[1000] maximum normal shards open;", "logs-b", "server", "max_shards_per_node"),
        (400, "illegal_argument_exception", "no write index is defined for alias [logs-b].", "logs-b", "bad_request", "template"),
        (400, "illegal_argument_exception", "pipeline with id [geo] does not exist", "logs-b", "bad_request", "settings"),
        (403, "security_exception", "action [indices:admin/auto_create] is unauthorized for user [u] on indices [logs-b]", "logs-b",
         "permission", "auto_configure"),
        (403, "security_exception", "no permissions for [indices:data/write/bulk[s]] and User [name=u]", "", "permission", "create_doc"),
        (401, "security_exception", "token expired", "", "auth", "api_key_env"),
        (409, "some_other_exception", "what", "", "server", ""),
        (0, "x", "y", "", "decode", "hosts"),
    ],
)  # fmt: skip
def test_not_the_events_fault(status, own_type, reason, scope, error_type, fix):
    outcome = read(200, items(201, 201, (status, own_type, reason)))
    assert outcome.delivered == [0, 1]
    (again,) = outcome.again
    assert (again.positions, again.scope, again.error_type) == ([2], scope, error_type)
    assert fix in again.fix
    assert status == 0 or (reason in again.reason and again.status == status)


def test_events_of_one_trouble_are_sent_again_together():
    block = (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];")
    outcome = read(200, items(block, block, block))
    assert [(again.positions, again.scope) for again in outcome.again] == [([0, 1], "logs-a"), ([2], "logs-b")]


def test_the_servers_words_reach_down_to_the_cause():
    error = {
        "type": "mapper_parsing_exception",
        "reason": "failed to parse",
        "caused_by": {
            "type": "illegal_argument_exception",
            "reason": "field name\n cannot be empty",
            "caused_by": {"type": "x", "reason": None},
        },
    }
    outcome = read(200, {"errors": True, "items": [{"create": {"status": 400, "error": error}}]}, count=1)
    assert outcome.refused[0].reason == (
        "mapper_parsing_exception: failed to parse; caused by illegal_argument_exception: field name cannot be empty; caused by x"
    )


@pytest.mark.parametrize("error", ["just a text", None, 7, {}, {"type": 5, "reason": ["x"]}, {"caused_by": "loop"}])
def test_odd_errors_are_refusals_too(error):
    outcome = read(200, {"errors": True, "items": [{"create": {"status": 400, "error": error}}]}, count=1)
    assert outcome.refused[0].reason


def test_a_long_reason_is_cut():
    outcome = read(200, items((400, "mapper_parsing_exception", "x" * 100_000), 201, 201))
    assert len(outcome.refused[0].reason) == 1000


@pytest.mark.parametrize("given", [items(201), items(201, 201), {"errors": True, "items": [{"create": {"status": 201}}, {"index": {}}]}])
def test_items_that_are_missing_are_sent_again(given):
    outcome = read(200, given)
    delivered = len([item for item in given["items"] if "create" in item])
    (again,) = outcome.again
    assert (list(outcome.delivered), again.positions) == (list(range(delivered)), list(range(delivered, 3)))
    assert again.error_type == "decode"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Sign in</html>", b"[]", b"{}", b'{"errors":"no"}', items(201, 201, 201, 201), {"errors": True}, {"errors": False},
     {"errors": False, "items": 3}, b"[" * 100_000],
)  # fmt: skip
def test_a_200_that_is_no_bulk_answer_delivers_nothing(body):
    again = only(read(200, body))
    assert again.error_type == "decode"
    assert "speak Elasticsearch" in again.fix


def test_a_page_is_quoted_in_short():
    again = only(read(200, b"<html>\n   <body>" + b"x" * 10_000))
    assert "<html> <body>xxx" in again.reason
    assert len(again.reason) < 400


def test_413_is_split_for_its_size():
    outcome = read(413)
    assert outcome.too_large
    assert outcome.split is not None
    assert (outcome.split.status, outcome.again) == (413, ())
    assert "413" in outcome.split.reason


@pytest.mark.parametrize("status", [400, 409, 415, 422])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "action_request_validation_exception", "reason": "id is too long"}, "status": 400},
        b"",
        b"<html>The plain HTTP request was sent to HTTPS port</html>",
    ],
)
def test_what_may_be_the_content_is_split(status, body):
    outcome = read(status, body)
    assert outcome.split is not None
    assert (outcome.too_large, outcome.split.status) == (False, status)
    assert "too long" in outcome.split.reason or isinstance(body, bytes)


@pytest.mark.parametrize(
    ("status", "body", "blame", "fix"),
    [
        (403, b"<html><h1>Request blocked</h1></html>", "doubtful", "not the server's own words"),
        (403, {"error": {"type": "security_exception", "reason": "no"}}, "target", "create_doc"),
        (404, b"<html>not here</html>", "doubtful", ""),
        (404, {"error": {"type": "index_not_found_exception", "reason": "no"}}, "target", ""),
        (500, {"error": {"type": "null_pointer_exception", "reason": "x"}}, "doubtful", ""),
        (302, b"", "doubtful", ""),
        (502, b"<html>Bad Gateway</html>", "doubtful", ""),
        (503, b"<html>down</html>", "target", ""),
        (504, b"", "doubtful", ""),
        (403, {"error": "Request blocked by policy"}, "doubtful", "not the server's own words"),
        (403, {"error": {"code": 403, "message": "Forbidden", "status": "PERMISSION_DENIED"}}, "doubtful", "not the server's own words"),
        (403, {"message": "Forbidden"}, "doubtful", "not the server's own words"),
        (403, b"Access denied. Support ID: 123", "doubtful", "not the server's own words"),
        (403, b"", "doubtful", "not the server's own words"),
        (403, b"\xef\xbb\xbf<html>blocked</html>", "doubtful", "not the server's own words"),
        (404, {"error": "Not found"}, "doubtful", ""),
        (400, {"error": "no handler found for uri [/_bulk] and method [POST]"}, "target", "speak Elasticsearch"),
        (200, b"<html>Sign in</html>", "doubtful", ""),
        (401, b"", "target", ""),
        (429, b"", "target", ""),
    ],
)
def test_of_whom_it_speaks(status, body, blame, fix):
    again = only(read(status, body))
    assert again.blame == blame
    assert fix in again.fix


@pytest.mark.parametrize(
    ("status", "body", "blame"),
    [(302, b"", "target"), (403, b"", "target"), (502, b"", "doubtful"), (504, b"", "doubtful"), (403, b"<html></html>", "doubtful")],
)
def test_a_rest_is_asked_for_by_the_server_or_by_what_stands_in_front_of_it(status, body, blame):
    again = only(read(status, body, {"Retry-After": "5"}))
    assert (again.after_seconds, again.blame) == (5, blame)


@pytest.mark.parametrize(
    ("status", "body", "error_type", "fix"),
    [
        (400, {"error": "no handler found for uri [/_bulk] and method [POST]"}, "bad_request", "speak Elasticsearch"),
        (401, {"error": {"type": "security_exception", "reason": "unable to authenticate"}}, "auth", "api_key_env"),
        (403, {"error": {"type": "security_exception", "reason": "no"}}, "permission", "auto_configure on logs-a and logs-b"),
        (403, {"error": {"type": "cluster_block_exception", "reason": "blocked by: [x];"}}, "server", "cluster.blocks"),
        (404, b"not here", "not_found", "speak Elasticsearch"),
        (405, b"", "not_found", "speak Elasticsearch"),
        (406, {"error": "Content-Type header is not supported"}, "not_found", "speak Elasticsearch"),
        (408, b"", "server", ""),
        (429, {"error": {"type": "circuit_breaking_exception", "reason": "[parent] Data too large"}}, "rate_limited", "max_in_flight"),
        (500, b"", "server", "log"),
        (502, b"<html>Bad Gateway</html>", "server", "load balancer"),
        (503, {"error": {"type": "x", "reason": "y"}}, "server", "load balancer"),
        (204, b"", "decode", "speak Elasticsearch"),
    ],
)  # fmt: skip
def test_a_failed_request_is_sent_again(status, body, error_type, fix):
    again = only(read(status, body))
    assert (again.error_type, again.status, again.scope, again.after_seconds) == (error_type, status, "", None)
    assert fix in again.fix
    assert f"http://search:9200 answered HTTP {status}" in again.reason


def test_a_redirect_names_the_host_it_leads_to():
    again = only(read(302, b"", {"Location": "https://user:pw@login.example.com/sign-in?token=secret"}))
    assert "login.example.com" in again.fix
    assert not {"secret", "pw"} & set(again.fix.replace("?", " ").replace(":", " ").replace("=", " ").split())


def test_retry_after_is_passed_on():
    assert only(read(503, b"", {"Retry-After": "7"})).after_seconds == 7
    assert only(read(429, b"", {"Retry-After": "Thu, 01 Jan 1970 00:00:30 GMT"})).after_seconds == 30
