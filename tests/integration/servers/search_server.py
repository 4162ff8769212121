"""A search server that a test talks to, wherever it runs."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class SearchServer:
    """An OpenSearch or Elasticsearch, and its official client."""

    kind: str
    url: str
    _clients: list[Any] = field(default_factory=list)

    def client(self, **keys: object) -> Any:
        """The official client: opensearch-py's `OpenSearch`, or `Elasticsearch`; `keys` go to its constructor."""
        # Imported late, so that `make servers` needs no more than the standard library.
        if self.kind == "opensearch":
            from opensearchpy import OpenSearch  # noqa: PLC0415

            client = OpenSearch(self.url, **keys)
        else:
            from elasticsearch import Elasticsearch  # noqa: PLC0415

            client = Elasticsearch(self.url, **keys)
        self._clients.append(client)
        return client

    def documents(self, index: str) -> dict[str, dict[str, Any]]:
        """Every document of an index or data stream by its id; each id is there once."""
        if self.kind == "opensearch":
            from opensearchpy.helpers import scan  # noqa: PLC0415
        else:
            from elasticsearch.helpers import scan  # noqa: PLC0415
        client = self.client(request_timeout=60)
        client.indices.refresh(index=index)
        found: dict[str, dict[str, Any]] = {}
        for hit in scan(client, index=index, size=2000):
            assert hit["_id"] not in found, "one id in two indices"
            found[hit["_id"]] = hit["_source"]
        return found

    def close(self) -> None:
        """Close the connections of its clients."""
        for client in self._clients:
            client.close()
        self._clients.clear()
