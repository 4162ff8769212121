"""The archive of a search sink."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from flows.audit.archive import ArchiveUnreadable
from flows.audit.holdings import HourCount
from flows.audit.search_archive import SearchArchive
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.lookup import Lookup
from sinks.http.client import HttpClient
from tests.unit.flows.audit.pages import HOUR, START, head, uuid_of
from tests.unit.sinks.search_server import FakeSearch


@pytest.fixture
def server() -> Iterator[FakeSearch]:
    with FakeSearch() as server:
        yield server


def archive(server: FakeSearch, target: str = "okta", retry_for_seconds: float = 20.0, *, stopping: bool = False) -> SearchArchive:
    lookup = Lookup(Cluster([server.url], HttpClient(1, None, "test"), dict), target)
    return SearchArchive(lookup, request_timeout_seconds=5, retry_for_seconds=retry_for_seconds, stopping=lambda: stopping)


def test_each_event_is_asked_for_where_it_belongs(server: FakeSearch) -> None:
    server.indices = {"okta-2026-05-10": {uuid_of(1): b"{}"}, "okta-2026-05-11": {uuid_of(2): b"{}", uuid_of(3): b"{}"}}
    heads = [head(1), head(2, 20), head(3), head(4, 20)]
    assert list(archive(server, "okta-{date}").copies("acme", heads, [HOUR, HOUR + 20, HOUR, HOUR + 20])) == [1, 1, 0, 0]


def test_a_second_look_comes_after_a_refresh(server: FakeSearch) -> None:
    server.indices = {"okta": {}}
    asking = archive(server)
    asking.copies("acme", [head(1)], [HOUR])
    assert not server.sent_to("/okta/_refresh")
    asking.copies("acme", [head(1)], [HOUR], again=True)
    assert [request.path for request in server.requests[-2:]] == ["/okta/_refresh", "/okta/_search"]


def test_counts(server: FakeSearch) -> None:
    moment = (START + timedelta(minutes=30)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    server.indices["okta"] = {"a": json.dumps({"@timestamp": moment, "_okta_tenant": "acme"}).encode()}
    assert archive(server).counts("acme", range(HOUR, HOUR + 2)) == {HOUR: HourCount(1, 1)}


def test_a_server_that_fails_for_a_moment_is_asked_again(server: FakeSearch) -> None:
    server.indices["okta"] = {uuid_of(1): b"{}"}
    server.answer(503, b"{}", path="/okta/_search", times=2)
    assert list(archive(server).copies("acme", [head(1)], [HOUR])) == [1]


@pytest.mark.parametrize(("status", "retry_for_seconds", "stopping"), [(403, 20, False), (503, 0, False), (503, 20, True)])
def test_one_that_cannot_be_asked_is_told_once_and_not_asked_again(
    server: FakeSearch, status: int, retry_for_seconds: float, *, stopping: bool
) -> None:
    server.answer(status, b'{"error":{"type":"x","reason":"because"}}', path="/okta", times=None)
    asking = archive(server, retry_for_seconds=retry_for_seconds, stopping=stopping)
    for _ in range(3):
        with pytest.raises(ArchiveUnreadable, match="because"):
            asking.copies("acme", [head(1)], [HOUR])
    assert len(server.requests) == 1


def test_without_the_privilege_to_refresh_it_goes_on_and_says_so(server: FakeSearch) -> None:
    server.indices["okta"] = {uuid_of(1): b"{}"}
    server.answer(403, b'{"error":{"type":"security_exception","reason":"no"}}', path="/okta/_refresh", times=None)
    asking = archive(server)
    assert list(asking.copies("acme", [head(1)], [HOUR], again=True)) == [1]
    asking.copies("acme", [head(1)], [HOUR], again=True)
    assert len(asking.notes()) == 1
    assert "can't be refreshed" in asking.notes()[0]
