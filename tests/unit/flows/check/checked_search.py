"""A search server that answers what `check` asks, beside what a run asks."""

import fnmatch
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.unit.sinks.search_server import FakeSearch, ItemError, Request

__all__ = ["CheckedSearch"]

_JSON = {"Content-Type": "application/json"}
_Reply = tuple[int, Mapping[str, str], bytes]
Pipeline = Callable[[dict[str, Any]], dict[str, Any] | None]


@dataclass
class CheckedSearch(FakeSearch):
    """A server with a few more answers.

    Attributes:
        privileges: What the role has; None where there is no such question, as in OpenSearch.
        refuses: Parts of paths that are answered with 403.
        flat: Flat settings by index.
        streams: The data streams among the indices.
        pipelines: What each does with a document of `_simulate`: None drops it, an exception is an error.
        explained: The answer about lifecycles.
        disk_percent: How full its disk is.
        watermarks: What is set of them.
        forgets: Whether it takes documents and has them nowhere, as with a pipeline that moves them.
        keeps: Whether it refuses to delete.
    """

    privileges: set[str] | None = None
    refuses: set[str] = field(default_factory=set)
    flat: dict[str, dict[str, str]] = field(default_factory=dict)
    streams: set[str] = field(default_factory=set)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    explained: Any = None
    disk_percent: str = "40"
    watermarks: dict[str, str] = field(default_factory=dict)
    forgets: bool = False
    keeps: bool = False

    def _do(self, request: Request) -> _Reply:
        path = unquote(request.path)
        if any(part in path for part in self.refuses):
            return _error(403, "security_exception", f"action is unauthorized for {path}")
        for part, answer in (
            ("/_security/user/_has_privileges", self._has_privileges),
            ("/_resolve/index/", self._resolved),
            ("/_ingest/pipeline/", self._simulated),
            ("_delete_by_query", self._deleted),
        ):
            if part in path:
                return answer(request)
        found = self._told(path)
        return super()._do(request) if found is None else (200, _JSON, json.dumps(found).encode())

    def _told(self, path: str) -> Any:
        if path == "/_index_template":
            return {"index_templates": [{"name": name, "index_template": body} for name, body in self.templates.items()]}
        if path.endswith("/_settings"):
            return {name: {"settings": self.flat.get(name, {})} for name in map(self._backing, self.indices)}
        if "/explain" in path:
            return self.explained or {}
        if path == "/_cat/allocation":
            return [{"node": "one", "disk.percent": self.disk_percent}, {"node": "UNASSIGNED", "disk.percent": None}]
        if path == "/_cluster/settings":
            marks = {f"cluster.routing.allocation.disk.watermark.{name}": value for name, value in self.watermarks.items()}
            return {"persistent": marks, "transient": {}, "defaults": {}}
        return None

    def _backing(self, name: str) -> str:
        return f".ds-{name}-000001" if name in self.streams else name

    def _has_privileges(self, request: Request) -> _Reply:
        if self.privileges is None:
            return _error(400, "illegal_argument_exception", "no handler found for uri [/_security/user/_has_privileges]")
        asked = json.loads(request.body)
        cluster = {name: name in self.privileges for name in asked["cluster"]}
        [index] = asked["index"]
        of_index = {index["names"][0]: {name: name in self.privileges for name in index["privileges"]}}
        whole = all(cluster.values()) and all(all(found.values()) for found in of_index.values())
        return 200, _JSON, json.dumps({"has_all_requested": whole, "cluster": cluster, "index": of_index}).encode()

    def _resolved(self, request: Request) -> _Reply:
        pattern = unquote(request.path).rpartition("/")[2]
        names = [name for name in self.indices if fnmatch.fnmatchcase(name, pattern)]
        if not names and "*" not in pattern:
            return _error(404, "index_not_found_exception", f"no such index [{pattern}]")
        indices = []
        for name in names:
            entry = {"name": self._backing(name), "attributes": ["closed" if name in self.closed else "open"]}
            indices.append(entry | ({"data_stream": name} if name in self.streams else {}))
        streams = [{"name": name, "backing_indices": [self._backing(name)]} for name in names if name in self.streams]
        return 200, _JSON, json.dumps({"indices": indices, "aliases": [], "data_streams": streams}).encode()

    def _simulated(self, request: Request) -> _Reply:
        name = unquote(request.path).split("/")[3]
        if name not in self.pipelines:
            return _error(400, "illegal_argument_exception", f"pipeline [{name}] does not exist")
        [doc] = json.loads(request.body)["docs"]
        try:
            passed = self.pipelines[name](doc)
        except ValueError as error:
            return 200, _JSON, json.dumps({"docs": [{"error": {"type": "illegal_argument_exception", "reason": str(error)}}]}).encode()
        return 200, _JSON, json.dumps({"docs": [passed and {"doc": passed}]}).encode()

    def _deleted(self, request: Request) -> _Reply:
        if self.keeps:
            return _error(403, "security_exception", "action [indices:data/write/delete/byquery] is unauthorized")
        index = unquote(request.path)[1:].partition("/")[0]
        [uuid] = json.loads(request.body)["query"]["ids"]["values"]
        found = self.indices.get(index, {}).pop(uuid, None)
        return 200, _JSON, json.dumps({"deleted": int(found is not None)}).encode()

    def _create(self, index: str, uuid: str, event: bytes) -> dict[str, Any]:
        made = super()._create(index, uuid, event)
        self.created = event
        if self.forgets:
            self.indices[index].pop(uuid, None)
        return made


def _error(status: int, kind: str, reason: str) -> _Reply:
    error = ItemError(status, kind, reason)
    return status, _JSON, json.dumps({"error": {"type": error.type, "reason": error.reason}, "status": status}).encode()
