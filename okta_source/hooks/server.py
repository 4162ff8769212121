"""The receiver's HTTP: tornado's server with deadlines that hold for headers and body as a whole, and a bound for connections.

What tornado gives: absolute deadlines, a body that is handed over piece by piece, and the refusal of Content-Length beside
Transfer-Encoding. What is added here: the head decides before the body is read; connections that have shown no secret make room for new
ones; an answer that comes before the body was read is not lost to a reset.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any, Final, Literal

from tornado import httputil
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, StreamClosedError

from okta_source.hooks.admission import Answer, Wanted
from okta_source.hooks.committer import Committer, Overloaded
from okta_source.hooks.frame import LONGEST_BODY_BYTES
from okta_source.hooks.metrics import CONNECTIONS, REQUESTS

__all__ = ["HEADER_SECONDS", "MOST_CONNECTIONS", "BodyBudget", "Decide", "HookServer"]

_LOG = logging.getLogger(__name__)

HEADER_SECONDS: Final = 2.0
BODY_SECONDS: Final = 2.0
COMMIT_SECONDS: Final = 2.0
MOST_CONNECTIONS: Final = 1024
MOST_HEADER_BYTES: Final = 16 * 1024
BODIES_BYTES: Final = 64 * 1024 * 1024
_PATIENCE_SECONDS: Final = 1.0
"""How long a body may take before its connection may be closed for a new one."""
_LINGER_SECONDS: Final = 0.5
_MOST_LINGERING: Final = 256
_DISCARDED_BYTES: Final = 2 * LONGEST_BODY_BYTES
_ANY_SIZE: Final = 1 << 62
_REFUSAL: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Decide = Callable[[str, str, httputil.HTTPHeaders], Answer | Wanted]
_Stage = Literal["head", "body", "refused", "commit"]


class BodyBudget:
    """Bounds the bytes of bodies that are being read.

    Args:
        limit_bytes: The bound.
    """

    def __init__(self, limit_bytes: int = BODIES_BYTES) -> None:
        self._left_bytes = limit_bytes

    def take(self, size_bytes: int) -> bool:
        """Take memory for a piece, if there is any left."""
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """The piece is gone."""
        self._left_bytes += size_bytes


class HookServer(HTTPServer):
    """Receives deliveries.

    Args:
        decide: Decides on a request by its head.
        tenants: The tenants that are known, for metrics.
        committer: Makes bodies durable.
        most_connections: How many may be open.
        keys: tornado's own.
    """

    def initialize(  # type: ignore[override]
        self, *, decide: Decide, tenants: Collection[str], committer: Committer, most_connections: int = MOST_CONNECTIONS, **keys: Any
    ) -> None:
        """What tornado calls in place of `__init__`."""
        super().initialize(
            _never_called,
            no_keep_alive=True,  # closing an idle connection could cross Okta's next delivery, and cost its one retry
            idle_connection_timeout=HEADER_SECONDS,
            body_timeout=BODY_SECONDS,
            max_header_size=MOST_HEADER_BYTES,
            max_body_size=_ANY_SIZE,  # counted here, so that the answer is 413
            max_buffer_size=256 * 1024,
            chunk_size=64 * 1024,
            **keys,
        )
        self.decide = decide
        self.tenants = frozenset(tenants)
        self.committer = committer
        self.bodies = BodyBudget()
        self._most_connections = most_connections
        self._open: dict[IOStream, _Held] = {}
        self._lingering: set[IOStream] = set()

    def count(self, answer: Answer) -> None:
        """Count an answer; a tenant that nobody knows has no series of its own."""
        REQUESTS.labels(answer.tenant if answer.tenant in self.tenants else "", answer.result).inc()

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Take a connection up, if need be in the place of one that has not shown a secret."""
        if len(self._open) >= self._most_connections and not self._make_room():
            self._turn_away(stream)
            return
        self._open[stream] = _Held(stream)
        CONNECTIONS.set(len(self._open))
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> httputil.HTTPMessageDelegate:  # noqa: ARG002
        """A request begins on a connection."""
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101  # tornado has no other
        # One that had to make room in the very moment it was taken up is closed already.
        held = self._open.get(request_conn.stream) or _Held(request_conn.stream)
        return _Request(self, request_conn, held)

    def on_close(self, server_conn: object) -> None:
        """A connection is gone."""
        super().on_close(server_conn)
        stream = getattr(server_conn, "stream", None)
        self._open.pop(stream, None)  # type: ignore[arg-type]
        CONNECTIONS.set(len(self._open))

    async def finish(self, patience_seconds: float) -> None:
        """Accept nothing more, let deliveries that are under way end, and close the rest."""
        self.stop()
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline and any(held.stage in ("body", "commit") for held in self._open.values()):
            await asyncio.sleep(0.01)
        for stream in [*self._open, *self._lingering]:
            stream.close()
        await self.close_all_connections()

    def _make_room(self) -> bool:
        """Close the connection that has waited longest without having shown a secret, else one whose body takes long."""
        now = time.monotonic()
        held = self._open.values()
        victim = next((each for each in held if each.stage in ("head", "refused")), None)
        victim = victim or next((each for each in held if each.stage == "body" and now - each.since > _PATIENCE_SECONDS), None)
        if victim is None:
            return False
        self._open.pop(victim.stream)
        if victim.stage == "head":
            self.count(Answer(503, "overloaded"))
            self._say_busy(victim.stream)
        victim.stream.close()
        return True

    def _turn_away(self, stream: IOStream) -> None:
        self.count(Answer(503, "overloaded"))
        if len(self._lingering) >= _MOST_LINGERING:
            stream.close()
            return
        self._say_busy(stream)
        # What the client is still sending would make a close a reset, which may overtake the answer.
        self._lingering.add(stream)
        stream.set_close_callback(lambda: self._lingering.discard(stream))
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, stream.close)

    @staticmethod
    def _say_busy(stream: IOStream) -> None:
        try:
            written = stream.write(_REFUSAL)
        except StreamClosedError:
            return
        written.add_done_callback(lambda future: future.exception())


