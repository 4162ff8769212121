"""The servers that the other tests run against do what those tests rely on."""

import gzip
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.servers import KINDS, Node, NodeError, SearchServer, available, version
from tests.integration.servers import fetch as fetching

DOCUMENT = {"@timestamp": "2025-01-01T00:00:00Z", "message": "hello"}


def ask(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """A request without any client's help."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} | headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def bulk(url: str, target: str, *documents: dict[str, object], action: str = "create") -> list[dict[str, object]]:
    """The items that `_bulk` answers."""
    lines = [line for number, document in enumerate(documents) for line in ({action: {"_id": str(number)}}, document)]
    status, body = ask(url, "POST", f"/{target}/_bulk?refresh=true", "".join(json.dumps(line) + "\n" for line in lines).encode())
    assert status == 200, body
    return [item[action] for item in json.loads(body)["items"]]


def put_data_stream_template(url: str, name: str) -> None:
    template = {"index_patterns": [f"{name}*"], "data_stream": {}, "priority": 500}
    assert ask(url, "PUT", f"/_index_template/{name}", json.dumps(template).encode())[0] == 200


def test_tells_its_kind_and_version(search_server: SearchServer):
    answer = json.loads(ask(search_server.url, "GET", "/")[1])
    assert answer["version"]["number"] == version(search_server.kind)
    assert answer["version"].get("distribution") == {"opensearch": "opensearch"}.get(search_server.kind)
    assert answer["version"].get("build_flavor") == {"elasticsearch": "default"}.get(search_server.kind)
    assert {"name", "cluster_name", "cluster_uuid", "version", "tagline"} == answer.keys()
    assert len(answer["cluster_uuid"]) == 22
    assert ask(search_server.url, "HEAD", "/")[0] == 200


def test_official_client(search_server: SearchServer, unique_name: Callable[[str], str]):
    client, index = search_server.client(), unique_name("client")
    assert client.info()["version"]["number"] == version(search_server.kind)
    client.index(index=index, id="1", body=DOCUMENT, refresh=True)
    assert client.get(index=index, id="1")["_source"] == DOCUMENT
    found = client.search(
        index=index, body={"query": {"match": {"message": "hello"}}, "aggs": {"of": {"terms": {"field": "message.keyword"}}}}
    )
    assert found["hits"]["total"]["value"] == 1
    assert found["aggregations"]["of"]["buckets"] == [{"key": "hello", "doc_count": 1}]


def test_create_twice_is_a_conflict(search_server: SearchServer, unique_name: Callable[[str], str]):
    index = unique_name("twice")
    first, again = (bulk(search_server.url, index, DOCUMENT)[0] for _ in range(2))
    assert first["status"] == 201
    assert again["status"] == 409
    assert again["error"]["type"] == "version_conflict_engine_exception"  # type: ignore[index]


def test_bulk_create_makes_a_data_stream(search_server: SearchServer, unique_name: Callable[[str], str]):
    name = unique_name("stream")
    put_data_stream_template(search_server.url, name)
    (created,) = bulk(search_server.url, name, DOCUMENT)
    assert created["status"] == 201
    assert str(created["_index"]).startswith(f".ds-{name}-")
    (refused,) = bulk(search_server.url, name, DOCUMENT, action="index")
    assert refused["status"] == 400


def test_takes_gzip(search_server: SearchServer, unique_name: Callable[[str], str]):
    body = gzip.compress(b'{"create":{}}\n{"a":1}\n')
    status, answer = ask(search_server.url, "POST", f"/{unique_name('gzip')}/_bulk", body, **{"Content-Encoding": "gzip"})
    assert status == 200
    assert not json.loads(answer)["errors"]


def test_opensearch_has_scripts_and_reindex(opensearch_url: str, unique_name: Callable[[str], str]):
    index = unique_name("scripts")
    bulk(opensearch_url, index, DOCUMENT)
    script = {"script": {"source": "ctx._source.message = 'changed'"}}
    assert (
        json.loads(ask(opensearch_url, "POST", f"/{index}/_update_by_query?refresh=true", json.dumps(script).encode())[1])["updated"] == 1
    )
    copy = {"source": {"index": index}, "dest": {"index": f"{index}-copy"}}
    assert json.loads(ask(opensearch_url, "POST", "/_reindex?refresh=true", json.dumps(copy).encode())[1])["created"] == 1
    assert b"changed" in ask(opensearch_url, "GET", f"/{index}-copy/_doc/0")[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_settings_and_restarts(make_node: Callable[..., Node], kind: str):
    node = make_node(kind, **{"http.max_content_length": "10kb"})
    url, process = node.url, node.process_id
    assert ask(url, "POST", "/_bulk", b" " * 11_000)[0] == 413
    bulk(url, "kept", DOCUMENT)
    assert node.stop() == 143
    assert node.process_id is None
    with pytest.raises(ConnectionRefusedError):
        ask(url, "GET", "/")
    node.start()
    node.kill()
    node.settings.clear()
    node.start()
    assert (node.url, node.process_id != process) == (url, True)
    assert ask(url, "GET", "/kept/_doc/0")[0] == 200
    assert ask(url, "POST", "/_bulk", b" " * 11_000)[0] == 400


def test_a_node_that_cannot_start_says_why(make_node: Callable[..., Node]):
    with pytest.raises(NodeError, match=r"(?s)exit code 1.*unknown setting \[no\.such\.setting\]"):
        make_node("opensearch", **{"no.such.setting": 1})


@pytest.mark.servers
@pytest.mark.skipif(bool(available("elasticsearch")), reason=str(available("elasticsearch")))
def test_a_node_ends_with_the_process_that_started_it(tmp_path: Path):
    code = (
        "import sys, time, pathlib; from tests.integration.servers import Node\n"
        "node = Node('elasticsearch', pathlib.Path(sys.argv[1])); node.start(); print(node.url, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        url = parent.stdout.readline().strip()
        assert ask(url, "GET", "/")[0] == 200
        parent.kill()
    deadline = time.monotonic() + 10
    with pytest.raises(OSError):  # noqa: PT012 refused at the end, reset perhaps before
        while time.monotonic() < deadline:
            ask(url, "GET", "/")


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(fetching, "FETCHED", tmp_path)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert fetching.available("opensearch") == f"opensearch {version('opensearch')} has not been fetched: run `make servers`"
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(
        fetching.FetchError, match=r"no java and no javac and no mvn found: .* apt-get install maven openjdk-17-jdk-headless\)"
    ):
        fetching.fetch("opensearch")
