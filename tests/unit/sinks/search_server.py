"""An Elasticsearch or OpenSearch on a loopback port, as far as a writer of events sees one, with faults to order."""

import fnmatch
import gzip
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from tests.unit.sinks.firewall import Firewall
from tests.unit.sinks.loopback import Handler, LoopbackServer

__all__ = ["FakeSearch", "ItemError", "Request"]

_PATIENCE_SECONDS = 30.0
_JSON = {"Content-Type": "application/json"}
_REASONS = {200: "created", 400: "mapper_parsing_exception", 403: "cluster_block_exception", 429: "rejected_execution_exception"}

_Reply = tuple[int, Mapping[str, str], bytes]


@dataclass(frozen=True)
class ItemError:
    """Why an item is not taken."""

    status: int
    type: str
    reason: str = "because the test says so"


@dataclass(eq=False)
class Request:
    """What arrived: `headers` has lower-case names, `body` is inflated; `status` is None without an answer."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None
    query: str = ""


@dataclass(eq=False)
class _Fault:
    """What happens to the next `left` requests of a path; where that is None, to all until cleared."""

    kind: Literal["answer", "reset", "hang"]
    path: str
    left: int | None
    reply: _Reply = (200, {}, b"")
    taken: bool = False


@dataclass
class FakeSearch:
    """Listens from `with` to its end. Its attributes may be read and set while requests come in.

    Attributes:
        distribution: Which of the two it says it is.
        version: And in which version.
        verdict: Says of an event's bytes why it is not taken, as a status or an error; None where it is.
        blocks: By index, why nothing is written there.
        closed: The indices that are closed: neither read nor written.
        max_content_length: A larger body, inflated, is answered with 413 and nothing.
        authorization: The header without which every request is answered with 401.
        firewall: What stands in front of it and looks into bodies, if anything.
        drops: Says of an event's bytes whether an ingest pipeline drops it.
        settings: Of every index, as far as they are asked for.
        requests: All that arrived, in their order.
        indices: By name, the sources by id.
        templates: By name, the index templates.
        components: By name, the `template` of component templates.
        policies: By name, those of index state management; None without that plugin.
    """

    distribution: Literal["elasticsearch", "opensearch"] = "opensearch"
    version: str = "2.19.6"
    verdict: Callable[[bytes], int | ItemError | None] = lambda _event: None
    blocks: dict[str, ItemError] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    max_content_length: int | None = None
    authorization: str | None = None
    firewall: Firewall | None = None
    drops: Callable[[bytes], bool] = lambda _event: False
    settings: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list, init=False)
    indices: dict[str, dict[str, bytes]] = field(default_factory=dict, init=False)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    components: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    policies: dict[str, dict[str, Any]] | None = field(default=None, init=False)
    errors: list[BaseException] = field(default_factory=list, init=False)
    port: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self._server: LoopbackServer | None = None
        self._faults: list[_Fault] = []
        self._releases = 0

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.down()
        assert not self.errors, self.errors

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def documents(self, index: str | None = None) -> dict[str, bytes]:
        """The sources of an index by id; without one, of all of them."""
        with self.changed:
            if index is not None:
                return dict(self.indices.get(index, {}))
            return {uuid: source for sources in self.indices.values() for uuid, source in sources.items()}

    def sent_to(self, path: str) -> Sequence[Request]:
        """The requests to a path."""
        return [request for request in list(self.requests) if request.path == path]

    def answer(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, times: int | None = 1, path: str = "/_bulk"
    ) -> None:
        """Answer so. Like every fault, it waits its turn behind those of its path ordered before; `times` None means until cleared."""
        self._faults.append(_Fault("answer", path, times, (status, headers or _JSON, body)))

    def reset(self, *, times: int | None = 1, taken: bool = False, path: str = "/_bulk") -> None:
        """Reset the connection: in mid-body, or instead of the answer to what has been written."""
        self._faults.append(_Fault("reset", path, times, taken=taken))

    def hang(self, *, times: int | None = None, path: str = "/_bulk") -> None:
        """Keep requests waiting until `release`, then do and answer as if nothing had been."""
        self._faults.append(_Fault("hang", path, times))

    def release(self) -> None:
        """Let hanging requests go on, and hang no more."""
        with self.changed:
            self._faults = [fault for fault in self._faults if fault.kind != "hang"]
            self._releases += 1
            self.changed.notify_all()

    def clear(self) -> None:
        """Back to health: forget every fault, let hanging requests go on."""
        self._faults = []
        self.release()

    def wait_for(self, condition: Callable[["FakeSearch"], bool]) -> None:
        """Return as soon as the condition holds, looked at whenever a request has arrived or been answered."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), _PATIENCE_SECONDS), self.requests

    def up(self) -> None:
        """Listen, on the same port as before, with the same documents."""
        server = self._server = LoopbackServer(self, self.port)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections and break those that are there; what hangs is never done nor answered."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.break_connections()
            with self.changed:
                self.changed.notify_all()
            server.server_close()

    def serve(self, handler: Handler, server: LoopbackServer) -> None:
        """One request, on its connection's thread."""
        path, query = urlsplit(handler.path).path, urlsplit(handler.path).query
        before = self._releases  # a release from here on frees it, though it hasn't begun to wait
        fault = self._next_fault(path)
        length = int(handler.headers.get("Content-Length", 0))
        if fault and fault.kind == "reset" and not fault.taken:
            handler.rfile.read(length // 2)
            return handler.reset()
        body = handler.rfile.read(length)
        if len(body) < length:
            return None
        if handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.firewall is not None and self.firewall.stops(handler, body):
            return None
        request = Request(handler.command, path, {name.lower(): value for name, value in handler.headers.items()}, body, query=query)
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
            if fault and fault.kind == "hang":
                self.changed.wait_for(lambda: self._releases > before or server is not self._server, _PATIENCE_SECONDS)
            if server is not self._server:
                return None
            reply = fault.reply if fault and fault.kind == "answer" else self._reply(request)
            request.status = None if fault and fault.kind == "reset" else reply[0]
            self.changed.notify_all()
        return handler.reset() if request.status is None else handler.answer(*reply)

    def _next_fault(self, path: str) -> _Fault | None:
        with self.changed:
            fault = next((fault for fault in self._faults if path.startswith(fault.path)), None)
            if fault and fault.left is not None:
                fault.left -= 1
                if fault.left == 0:
                    self._faults.remove(fault)
            return fault

    def _reply(self, request: Request) -> _Reply:
        if self.authorization is not None and request.headers.get("authorization") != self.authorization:
            return _failed(401, ItemError(401, "security_exception", "missing authentication credentials"))
        if self.max_content_length is not None and len(request.body) > self.max_content_length:
            return 413, {}, b""
        return self._about_template(request) or self._do(request)

    def _do(self, request: Request) -> _Reply:
        _, folder, name = request.path.rpartition("/_index_template/")
        if folder and request.method == "PUT":
            return self._put_template(name, json.loads(request.body))
        if folder:
            return self._get_template(name)
        if (request.method, request.path) == ("GET", "/"):
            return self._about()
        if "/_settings/" in request.path:
            return _done({name: {"settings": self.settings} for name in self.indices})
        index, _, action = unquote(request.path)[1:].rpartition("/")
        if action in ("_search", "_refresh"):
            return self._search(index, json.loads(request.body or b"{}"))
        return self._bulk(request.body)

    def _about_template(self, request: Request) -> _Reply | None:
        """Components, policies, and what templates would make of a name."""
        path, name = unquote(request.path).rpartition("/")[::2]
        if path == "/_component_template":
            if name not in self.components:
                return _failed(404, ItemError(404, "resource_not_found_exception", f"component template matching [{name}] not found"))
            return _done({"component_templates": [{"name": name, "component_template": {"template": self.components[name]}}]})
        if path == "/_plugins/_ism/policies":
            return self._policy(name, request)
        if path == "/_index_template/_simulate":
            return _done({"template": self.templates[name].get("template", {}), "overlapping": []})
        if path == "/_index_template/_simulate_index":
            return self._simulated_index(name, request.body)
        return None

    def _simulated_index(self, name: str, body: bytes) -> _Reply:
        """What a new index would get, or which templates are in the way of one that is not there yet."""
        if body:
            own = json.loads(body)["index_patterns"]
            others = {other: template["index_patterns"] for other, template in self.templates.items()}
            overlapping = [{"name": other, "index_patterns": patterns} for other, patterns in others.items() if _meet(own, patterns)]
            return _done({"template": {}, "overlapping": overlapping})
        matching = [body for body in self.templates.values() if _meet([name], body["index_patterns"])]
        best = max(matching, key=lambda body: body.get("priority", 0), default={})
        return _done({"template": best.get("template", {}), "overlapping": []})

    def _policy(self, name: str, request: Request) -> _Reply:
        if self.policies is None:
            return 400, _JSON, b'{"error":"no handler found for uri [/_plugins/_ism/policies] and method [GET]"}'
        if request.method == "PUT":
            self.policies[name] = json.loads(request.body)["policy"]
            return 201, _JSON, b"{}"
        if name not in self.policies:
            return _failed(404, ItemError(404, "status_exception", "Policy not found"))
        return _done({"_id": name, "_seq_no": 7, "_primary_term": 1, "policy": self.policies[name]})

    def _about(self) -> _Reply:
        version = {"number": self.version, "lucene_version": "9.12.3"}
        if self.distribution == "opensearch":
            return _done(
                {"version": {"distribution": "opensearch", **version}, "tagline": "The OpenSearch Project: https://opensearch.org/"}
            )
        return _done({"version": {"build_flavor": "default", **version}, "tagline": "You Know, for Search"})

    def _get_template(self, name: str) -> _Reply:
        if name not in self.templates:
            return _failed(404, ItemError(404, "resource_not_found_exception", f"index template matching [{name}] not found"))
        return _done({"index_templates": [{"name": name, "index_template": self.templates[name]}]})

    def _put_template(self, name: str, body: dict[str, Any]) -> _Reply:
        own = body["index_patterns"]
        for other, template in self.templates.items():
            patterns = template["index_patterns"]
            if other != name and _meet(own, patterns) and template.get("priority") == body.get("priority"):
                reason = (
                    f"index template [{name}] has index patterns {own} matching patterns from existing templates [{other}] with patterns "
                    f"({other} => {patterns}) that have the same priority [{body.get('priority')}], multiple index templates may not match"
                )
                return _failed(400, ItemError(400, "illegal_argument_exception", reason))
        self.templates[name] = body
        return _done({"acknowledged": True})

    def _bulk(self, body: bytes) -> _Reply:
        lines = body.split(b"\n")
        if lines.pop() or not lines:
            reason = "The bulk request must be terminated by a newline [\\n]"
            return _failed(400, ItemError(400, "illegal_argument_exception", reason))
        actions = [json.loads(line)["create"] for line in lines[::2]]
        long = next((action["_id"] for action in actions if not 0 < len(action["_id"].encode()) <= 512), None)
        if long is not None:
            reason = f"Validation Failed: 1: id [{long}] is empty or too long, must be no longer than 512 bytes;"
            return _failed(400, ItemError(400, "action_request_validation_exception", reason))
        items = [self._create(action["_index"], action["_id"], event) for action, event in zip(actions, lines[1::2], strict=True)]
        return _done({"took": 1, "errors": any("error" in item for item in items), "items": [{"create": item} for item in items]})

    def _search(self, index: str, query: dict[str, Any]) -> _Reply:
        """Which ids there are; or how many documents of a tenant by the hour. A refresh is a search for nothing."""
        if "*" in index:
            names = sorted(name for name in self.indices if fnmatch.fnmatchcase(name, index) and name not in self.closed)
            buckets = [{"key": name, "doc_count": len(self.indices[name])} for name in names if self.indices[name]]
            return _done({"timed_out": False, "aggregations": {"indices": {"buckets": buckets}}})
        if index in self.closed:
            return _failed(400, ItemError(400, "index_closed_exception", f"closed: {index}"))
        if index not in self.indices:
            return _failed(404, ItemError(404, "index_not_found_exception", f"no such index [{index}]"))
        sources = self.indices[index]
        if "aggs" not in query:
            wanted = query.get("query", {}).get("ids", {}).get("values", [])
            hits = [{"_id": uuid} for uuid in sources if uuid in set(wanted)]
            return _done({"timed_out": False, "hits": {"hits": hits[: query.get("size", 10)]}})
        tenant, span = (next(iter(part.values())) for part in query["query"]["bool"]["filter"])
        counts: dict[int, int] = {}
        for source in map(json.loads, sources.values()):
            inside = span["@timestamp"]["gte"] <= source["@timestamp"] < span["@timestamp"]["lt"]
            if inside and source["_okta_tenant"] == tenant["_okta_tenant"]:
                hour = int(datetime.fromisoformat(source["@timestamp"]).timestamp() // 3600 * 3_600_000)
                counts[hour] = counts.get(hour, 0) + 1
        buckets = [{"key": hour, "doc_count": count} for hour, count in counts.items()]
        return _done({"timed_out": False, "aggregations": {"hours": {"buckets": buckets}}})

    def _create(self, index: str, uuid: str, event: bytes) -> dict[str, Any]:
        error = self.blocks.get(index) or self._error_in(event)
        if index in self.closed:
            error = ItemError(400, "index_closed_exception", f"closed: {index}")
        sources = self.indices.setdefault(index, {})
        if error is None and uuid in sources:
            error = ItemError(409, "version_conflict_engine_exception", f"[{uuid}]: version conflict, document already exists")
        about: dict[str, Any] = {"_index": index, "_id": uuid}
        if error is not None:
            return about | {"status": error.status, "error": {"type": error.type, "reason": error.reason}}
        if self.drops(event):
            return about | {"status": 200, "result": "noop"}
        sources[uuid] = event
        return about | {"status": 201}

    def _error_in(self, event: bytes) -> ItemError | None:
        try:
            json.loads(event)
        except ValueError as error:
            return ItemError(400, "mapper_parsing_exception", f"failed to parse: {error}")
        verdict = self.verdict(event)
        return ItemError(verdict, _REASONS.get(verdict, "exception")) if isinstance(verdict, int) else verdict


def _meet(patterns: Sequence[str], others: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(a, b) or fnmatch.fnmatchcase(b, a) for a in patterns for b in others)


def _done(answer: object) -> _Reply:
    return 200, _JSON, json.dumps(answer).encode()


def _failed(status: int, error: ItemError) -> _Reply:
    return status, _JSON, json.dumps({"error": {"type": error.type, "reason": error.reason}, "status": status}).encode()
