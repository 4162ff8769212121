"""Conventions that keep a dashboard from looking healthy when nothing is, and readable when something isn't. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping

from grafana.generator.reading import Json, panels, queries

__all__ = ["RULES"]

Rule = Callable[[Json], Iterator[str]]

_NOW = ("stat", "bargauge", "table")
# What Grafana's variable has found out, or a minute for bars of counts.
_INTERVALS = ("${scrape}s", "1m")
_FALSE_ZERO = re.compile(r"\bor\s*\(*\s*(?:0\s*\*|vector\s*\(\s*0\s*\))")
_CLOCK = re.compile(r"\btime\s*\(\s*\)")
_BREAKERS_ADDED = re.compile(r"\bsum\s*(?:by\s*\([^)]*\)\s*)?\(\s*okta_sink_breakers_open\b")
_THIRD_PARTY = ("default", "osm-standard", "carto", "esri-xyz", "xyz")


def _asks_prometheus(panel: Json) -> list[Json]:
    return [target for target in panel.get("targets", []) if "expr" in target]


def _instant(dashboard: Json) -> Iterator[str]:
    """What says how it is now asks for now: the newest value of a range outlives its process by the whole range."""
    for panel in panels(dashboard):
        draws = panel.get("options", {}).get("graphMode", "none") != "none"
        if panel.get("type") in _NOW and not draws:
            asked = [target.get("refId") for target in _asks_prometheus(panel) if not target.get("instant")]
            yield from (f"{panel.get('title')} ({name}) asks for a range, and shows its end as what is now" for name in asked)


def _holes(dashboard: Json) -> Iterator[str]:
    """The last value that isn't missing is what there was before the end."""
    for panel in panels(dashboard):
        options = panel.get("options", {})
        calcs = [*(options.get("reduceOptions") or {}).get("calcs", []), *(options.get("legend") or {}).get("calcs", [])]
        if _asks_prometheus(panel) and "lastNotNull" in calcs:
            yield f"{panel.get('title')} shows the last value before a hole as if it were the present one"


def _silence(dashboard: Json) -> Iterator[str]:
    """A tile without a value says so in red, whatever the colour of its lowest threshold."""
    for panel in panels(dashboard):
        if panel.get("type") != "stat" or not _asks_prometheus(panel):
            continue
        mappings = panel.get("fieldConfig", {}).get("defaults", {}).get("mappings") or []
        nothing = [
            each["options"]["result"] for each in mappings if each.get("type") == "special" and each["options"]["match"] == "null+nan"
        ]
        if not any(result.get("color") == "red" and result.get("text") for result in nothing):
            yield f"{panel.get('title')} is not red where it knows nothing"


def _zeros(dashboard: Json) -> Iterator[str]:
    for query in queries(dashboard):
        if _FALSE_ZERO.search(query.expr):
            yield f"{query.title} ({query.ref_id}): a 0 for whatever isn't known, too"


def _clock(dashboard: Json) -> Iterator[str]:
    for query in queries(dashboard):
        if _CLOCK.search(query.expr):
            yield f"{query.title} ({query.ref_id}): time() makes a sample older than it is by up to a scrape interval; take timestamp()"


def _intervals(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom") or {}
        is_counted = panel.get("type") == "timeseries" and custom.get("drawStyle") == "bars"
        for target in _asks_prometheus(panel):
            where = f"{panel.get('title')} ({target.get('refId')})"
            if target.get("interval") not in _INTERVALS:
                yield f"{where}: the interval {target.get('interval')!r} leaves charts empty where scrapes are further apart"
            elif is_counted and target["interval"] != "1m":
                yield f"{where}: bars of counts stand for a minute"
        if is_counted and _asks_prometheus(panel) and panel["fieldConfig"]["defaults"].get("decimals") != 0:
            yield f"{panel.get('title')} counts in fractions"


def _one_cause(dashboard: Json) -> Iterator[str]:
    for query in queries(dashboard):
        if _BREAKERS_ADDED.search(query.expr):
            yield f"{query.title} ({query.ref_id}): a sink that is down counts once for each process; take max by (job, sink)"


def _sorted_legends(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        legend = panel.get("options", {}).get("legend") or {}
        if panel.get("type") == "timeseries" and not (legend.get("sortBy") and legend.get("sortDesc")):
            yield f"{panel.get('title')}: the worst is not on top of the legend"


def _widths(dashboard: Json) -> Iterator[str]:
    """One column may take what the others leave."""
    for panel in panels(dashboard):
        if panel.get("type") != "table":
            continue
        shown = {
            name
            for each in panel.get("transformations", [])
            if each["id"] == "organize"
            for name in each["options"].get("renameByName", {}).values()
        }
        wide = {
            override["matcher"]["options"]
            for override in panel.get("fieldConfig", {}).get("overrides", [])
            if any(entry["id"] == "custom.width" for entry in override["properties"])
        }
        if len(shown - wide) > 1:
            yield f"{panel.get('title')}: {', '.join(sorted(shown - wide))} have no width"


def _drop_down(dashboard: Json) -> Iterator[str]:
    for link in dashboard.get("links", []):
        if not link.get("asDropdown"):
            yield f"the links of {link.get('title')!r} take the whole line on top"


def _maps(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        kind = (panel.get("options", {}).get("basemap") or {}).get("type")
        if panel.get("type") == "geomap" and (kind is None or kind in _THIRD_PARTY):
            yield f"{panel.get('title')} asks a third party for its map"


RULES: Mapping[str, Rule] = {
    "instant": _instant,
    "holes": _holes,
    "silence": _silence,
    "zeros": _zeros,
    "clock": _clock,
    "intervals": _intervals,
    "one cause": _one_cause,
    "sorted legends": _sorted_legends,
    "widths": _widths,
    "drop-down": _drop_down,
    "maps": _maps,
}
"""Each takes a dashboard and says what is wrong."""