class _Held:
    """A connection and how far it has come."""

    __slots__ = ("since", "stage", "stream")

    def __init__(self, stream: IOStream) -> None:
        self.stream = stream
        self.stage: _Stage = "head"
        self.since = time.monotonic()


class _Request(httputil.HTTPMessageDelegate):
    """One request, the only one of its connection."""

    def __init__(self, server: HookServer, connection: HTTP1Connection, held: _Held) -> None:
        self._server = server
        self._connection = connection
        self._held = held
        self._tenant = ""
        self._body = bytearray()
        self._taken_bytes = 0
        self._discarded_bytes = 0
        self._answered = False
        self._over = False

    def headers_received(  # type: ignore[override]
        self, start_line: httputil.RequestStartLine, headers: httputil.HTTPHeaders
    ) -> None:
        """The head decides."""
        decided = self._server.decide(start_line.method, start_line.path, headers)
        if isinstance(decided, Wanted):
            self._tenant = decided.tenant
            self._held.stage, self._held.since = "body", time.monotonic()
            return
        # A client that asks first has sent nothing yet; what others send is read away, or the close would be a reset.
        self._answer(decided, at_once="Expect" in headers)

    def data_received(self, chunk: bytes) -> None:
        """A piece of the body."""
        if self._answered:
            self._discarded_bytes += len(chunk)
            if self._discarded_bytes > _DISCARDED_BYTES:
                self._end()
            return
        if len(self._body) + len(chunk) > LONGEST_BODY_BYTES:
            self._answer(Answer(413, "too_large", self._tenant))
        elif not self._server.bodies.take(len(chunk)):
            self._answer(Answer(503, "overloaded", self._tenant))
        else:
            self._taken_bytes += len(chunk)
            self._body += chunk

    def finish(self) -> None:
        """The request is complete."""
        if self._answered:
            self._end()
            return
        self._held.stage = "commit"
        body = bytes(self._body)
        try:
            done = self._server.committer.commit(self._tenant, body, int(time.time() * 1000))
        except Overloaded:
            self._answer(Answer(503, "overloaded", self._tenant), at_once=True)
            return
        waiting = asyncio.ensure_future(asyncio.wait_for(done, COMMIT_SECONDS))
        waiting.add_done_callback(self._committed)

    def on_connection_close(self) -> None:
        """The client is gone, or its deadline is over."""
        if self._tenant and not self._answered:
            self._server.count(Answer(0, "failed", self._tenant))
        self._answered = self._over = True
        self._release()

    def _committed(self, waited: "asyncio.Future[bool]") -> None:
        good = not waited.cancelled() and waited.exception() is None and waited.result()
        self._answer(Answer(200, "accepted", self._tenant) if good else Answer(503, "failed", self._tenant), at_once=True)

    def _answer(self, answer: Answer, *, at_once: bool = False) -> None:
        if self._answered:
            return
        self._answered = True
        self._release()
        self._server.count(answer)
        if self._held.stage != "commit":
            self._held.stage = "refused"
        headers = httputil.HTTPHeaders({"Content-Length": str(len(answer.body)), "Connection": "close", **dict(answer.headers)})
        start_line = httputil.ResponseStartLine("HTTP/1.1", answer.status, HTTPStatus(answer.status).phrase)
        try:
            written = self._connection.write_headers(start_line, headers, answer.body)
        except StreamClosedError:
            self._over = True
            return
        written.add_done_callback(lambda future: future.exception())
        if at_once:
            self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            if not self._connection.stream.closed():
                self._connection.finish()

    def _release(self) -> None:
        self._server.bodies.give_back(self._taken_bytes)
        self._taken_bytes = 0
        self._body = bytearray()


def _never_called(_request: object) -> None:
    """Tornado wants a callback; requests are handled by `_Request`."""
