"""The committed dashboards: as they are generated, as Grafana's schema has them, as its conventions want them, over metrics that exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from grafana.generator.__main__ import FOLDER, dashboards, main
from grafana.generator.board import panel_id
from grafana.generator.expected_empty import EXPECTED_EMPTY
from grafana.generator.lint import complaints, links
from grafana.generator.promql import metric_names
from grafana.generator.reading import annotations, panels, queries
from grafana.generator.schema import violations
from sinks.elasticsearch.server import Server
from sinks.elasticsearch.template import index_template
from tests.integration.prometheus.scrapes import SCRAPE_INTERVAL
from tests.known_metrics import known_metrics, tenant_metrics

FILES = sorted(FOLDER.glob("dashboards*/*.json"))
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^{}]*)\}")


def committed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(FOLDER.glob(f"dashboards*/{name}")).read_text("utf-8"))
    return found


def every() -> dict[str, dict[str, Any]]:
    return {path.name: committed(path.name) for path in FILES}


@pytest.fixture(params=[path.name for path in FILES])
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    return committed(request.param)


def test_these_are_all():
    assert {each["uid"] for each in every().values()} == {
        "okta-fleet",
        "okta-tenant",
        "okta-delivery",
        "okta-detections",
        "okta-engine",
        "okta-events",
        "okta-events-opensearch",
    }


def test_as_the_schema_has_them(dashboard: dict[str, Any]):
    assert violations(dashboard) == []


def test_as_conventions_want_them(dashboard: dict[str, Any]):
    assert complaints(dashboard) == []


def test_links_lead_somewhere():
    assert links(every()) == []


def test_every_metric_exists(dashboard: dict[str, Any]):
    read = {name for query in queries(dashboard) for name in metric_names(query.expr)}
    assert read - known_metrics() == set()


def test_a_chosen_tenant_is_heeded_by_every_query(dashboard: dict[str, Any]):
    if not any(variable["name"] == "tenant" for variable in dashboard["templating"]["list"]):
        return
    for query in queries(dashboard):
        for metric, matchers in _SELECTOR.findall(query.expr):
            if metric in tenant_metrics():
                assert 'tenant=~"$tenant"' in matchers, (query.title, metric)


def test_every_metric_of_the_source_and_the_sinks_is_shown():
    """What the code counts and no dashboard shows would be counted for nobody."""
    asked = [expr for each in every().values() for expr in (*(query.expr for query in queries(each)), *annotations(each).values())]
    read = {name for expr in asked for name in metric_names(expr)}
    silent = {name for name in known_metrics() if name.startswith("okta_") and not name.endswith(("_count", "_sum"))} - read
    assert silent == set()


def test_the_scrape_interval_is_found_by_the_query_that_promtool_has_tried(dashboard: dict[str, Any]):
    asked = [variable["query"] for variable in dashboard["templating"]["list"] if variable["name"] == "scrape"]
    assert asked == ([f"query_result({SCRAPE_INTERVAL})".replace(".+", "$job")] if list(queries(dashboard)) else [])


def test_a_start_that_resumes_is_told_from_one_without_a_state(dashboard: dict[str, Any]):
    if not list(queries(dashboard)):
        return
    found = annotations(dashboard)
    assert found.keys() == {"Resumes", "Starts without a state"}
    assert "and on (job, instance) count by (job, instance) (okta_resumed_from_timestamp_seconds" in found["Resumes"]
    assert "unless on (job, instance) count by (job, instance) (okta_resumed_from_timestamp_seconds" in found["Starts without a state"]


def test_a_tenant_is_looked_at_alone_on_its_own_board():
    (variable,) = (each for each in committed("tenant.json")["templating"]["list"] if each["name"] == "tenant")
    assert not variable.get("multi")
    assert not variable.get("includeAll")


def test_regenerating_changes_nothing(capsys: pytest.CaptureFixture[str]):
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("change", ["changed", "missing", "foreign"])
def test_check_tells_and_writing_mends(tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str):
    assert main([], tmp_path) == 0
    assert {str(path.relative_to(tmp_path)): path.read_text("utf-8") for path in tmp_path.rglob("*.json")} == dashboards()
    fleet = tmp_path / "dashboards" / "fleet.json"
    if change == "changed":
        fleet.write_text(fleet.read_text("utf-8").replace("Okta / Fleet", "Fleet of mine"), "utf-8")
    elif change == "missing":
        fleet.unlink()
    else:
        (tmp_path / "dashboards" / "old.json").write_text("{}", "utf-8")
    assert main(["--check"], tmp_path) == 1
    told = capsys.readouterr().out
    assert "make dashboards" in told
    assert {"changed": '-  "title": "Fleet of mine"', "missing": '+  "title": "Okta / Fleet"', "foreign": "-{}"}[change] in told
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


def test_a_panel_keeps_its_id_wherever_it_stands():
    assert panel_id("Lag") == panel_id("Lag") != panel_id("Lag and age")


def test_what_may_be_empty_exists_and_is_little():
    asked = {(query.uid, query.title, query.ref_id) for each in every().values() for query in queries(each)}
    assert EXPECTED_EMPTY.keys() <= asked
    assert len(EXPECTED_EMPTY) < len(asked) / 5


def test_events_ask_only_for_what_the_index_template_maps():
    properties = index_template(Server("opensearch", (2, 19, 6)), "logs")["template"]["mappings"]["properties"]

    def kind(path: str) -> object:
        found: Any = {"properties": properties}
        for name in path.split("."):
            found = found.get("properties", {}).get(name, {})
        return found.get("type")

    for name in ("events.json", "events-opensearch.json"):
        for panel in panels(committed(name)):
            for target in panel["targets"]:
                for each in target["bucketAggs"] + [metric for metric in target["metrics"] if "field" in metric]:
                    wanted = {"date_histogram": {"date"}, "geohash_grid": {"geo_point"}}.get(each["type"], {"keyword", "ip"})
                    assert kind(each["field"]) in wanted, (panel["title"], each["field"])
                for field in re.findall(r"([_a-zA-Z][\w.]*):", target["query"].replace("${search:raw}", "")):
                    assert kind(field) is not None, (panel["title"], field)


def test_both_events_dashboards_ask_the_same():
    def asked(name: str) -> list[tuple[str, str, Any, Any]]:
        return [
            (panel["title"], target["query"], target["bucketAggs"], target["metrics"])
            for panel in panels(committed(name))
            for target in panel["targets"]
        ]

    assert asked("events.json") == asked("events-opensearch.json")


@pytest.mark.parametrize("name", ["events.json", "events-opensearch.json"])
def test_the_platform_is_taken_for_nobody_who_signs_in(name: str):
    asked = [str(target.get("query", target)) for panel in panels(committed(name)) for target in panel.get("targets", [])]
    sign_ins = [query for query in asked if "_okta_action:sign_in" in query]
    assert len(sign_ins) > 5
    assert all("NOT actor.type:SystemPrincipal" in query for query in sign_ins)
