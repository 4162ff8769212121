"""Real OpenSearch and Elasticsearch nodes for the tests: `make servers` fetches them, `Node` runs one."""

from tests.integration.servers.fetch import KINDS, available, version
from tests.integration.servers.node import Node, NodeError, free_port
from tests.integration.servers.search_server import SearchServer

__all__ = ["KINDS", "Node", "NodeError", "SearchServer", "available", "free_port", "version"]
