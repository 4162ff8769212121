"""Each convention is broken once, and told."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from grafana.generator.__main__ import FOLDER
from grafana.generator.lint import RULES, complaints, links
from grafana.generator.schema import violations

Json = dict[str, Any]


def good(name: str = "fleet") -> Json:
    found: Json = json.loads(next(FOLDER.glob(f"dashboards*/{name}.json")).read_text("utf-8"))
    return found


def panel(dashboard: Json, title: str) -> Json:
    return next(each for each in dashboard["panels"] if each.get("title") == title and each["type"] != "row")


def query(dashboard: Json, title: str = "Lag") -> Json:
    found: Json = panel(dashboard, title)["targets"][0]
    return found


def variable(dashboard: Json, name: str) -> Json:
    return next(each for each in dashboard["templating"]["list"] if each["name"] == name)


def put(value: Any, *path: Any) -> Callable[[Json], None]:
    """A change: the value at a path; `...` removes what is there."""

    def change(dashboard: Json) -> None:
        place: Any = dashboard
        for key in path[:-1]:
            place = place(dashboard) if callable(place) else place[key]
        if value is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


def asks(expr: str) -> Callable[[Json], None]:
    return lambda dashboard: query(dashboard).update(expr=expr)


def same_id(dashboard: Json) -> None:
    panel(dashboard, "Lag")["id"] = panel(dashboard, "Tenants")["id"]


def same_place(dashboard: Json) -> None:
    panel(dashboard, "Lag")["gridPos"]["x"] -= 1


def green_silence(dashboard: Json) -> None:
    (special,) = panel(dashboard, "Sinks down")["fieldConfig"]["defaults"]["mappings"]
    special["options"]["result"]["color"] = "green"


def narrow(dashboard: Json) -> None:
    overrides = panel(dashboard, "All tenants")["fieldConfig"]["overrides"]
    (state,) = (each for each in overrides if each["matcher"]["options"] == "State")
    state["properties"] = [entry for entry in state["properties"] if entry["id"] != "custom.width"]


SPOILED: list[tuple[str, str, Callable[[Json], None]]] = [
    ("identity", "uid", put("A fleet!", "uid")),
    ("identity", "an id", put(17, "id")),
    ("identity", "no description", put("", "description")),
    ("identity", "no refresh", put(..., "refresh")),
    ("identity", "the tag", put(["other"], "tags")),
    ("unique", "two panels have the id", same_id),
    ("unique", "two panels are called", lambda it: panel(it, "Lag").update(title="Tenants")),
    ("unique", "two queries are called", lambda it: panel(it, "Lag")["targets"].append(query(it))),
    ("grid", "overlap", same_place),
    ("grid", "beside the grid", lambda it: panel(it, "Top talkers")["gridPos"].update(w=9)),
    ("titles", "has no description", lambda it: panel(it, "Lag").update(description=" ")),
    ("titles", "has no title", lambda it: panel(it, "Lag").update(title="")),
    ("titles", "asks nothing", lambda it: panel(it, "Lag").update(targets=[])),
    ("units", "unit None", lambda it: panel(it, "Lag")["fieldConfig"]["defaults"].pop("unit")),
    ("units", "unit 'seconds'", lambda it: panel(it, "Lag")["fieldConfig"]["defaults"].update(unit="seconds")),
    (
        "units",
        "unit 'eventsps'",
        lambda it: panel(it, "All tenants")["fieldConfig"]["overrides"][5]["properties"][0].update(value="eventsps"),
    ),
    ("data sources", "is no variable", lambda it: panel(it, "Lag")["datasource"].update(uid="P1809F7CD0C75ACF3")),
    ("data sources", "is no variable", lambda it: query(it)["datasource"].update(uid="${other}")),
    ("data sources", "is no variable", lambda it: query(it).pop("datasource")),
    ("data sources", "is no variable", lambda it: variable(it, "tenant")["datasource"].update(uid="prometheus")),
    ("data sources", "the query a loki", lambda it: query(it)["datasource"].update(type="loki")),
    ("data sources", "is called", lambda it: variable(it, "job").update(label="Pipeline")),
    ("variables", "two variables", lambda it: it["templating"]["list"].append(variable(it, "job"))),
    (
        "variables",
        "region is declared and never used",
        lambda it: it["templating"]["list"].append(variable(good(), "job") | {"name": "region"}),
    ),
    ("variables", "tenant is used and not declared", lambda it: it["templating"]["list"].remove(variable(it, "tenant"))),
    ("variables", "region is used and not declared", asks('max by (job) (up{job=~"$job", region="${region:raw}"})')),
    ("variables", "not asked anew", lambda it: variable(it, "tenant").update(refresh=1)),
    ("variables", "can't be all", lambda it: variable(it, "tenant").update(includeAll=False)),
    ("legends", "hides its legend", lambda it: panel(it, "Lag")["options"]["legend"].update(showLegend=False)),
    ("legends", "has no legend", lambda it: query(it).update(legendFormat="")),
    ("ranges", "rate over [5m]", asks('sum by (job) (rate(okta_pages_total{job=~"$job"}[5m]))')),
    ("ranges", "rate over [$__interval]", asks('sum by (job) (rate(okta_pages_total{job=~"$job"}[$__interval]))')),
    ("ranges", "increase over [$__range]", asks('sum by (job) (increase(okta_pages_total{job=~"$job"}[$__range]))')),
    ("ranges", "max_over_time over a range", asks('max_over_time(up{job=~"$job"}[$__rate_interval])')),
    ("ranges", "no argument", asks('max_over_time(sum(up{job=~"$job"})[$__rate_interval:])')),
    ("counters", "is a counter", asks('sum by (job) (okta_pages_total{job=~"$job"})')),
    (
        "counters",
        "is a counter",
        asks('(a_total{job=~"$job"} unless a_total{job=~"$job"} offset $__range or increase(a_total{job=~"$job"}[$__rate_interval]))'),
    ),
    ("variables", "scrape can be all", lambda it: variable(it, "scrape").update(includeAll=True, multi=True)),
    ("ranges", "last_over_time over [1d]", asks('max by (job) (last_over_time(up{job=~"$job"}[1d]))')),
    ("instant", "Greatest lag (A) asks for a range", lambda it: query(it, "Greatest lag").pop("instant")),
    ("instant", "Top talkers (A) asks for a range", lambda it: query(it, "Top talkers").update(instant=False)),
    ("instant", "All tenants (State) asks for a range", lambda it: query(it, "All tenants").update(instant=False)),
    ("holes", "Greatest lag", lambda it: panel(it, "Greatest lag")["options"]["reduceOptions"].update(calcs=["lastNotNull"])),
    ("holes", "Events received", lambda it: panel(it, "Events received")["options"]["reduceOptions"].update(calcs=["lastNotNull"])),
    ("holes", "Lag shows", lambda it: panel(it, "Lag")["options"]["legend"].update(calcs=["max", "lastNotNull"])),
    ("silence", "Sinks down", lambda it: panel(it, "Sinks down")["fieldConfig"]["defaults"].update(mappings=[])),
    ("silence", "Sinks down", green_silence),
    (
        "zeros",
        "Lag (A)",
        asks('sum by (job) (rate(okta_pages_total{job=~"$job"}[$__rate_interval])) or 0 * max by (job) (up{job=~"$job"})'),
    ),
    ("zeros", "Lag (A)", asks('sum by (job) (up{job=~"$job"}) or (0 * max by (job) (up{job=~"$job"}))')),
    ("zeros", "Lag (A)", asks('count(up{job=~"$job"} == 0) or vector(0)')),
    ("clock", "Lag (A)", asks('time() - max by (job) (okta_last_success_timestamp_seconds{job=~"$job", tenant=~"$tenant"})')),
    ("intervals", "leaves charts empty", lambda it: query(it).pop("interval")),
    ("intervals", "leaves charts empty", lambda it: query(it).update(interval="15s")),
    ("intervals", "stand for a minute", lambda it: query(it, "Requests refused with 429").update(interval="${scrape}s")),
    ("intervals", "in fractions", lambda it: panel(it, "Requests refused with 429")["fieldConfig"]["defaults"].pop("decimals")),
    ("one cause", "Lag (A)", asks('sum by (job, sink) (okta_sink_breakers_open{job=~"$job"})')),
    ("one cause", "Lag (A)", asks('sum(okta_sink_breakers_open{job=~"$job"})')),
    ("sorted legends", "Lag", lambda it: panel(it, "Lag")["options"]["legend"].pop("sortBy")),
    ("sorted legends", "Lag", lambda it: panel(it, "Lag")["options"]["legend"].update(sortDesc=False)),
    ("widths", "All tenants: Organisation, State have no width", narrow),
    ("drop-down", "Okta dashboards", lambda it: it["links"][0].update(asDropdown=False)),
    ("maps", "Places", lambda it: it["panels"].append(panel(good("events"), "Places") | {"options": {"basemap": {"type": "default"}}})),
    ("jobs", "up of any job", asks("max by (instance) (up{})")),
]


@pytest.mark.parametrize(("rule", "told", "spoil"), SPOILED, ids=[f"{rule}-{told}" for rule, told, _ in SPOILED])
def test_a_spoiled_copy_is_told(rule: str, told: str, spoil: Callable[[Json], None]):
    dashboard = good()
    assert complaints(dashboard) == []
    spoil(dashboard)
    assert any(each.startswith(f"{rule}: ") and told in each for each in complaints(dashboard)), complaints(dashboard)


def test_each_rule_has_been_broken():
    assert {rule for rule, _, _ in SPOILED} == RULES.keys()


def test_what_is_wrong_between_dashboards_is_told():
    fleet, tenant = good(), good("tenant")
    assert links({"a": fleet, "b": tenant, "c": good("delivery")}) == []
    assert "okta-fleet: a link leads to okta-delivery, which is no dashboard" in links({"a": fleet, "b": tenant})
    assert links({"a": tenant, "b": tenant, "c": good("delivery")}) == [
        "two dashboards have the uid 'okta-tenant'",
        "two dashboards have the title 'Okta / Tenant'",
    ]
    renamed = copy.deepcopy(tenant)
    variable(renamed, "tenant")["name"] = "organisation"
    assert "okta-fleet: a link sets tenant, which okta-tenant has not" in links({"a": fleet, "b": renamed, "c": good("delivery")})
    fleet["links"][0]["tags"] = ["nobody"]
    assert "okta-fleet: no dashboard has the tag nobody" in links({"a": fleet, "b": tenant, "c": good("delivery")})


BROKEN: list[tuple[str, str, Callable[[Json], None]]] = [
    ("fleet", "dashboard.panles: not in the schema", put([], "panles")),
    ("fleet", "gridPos.z: not in the schema", lambda it: panel(it, "Lag")["gridPos"].update(z=1)),
    ("fleet", "is no int", lambda it: panel(it, "Lag")["gridPos"].update(w="9")),
    ("fleet", "expression: not in the schema", lambda it: query(it).update(expression=query(it)["expr"])),
    ("fleet", "expr: missing", lambda it: query(it).pop("expr")),
    ("fleet", "'tables' is no PromQueryFormat", lambda it: query(it).update(format="tables")),
    ("fleet", "'lines' is no GraphDrawStyle", lambda it: panel(it, "Lag")["fieldConfig"]["defaults"]["custom"].update(drawStyle="lines")),
    ("fleet", "is no ThresholdsMode", lambda it: panel(it, "Lag")["fieldConfig"]["defaults"]["thresholds"].update(mode="relative")),
    ("fleet", "is no LegendPlacement", lambda it: panel(it, "Lag")["options"]["legend"].update(placement="left")),
    ("fleet", "is no VariableType", lambda it: variable(it, "tenant").update(type="queries")),
    ("fleet", "is no VariableRefresh", lambda it: variable(it, "tenant").update(refresh=7)),
    ("fleet", "is no DashboardLinkType", lambda it: it["links"][0].update(type="dashboard")),
    (
        "fleet",
        "links[0].adress: not in the schema",
        lambda it: panel(it, "Tenants")["fieldConfig"]["defaults"]["links"][0].update(adress="/d/x"),
    ),
    ("fleet", "is no str", lambda it: panel(it, "All tenants")["transformations"][0].update(id=5)),
    ("fleet", "is no DashboardCursorSync", put(9, "graphTooltip")),
    ("fleet", "is no str", put(7, "title")),
    ("fleet", "is no list", put("okta", "tags")),
    ("events", "can't decode", lambda it: query(it, "Countries")["bucketAggs"][0].update(type="term")),
    ("events", "fields: not in the schema", lambda it: query(it, "Countries")["bucketAggs"][0].update(fields=["a"])),
    ("events", "is no TermsOrder", lambda it: query(it, "Countries")["bucketAggs"][0]["settings"].update(order="down")),
    ("events-opensearch", "luceneQueryType", lambda it: query(it, "Countries").update(luceneQueryType="Metrics")),
    ("events-opensearch", "KeyError", lambda it: query(it, "Countries")["bucketAggs"][0].update(type="term")),
    ("events-opensearch", "timefield: not in the schema", lambda it: query(it, "Countries").update(timefield="published")),
    (
        "events-opensearch",
        "of no known type",
        lambda it: [panel(it, "Countries")["datasource"].pop("type"), query(it, "Countries")["datasource"].update(type="x")],
    ),
]


@pytest.mark.parametrize(("name", "told", "spoil"), BROKEN, ids=[f"{name}-{told}" for name, told, _ in BROKEN])
def test_what_the_schema_does_not_know_is_told(name: str, told: str, spoil: Callable[[Json], object]):
    dashboard = good(name)
    assert violations(dashboard) == []
    spoil(dashboard)
    assert any(told in each for each in violations(dashboard)), violations(dashboard)
