"""A server that never ends its answer gets no more than its time, and neither thread nor socket stays behind."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sinks.http.client import HttpClient, NoAnswer

TIMEOUT_SECONDS = 0.4


@contextlib.contextmanager
def answering(first: bytes, again: bytes, pause_seconds: float) -> Iterator[tuple[str, threading.Event]]:
    """A server that begins an answer and goes on for ever; the event is set once the client has hung up."""
    gone, over = threading.Event(), threading.Event()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10.0)
            connection.recv(65_536)
            try:
                connection.sendall(first)
                while not over.wait(pause_seconds):
                    connection.sendall(again)
            except OSError:
                gone.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/x", gone
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("first", "again", "pause_seconds"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.0),
        (b"", b"H", 0.05),
        (b"HTTP/1.1 200 OK\r\n", b"X", 0.05),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.05),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", 0.05),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: b\r\n", 0.05),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0", 0.05),
    ],
    ids=["interim answers without end", "a status line", "a header line", "headers", "a body", "trailers", "the length of a chunk"],
)
def test_a_trickle_ends_with_the_time_out(first: bytes, again: bytes, pause_seconds: float) -> None:
    client = HttpClient(connections=1, tls=None, user_agent="x")
    with answering(first, again, pause_seconds) as (url, gone):
        started = time.monotonic()
        answer = client.request("POST", url, body=b"{}", headers={}, timeout_seconds=TIMEOUT_SECONDS)
        assert isinstance(answer, NoAnswer)
        assert answer.error_type in ("timeout", "connection")
        assert time.monotonic() - started < 60.0  # it ends at all
        client.close()
        assert gone.wait(30.0), "the connection is closed"
