"""Every mapped field of a raw document, as analysts use it: counted, sorted, searched by wildcard and by exists, on real servers."""

from collections.abc import Callable, Iterator
from typing import Any

from sinks.elasticsearch.server import Server
from sinks.elasticsearch.template import Additions, index_template
from tests.integration.sending import batch, target_of
from tests.integration.servers import SearchServer

LABELS = ["customer", "cost-centre", "team.lead"]
VALUES = {
    "ip": "198.51.100.7",
    "date": "2026-05-01T09:30:00.123Z",
    "long": 64500,
    "geo_point": {"lat": 51.5, "lon": -0.12},
    "text": "User login to Okta",
    "keyword": "Value one",
    "flattened": {"inner": "Value one"},
    "flat_object": {"inner": "Value one"},
}
SERVERS = {"opensearch": Server("opensearch", (2, 19)), "elasticsearch": Server("elasticsearch", (8, 19))}


def leaves(mapping: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inner in mapping.get("properties", {}).items():
        if "properties" in inner:
            yield from leaves(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}", inner


def kinds_of(fields: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The type of what is behind each name, aliases followed."""
    return {path: fields[inner["path"]]["type"] if inner["type"] == "alias" else inner["type"] for path, inner in fields.items()}


def event_of(fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An event with a value in every field but those that the pipeline puts in front."""
    event: dict[str, Any] = {}
    for path, inner in fields.items():
        if inner["type"] != "alias" and path not in ("@timestamp", "_okta_tenant"):
            *parents, name = path.split(".")
            at = event
            for parent in parents:
                at = at.setdefault(parent, {})
            at[name] = VALUES[inner["type"]]
    return event


def searches(path: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What finds the event by this field."""
    inner = f"{path}.inner" if kind.startswith("flat") else path
    yield "exists", {"query": {"exists": {"field": inner}}}
    if kind == "keyword":
        word = "ac*" if path in ("_okta_tenant", "okta.tenant") else "Val*"
        yield "wildcard", {"query": {"wildcard": {path: word}}}
    if kind.startswith("flat"):
        yield "term", {"query": {"term": {inner: "Value one"}}}
        yield "prefix", {"query": {"prefix": {inner: "Val"}}}  # Elasticsearch knows no wildcard there
    if kind == "text":
        yield "wildcard", {"query": {"wildcard": {f"{path}.keyword": "User*"}}}
    if kind not in ("text", "geo_point", "flat_object"):
        yield "sort", {"query": {"exists": {"field": inner}}, "sort": [{inner: "asc"}]}


def test_every_field_is_counted_sorted_and_found(search_server: SearchServer, unique_name: Callable[[str], str]):
    server = SERVERS[search_server.kind]
    fields = dict(leaves(index_template(server, "x", additions=Additions(label_keys=LABELS))["template"]["mappings"]))
    kinds = kinds_of(fields)
    assert sum(path.startswith("okta.") for path in kinds) == 8 + len(LABELS)
    index = unique_name("fields")
    client = search_server.client()
    with target_of(search_server.url, index, label_keys=LABELS) as target:
        outcome = target.send(batch(event_of(fields)), 60)
        assert list(outcome.delivered) == [0], outcome
    client.indices.refresh(index=index)
    questions = [(path, name, body) for path, kind in kinds.items() for name, body in searches(path, kind)]
    questions += [
        (path, "count", {"query": {"match_all": {}}, "aggs": {"values": {"terms": {"field": path}}}})
        for path, kind in kinds.items()
        if kind in ("keyword", "ip", "long", "date")
    ]
    lines = [line for _, _, body in questions for line in ({}, {"size": 1, **body})]
    argument = "body" if search_server.kind == "opensearch" else "searches"
    answers = client.msearch(index=index, **{argument: lines})["responses"]
    wrong = []
    for (path, name, _), answer in zip(questions, answers, strict=True):
        found = len(answer["hits"]["hits"]) if "hits" in answer else answer
        counted = [bucket["doc_count"] for bucket in answer["aggregations"]["values"]["buckets"]] if "aggregations" in answer else [1]
        if found != 1 or counted != [1]:
            wrong.append((path, name, found, counted))
    assert wrong == []
