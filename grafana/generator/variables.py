"""The variables on top of the dashboards."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

__all__ = [
    "EVENTS_SOURCE",
    "METRICS_SOURCE",
    "SCRAPE",
    "data_source",
    "event_filters",
    "event_search",
    "event_tenant",
    "instance",
    "job",
    "one_tenant",
    "scrape",
    "sink",
    "tenant",
]

METRICS_SOURCE = "datasource"
EVENTS_SOURCE = "events_datasource"
"""Another name than the metrics' one: links between dashboards carry variables along, and a Prometheus can't answer for Elasticsearch."""

SCRAPE = "${scrape}s"
"""The scrape interval that `scrape` has found: the data source's own setting is 15 s wherever nobody has changed it."""

_TENANTS = 'label_values(okta_tenant_info{job=~"$job"}, tenant)'
_ALL = models.VariableOption(text="All", value="$__all", selected=True)


def data_source(name: str, plugin: str, label: str) -> builders.DatasourceVariable:
    """Which data source of a type is asked; the first one, until somebody chooses."""
    return builders.DatasourceVariable(name).label(label).type(plugin)


def job() -> builders.QueryVariable:
    """The pipeline, where Prometheus scrapes several. No `.+` for all: `up` and `process_*` exist for every job of a Prometheus."""
    return _labels("job", "Job", "label_values(okta_pipeline_info, job)", all_value=None)


def scrape() -> builders.QueryVariable:
    """How often Prometheus scrapes the pipeline, in seconds: found, not asked. Without it a chart at scrapes of 60 s has no rates."""
    found = 'query_result(ceil(600 / max(count_over_time(up{job=~"$job"}[10m]))))'
    return (
        builders.QueryVariable("scrape")
        .datasource(models.DataSourceRef(type_val="prometheus", uid=f"${{{METRICS_SOURCE}}}"))
        .query(found)
        .regex(r"/\} (\d+) /")
        .hide(models.VariableHide.HIDE_VARIABLE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .current(models.VariableOption(text="15", value="15", selected=True))
    )


def tenant() -> builders.QueryVariable:
    """`.+` for all: a list of a thousand names would be sent with each query."""
    return _labels("tenant", "Tenant", _TENANTS)


def one_tenant() -> builders.QueryVariable:
    """One at a time: a board about a tenant can't be read from a handful of them on."""
    return (
        builders.QueryVariable("tenant")
        .label("Tenant")
        .datasource(models.DataSourceRef(type_val="prometheus", uid=f"${{{METRICS_SOURCE}}}"))
        .query(_TENANTS)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def sink() -> builders.QueryVariable:
    """A sink of the configuration."""
    return _labels("sink", "Sink", 'label_values(okta_sink_info{job=~"$job"}, sink)')


def instance() -> builders.QueryVariable:
    """A process; from `up`, so that one that died can be chosen."""
    return _labels("instance", "Process", 'label_values(up{job=~"$job"}, instance)')


def event_tenant() -> builders.QueryVariable:
    """The tenants that have events; their names are those of the metrics, so links carry the choice along."""
    return (
        builders.QueryVariable("tenant")
        .label("Tenant")
        .datasource(models.DataSourceRef(uid=f"${{{EVENTS_SOURCE}}}"))
        .query('{"find": "terms", "field": "_okta_tenant", "size": 1000}')
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value("*")
        .current(_ALL)
    )


def event_search() -> builders.TextBoxVariable:
    """A Lucene query that every panel adds to its own."""
    return (
        builders.TextBoxVariable("search")
        .label("Lucene query")
        .description('Such as actor.alternateId:"ada@example.com", client.ipAddress:"192.0.2.0/24" or eventType:user.mfa.*')
        .default_value("*")
        .current(models.VariableOption(text="*", value="*", selected=True))
    )


def event_filters(plugin: str) -> builders.AdHocVariable:
    """Filters by clicking: Grafana adds them to every query of the data source."""
    return builders.AdHocVariable("filters").label("Filters").datasource(models.DataSourceRef(type_val=plugin, uid=f"${{{EVENTS_SOURCE}}}"))


def _labels(name: str, label: str, query: str, all_value: str | None = ".+") -> builders.QueryVariable:
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(models.DataSourceRef(type_val="prometheus", uid=f"${{{METRICS_SOURCE}}}"))
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(_ALL)
    )
    return variable if all_value is None else variable.all_value(all_value)
