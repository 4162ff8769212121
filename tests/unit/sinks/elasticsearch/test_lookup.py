"""Which events a search server holds."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sinks.delivery.target import Again
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.lookup import Lookup
from sinks.http.client import HttpClient
from tests.unit.sinks.search_server import FakeSearch

DAY = datetime(2026, 5, 10, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[FakeSearch]:
    with FakeSearch() as server:
        yield server


def lookup(server: FakeSearch, target: str = "okta") -> Lookup:
    return Lookup(Cluster([server.url], HttpClient(1, None, "test"), dict), target)


def document(at: datetime, tenant: str = "acme") -> bytes:
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"@timestamp": moment, "_okta_tenant": tenant}).encode()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("okta", "okta"),
        ("okta-{tenant}", "okta-acme"),
        ("okta-{date}", "okta-2026-05-10"),
        ("okta-{tenant}-{date}", "okta-acme-2026-05-10"),
    ],
)
def test_where_an_event_belongs(server: FakeSearch, target: str, expected: str) -> None:
    assert lookup(server, target).index("acme", DAY) == expected


def test_ids_are_asked_for_a_thousand_at_a_time(server: FakeSearch) -> None:
    uuids = [f"u{number}" for number in range(2_500)]
    server.indices["okta"] = dict.fromkeys(uuids[::2], b"{}")
    found = lookup(server).held("okta", uuids, 5)
    assert not isinstance(found, Again)
    assert {uuid: found[uuid] for uuid in uuids} == {uuid: 1 - number % 2 for number, uuid in enumerate(uuids)}
    bodies = [json.loads(request.body) for request in server.sent_to("/okta/_search")]
    assert [(len(body["query"]["ids"]["values"]), body["size"], body["_source"]) for body in bodies] == [
        (1000, 2000, False),
        (1000, 2000, False),
        (500, 1000, False),
    ]


def test_an_index_that_is_not_there_holds_nothing(server: FakeSearch) -> None:
    asking = lookup(server)
    assert asking.held("none", ["a"], 5) == "absent"
    assert asking.by_hour("acme", "none", DAY, DAY + timedelta(days=1), 5) == {}
    assert asking.refresh("none", 5) is None


def test_a_tenant_s_documents_by_the_hour(server: FakeSearch) -> None:
    moments = [DAY - timedelta(milliseconds=1), DAY, DAY + timedelta(minutes=59), DAY + timedelta(hours=2), DAY + timedelta(hours=3)]
    server.indices["okta"] = {str(at): document(at) for at in moments} | {"other": document(DAY, "globex")}
    counted = lookup(server).by_hour("acme", "okta", DAY, DAY + timedelta(hours=3), 5)
    assert counted == {DAY: 2, DAY + timedelta(hours=2): 1}


@pytest.mark.parametrize(
    ("status", "body", "error_type", "fix"),
    [
        (401, {"error": {"type": "security_exception", "reason": "who?"}}, "auth", "api_key_env"),
        (403, {"error": {"type": "security_exception", "reason": "no"}}, "permission", "privileges read and maintenance on okta"),
        (404, {"error": {"type": "resource_not_found_exception", "reason": "gone"}}, "not_found", "hosts"),
        (503, {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed"}}, "server", "log"),
        (200, {"timed_out": True}, "timeout", "load"),
        (200, ["what?"], "decode", "hosts"),
    ],
)
def test_what_is_no_answer_never_looks_like_lost_events(server: FakeSearch, status: int, body: Any, error_type: str, fix: str) -> None:
    server.indices["okta"] = {}
    server.answer(status, json.dumps(body).encode(), path="/okta/_search", times=None)
    for answer in (
        lookup(server).held("okta", ["a"], 5),
        lookup(server).by_hour("acme", "okta", DAY, DAY + timedelta(hours=1), 5),
    ):
        assert isinstance(answer, Again)
        assert answer.error_type == error_type
        assert fix in answer.fix


def test_an_answer_of_which_a_shard_is_missing_is_refused(server: FakeSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    real = Cluster.request
    monkeypatch.setattr(Cluster, "request", lambda self, method, path, **keys: paths.append(path) or real(self, method, path, **keys))
    server.indices["okta"] = {}
    lookup(server).held("okta", ["a"], 5)
    lookup(server).by_hour("acme", "okta", DAY, DAY + timedelta(hours=1), 5)
    assert all("allow_partial_search_results=false" in path for path in paths)


def test_names_are_quoted_in_paths(server: FakeSearch) -> None:
    server.indices["okta%2f"] = {"a": b"{}"}
    found = lookup(server).held("okta%2f", ["a"], 5)
    assert found == {"a": 1}
