"""Panels that show events of Elasticsearch or OpenSearch."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import barchart, common, geomap, logs, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.panels import Steps, finish, thresholds
from grafana.generator.searches import Plugin, Search, source

__all__ = ["counted", "documents", "lines", "over_time", "places", "ranking", "top"]

_BLUE: Steps = [(None, "blue")]


def counted(
    plugin: Plugin, title: str, description: str, search: Search, *, width: int, steps: Steps = _BLUE, calc: str = "sum"
) -> models.Panel:
    """One number: of the whole time that is shown."""
    panel = (
        stat.Panel()
        .unit("short")
        .thresholds(thresholds(steps))
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.AREA if search.over_time else common_models.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs([calc]).values(False))
        .no_value("0")
    )
    return finish(panel.build(), title, description, [search.query(plugin)], source(plugin), width)


def over_time(
    plugin: Plugin, title: str, description: str, searches: Sequence[Search], colors: Mapping[str, str] | None = None, *, width: int
) -> models.Panel:
    """Counts per interval."""
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.TABLE).placement(common_models.LegendPlacement.BOTTOM)
    panel = (
        timeseries.Panel()
        .unit("short")
        .min(0)
        .legend(legend.show_legend(True).calcs(["sum", "max"]).sort_by("Total").sort_desc(True))
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.DESCENDING))
        .draw_style(common_models.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .line_width(1)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    )
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(name, [models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})])
    return finish(panel.build(), title, description, [search.query(plugin) for search in searches], source(plugin), width)


def ranking(plugin: Plugin, title: str, description: str, search: Search, *, width: int) -> models.Panel:
    """Bars, the most frequent value first."""
    panel = (
        barchart.Panel()
        .unit("short")
        .min(0)
        .x_field(search.by[0][0])
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .show_value(common_models.VisibilityMode.AUTO)
        .line_width(1)
        .fill_opacity(80)
        .gradient_mode(common_models.GraphGradientMode.NONE)
        .stacking(common_models.StackingMode.NONE)
        .legend(common.VizLegendOptions().show_legend(False).display_mode(common_models.LegendDisplayMode.HIDDEN))
    )
    return finish(panel.build(), title, description, [search.query(plugin)], source(plugin), width)


def top(plugin: Plugin, title: str, description: str, search: Search, columns: Mapping[str, str], *, width: int) -> models.Panel:
    """A table of the most frequent values.

    Args:
        plugin: Which data source.
        title: The panel's.
        description: What it means.
        search: What is counted.
        columns: What people read instead of the fields' names.
        width: Columns of the grid.
    """
    panel = (
        table.Panel()
        .unit("short")
        .filterable(True)
        .show_header(True)
        .with_transformation(models.DataTransformerConfig(id_val="organize", options={"renameByName": dict(columns)}))
    )
    # The first column takes what the others leave.
    for shown in list(columns.values())[1:]:
        panel = panel.override_by_name(shown, [models.DynamicConfigValue("custom.width", _COUNT_WIDTH)])
    return finish(panel.build(), title, description, [search.query(plugin)], source(plugin), width)


def places(plugin: Plugin, title: str, description: str, search: Search, *, width: int) -> models.Panel:
    """A map with a dot for each square of the grid, as large as its count."""
    dots = (
        common.MapLayerOptions()
        .type("markers")
        .name("Events")
        .config(
            {
                "showLegend": False,
                "style": {
                    "color": {"fixed": "orange"},
                    "opacity": 0.5,
                    "size": {"field": "Count", "fixed": 5, "min": 3, "max": 20},
                    "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
                },
            }
        )
        .location(common.FrameGeometrySource().mode(common_models.FrameGeometrySourceMode.GEOHASH).geohash(search.geohash))
        .tooltip(True)
    )
    panel = (
        geomap.Panel()
        .unit("short")
        .view(geomap.MapViewConfig().id("zero").lat(20).lon(0).zoom(1).all_layers(True))
        # Grafana's own map of countries: the default one asks a third party for tiles, with the address of whoever looks.
        .basemap(common.MapLayerOptions().type("geojson").name("Countries").config(_COUNTRIES))
        .layers([dots])
        .controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(True))
    )
    return finish(panel.build(), title, description, [search.query(plugin)], source(plugin), width)


def documents(plugin: Plugin, title: str, description: str, search: Search, columns: Mapping[str, str], *, width: int) -> models.Panel:
    """The newest events as a table of some of their members."""
    panel = (
        table.Panel()
        .unit("string")
        .filterable(True)
        .inspect(True)
        .show_header(True)
        .with_transformation(models.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(columns)}}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={"indexByName": {name: index for index, name in enumerate(columns)}, "renameByName": dict(columns)},
            )
        )
        .override_by_name("Time", [models.DynamicConfigValue("unit", "dateTimeAsIso"), models.DynamicConfigValue("custom.width", 190)])
        .override_by_name(
            "Result",
            [
                models.DynamicConfigValue("mappings", [models.ValueMap(options=_RESULTS)]),
                models.DynamicConfigValue("custom.cellOptions", common_models.TableColorTextCellOptions()),
                models.DynamicConfigValue("custom.width", 90),
            ],
        )
    )
    for shown, pixels in _WIDTHS.items():
        panel = panel.override_by_name(shown, [models.DynamicConfigValue("custom.width", pixels)])
    return finish(panel.build(), title, description, [search.query(plugin)], source(plugin), width)


def lines(plugin: Plugin, title: str, description: str, search: Search, *, width: int) -> models.Panel:
    """The newest events as lines that unfold to whole events."""
    panel = (
        logs.Panel()
        .show_time(True)
        .wrap_log_message(False)
        .enable_log_details(True)
        .sort_order(common_models.LogsSortOrder.DESCENDING)
        .dedup_strategy(common_models.LogsDedupStrategy.NONE)
    )
    built = finish(panel.build(), title, description, [search.query(plugin)], source(plugin), width)
    built.field_config = models.FieldConfigSource()
    return built


_COUNT_WIDTH = 130
_WIDTHS = {"Tenant": 110, "Severity": 80, "Event type": 220, "Reason": 170, "Actor": 190, "Address": 120, "Country": 120}
_COUNTRIES = {
    "src": "public/maps/countries.geojson",
    "rules": [],
    "style": {"color": {"fixed": "dark-blue"}, "opacity": 0.2, "lineWidth": 1},
}

_RESULTS = {
    name: models.ValueMappingResult(color=color, index=index)
    for index, (name, color) in enumerate(
        [("SUCCESS", "green"), ("ALLOW", "green"), ("FAILURE", "red"), ("DENY", "red"), ("CHALLENGE", "orange")]
    )
}
