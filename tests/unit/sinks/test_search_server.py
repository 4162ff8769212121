"""The fake search server does what tests that order faults from it rely on."""

import gzip
import http.client
import json

import pytest

from tests.unit.sinks.search_server import FakeSearch, ItemError


def ask(search: FakeSearch, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", search.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def body_of(*uuids: str, index: str = "i") -> bytes:
    return b"".join(
        b'{"create":{"_index":"%b","_id":"%b"}}\n{"n":"%b"}\n' % (index.encode(), uuid.encode(), uuid.encode()) for uuid in uuids
    )


def bulk(search: FakeSearch, *uuids: str, index: str = "i") -> list[int]:
    """The status of each item; of the request, where it failed as a whole."""
    status, answer = ask(search, "POST", "/_bulk?filter_path=errors", body_of(*uuids, index=index))
    return [item["create"]["status"] for item in json.loads(answer)["items"]] if status == 200 else [status]


@pytest.fixture
def search():
    with FakeSearch() as server:
        yield server


def test_creates_each_document_once_per_index(search):
    assert bulk(search, "a", "b") == [201, 201]
    assert bulk(search, "b", "c") == [409, 201]
    assert bulk(search, "b", index="other") == [201]
    assert search.documents("i") == {"a": b'{"n":"a"}', "b": b'{"n":"b"}', "c": b'{"n":"c"}'}
    assert set(search.documents()) == {"a", "b", "c"}
    assert search.documents("none") == {}


def test_verdicts_and_blocks(search):
    search.verdict = lambda event: 400 if b"poison" in event else None
    search.blocks["closed"] = ItemError(403, "cluster_block_exception")
    assert bulk(search, "a", "poison") == [201, 400]
    assert bulk(search, "a", index="closed") == [403]
    assert set(search.documents()) == {"a"}


def test_requests_it_refuses_as_a_whole(search):
    search.max_content_length = 200
    assert ask(search, "POST", "/_bulk", gzip.compress(body_of(*"abcdefgh")), **{"Content-Encoding": "gzip"}) == (413, b"")
    assert ask(search, "POST", "/_bulk", body_of("a")[:-1])[0] == 400
    search.max_content_length = None
    assert bulk(search, "a", "x" * 513) == [400]
    search.authorization = "ApiKey k"
    assert ask(search, "GET", "/")[0] == 401
    assert ask(search, "GET", "/", Authorization="ApiKey k")[0] == 200
    assert not search.documents()


def test_faults_wait_their_turn_and_concern_their_path(search):
    search.answer(429, times=2)
    search.answer(503, b"busy", {"Retry-After": "1"})
    assert ask(search, "GET", "/")[0] == 200
    assert [bulk(search, "a") for _ in range(4)] == [[429], [429], [503], [201]]
    assert [request.status for request in search.sent_to("/_bulk")] == [429, 429, 503, 200]


@pytest.mark.parametrize("taken", [False, True])
def test_resets_before_or_after_writing(search, taken):
    search.reset(taken=taken)
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        bulk(search, *map(str, range(5000)))
    assert len(search.documents()) == (5000 if taken else 0)


def test_hangs_until_released_and_writes_nothing_when_it_goes_down(search):
    search.hang()
    search.wait_for(lambda fake: True)
    connection = http.client.HTTPConnection("127.0.0.1", search.port, timeout=30)
    connection.request("POST", "/_bulk", body_of("a"))
    search.wait_for(lambda fake: bool(fake.requests))
    assert not search.documents()
    search.release()
    assert connection.getresponse().read()
    assert set(search.documents()) == {"a"}
    search.hang()
    connection.request("POST", "/_bulk", body_of("b"))
    search.wait_for(lambda fake: len(fake.requests) == 2)
    search.down()
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        connection.getresponse()
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        bulk(search, "c")
    search.clear()
    port = search.port
    search.up()
    assert search.port == port
    assert bulk(search, "a", "c") == [409, 201]
