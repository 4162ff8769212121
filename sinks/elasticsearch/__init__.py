"""Events into Elasticsearch 8 and 9 and OpenSearch 2 and 3, over `_bulk`."""

from sinks.elasticsearch.target import ElasticsearchTarget

__all__ = ["ElasticsearchTarget"]
