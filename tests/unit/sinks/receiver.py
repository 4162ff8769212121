"""A receiver of webhooks on a loopback port, with faults to order: it tells what came, and in which order."""

import contextlib
import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal, Self

from tests.unit.sinks.firewall import Firewall

__all__ = ["Receiver", "Request", "events_in"]

_PATIENCE_SECONDS = 30.0


def _stacked(text: str) -> Iterator[Any]:
    """JSON documents with white space between them, or none."""
    position = 0
    while position < len(text):
        document, position = json.JSONDecoder().raw_decode(text, position)
        yield document
        while text[position : position + 1].isspace():
            position += 1


def events_in(body: bytes, content_type: str) -> tuple[list[Any], list[Any]]:
    """The events of a request in any of the three encodings, and Splunk's envelopes around them.

    Raises:
        ValueError: The body is nothing of the kind.
    """
    if content_type == "application/x-ndjson":
        assert body.endswith(b"\n"), "the last line has no end"
        return [json.loads(line) for line in body.decode().removesuffix("\n").split("\n")], []
    if body[:1] == b"[":
        return json.loads(body), []
    envelopes = list(_stacked(body.decode()))
    return [envelope["event"] for envelope in envelopes], envelopes


@dataclass(eq=False)
class Request:
    """What arrived: `headers` has lower-case names, `status` is None until there is an answer or where there is none, `taken` says
    whether its events count as received, though the sender may not have been told."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    events: list[Any] = field(default_factory=list)
    envelopes: list[Any] = field(default_factory=list)
    status: int | None = None
    taken: bool = False


@dataclass(eq=False)
class _Fault:
    """What happens to the next `left` requests; where that is None, to all until cleared."""

    kind: Literal["answer", "reset", "hang"]
    left: int | None
    reply: tuple[int, Mapping[str, str], bytes] = (200, {}, b"")
    taken: bool = False


class Receiver:
    """Listens from `with` to its end. Its attributes may be read while requests come in.

    Args:
        max_body_bytes: A larger body is answered with 413.
        poison: Whether an event is refused: with 400, where it came in Splunk's envelope by Splunk's rules.
        tls: A server's context, for https.
    """

    def __init__(
        self, *, max_body_bytes: int | None = None, poison: Callable[[Any], bool] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.max_body_bytes, self.poison = max_body_bytes, poison
        self.firewall: Firewall | None = None
        self.connections = 0
        self.requests: list[Request] = []
        self.errors: list[BaseException] = []
        self.changed = threading.Condition()
        self.port = 0
        self._tls = tls
        self._server: _Server | None = None
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
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/ingest"

    @property
    def events(self) -> list[Any]:
        """The events of all requests that were taken, in the order of the requests' arrival, repeated ones too."""
        return [event for request in list(self.requests) if request.taken for event in request.events]

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, times: int | None = 1) -> None:
        """Answer so. Like every fault, it waits its turn behind those ordered before; `times` None means until cleared."""
        self._faults.append(_Fault("answer", times, (status, headers or {}, body)))

    def reset(self, *, times: int | None = 1, taken: bool = False) -> None:
        """Reset the connection: in mid-body, or instead of an answer to events that were taken."""
        self._faults.append(_Fault("reset", times, taken=taken))

    def hang(self, *, times: int | None = None) -> None:
        """Keep requests waiting until `release`, then answer them as if nothing had been."""
        self._faults.append(_Fault("hang", times))

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

    def wait_for(self, condition: Callable[["Receiver"], bool]) -> None:
        """Return as soon as the condition holds, looked at whenever a request has arrived or been answered."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), _PATIENCE_SECONDS), self.requests

    def up(self) -> None:
        """Listen, on the same port as before."""
        server = self._server = _Server(self, self.port, self._tls)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections and break those that are there; what hangs is never answered nor taken."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.break_connections()
            with self.changed:
                self.changed.notify_all()
            server.server_close()

    def serve(self, handler: "_Handler", server: "_Server") -> None:
        """One request, on its connection's thread."""
        before = self._releases  # a release from here on frees it, though it hasn't begun to wait
        with self.changed:
            fault = self._faults[0] if self._faults else None
            if fault and fault.left is not None:
                fault.left -= 1
                self._faults = self._faults[1:] if fault.left == 0 else self._faults
        length = int(handler.headers["Content-Length"])
        if fault and fault.kind == "reset" and not fault.taken:
            handler.rfile.read(length // 2)
            return handler.reset()
        body = handler.rfile.read(length)
        if len(body) < length:
            return None
        if self.firewall is not None and self.firewall.stops(handler, body):
            return None
        request = Request(handler.path, {name.lower(): value for name, value in handler.headers.items()}, body)
        answer = self._verdict(request)
        if fault and fault.kind == "answer":
            answer = fault.reply
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
            if fault and fault.kind == "hang":
                self.changed.wait_for(lambda: self._releases > before or server is not self._server, _PATIENCE_SECONDS)
            if server is not self._server:
                return None
            request.taken = 200 <= answer[0] < 300
            request.status = None if fault and fault.kind == "reset" else answer[0]
            self.changed.notify_all()
        return handler.reset() if request.status is None else handler.answer(*answer)

    def _verdict(self, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        if self.max_body_bytes is not None and len(request.body) > self.max_body_bytes:
            return 413, {}, b""
        try:
            request.events, request.envelopes = events_in(request.body, request.headers.get("content-type", ""))
        except ValueError as error:
            return 400, {}, json.dumps({"message": f"unreadable: {error}"}).encode()
        poisoned = [number for number, event in enumerate(request.events) if self.poison and self.poison(event)]
        if poisoned:
            splunk = {"text": "Invalid data format", "code": 6, "invalid-event-number": poisoned[0]}
            return 400, {}, json.dumps(splunk if request.envelopes else {"message": "poison"}).encode()
        return 200, {}, b'{"text":"Success","code":0}' if request.envelopes else b""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, receiver: Receiver, port: int, tls: ssl.SSLContext | None) -> None:
        self.receiver = receiver
        self._tls = tls
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls:  # the handshake comes with the first read, on the connection's own thread
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._connections.add(connection)
        self.receiver.connections += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        request.close()  # without the base class's shutdown, which would say goodbye before a reset

    def break_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # not TLS's own, which another thread is reading from

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):  # a client may go when it likes
            self.receiver.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        self.server.receiver.serve(self, self.server)

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        if "Date" in headers:
            self.send_response_only(status)
        else:
            self.send_response(status)
        for header in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """A test's output is its own."""
