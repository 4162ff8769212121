"""An HTTP server on a loopback port whose connections can be broken, for tests' own servers."""

import contextlib
import socket
import socketserver
import struct
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

__all__ = ["Handler", "LoopbackServer"]


class Owner(Protocol):
    """Who answers the requests, each on its connection's thread."""

    errors: list[BaseException]

    def serve(self, handler: "Handler", server: "LoopbackServer") -> None: ...


class LoopbackServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, owner: Owner, port: int) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        request.close()  # without the base class's shutdown, which would say goodbye before a reset

    def break_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):  # a client may go when it likes
            self.owner.errors.append(error)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def _serve(self) -> None:
        self.server.owner.serve(self, self.server)

    do_GET = do_POST = do_PUT = do_OPTIONS = _serve  # noqa: N815 named by the base class

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
