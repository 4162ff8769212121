"""Tables of what Prometheus says now: a row for each tenant, sink or process."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.panels import PLAIN, Ask, Steps, finish, metrics_source, state_mappings, thresholds, words

__all__ = ["column", "listing"]


def column(
    unit: str | None = None,
    *,
    steps: Steps | None = None,
    states: bool = False,
    instead: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]] | None = None,
    link: tuple[str, str] | None = None,
    width: int | None = None,
) -> list[models.DynamicConfigValue]:
    """How a table shows a column."""
    found: list[models.DynamicConfigValue] = []
    if unit is not None:
        found.append(models.DynamicConfigValue("unit", unit))
    if steps is not None:
        found.append(models.DynamicConfigValue("thresholds", thresholds(steps).build()))
        found.append(models.DynamicConfigValue("custom.cellOptions", common_models.TableColorTextCellOptions()))
    if states:
        found.append(models.DynamicConfigValue("mappings", state_mappings()))
        background = common_models.TableColoredBackgroundCellOptions(mode=common_models.TableCellBackgroundDisplayMode.BASIC)
        found.append(models.DynamicConfigValue("custom.cellOptions", background))
    if instead is not None:
        found.append(models.DynamicConfigValue("mappings", [words(instead)]))
        found.append(models.DynamicConfigValue("custom.cellOptions", common_models.TableColorTextCellOptions()))
    if link is not None:
        title, url = link
        found.append(models.DynamicConfigValue("links", [{"title": title, "url": url, "targetBlank": False}]))
    if width is not None:
        found.append(models.DynamicConfigValue("custom.width", width))
    return found


def listing(
    title: str,
    description: str,
    asks: Sequence[Ask],
    columns: Sequence[tuple[str, str, Sequence[models.DynamicConfigValue]]],
    *,
    width: int,
    hidden: Sequence[str] = (),
    sort: str | None = None,
    least_first: bool = False,
    none: str | None = None,
) -> models.Panel:
    """A table with a row for each set of labels that all queries share.

    Args:
        title: The panel's.
        description: What it means, and what to do about it.
        asks: The queries.
        width: Columns of the grid.
        columns: Each column as Grafana calls it (a label, or `Value #NAME`), as people read it, and how it looks; in their order.
        hidden: Columns to leave out, beside `Time`.
        sort: The column, as people read it, whose greatest value comes first.
        least_first: Its least one does.
        none: What to show where there is no row.
    """
    panel = (
        table.Panel()
        .unit("short")
        .filterable(True)
        .show_header(True)
        .thresholds(thresholds(PLAIN))
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": dict.fromkeys(("Time", *hidden), True),
                    "indexByName": {name: index for index, (name, _, _) in enumerate(columns)},
                    "renameByName": {name: shown for name, shown, _ in columns},
                },
            )
        )
    )
    for _, shown, looks in columns:
        if looks:
            panel = panel.override_by_name(shown, list(looks))
    if sort is not None:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(not least_first)])
    if none is not None:
        panel = panel.no_value(none)
    return finish(panel.build(), title, description, [ask.query() for ask in asks], metrics_source(), width)
