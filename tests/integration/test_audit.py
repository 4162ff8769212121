"""The audit's questions, answered by real servers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.audit.archive import CLOSED, DELETED, HOLE
from flows.audit.compare import Compare
from flows.audit.search_archive import SearchArchive
from flows.reading.keys import hour_of
from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.lookup import Lookup
from sinks.http.client import HttpClient
from tests.integration.sending import Head, target_of
from tests.integration.servers import SearchServer

START = datetime(2026, 5, 10, 22, 0, tzinfo=UTC)


def page(numbers: range, prefix: str, tenant: str = "acme") -> Documents:
    """An event every ten seconds from two hours before midnight on."""
    moments = [START + timedelta(seconds=10 * number) for number in numbers]
    heads = [Head(f"{prefix}-{number}", moment) for number, moment in zip(numbers, moments, strict=True)]
    texts = [moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in moments]
    bodies = [b'"uuid":"%s","published":"%s"}' % (head.uuid.encode(), text.encode()) for head, text in zip(heads, texts, strict=True)]
    return Documents(tenant, heads, [b'{"_okta_tenant":"%s",' % tenant.encode()] * len(heads), bodies)


@contextmanager
def archive_of(url: str, index: str) -> Iterator[SearchArchive]:
    lookup = Lookup(Cluster([url], HttpClient(1, None, "test"), dict), index)
    try:
        yield SearchArchive(lookup, request_timeout_seconds=30, retry_for_seconds=30, stopping=lambda: False)
    finally:
        lookup.close()


def send(url: str, index: str, *pages: Documents) -> None:
    with target_of(url, index) as target:
        for one in pages:
            outcome = target.send(Batch((one,)), 60)
            assert len(outcome.delivered) == len(one), outcome


@pytest.mark.parametrize("target", ["{name}", "{name}-{{date}}", "{name}-{{tenant}}-{{date}}"], ids=["stream", "dated", "tenant"])
def test_a_hole_in_an_index_or_a_data_stream_is_found(search_server: SearchServer, unique_name: Callable[[str], str], target: str) -> None:
    index = target.format(name=unique_name("audit"))
    events = page(range(1_000), "a")
    send(search_server.url, index, events, page(range(50), "b", "globex"))
    client: Any = search_server.client()
    with archive_of(search_server.url, index) as archive:
        # Nothing has refreshed the index: only the second look sees it all.
        verdict = Compare("search", archive)(events)
        assert verdict.missing is None
        gone = [f"a-{number}" for number in range(0, 1_000, 97)]
        pattern = index.replace("{tenant}", "*").replace("{date}", "*")
        hits = client.search(index=pattern, body={"query": {"ids": {"values": gone}}, "size": len(gone)})["hits"]["hits"]
        for hit in hits:
            client.delete(index=hit["_index"], id=hit["_id"])
        client.indices.refresh(index=pattern)
        verdict = Compare("search", archive)(events)
        assert verdict.missing is not None
        assert [head.uuid for head in verdict.missing.heads] == gone
        hours = range(hour_of(START), hour_of(START) + 3)
        counts = archive.counts("acme", hours)
        assert counts is not None
        expected = [360 - len([u for u in gone if int(u[2:]) // 360 == hour]) for hour in (0, 1)]
        assert [counts[hour].events for hour in hours[:2]] == expected
        assert sum(count.events for count in counts.values()) == 1_000 - len(gone)
        assert archive.notes() == []


def test_what_a_rollover_has_let_in_twice_is_counted(search_server: SearchServer, unique_name: Callable[[str], str]) -> None:
    stream = unique_name("audit")
    events = page(range(10), "a")
    send(search_server.url, stream, events)
    client: Any = search_server.client()
    client.indices.rollover(alias=stream)
    send(search_server.url, stream, events)
    with archive_of(search_server.url, stream) as archive:
        archive.copies("acme", events.heads, [0] * 10, again=True)
        verdict = Compare("search", archive)(events)
        assert verdict.missing is None
        assert sum(verdict.repeated.values()) == 10


def test_an_index_that_is_not_there_is_all_missing(search_server: SearchServer, unique_name: Callable[[str], str]) -> None:
    with archive_of(search_server.url, unique_name("none")) as archive:
        verdict = Compare("search", archive)(page(range(3), "a"))
        assert verdict.missing is not None
        assert len(verdict.missing) == 3
        assert archive.counts("acme", range(hour_of(START), hour_of(START) + 1)) == {}


def test_a_closed_index_is_told_as_such(search_server: SearchServer, unique_name: Callable[[str], str]) -> None:
    index = unique_name("audit")
    client: Any = search_server.client()
    client.indices.create(index=index, body={"settings": {"number_of_shards": 1}})
    client.indices.close(index=index)
    lookup = Lookup(Cluster([search_server.url], HttpClient(1, None, "test"), dict), index)
    answer = lookup.held(index, ["a"], 30)
    lookup.close()
    assert answer == "closed"


def test_closed_and_deleted_days_are_told_apart_from_what_is_missing(
    search_server: SearchServer, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("audit")
    index = f"{name}-{{date}}"
    day = timedelta(days=1)
    events = [page(range(20), f"d{number}") for number in range(6)]
    heads = [[Head(head.uuid, head.published + number * day) for head in one.heads] for number, one in enumerate(events)]
    moved = [Documents("acme", found, one.prefixes, one.bodies) for found, one in zip(heads, events, strict=True)]
    send(search_server.url, index, *moved[:5])
    client: Any = search_server.client()
    client.indices.refresh(index=f"{name}-*")
    client.indices.close(index=f"{name}-2026-05-12")
    client.indices.delete(index=f"{name}-2026-05-10")
    client.indices.delete(index=f"{name}-2026-05-13")
    with archive_of(search_server.url, index) as archive:
        found = [archive.copies("acme", one.heads, [hour_of(head.published) for head in one.heads])[0] for one in moved]
        assert found == [DELETED, 1, CLOSED, HOLE, 1, 0]
        counts = archive.counts("acme", range(hour_of(START), hour_of(START + 6 * day)))
        assert counts is not None


def test_what_a_read_only_index_holds_is_a_duplicate(search_server: SearchServer, unique_name: Callable[[str], str]) -> None:
    index = unique_name("readonly") + "-{date}"
    there, new = page(range(10), "a"), page(range(10, 15), "b")
    send(search_server.url, index, there)
    client: Any = search_server.client()
    name = index.replace("{date}", "2026-05-10")
    client.indices.refresh(index=name)
    client.indices.put_settings(index=name, body={"index.blocks.write": True})
    with target_of(search_server.url, index) as target:
        outcome = target.send(Batch((there, new)), 60)
        (again,) = outcome.again
        assert (list(outcome.duplicates), list(again.positions)) == (list(range(10)), list(range(10, 15)))
        client.indices.put_settings(index=name, body={"index.blocks.write": False})
        assert len(target.send(Batch((there, new)), 60).delivered) == 5
