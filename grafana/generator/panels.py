"""Panels as these dashboards use them: each with a title, a description, a unit and its data source as a variable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grafana_foundation_sdk.builders import bargauge, common, heatmap, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus as prometheus_builders
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models

from grafana.generator.state import STATES
from grafana.generator.variables import METRICS_SOURCE, SCRAPE

__all__ = [
    "LATE",
    "NEVER",
    "PLAIN",
    "Ask",
    "Steps",
    "bars",
    "chart",
    "finish",
    "heat",
    "metrics_source",
    "number",
    "state_mappings",
    "thresholds",
    "words",
]

Steps = Sequence[tuple[float | None, str]]
"""From which value on which colour; the first one from minus infinity on."""

PLAIN: Steps = [(None, "blue")]

LATE: Steps = [(None, "green"), (300, "orange"), (3600, "red")]
"""A lag in seconds, red where LagHigh speaks and orange where LagGrowing does."""

NEVER = -1_000_000_000
"""The value that stands for what has not happened yet, where nothing at all would mean that there are no metrics."""

_NO_METRICS = "No metrics"
_COUNT_INTERVAL = "1m"


# Grafana's schema has settings of their own for the fields of these; the SDK's builders leave them out where none is chosen.
_CUSTOM = ("geomap", "heatmap")


@dataclass(frozen=True)
class Ask:
    """A question to Prometheus.

    Attributes:
        name: The query's refId; a table's column is called `Value #NAME`.
        expr: PromQL.
        legend: What the series is called: `{{tenant}}`.
        now: Asks for the newest value alone.
        shape: What Grafana makes of the answer: `time_series`, `table` or `heatmap`.
    """

    name: str
    expr: str
    legend: str = ""
    now: bool = False
    shape: str = "time_series"

    def query(self, interval: str = SCRAPE) -> prometheus_models.Dataquery:
        """Grafana's query; of an interval come the steps, and `$__rate_interval` is at least four of them."""
        query = (
            prometheus_builders.Dataquery()
            .ref_id(self.name)
            .expr(self.expr)
            .legend_format(self.legend)
            .format(prometheus_models.PromQueryFormat(self.shape))
            .editor_mode(prometheus_models.QueryEditorMode.CODE)
            .interval(interval)
            .datasource(metrics_source())
        )
        return (query.instant() if self.now else query.range()).build()


def metrics_source() -> models.DataSourceRef:
    """The Prometheus that the dashboard's variable names."""
    return models.DataSourceRef(type_val="prometheus", uid=f"${{{METRICS_SOURCE}}}")


def thresholds(steps: Steps) -> builders.ThresholdsConfig:
    """Colours by value."""
    found = [models.Threshold(value=value, color=color) for value, color in steps]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def words(options: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]]) -> models.ValueMap:
    """Values as words in their colours."""
    results = {
        str(value): models.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(options.items())
    }
    return models.ValueMap(options=results)


def _silence(text: str) -> models.SpecialValueMap:
    """What a panel says where a query finds nothing. `noValue` has the colour of the lowest threshold: often green."""
    result = models.ValueMappingResult(text=text, color="red", index=99)
    return models.SpecialValueMap(
        options=models.DashboardSpecialValueMapOptions(match=models.SpecialValueMatch.NULL_AND_NAN, result=result)
    )


def state_mappings() -> list[models.ValueMap | models.RangeMap | models.RegexMap | models.SpecialValueMap]:
    """A tenant's state as a word in its colour."""
    return [words(STATES)]


def finish(
    panel: models.Panel, title: str, description: str, queries: Sequence[Dataquery], source: models.DataSourceRef, width: int
) -> models.Panel:
    """What every panel has. Its line gives it the rest of its place on the grid."""
    panel.title = title
    panel.description = description
    panel.datasource = source
    panel.targets = list(queries)
    panel.grid_pos = models.GridPos(w=width)
    if panel.field_config is not None and panel.field_config.defaults.custom is None and panel.type_val in _CUSTOM:
        panel.field_config.defaults.custom = {}
    return panel


