"""ECS and OCSF documents in real servers: none is refused, in whatever order they come, and they are found by their fields.

`FORMAT_EVENTS=100000` sends as many simulated events instead of the few of every day.
"""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flows.pipeline.formats.ecs_format import EcsFormat
from flows.pipeline.formats.formatter import Formatter
from flows.pipeline.formats.ocsf_format import OcsfFormat
from sinks.delivery.batch import Batch
from sinks.documents import Documents
from sinks.elasticsearch import ElasticsearchTarget
from tests.integration.sending import target_of
from tests.integration.servers import SearchServer
from tests.unit.flows.pipeline.formats.events import SHAPES, SIGN_IN, changed, debug, raw_documents
from tests.unit.flows.pipeline.formats.simulated import simulated_events

EVENTS = int(os.environ.get("FORMAT_EVENTS", "300"))
FORMATS = {"ecs": EcsFormat(), "ocsf": OcsfFormat("1.3.0")}
PAGE = 1000


def target_with(details: Any) -> list[dict[str, Any]]:
    return [{"id": "1", "type": "User", "displayName": "x", "changeDetails": details, "detailEntry": details}]


# Each has one value where another one has a value of another kind.
DETAILS = ["text", {"from": "text"}, {"from": {"policySubject": "text"}}, {"from": {"policySubject": {"a": {"b": 1}}}}, [1], 7, {}]
PLACES = ["x", 5, [{"ipAddress": "1.2.3.4"}], {"ipAddress": {"a": 1}, "geographicalContext": {"geolocation": {"lat": 95, "lon": 1}}}]
CHAINS = ["x", [{"ip": ["1.2.3.4"], "source": {"a": 1}}], [1, None, [{"ip": "x"}]], {"ip": "1.2.3.4"}]
DISGUISED = ["{level=LOW}", "x", "", '[{"a":1}]', {"level": "HIGH"}]
CONFLICTING = [
    *(changed(target=target_with(value)) for value in DETAILS),
    *(changed(debugContext=debug(originalPrincipal=value)) for value in ("x", {"id": {"a": 1}}, [1, {"a": [None]}])),
    *(changed(debugContext=debug(risk=value, behaviors=value, tunnels=value)) for value in DISGUISED),
    *(
        changed(securityContext=dict.fromkeys(("risk", "ipDetails", "userBehaviors"), value))
        for value in ("x", {"level": 1}, [{"name": {}}], 5)
    ),
    *(changed(device=value) for value in ("x", {"managed": "maybe", "device_integrator": "x"}, {"name": {"a": 1}}, [1])),
    *(changed(client=value) for value in PLACES),
    *(changed(request={"ipChain": value}) for value in CHAINS),
    *(changed(actor=value) for value in ("x", [1], {"id": {"a": 1}, "displayName": ["a"], "alternateId": True})),
    *(changed(transaction=value) for value in ("x", {"detail": "x"}, {"id": {"a": 1}, "detail": {"requestApiTokenId": {"a": 1}}})),
    *(
        changed(**dict.fromkeys(("outcome", "displayMessage", "severity", "version"), value))
        for value in (5, {"result": {"a": 1}}, ["x"], True)
    ),
    changed(debugContext=debug(logOnlySecurityData="x" * 30_000)),
    changed(displayMessage="x" * 40_000),
]


def documents(name: str, events: list[dict[str, Any] | bytes]) -> Documents:
    numbered = [event if isinstance(event, bytes) else event | {"uuid": f"{name}-{number}"} for number, event in enumerate(events)]
    formatter = Formatter(FORMATS[name], with_original=name == "ecs", on_error=lambda _, errors: pytest.fail(f"{errors} not mapped"))
    return formatter(raw_documents(*numbered))


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def target(name: str, search_server: SearchServer, unique_name: Callable[[str], str]) -> Iterator[ElasticsearchTarget]:
    with target_of(search_server.url, unique_name(f"formats-{name}"), document_format=name) as made:
        yield made


def refusals(target: ElasticsearchTarget, page: Documents) -> list[tuple[bytes, str]]:
    outcome = target.send(Batch((page,)), 120)
    assert not outcome.again, outcome.again
    assert outcome.split is None
    return [(page.document(refused.position)[:2000], refused.reason) for refused in outcome.refused]


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_no_value_makes_the_next_event_unwelcome(target: ElasticsearchTarget, name: str, backwards: bool):
    events: list[dict[str, Any] | bytes] = [*CONFLICTING, *SHAPES.values()]
    page = documents(name, events)
    order = range(len(page))[:: -1 if backwards else 1]
    # One by one, so that each meets what those before it have made of the index.
    assert [refusal for index in order for refusal in refusals(target, page.take([index]))] == []


@pytest.mark.timeout(180 + EVENTS // 20)
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_simulated_events_are_all_taken(target: ElasticsearchTarget, name: str, backwards: bool):
    events = list(simulated_events(EVENTS))
    pages = [events[start : start + PAGE] for start in range(0, len(events), PAGE)]
    for some in pages[:: -1 if backwards else 1]:
        page = documents(name, list(some[:: -1 if backwards else 1]))
        assert refusals(target, page) == []


QUERIES = {
    "ecs": [
        {"bool": {"filter": [{"term": {"data_stream.dataset": "okta.system"}}, {"term": {"event.action": "user.session.start"}}]}},
        {"term": {"event.category": "authentication"}},
        {"term": {"source.ip": "198.51.100.0/24"}},
        {"term": {"okta.security_context.is_proxy": "false"}},
        {"term": {"source.as.number": 64500}},
        {"term": {"okta.debug_context.debug_data.risk_reasons": "Anomalous Location"}},
        {"term": {"okta.debug_context.debug_data.flattened.behaviors.New Device": "POSITIVE"}},
        {"term": {"user.target.email": "bob@acme.example"}},
        {"term": {"okta.target.changeDetails.from.status": "OLD"}},
        {"term": {"okta.request.ip_chain.ip": "2001:db8::1"}},
        {"term": {"okta.pipeline.tenant": "acme"}},
        {"geo_distance": {"distance": "1km", "client.geo.location": {"lat": 52.09, "lon": 5.12}}},
    ],
    "ocsf": [
        {"term": {"class_uid": 3002}},
        {"term": {"src_endpoint.ip": "198.51.100.0/24"}},
        {"term": {"actor.user.email_addr": "ada@acme.example"}},
        {"term": {"unmapped._okta_tenant": "acme"}},
        {"term": {"observables.value": "Bob Bakker"}},
        {"range": {"time": {"gte": 1772366400123, "lte": 1772366400123}}},
        {"term": {"metadata.uid": "ocsf-0"}},
    ],
}  # fmt: skip


def test_documents_are_found_by_their_fields(target: ElasticsearchTarget, name: str, search_server: SearchServer):
    assert (
        refusals(target, documents(name, [SIGN_IN, changed("brand.new.thing", **dict.fromkeys(("actor", "client", "target"), None))])) == []
    )
    index = target.scopes(Batch((documents(name, [SIGN_IN]),)))[0]
    client = search_server.client()
    client.indices.refresh(index=index)
    found = {
        json.dumps(query): [hit["_id"] for hit in client.search(index=index, body={"query": query})["hits"]["hits"]]
        for query in QUERIES[name]
    }
    for query, ids in found.items():
        assert f"{name}-0" in ids, query
