"""What the index template makes real servers accept, refuse and find."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sinks.elasticsearch import ElasticsearchTarget
from tests.integration.sending import batch, target_of
from tests.integration.servers import SearchServer

TARGETS = ["", "-{date}"]


@pytest.fixture(params=TARGETS, ids=["stream", "index"])
def target(request: pytest.FixtureRequest, search_server: SearchServer, unique_name: Callable[[str], str]) -> Iterator[ElasticsearchTarget]:
    with target_of(search_server.url, unique_name("mapping") + request.param, label_keys=["customer", "cost-centre"]) as made:
        yield made


def members(path: str, value: object) -> dict[str, Any]:
    """An object that holds a value at a path."""
    for name in reversed(path.split("/")):
        value = {name: value}
    return value  # type: ignore[return-value]


NULL_GEO = {"lat": None, "lon": None}

ACCEPTED = [
    *(members("something", value) for value in (1, "text", 1.5, True, None, {"a": [1, {"b": "c"}]}, [[1], "x"], {}, "x" * 100_000)),
    *(members("client/something/new", value) for value in (1, {"a": 1}, [None])),
    *(members("securityContext/asNumber", value) for value in (10**30, -(10**30), 1.5, "AS15169", True, "", [1, "x", None])),
    *(members("client/ipAddress", value) for value in ("not an ip", "", None, 5, "1.2.3.4", "2001:db8::1", ["1.2.3.4", "x"], "1.2.3.4:80")),
    *(
        members("client/geographicalContext/geolocation", value)
        for value in (NULL_GEO, {"lat": 1}, {"lat": 1, "lon": None}, None, {}, {"lat": 91, "lon": 500}, "nowhere", [NULL_GEO], {"lat": "a"})
    ),
    members("request/ipChain", [{"ip": "x", "geographicalContext": {"geolocation": NULL_GEO}}, {"ip": None, "geographicalContext": None}]),
    members("request/ipChain", None),
    members("client/ipChain", [{"ip": "1.2.3.4", "source": None}]),
    *(members("actor/displayName", value) for value in ("x" * 40_000, "€" * 12_000, "\U0001f600" * 9_000, 5, None, ["a", None])),
    members("displayMessage", "word " * 20_000),
    members("displayMessage", "x" * 40_000),
    *(members("published", value) for value in ("yesterday", 10**20, True, None, "99999-01-01T00:00:00Z")),
    *(members("securityContext/isProxy", value) for value in (True, "maybe", 1, None)),
    *(members(name, None) for name in ("actor", "client", "target", "securityContext", "debugContext", "outcome", "device", "request")),
    members("target", [{"id": "1", "detailEntry": None}, {"id": "2", "detailEntry": {"a": {"b": 1}}}]),
    members("target", [None]),
    members("client/geographicalContext/postalCode", 12345),
    *(
        members("debugContext/debugData", value)
        for value in ({}, None, {"a": None}, {"a": {}, "b": [], "c": [None]}, {"n": 1, "t": True, "o": {"k": "v"}, "l": ["x", {"y": 1}]})
    ),
    members("debugContext/debugData", {"a.b": "x", ".c": "y"}),
    members("debugContext/debugData", {"long": "x" * 32_000}),
    members("debugContext/debugData/" + "/".join("d" * 100), "deep"),
    members("_okta_labels", {"customer": "Acme", "cost-centre": "7"}),
    members("client/_id", "a name of the server's, but further in"),
]

REFUSED = [
    members("client", "scalar"),
    members("actor", 5),
    members("target", ["scalar"]),
    members("debugContext", True),
    members("debugContext/debugData", "scalar"),
    members("client/ipAddress", {"an": "object"}),
    members("severity", {"an": "object"}),
    members("_id", "x"),
    members("", "x"),
    {"client": {"": "x"}},
]


def test_accepts_whatever_both_servers_can_take(target: ElasticsearchTarget):
    outcome = target.send(batch(*ACCEPTED), 60)
    assert [(ACCEPTED[refused.position], refused.reason) for refused in outcome.refused] == []
    assert len(outcome.delivered) == len(ACCEPTED)


def test_refuses_what_no_mapping_can_take_and_only_that(target: ElasticsearchTarget):
    outcome = target.send(batch({"fine": 1}, *REFUSED, {"fine": 2}), 60)
    assert outcome.delivered == [0, len(REFUSED) + 1]
    assert [refused.position for refused in outcome.refused] == list(range(1, len(REFUSED) + 1))
    assert not outcome.again
    assert all(refused.status == 400 and "parsing_exception: " in refused.reason for refused in outcome.refused)


def test_a_very_long_member_of_debug_data(search_server: SearchServer, target: ElasticsearchTarget):
    outcome = target.send(batch(members("debugContext/debugData", {"long": "x" * 40_000})), 60)
    if search_server.kind == "elasticsearch":
        assert list(outcome.delivered) == [0]
    else:
        assert "immense term" in outcome.refused[0].reason


def test_a_number_and_a_date_that_json_cannot_make(target: ElasticsearchTarget):
    assert not target.send(batch(b'"securityContext":{"asNumber":1e400}', b'"version":1e999', b'"x":1e99999'), 60).refused


def test_the_mapping_does_not_grow(search_server: SearchServer, unique_name: Callable[[str], str]):
    index = unique_name("growing")
    with target_of(search_server.url, index) as target:
        target.send(batch({"first": 1}), 60)
        indices = search_server.client().indices
        before = next(iter(indices.get_mapping(index=index).values()))
        target.send(batch(*({f"member{number}": {"and": {"more": number}}, "client": {f"m{number}": 1}} for number in range(2000))), 60)
        assert next(iter(indices.get_mapping(index=index).values())) == before


EVENTS = [
    {
        "uuid": "london",
        "eventType": "user.session.start",
        "displayMessage": "User login to Okta",
        "severity": "INFO",
        "_okta_labels": {"customer": "Acme"},
        "actor": {"alternateId": "ada@example.com", "displayName": "Ada Lovelace"},
        "client": {"ipAddress": "198.51.100.7", "geographicalContext": {"geolocation": {"lat": 51.5, "lon": -0.12}, "city": "London"}},
        "request": {"ipChain": [{"ip": "198.51.100.7"}, {"ip": "203.0.113.9"}]},
        "securityContext": {"asNumber": 64500, "isProxy": False},
        "outcome": {"result": "SUCCESS", "reason": None},
        "debugContext": {"debugData": {"requestUri": "/api/v1/authn", "threatSuspected": "false"}},
        "target": [{"id": "1", "type": "User"}, {"id": "2", "type": "AppInstance"}],
    },
    {
        "uuid": "nowhere",
        "eventType": "user.session.start",
        "displayMessage": "User login to Okta",
        "severity": "WARN",
        "_okta_labels": {"customer": "Globex"},
        "client": {"ipAddress": "no address", "geographicalContext": {"geolocation": NULL_GEO}},
        "securityContext": {"asNumber": 10**30, "isProxy": True},
        "outcome": {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
        "debugContext": {"debugData": {"requestUri": "/oauth2/v1/token", "threatSuspected": "true"}},
    },
]

SEARCHES = [
    ({"term": {"client.ipAddress": "198.51.100.0/24"}}, ["london"]),
    ({"range": {"client.ipAddress": {"gte": "198.51.100.0", "lt": "198.51.101.0"}}}, ["london"]),
    ({"term": {"request.ipChain.ip": "203.0.113.9"}}, ["london"]),
    (
        {"geo_distance": {"distance": "50km", "client.geographicalContext.geolocation": {"lat": 51.4, "lon": 0.0}}},
        ["london"],
    ),
    ({"term": {"eventType": "user.session.start"}}, ["london", "nowhere"]),
    ({"term": {"uuid": "nowhere"}}, ["nowhere"]),
    ({"prefix": {"actor.alternateId": "ada@"}}, ["london"]),
    ({"match": {"displayMessage": "login"}}, ["london", "nowhere"]),
    ({"term": {"displayMessage.keyword": "User login to Okta"}}, ["london", "nowhere"]),
    ({"exists": {"field": "outcome.reason"}}, ["nowhere"]),
    ({"exists": {"field": "client.ipAddress"}}, ["london"]),
    ({"range": {"securityContext.asNumber": {"gte": 64500}}}, ["london"]),
    ({"term": {"securityContext.isProxy": True}}, ["nowhere"]),
    ({"term": {"debugContext.debugData.threatSuspected": "true"}}, ["nowhere"]),
    ({"prefix": {"debugContext.debugData.requestUri": "/api/"}}, ["london"]),
    ({"term": {"_okta_labels.customer": "Globex"}}, ["nowhere"]),
    ({"term": {"okta.labels.customer": "Globex"}}, ["nowhere"]),
    ({"wildcard": {"okta.labels.customer": "Ac*"}}, ["london"]),
    ({"term": {"okta.tenant": "acme"}}, ["london", "nowhere"]),
    ({"term": {"_okta_tenant": "acme"}}, ["london", "nowhere"]),
    ({"term": {"target.type": "AppInstance"}}, ["london"]),
    ({"range": {"@timestamp": {"gte": "2026-05-01T09:30:00.123Z", "lte": "2026-05-01T09:30:00.123Z"}}}, ["london", "nowhere"]),
]


def test_analysts_find_it(search_server: SearchServer, target: ElasticsearchTarget):
    sent = batch(*EVENTS)
    assert len(target.send(sent, 60).delivered) == 2
    client = search_server.client()
    index = target.scopes(sent)[0]
    client.indices.refresh(index=index)

    def found(query: dict[str, Any]) -> list[str]:
        return sorted(hit["_source"]["uuid"] for hit in client.search(index=index, body={"query": query})["hits"]["hits"])

    assert [(query, found(query)) for query, _ in SEARCHES] == SEARCHES
    sources = {hit["_source"]["uuid"]: hit["_source"] for hit in client.search(index=index)["hits"]["hits"]}
    added = {"@timestamp": "2026-05-01T09:30:00.123Z", "_okta_tenant": "acme"}
    assert sources == {str(event["uuid"]): {**added, **json.loads(json.dumps(event))} for event in EVENTS}
