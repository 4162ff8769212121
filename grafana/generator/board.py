"""A dashboard as a whole: rows on the grid, ids that stay, links to the others, and the text of its file."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.variables import METRICS_SOURCE

__all__ = ["TAG", "Line", "Row", "address", "board", "line", "panel_id", "text"]

TAG = "bytewax-okta"
"""All dashboards of this pipeline carry it; the links between them go by it."""

GRID_COLUMNS = 24


@dataclass(frozen=True)
class Line:
    """Panels side by side, of one height; their widths are `GRID_COLUMNS` in all."""

    height: int
    panels: tuple[models.Panel, ...]


@dataclass(frozen=True, init=False)
class Row:
    """Lines of panels under a heading."""

    title: str
    lines: tuple[Line, ...]

    def __init__(self, title: str, *lines: Line) -> None:
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "lines", lines)


def line(height: int, *panels: models.Panel) -> Line:
    """Panels side by side."""
    return Line(height, panels)


def panel_id(title: str) -> int:
    """An id that is the same whatever stands before the panel: addresses of single panels outlive a change of the dashboard."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1


def address(uid: str, **variables: str) -> str:
    """A link's address: the other dashboard, the same time, data source and job, and the variables that are given."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return f"/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}&${{job:queryparam}}{chosen}"


def board(
    uid: str,
    title: str,
    description: str,
    variables: Sequence[Builder[models.VariableModel]],
    rows: Sequence[Row],
    *,
    since: str = "now-3h",
    refresh: str = "30s",
    restarts: bool = True,
) -> models.Dashboard:
    """A dashboard.

    Args:
        uid: What addresses name it by.
        title: What people call it.
        description: What it answers.
        variables: What can be chosen on top.
        rows: What it shows.
        since: From when on, until somebody chooses.
        refresh: How often it is drawn anew.
        restarts: Whether charts show when processes started, and which resumed: metrics alone know it.
    """
    link = (
        builders.DashboardLink("Okta dashboards")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )
    annotations: list[Builder[models.AnnotationQuery]] = [*_starts()] if restarts else []
    built = (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG, "okta"])
        .variables(list(variables))
        .link(link)
        .annotations(annotations)
        .time(since, "now")
        .refresh(refresh)
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
        .version(1)
        .build()
    )
    built.panels = _placed(rows)
    return built


def text(found: models.Dashboard) -> str:
    """The file's content: the same dashboard always has the same text."""
    return json.dumps(found, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


_STARTED = 'timestamp(process_start_time_seconds{job=~"$job"}) - process_start_time_seconds{job=~"$job"} < 120'
_RESUMED = 'count by (job, instance) (okta_resumed_from_timestamp_seconds{job=~"$job"})'


def _starts() -> Iterator[builders.AnnotationQuery]:
    """A process that goes on where an earlier run stopped is no reason to look; one that begins anew, where none was expected, is."""
    for name, colour, expr in (
        ("Starts without a state", "orange", f"({_STARTED}) unless on (job, instance) {_RESUMED}"),
        ("Resumes", "blue", f"({_STARTED}) and on (job, instance) {_RESUMED}"),
    ):
        yield (
            builders.AnnotationQuery()
            .name(name)
            .datasource(models.DataSourceRef(type_val="prometheus", uid=f"${{{METRICS_SOURCE}}}"))
            .enable(True)
            .icon_color(colour)
            .expr(expr)
        )


def _placed(rows: Sequence[Row]) -> list[models.Panel | models.RowPanel]:
    found: list[models.Panel | models.RowPanel] = []
    y = 0
    for row in rows:
        place = models.GridPos(h=1, w=GRID_COLUMNS, x=0, y=y)
        found.append(models.RowPanel(title=row.title, id_val=panel_id(f"row {row.title}"), collapsed=False, grid_pos=place))
        y += 1
        for each in row.lines:
            x = 0
            for panel in each.panels:
                width = panel.grid_pos.w if panel.grid_pos else GRID_COLUMNS
                panel.grid_pos = models.GridPos(h=each.height, w=width, x=x, y=y)
                panel.id_val = panel_id(panel.title or "")
                x += width
                found.append(panel)
            y += each.height
    return found
