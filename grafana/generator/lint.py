"""Conventions of Grafana dashboards: those that `grafana/dashboard-linter` checks, and this pipeline's own. Pure.

The published linter wants `.+` as the job variable's "all"; here it is the list of this pipeline's jobs, since `up` and `process_*` exist
for every job of a Prometheus. Everything else is as it wants it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

from grafana_foundation_sdk.models import units

from grafana.generator import lint_truth
from grafana.generator.board import GRID_COLUMNS, TAG
from grafana.generator.reading import Json, panels, queries, rows, strings

__all__ = ["RULES", "complaints", "links"]

_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:[.:][^}]*)?\})|\[\[([A-Za-z_]\w*)")
_GLOBAL = re.compile(r"__\w+|timeFilter")
_RANGE = re.compile(r"(\w+)\s*\(\s*[a-zA-Z_:][\w:]*\s*(?:\{[^{}]*\})?\s*\[([^\]]*)\]\s*\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^{}]*)\}")
# What promql.grown writes: a counter that wasn't there before counts as a whole.
_GROWN = re.compile(r"\((\w+\{[^{}]*\}) unless \1 offset (\$\w+) or (increase\(\1\[\2\]\))\)")
_COUNTER = re.compile(r"(\w+)\s*\(\s*$")
_UNITS = frozenset(value for name in dir(units) if isinstance(value := getattr(units, name), str) and not name.startswith("_"))
_LINK = re.compile(r"/d/([\w-]+)([^\s]*)")
_HIDDEN = 2
_ONE_AT_A_TIME = {("okta-tenant", "tenant")}
# Beside rates: what was there within the hour, and whether a range holds two scrapes.
_LOOKS_BACK = {"last_over_time": {"1h"}, "count_over_time": {"$__rate_interval", "$__range"}}
_NUMBERLESS = ("logs", "text")
_SERIES = ("timeseries", "stat", "bargauge", "heatmap")

Rule = Callable[[Json], Iterator[str]]


def complaints(dashboard: Json) -> list[str]:
    """Everything that is wrong with a dashboard, as `rule: what`; empty where nothing is."""
    return [f"{name}: {what}" for name, rule in RULES.items() for what in rule(dashboard)]


def links(dashboards: Mapping[str, Json]) -> list[str]:
    """What is wrong between dashboards: uids and titles that two have, links that lead nowhere or set a variable that is unknown there."""
    by_uid = {each["uid"]: each for each in dashboards.values()}
    found: list[str] = []
    for key in ("uid", "title"):
        found.extend(f"two dashboards have the {key} {value!r}" for value in _repeated(each[key] for each in dashboards.values()))
    tags = {tag for each in dashboards.values() for tag in each["tags"]}
    for each in dashboards.values():
        for text in strings([each.get("links", []), each["panels"]]):
            for uid, rest in _LINK.findall(text):
                if uid not in by_uid:
                    found.append(f"{each['uid']}: a link leads to {uid}, which is no dashboard")
                    continue
                known = {variable["name"] for variable in _variables(by_uid[uid])}
                found.extend(
                    f"{each['uid']}: a link sets {name}, which {uid} has not"
                    for name in re.findall(r"var-(\w+)=", rest)
                    if name not in known
                )
        for link in each.get("links", []):
            found.extend(f"{each['uid']}: no dashboard has the tag {tag}" for tag in link.get("tags", []) if tag not in tags)
    return found


def _repeated(values: Iterator[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def _variables(dashboard: Json) -> list[Json]:
    found: list[Json] = dashboard.get("templating", {}).get("list", [])
    return found


def _used(value: object) -> set[str]:
    names = {next(filter(None, match)) for text in strings(value) for match in _VARIABLE.findall(text)}
    return {name for name in names if not _GLOBAL.fullmatch(name)}


def _identity(dashboard: Json) -> Iterator[str]:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", dashboard.get("uid", "")):
        yield f"uid {dashboard.get('uid')!r}"
    if dashboard.get("id") is not None:
        yield "an id belongs to one Grafana alone"
    for key in ("title", "description", "refresh", "time", "schemaVersion"):
        if not dashboard.get(key):
            yield f"no {key}"
    if TAG not in dashboard.get("tags", []):
        yield f"the tag {TAG} is missing, by which the dashboards link to each other"


def _unique(dashboard: Json) -> Iterator[str]:
    every = [*panels(dashboard), *rows(dashboard)]
    yield from (f"two panels have the id {value}" for value in _repeated(panel.get("id") for panel in every))
    yield from (f"two panels are called {value!r}" for value in _repeated(panel.get("title") for panel in panels(dashboard)))
    for panel in panels(dashboard):
        for value in _repeated(target.get("refId") for target in panel.get("targets", [])):
            yield f"{panel.get('title')}: two queries are called {value!r}"


def _grid(dashboard: Json) -> Iterator[str]:
    places = [(panel.get("title"), panel["gridPos"]) for panel in dashboard.get("panels", [])]
    for title, place in places:
        if place["x"] < 0 or place["w"] < 1 or place["h"] < 1 or place["x"] + place["w"] > GRID_COLUMNS:
            yield f"{title} lies beside the grid"
    for (one, a), (other, b) in combinations(places, 2):
        if a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]:
            yield f"{one} and {other} overlap"


def _titles(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        for key in ("title", "description"):
            if not str(panel.get(key, "")).strip():
                yield f"panel {panel.get('id')} ({panel.get('title')!r}) has no {key}"
        if not panel.get("targets"):
            yield f"{panel.get('title')} asks nothing"


def _units(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        if panel.get("type") in _NUMBERLESS:
            continue
        config = panel.get("fieldConfig", {})
        unit = config.get("defaults", {}).get("unit")
        given = [entry["value"] for override in config.get("overrides", []) for entry in override["properties"] if entry["id"] == "unit"]
        yield from (f"{panel.get('title')}: unit {each!r}" for each in [unit, *given] if each not in _UNITS)


def _sources(dashboard: Json) -> Iterator[str]:
    declared = {variable["name"]: variable.get("query") for variable in _variables(dashboard) if variable["type"] == "datasource"}
    places = [
        (variable["name"], variable.get("datasource")) for variable in _variables(dashboard) if variable["type"] in ("query", "adhoc")
    ]
    for panel in panels(dashboard):
        places.append((panel.get("title"), panel.get("datasource")))
        places.extend((panel.get("title"), target.get("datasource")) for target in panel.get("targets", []))
    for where, found in places:
        source = found or {}
        match = re.fullmatch(r"\$\{(\w+)\}", source.get("uid", ""))
        if match is None or match[1] not in declared:
            yield f"{where}: the data source {source!r} is no variable of this dashboard"
        elif source.get("type", declared[match[1]]) != declared[match[1]]:
            yield f"{where}: the variable {match[1]} is a {declared[match[1]]}, the query a {source['type']}"
    for name, label in (("datasource", "Data source"), ("job", "Job")):
        yield from (
            f"{name} is called {each.get('label')!r}"
            for each in _variables(dashboard)
            if each["name"] == name and each.get("label") != label
        )


def _variable_use(dashboard: Json) -> Iterator[str]:
    declared = [variable["name"] for variable in _variables(dashboard)]
    yield from (f"two variables are called {name}" for name in _repeated(iter(declared)))
    asked = [[panel.get("datasource"), panel.get("targets"), panel.get("repeat")] for panel in panels(dashboard)]
    chosen = [[variable.get("query"), variable.get("datasource")] for variable in _variables(dashboard)]
    # Grafana adds ad hoc filters by itself, to every query of their data source.
    unused = {variable["name"] for variable in _variables(dashboard) if variable["type"] != "adhoc"} - _used([asked, chosen])
    yield from (f"{name} is declared and never used" for name in sorted(unused))
    yield from (f"{name} is used and not declared" for name in sorted(_used([dashboard.get("panels"), chosen]) - set(declared)))
    for variable in _variables(dashboard):
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield f"{variable['name']} is not asked anew when the time changes"
        # One is found, not chosen; and a board about one tenant shows one.
        alone = variable.get("hide") == _HIDDEN or (dashboard.get("uid"), variable["name"]) in _ONE_AT_A_TIME
        several = bool(variable.get("includeAll") and variable.get("multi"))
        if variable["type"] == "query" and several == alone:
            verb = "can" if alone else "can't"
            yield f"{variable['name']} {verb} be all or several"


def _legends(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        if panel.get("type") == "timeseries" and not panel.get("options", {}).get("legend", {}).get("showLegend"):
            yield f"{panel.get('title')} hides its legend"
        if panel.get("type") in _SERIES:
            missing = [target.get("refId") for target in panel.get("targets", []) if "expr" in target and not target.get("legendFormat")]
            yield from (f"{panel.get('title')}: the query {name} has no legend" for name in missing)


def _ranges(dashboard: Json) -> Iterator[str]:
    for query in queries(dashboard):
        where = f"{query.title} ({query.ref_id})"
        allowed = {"$__rate_interval", "$__range"} if query.instant else {"$__rate_interval"}
        found = _RANGE.findall(query.expr)
        if len(found) != query.expr.count("["):
            yield f"{where}: a range that is no argument of a function of its own"
        for function, span in found:
            if span in _LOOKS_BACK.get(function, ()):
                continue
            if function not in ("rate", "increase"):
                yield f"{where}: {function} over a range"
            if span not in allowed or (span == "$__range" and function != "increase"):
                yield f"{where}: {function} over [{span}]"


def _counters(dashboard: Json) -> Iterator[str]:
    for query in queries(dashboard):
        expression = _GROWN.sub(r"\3", query.expr)
        for match in _SELECTOR.finditer(expression):
            before = _COUNTER.search(expression[: match.start()])
            is_counter = match[1].endswith(("_total", "_bucket", "_count", "_sum"))
            if is_counter and (before is None or before[1] not in ("rate", "increase", "count_over_time")):
                yield f"{query.title} ({query.ref_id}): {match[1]} is a counter, and its value says nothing"


def _jobs(dashboard: Json) -> Iterator[str]:
    for query in queries(dashboard):
        for metric, matchers in _SELECTOR.findall(query.expr):
            if 'job=~"$job"' not in matchers:
                yield f"{query.title} ({query.ref_id}): {metric} of any job"


RULES: Mapping[str, Rule] = {
    "identity": _identity,
    "unique": _unique,
    "grid": _grid,
    "titles": _titles,
    "units": _units,
    "data sources": _sources,
    "variables": _variable_use,
    "legends": _legends,
    "ranges": _ranges,
    "counters": _counters,
    "jobs": _jobs,
    **lint_truth.RULES,
}
"""Each takes a dashboard and says what is wrong."""
