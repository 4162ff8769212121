"""Questions to Elasticsearch and OpenSearch, as Grafana's two plugins take them. Pure."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from grafana_foundation_sdk.builders import elasticsearch as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import elasticsearch as elasticsearch_models

from grafana.generator.variables import EVENTS_SOURCE

__all__ = ["ELASTICSEARCH", "OPENSEARCH", "Plugin", "Search", "source"]

Plugin = Literal["elasticsearch", "grafana-opensearch-datasource"]
ELASTICSEARCH: Plugin = "elasticsearch"
OPENSEARCH: Plugin = "grafana-opensearch-datasource"
"""The plugin for Elasticsearch refuses OpenSearch by its version; OpenSearch's own takes the same aggregations under another type."""

# What people choose on top. Each as it is (`raw`): the Lucene format would escape the `*` and the operators of a query.
_CHOSEN = "_okta_tenant:$tenant AND (${search:raw})"


def source(plugin: Plugin) -> models.DataSourceRef:
    """The data source that the dashboard's variable names."""
    return models.DataSourceRef(type_val=plugin, uid=f"${{{EVENTS_SOURCE}}}")


@dataclass(frozen=True)
class Search:
    """A question.

    Attributes:
        lucene: What is asked for, beside what people choose on top; empty for everything.
        by: The fields to count by, with how many values each, the most frequent first.
        over_time: Whether to count by time as well.
        geohash: The field of places to count by, instead.
        distinct: The field whose different values are counted, instead of events.
        kind: `count`, or the newest events themselves: `raw_data` as a table, `logs` as lines.
        size: How many events.
        name: The query's refId.
        alias: What the series is called.
    """

    lucene: str = ""
    by: tuple[tuple[str, int], ...] = ()
    over_time: bool = False
    geohash: str = ""
    distinct: str = ""
    kind: Literal["count", "raw_data", "logs"] = "count"
    size: int = 0
    name: str = "A"
    alias: str = ""

    def query(self, plugin: Plugin) -> Dataquery:
        """The query for a plugin."""
        built = (
            builders.Dataquery()
            .ref_id(self.name)
            .query(f"{_CHOSEN} AND ({self.lucene})" if self.lucene else _CHOSEN)
            .time_field("@timestamp")
            .alias(self.alias)
            .datasource(source(plugin))
            .build()
        )
        built.metrics = [self._metric()]
        built.bucket_aggs = self._buckets()
        if plugin == ELASTICSEARCH:
            return built
        known: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
        lucene_type = {"count": "Metric", "raw_data": "RawData", "logs": "Logs"}[self.kind]
        return UnknownDataquery(known | {"queryType": "lucene", "luceneQueryType": lucene_type, "format": "table"})

    def _metric(self) -> elasticsearch_models.MetricAggregation:
        if self.kind == "raw_data":
            settings = elasticsearch_models.ElasticsearchRawDataSettings(size=str(self.size))
            return elasticsearch_models.RawData(id_val="1", settings=settings)
        if self.kind == "logs":
            return elasticsearch_models.Logs(id_val="1", settings=elasticsearch_models.ElasticsearchLogsSettings(limit=str(self.size)))
        if self.distinct:
            return elasticsearch_models.UniqueCount(id_val="1", field=self.distinct)
        return elasticsearch_models.Count(id_val="1")

    def _buckets(self) -> list[elasticsearch_models.BucketAggregation]:
        if self.kind != "count":
            return []
        found: list[elasticsearch_models.BucketAggregation] = []
        for number, (name, size) in enumerate(self.by, start=2):
            settings = elasticsearch_models.ElasticsearchTermsSettings(
                order=elasticsearch_models.TermsOrder.DESC, order_by="1" if self.distinct else "_count", size=str(size), min_doc_count="1"
            )
            found.append(elasticsearch_models.Terms(field=name, id_val=str(number), settings=settings))
        if self.geohash:
            settings_of_places = elasticsearch_models.ElasticsearchGeoHashGridSettings(precision="3")
            found.append(elasticsearch_models.GeoHashGrid(field=self.geohash, id_val="8", settings=settings_of_places))
        if self.over_time:
            by_time = elasticsearch_models.ElasticsearchDateHistogramSettings(interval="auto", min_doc_count="0")
            found.append(elasticsearch_models.DateHistogram(field="@timestamp", id_val="9", settings=by_time))
        return found
