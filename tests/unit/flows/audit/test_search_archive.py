"""The archive of a search sink."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from flows.audit.archive import CLOSED, DELETED, HOLE, UNREADABLE
from flows.audit.search_archive import SearchArchive
from flows.reading.file_archive import ArchiveUnreadable
from flows.reading.holdings import HourCount
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
        assert list(asking.copies("acme", [head(1)], [HOUR])) == [UNREADABLE]
        assert "because" in asking.trouble("acme", head(1))
    assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "error_type"), [(401, "security_exception"), (429, "circuit_breaking_exception")])
def test_what_speaks_of_who_asks_concerns_every_index(server: FakeSearch, status: int, error_type: str) -> None:
    server.answer(status, json.dumps({"error": {"type": error_type, "reason": "because"}}).encode(), path="/okta", times=None)
    asking = archive(server, "okta-{date}", retry_for_seconds=0)
    for hour in (0.5, 20):
        with pytest.raises(ArchiveUnreadable, match="because"):
            asking.copies("acme", [head(1, hour)], [HOUR])
    assert len(server.requests) == 1


DAYS = [head(number, 24.0 * number) for number in range(6)]


def held(server: FakeSearch, *days: int) -> None:
    """An index for each of these days, with its event."""
    moments = {day: DAYS[day].published.isoformat(timespec="milliseconds").replace("+00:00", "Z") for day in days}
    sources = {day: json.dumps({"@timestamp": moments[day], "_okta_tenant": "acme"}).encode() for day in days}
    server.indices = {f"okta-2026-05-{10 + day}": {uuid_of(day): sources[day]} for day in days}


def codes(asking: SearchArchive) -> list[int]:
    return [asking.copies("acme", [one], [HOUR])[0] for one in DAYS]


def test_a_closed_day_is_that_day_s_affair(server: FakeSearch) -> None:
    held(server, *range(6))
    server.closed = {"okta-2026-05-12"}
    asking = archive(server, "okta-{date}")
    assert codes(asking) == [1, 1, CLOSED, 1, 1, 1]
    assert list(asking.copies("acme", DAYS, [HOUR] * 6)) == [1, 1, CLOSED, 1, 1, 1], "a page that spans them"
    assert asking.counts("acme", range(HOUR, HOUR + 144)) == {HOUR + 24 * day: HourCount(1, 1) for day in (0, 1, 3, 4, 5)}


def test_the_oldest_days_were_deleted_a_hole_is_in_doubt_and_the_newest_were_never_there(server: FakeSearch) -> None:
    held(server, 2, 4)
    assert codes(archive(server, "okta-{date}")) == [DELETED, DELETED, 1, HOLE, 1, 0]


def test_where_nothing_was_ever_delivered_everything_is_missing(server: FakeSearch) -> None:
    assert codes(archive(server, "okta-{date}")) == [0] * 6
    server.indices = {"okta-elsewhere": {"x": b"{}"}, "okta-2026-05-09-old": {"x": b"{}"}}
    assert codes(archive(server, "okta-{date}")) == [0] * 6


def test_an_index_for_everything_that_is_closed_is_trouble(server: FakeSearch) -> None:
    server.indices, server.closed = {"okta": {uuid_of(1): b"{}"}}, {"okta"}
    asking = archive(server)
    assert codes(asking) == [UNREADABLE] * 6
    assert "okta is closed. Open it" in asking.trouble("acme", DAYS[0])
    server.indices = {}
    server.closed = set()
    assert codes(archive(server)) == [0] * 6


def test_one_index_that_fails_is_not_waited_for_with_every_other(server: FakeSearch) -> None:
    held(server, *range(6))
    server.answer(
        503, b'{"error":{"type":"search_phase_execution_exception","reason":"all shards failed"}}', path="/okta-2026-05-10", times=None
    )
    asking = archive(server, "okta-{date}", retry_for_seconds=0.6)
    assert codes(asking) == [UNREADABLE, 1, 1, 1, 1, 1]
    assert "all shards failed" in asking.trouble("acme", DAYS[0])
    assert asking.trouble("acme", DAYS[1]) == ""


def test_without_the_privilege_to_refresh_it_goes_on_and_says_so(server: FakeSearch) -> None:
    server.indices["okta"] = {uuid_of(1): b"{}"}
    server.answer(403, b'{"error":{"type":"security_exception","reason":"no"}}', path="/okta/_refresh", times=None)
    asking = archive(server)
    assert list(asking.copies("acme", [head(1)], [HOUR], again=True)) == [1]
    asking.copies("acme", [head(1)], [HOUR], again=True)
    assert len(asking.notes()) == 1
    assert "can't be refreshed" in asking.notes()[0]