def chart(
    title: str,
    description: str,
    unit: str,
    asks: Sequence[Ask],
    *,
    width: int,
    stacked: bool = False,
    bars_drawn: bool = False,
    steps: Steps | None = None,
    least: float | None = 0,
    most: float | None = None,
    colors: Mapping[str, str] | None = None,
) -> models.Panel:
    """Values over time.

    Args:
        title: The panel's.
        description: What it means, and what to do about it.
        unit: Grafana's name of the unit.
        asks: The queries.
        width: Columns of the grid.
        stacked: Whether the series add up to a whole.
        bars_drawn: Bars instead of lines: for counts per interval.
        steps: Colours by value, drawn as dashed lines.
        least: Where the axis begins.
        most: Where the axis ends.
        colors: A series' colour, by its name.
    """
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.TABLE).placement(common_models.LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.DESCENDING)
    panel = (
        timeseries.Panel()
        .unit(unit)
        .legend(legend.show_legend(True).calcs(["last", "max"]).sort_by("Last").sort_desc(True))
        .tooltip(tooltip)
        .draw_style(common_models.GraphDrawStyle.BARS if bars_drawn else common_models.GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(60 if bars_drawn else 30 if stacked else 8)
        .show_points(common_models.VisibilityMode.NEVER)
    )
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    elif unit == "percentunit":
        # Where all is 0, Grafana's axis would end anywhere.
        panel = panel.axis_soft_max(1)
    if bars_drawn:
        panel = panel.decimals(0)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    if steps is not None:
        panel = panel.thresholds(thresholds(steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
        )
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(name, [models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})])
    interval = _COUNT_INTERVAL if bars_drawn else SCRAPE
    return finish(panel.build(), title, description, [ask.query(interval) for ask in asks], metrics_source(), width)


def number(
    title: str,
    description: str,
    unit: str,
    asks: Sequence[Ask],
    *,
    width: int,
    steps: Steps = PLAIN,
    states: bool = False,
    instead: Mapping[int, tuple[str, str]] | None = None,
    colors: Mapping[str, Steps] | None = None,
    link: tuple[str, str] | None = None,
    sparkline: bool = False,
    filled: bool = False,
    none: str = _NO_METRICS,
) -> models.Panel:
    """One tile for each series, in the colour of its value: as it is now, and red where nothing is known now.

    Args:
        title: The panel's.
        description: What it means, and what to do about it.
        unit: Grafana's name of the unit.
        asks: The queries.
        width: Columns of the grid.
        steps: Colours by value.
        states: The values are tenants' states.
        instead: Words, with their colours, for single values.
        colors: Other colours for single series, by their name.
        link: Title and address of where a click leads.
        sparkline: Draw what led there.
        filled: Colour the whole tile.
        none: What to show where there is no series.
    """
    panel = (
        stat.Panel()
        .unit(unit)
        .thresholds(thresholds(steps))
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .color_mode(common_models.BigValueColorMode.BACKGROUND_SOLID if filled else common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.AREA if sparkline else common_models.BigValueGraphMode.NONE)
        .text_mode(common_models.BigValueTextMode.VALUE_AND_NAME if filled or len(asks) > 1 else common_models.BigValueTextMode.AUTO)
        .reduce_options(common.ReduceDataOptions().calcs(["last"]).values(False))
        .no_value(none)
        .mappings([*(state_mappings() if states else [words(instead)] if instead else []), _silence(none)])
    )
    if filled:
        panel = panel.text(common.VizTextDisplayOptions().title_size(15).value_size(17))
    if link is not None:
        panel = panel.data_links([_link(*link)])
    for name, found in (colors or {}).items():
        panel = panel.override_by_name(name, [models.DynamicConfigValue("thresholds", thresholds(found).build())])
    shown = asks if sparkline else [replace(ask, now=True) for ask in asks]
    return finish(panel.build(), title, description, [ask.query() for ask in shown], metrics_source(), width)


def bars(title: str, description: str, unit: str, ask: Ask, *, width: int, link: tuple[str, str] | None = None) -> models.Panel:
    """The newest values side by side, the largest first."""
    panel = (
        bargauge.Panel()
        .unit(unit)
        .min(0)
        .thresholds(thresholds(PLAIN))
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["last"]).values(False))
        .no_value("nothing in this time")
    )
    if link is not None:
        panel = panel.data_links([_link(*link)])
    return finish(panel.build(), title, description, [ask.query()], metrics_source(), width)


def heat(title: str, description: str, unit: str, ask: Ask, *, width: int) -> models.Panel:
    """A histogram over time."""
    color = heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Turbo").steps(64)
    panel = (
        heatmap.Panel()
        .calculate(False)
        .color(color)
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common_models.AxisPlacement.LEFT))
        .cell_values(heatmap.CellValues().unit("short"))
        .unit("short")
        .show_legend()
        .mode(common_models.TooltipDisplayMode.SINGLE)
    )
    return finish(panel.build(), title, description, [ask.query()], metrics_source(), width)


def _link(title: str, url: str) -> builders.DashboardLink:
    return builders.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url)
