import json

import pytest

from sinks.elasticsearch.server import Server, read_server

OPENSEARCH = "The OpenSearch Project: https://opensearch.org/"
ELASTICSEARCH = "You Know, for Search"


@pytest.mark.parametrize(
    ("version", "tagline", "server", "name"),
    [
        ({"number": "8.19.21", "build_flavor": "default"}, ELASTICSEARCH, Server("elasticsearch", (8, 19)), "Elasticsearch 8.19"),
        ({"number": "9.0.0-SNAPSHOT"}, ELASTICSEARCH, Server("elasticsearch", (9, 0)), "Elasticsearch 9.0"),
        ({"number": "8.11.0", "build_flavor": "serverless"}, ELASTICSEARCH, Server("elasticsearch", (99, 0)), "Elasticsearch serverless"),
        ({"number": "2.19.6", "distribution": "opensearch"}, OPENSEARCH, Server("opensearch", (2, 19)), "OpenSearch 2.19"),
        ({"number": "3.1.0", "distribution": "opensearch"}, "another", Server("opensearch", (3, 1)), "OpenSearch 3.1"),
        # compatibility.override_main_response_version
        ({"number": "7.10.2", "lucene_version": "9.12.3"}, OPENSEARCH, Server("opensearch", (2, 8)), "OpenSearch 2.8"),
        ({"number": "7.10.2", "lucene_version": "8.10.1"}, OPENSEARCH, Server("opensearch", (1, 0)), "OpenSearch 1.0"),
        ({"number": "7.10.2"}, OPENSEARCH, Server("opensearch", (1, 0)), "OpenSearch 1.0"),
    ],
)
def test_tells_servers_apart(version, tagline, server, name):
    told = read_server(json.dumps({"name": "node-1", "version": version, "tagline": tagline}).encode())
    assert told == server
    assert str(told) == name


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"version":"8.1"}', b'{"version":{"number":"newest"}}', b"[" * 100_000])
def test_tells_that_it_is_none(body):
    assert read_server(body) is None
