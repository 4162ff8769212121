"""The connections of the faulty proxy: reads requests, and forwards or ill-treats them as the proxy's rules say."""

import contextlib
import http.client
import select
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Literal

UPSTREAM_SECONDS = 120.0

# They are about one connection, not about the request; the proxy states the length of each body itself.
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Reset = Literal["mid_request", "before_delivery", "after_delivery", "mid_answer"]


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Fault:
    """What is done to a request; the default is nothing."""

    name: str | None = None
    delay_seconds: float = 0.0
    answer: Answer | None = None
    hang: Literal["before_delivery", "after_delivery"] | None = None
    reset: Reset | None = None
    write_bytes: int | None = None
    pause_seconds: float = 0.0

    @property
    def forwards(self) -> bool:
        """Whether the server behind the proxy gets the request."""
        return self.answer is None and "before_delivery" not in {self.hang, self.reset}


@dataclass
class Request:
    """A request that has reached the proxy."""

    method: str
    path: str  # with the query
    headers: dict[str, str]  # names in lower case
    time: float  # as of `time.monotonic`
    body_bytes: int = 0  # as sent: compressed if it came compressed
    fault: str | None = None  # what the proxy did to it, as its method is called: "reset"
    delivered: bool = False  # whether the server behind has answered it, whatever the client saw


class Listener(socketserver.ThreadingTCPServer):
    """Listens on a port; `take` records a request and says what to do to it."""

    allow_reuse_address = True  # else a port that had connections could not be opened again at once
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, upstream: str, take: Callable[[Request], Fault]) -> None:
        self.upstream = upstream
        self.take = take
        self.connections: set[socket.socket] = set()  # those of clients, and those to the server
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Connection)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self.lock:
            self.connections.add(request)
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        # Without the shutdown of the default, which would send a proper end before a reset.
        with self.lock:
            self.connections.discard(request)
            request.close()

    def drop_connections(self) -> None:
        """End what is connected; each client's thread wakes up and ends."""
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that is gone is the purpose here; anything else is a mistake of the proxy and worth a traceback.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Connection(BaseHTTPRequestHandler):
    """One connection of a client, with one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def serve(self) -> None:
        """One request, the head of which has been read."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, time.monotonic(), int(headers.get("content-length", 0)))
        fault = self.server.take(request)
        if fault.reset == "mid_request":
            self._reset()
            return
        body = self._read_body()
        request.body_bytes = len(body)
        if fault.delay_seconds and self._client_leaves(fault.delay_seconds):
            return
        answer = fault.answer
        if fault.forwards:
            answer = self._forward(body)
            request.delivered = answer is not None
        if fault.hang:
            self._client_leaves(None)
        elif fault.reset == "mid_answer" and answer:
            self._send(answer, answer.body[: len(answer.body) // 2])
            self._reset()
        elif fault.reset or answer is None:
            self._reset()
        elif fault.write_bytes:
            self._trickle(answer, fault.write_bytes, fault.pause_seconds)
        else:
            self._send(answer, answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815 the names that the base class looks for

    def log_message(self, *arguments: object) -> None:
        """Nothing: the proxy records its requests."""

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read(int(self.headers.get("Content-Length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            body += self._read(size)
            self.rfile.readline()
        while line := self.rfile.readline():
            if not line.strip():  # behind the trailers
                return bytes(body)
        raise ConnectionAbortedError

    def _read(self, size: int) -> bytes:
        """So many bytes; never fewer, for half a body must not be forwarded as if it were whole."""
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionAbortedError
        return data

    def _forward(self, body: bytes) -> Answer | None:
        """The server's answer, or None if it gave none."""
        # A connection for each request: one that is kept may be stale after a restart, a fault that nobody asked for.
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=UPSTREAM_SECONDS)
        try:
            upstream.connect()
        except OSError:
            return None
        connected = upstream.sock  # http.client forgets it when the server closes
        with self.server.lock:
            self.server.connections.add(connected)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in _end_to_end(self.headers.items()):
                upstream.putheader(name, value)
            if body or "Content-Length" in self.headers:
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            content = response.read()
            headers = list(_end_to_end(response.getheaders()))
            if self.command == "HEAD" and (length := response.getheader("Content-Length")):
                headers.append(("Content-Length", length))
            return Answer(response.status, tuple(headers), content)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            with self.server.lock:
                self.server.connections.discard(connected)
                upstream.close()

    def _send(self, answer: Answer, body: bytes) -> None:
        """Send the head of the answer, and of its body what is given."""
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.command != "HEAD" and answer.status not in {204, 304}:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _trickle(self, answer: Answer, write_bytes: int, pause_seconds: float) -> None:
        self._send(answer, b"")
        for start in range(0, len(answer.body), write_bytes):
            if self._client_leaves(pause_seconds):
                return
            self.wfile.write(answer.body[start : start + write_bytes])

    def _reset(self) -> None:
        """Close with an RST in place of a FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close_connection = True

    def _client_leaves(self, seconds: float | None) -> bool:
        """Wait, at the longest until the client leaves or the proxy goes down; whether that has happened."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)  # readable means the end here: a client sends nothing before it has its answer
        if poll.poll(None if seconds is None else seconds * 1000):
            self.close_connection = True
        return self.close_connection


def _end_to_end(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP)
