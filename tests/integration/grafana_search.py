"""What Grafana's backend makes of a panel's query to Elasticsearch or OpenSearch: the body of the search that it sends.

It follows `pkg/tsdb/elasticsearch/data_query.go` of Grafana; the plugin for OpenSearch builds the same.
"""

from typing import Any

__all__ = ["search_body"]

DEFAULT_SIZE = 500


def search_body(target: dict[str, Any], variables: dict[str, str], span_ms: tuple[int, int], interval: str = "10m") -> dict[str, Any]:
    """The search.

    Args:
        target: The panel's query.
        variables: What stands in the query, and what Grafana puts there: `{"$tenant": "*"}`.
        span_ms: The time that is shown.
        interval: What Grafana makes of the interval `auto`.
    """
    lucene = target["query"]
    for name, value in variables.items():
        lucene = lucene.replace(name, value)
    since, until = span_ms
    in_time = {"range": {target["timeField"]: {"gte": since, "lte": until, "format": "epoch_millis"}}}
    body: dict[str, Any] = {
        "size": 0,
        "query": {"bool": {"filter": [in_time, {"query_string": {"analyze_wildcard": True, "query": lucene}}]}},
    }
    metric = target["metrics"][0]
    if metric["type"] in ("raw_data", "logs"):
        settings = metric.get("settings", {})
        body["size"] = int(settings.get("size") or settings.get("limit") or DEFAULT_SIZE)
        body["sort"] = [{target["timeField"]: {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}]
        body["docvalue_fields"] = [target["timeField"]]
        if metric["type"] == "logs":
            body["highlight"] = {
                "fields": {"*": {}},
                "pre_tags": ["@HIGHLIGHT@"],
                "post_tags": ["@/HIGHLIGHT@"],
                "fragment_size": 2147483647,
            }
        return body
    inner: dict[str, Any] = {}
    if metric["type"] != "count":
        inner = {"aggs": {metric["id"]: {metric["type"]: {"field": metric["field"]}}}}
    for bucket in reversed(target["bucketAggs"]):
        inner = {"aggs": {bucket["id"]: {bucket["type"]: _settings(bucket, span_ms, interval), **inner}}}
    return body | inner


def _settings(bucket: dict[str, Any], span_ms: tuple[int, int], interval: str) -> dict[str, Any]:
    settings = bucket["settings"]
    match bucket["type"]:
        case "date_histogram":
            return {
                "field": bucket["field"],
                "fixed_interval": interval if settings["interval"] == "auto" else settings["interval"],
                "min_doc_count": int(settings["min_doc_count"]),
                "extended_bounds": {"min": span_ms[0], "max": span_ms[1]},
                "format": "epoch_millis",
            }
        case "geohash_grid":
            return {"field": bucket["field"], "precision": 3}  # the number is text in the JSON, and Grafana then takes 3
        case kind:
            assert kind == "terms"
            order = {settings["orderBy"]: settings["order"]}
            return {
                "field": bucket["field"],
                "size": int(settings["size"]),
                "min_doc_count": int(settings["min_doc_count"]),
                "order": order,
            }
