"""Reading a dashboard's JSON. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Found", "Json", "annotations", "panels", "queries", "rows", "strings"]

Json = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """A query to Prometheus, where it stands.

    Attributes:
        uid: The dashboard's.
        title: The panel's.
        ref_id: The query's.
        expr: PromQL with Grafana's variables in it.
        instant: Whether only the newest value is asked for.
        panel_type: Grafana's name of the panel's kind.
    """

    uid: str
    title: str
    ref_id: str
    expr: str
    instant: bool
    panel_type: str


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels but the rows' headings, those in folded rows included."""
    for panel in dashboard.get("panels", []):
        if panel.get("type") == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def rows(dashboard: Json) -> Iterator[Json]:
    """The rows' headings."""
    return (panel for panel in dashboard.get("panels", []) if panel.get("type") == "row")


def queries(dashboard: Json) -> Iterator[Found]:
    """All queries to Prometheus."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            if "expr" in target:
                yield Found(
                    dashboard.get("uid", ""),
                    panel.get("title", ""),
                    target.get("refId", ""),
                    target["expr"],
                    bool(target.get("instant")),
                    panel.get("type", ""),
                )


def annotations(dashboard: Json) -> dict[str, str]:
    """What the marks on the time axis ask Prometheus for, by their names."""
    return {each["name"]: each["expr"] for each in dashboard.get("annotations", {}).get("list", []) if "expr" in each}


def strings(value: object) -> Iterator[str]:
    """Every text in a piece of JSON, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
