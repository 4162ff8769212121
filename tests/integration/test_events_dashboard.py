"""The Events dashboards find what simulated organisations did, in a real OpenSearch and a real Elasticsearch."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from flows.pipeline.enrich import Enricher
from grafana.generator.__main__ import FOLDER
from grafana.generator.reading import panels
from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import Batch as Page
from okta_source.polling.event import slice_page
from okta_source.simulator import Organisation, Simulator
from sinks.delivery.batch import Batch
from tests.integration.grafana_search import search_body
from tests.integration.sending import target_of
from tests.integration.servers import SearchServer

FILES = {"elasticsearch": "dashboards/events.json", "opensearch": "dashboards-opensearch/events-opensearch.json"}
EVENTS = 1000


def pages() -> Iterator[Batch]:
    """What two organisations hold, tagged as the flow tags it."""
    with Simulator([Organisation(name, seed=7, events=EVENTS) for name in ("acme", "globex")]) as simulator:
        for name in ("acme", "globex"):
            tenant = TenantConfig.model_validate(
                {"name": name, "org_url": f"https://{name}.okta.com", "auth": {"method": "ssws", "token_env": "T"}}
            )
            since = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
            url: str | None = f"{simulator.url(name)}/api/v1/logs?since={since}&limit=1000"
            while url:
                answer = requests.get(url, headers={"Authorization": f"SSWS {simulator[name].token}"}, timeout=30)
                answer.raise_for_status()
                page = slice_page(answer.content)
                documents = Enricher({name: tenant})(Page(name, "poll", datetime.now(UTC), page.heads, page.bodies))
                if page.heads:
                    yield Batch((documents,))
                url = answer.links["next"]["url"] if len(page.heads) == 1000 else None


@pytest.fixture
def ask(search_server: SearchServer, unique_name: Callable[[str], str]) -> Callable[..., dict[str, Any]]:
    """Sends a panel's query as Grafana would."""
    index = unique_name("events")
    with target_of(search_server.url, index) as target:
        for batch in pages():
            outcome = target.send(batch, 60)
            assert not outcome.refused
            assert not outcome.again
    requests.post(f"{search_server.url}/{index}/_refresh", timeout=30).raise_for_status()
    now = datetime.now(UTC)

    def milliseconds(hours: int) -> int:
        return int((now + timedelta(hours=hours)).timestamp() * 1000)

    def send(query: dict[str, Any], tenant: str = "*", search: str = "*") -> dict[str, Any]:
        body = search_body(query, {"$tenant": tenant, "${search:raw}": search}, (milliseconds(-25), milliseconds(1)))
        answer = requests.post(f"{search_server.url}/{index}/_search?ignore_unavailable=true", json=body, timeout=60)
        assert answer.status_code == 200, (body, answer.text)
        found: dict[str, Any] = answer.json()
        assert found["_shards"]["failed"] == 0, answer.text
        return found

    return send


def queries(kind: str) -> dict[str, dict[str, Any]]:
    dashboard = json.loads((FOLDER / FILES[kind]).read_text("utf-8"))
    return {panel["title"]: target for panel in panels(dashboard) for target in panel["targets"]}


def counted(answer: dict[str, Any]) -> int:
    """How many events the buckets hold, or how many came themselves."""

    def below(aggregations: dict[str, Any]) -> int:
        total = 0
        for aggregation in aggregations.values():
            for bucket in aggregation.get("buckets", []):
                inner = {key: value for key, value in bucket.items() if isinstance(value, dict) and "buckets" in value}
                total += below(inner) if inner else bucket["doc_count"]
        return total

    return below(answer["aggregations"]) if "aggregations" in answer else len(answer["hits"]["hits"])


@pytest.mark.slow
def test_every_panel_finds_events(search_server: SearchServer, ask: Callable[..., dict[str, Any]]) -> None:
    asked = queries(search_server.kind)
    found = {title: counted(ask(query)) for title, query in asked.items()}
    assert [title for title, count in found.items() if not count] == []
    # Numbers that must agree, wherever they are counted.
    assert found["Events"] == 2 * EVENTS
    assert found["Event feed"] == 500
    assert found["Whole events"] == 200
    assert found["Sign-ins by result"] == found["Sign-ins"] > found["Failed sign-ins"] == found["Reasons of failures"]
    assert found["Factor changes by kind"] == found["Factor changes"]
    assert found["Countries"] <= found["Sign-ins"]

    # The tenant that is chosen, as Grafana writes one and several.
    acme = counted(ask(asked["Events"], tenant='("acme")'))
    assert acme == EVENTS
    assert counted(ask(asked["Events"], tenant='("acme" OR "globex")')) == 2 * EVENTS

    # Somebody's Lucene query narrows every panel, and an `OR` in it stays within its brackets.
    user = ask(asked["Users who fail most"])["aggregations"]["2"]["buckets"][0]
    search = f'actor.alternateId:"{user["key"]}" OR actor.alternateId:"nobody@example.com"'
    assert counted(ask(asked["Failed sign-ins"], search=search)) == user["doc_count"]
    hits = ask(asked["Event feed"], search=search)["hits"]["hits"]
    assert {hit["_source"]["actor"]["alternateId"] for hit in hits} == {user["key"]}
    times = [hit["_source"]["@timestamp"] for hit in hits]
    assert times == sorted(times, reverse=True)

    # Spraying: by users, not by attempts.
    sources = ask(asked["Addresses that try many users"])["aggregations"]["2"]["buckets"]
    users = [source["1"]["value"] for source in sources]
    assert users == sorted(users, reverse=True)
    assert users[0] > 1
