"""The proxy does to requests what it is told to, and nothing else."""

import gzip
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.faulty_proxy import FaultyProxy


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A request that was cut off is no news."""


class Echo(BaseHTTPRequestHandler):
    """Answers with the body it got."""

    protocol_version = "HTTP/1.1"
    seen: list[bytes]
    released: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(body)
        if self.path == "/slow":
            self.released.wait(30)
        self.send_response(200)
        for name in ("Content-Type", "Content-Encoding"):
            if self.headers[name]:
                self.send_header(name, self.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1234")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def seen() -> list[bytes]:
    """The bodies that have reached the server."""
    return []


@pytest.fixture
def proxy(seen: list[bytes]) -> Iterator[FaultyProxy]:
    released = threading.Event()
    with Server(("127.0.0.1", 0), type("Recording", (Echo,), {"seen": seen, "released": released})) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with FaultyProxy(f"http://127.0.0.1:{server.server_address[1]}") as proxy:
            yield proxy
        released.set()
        server.shutdown()


@pytest.fixture
def connection(proxy: FaultyProxy) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=10)
    yield connection
    connection.close()


def post(connection: http.client.HTTPConnection, body: bytes = b"body", path: str = "/", **headers: str) -> tuple[int, bytes]:
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def test_forwards_over_one_connection(proxy: FaultyProxy, connection: http.client.HTTPConnection, seen: list[bytes]):
    bodies = [b"first", b"", gzip.compress(b"x" * 5000), os.urandom(20_000_000)]
    sockets = set()
    for body in bodies:
        assert post(connection, body, "/a?b=c", **{"Content-Encoding": "gzip"}) == (200, body)
        sockets.add(connection.sock)
    assert seen == bodies
    assert len(sockets) == 1
    assert [(request.method, request.path, request.body_bytes, request.fault, request.delivered) for request in proxy.requests] == [
        ("POST", "/a?b=c", len(body), None, True) for body in bodies
    ]
    assert proxy.requests[0].headers["content-encoding"] == "gzip"
    assert proxy.requests[0].time <= proxy.requests[-1].time <= time.monotonic()


def test_other_forms(proxy: FaultyProxy, connection: http.client.HTTPConnection):
    connection.request("HEAD", "/")
    response = connection.getresponse()
    assert (response.headers["Content-Length"], response.read()) == ("1234", b"")
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"abcdef"
    connection.request("POST", "/", iter([b"in ", b"chunks"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().read() == b"in chunks"
    with requests.Session() as session:
        session.trust_env = False
        compressed = gzip.compress(b"text")
        assert session.post(proxy.url, compressed, headers={"Content-Encoding": "gzip"}, timeout=5).text == "text"


def test_answers_by_path_and_number(proxy: FaultyProxy, connection: http.client.HTTPConnection, seen: list[bytes]):
    proxy.answer(429, b"slow down", {"Retry-After": "3"}, times=2, path="_bulk$")
    proxy.answer(503, path="_bulk$")
    assert post(connection, path="/other") == (200, b"body")
    connection.request("POST", "/x/_bulk", b"lost")
    response = connection.getresponse()
    assert (response.status, response.headers["Retry-After"], response.read()) == (429, "3", b"slow down")
    assert [post(connection, path="/_bulk")[0] for _ in range(3)] == [429, 503, 503]
    proxy.clear()
    assert post(connection, path="/_bulk")[0] == 200
    assert seen == [b"body"] * 2
    assert [request.fault for request in proxy.requests] == [None, *["answer"] * 4, None]


@pytest.mark.parametrize(("when", "delivered"), [("mid_request", False), ("before_delivery", False), ("after_delivery", True)])
def test_resets(proxy: FaultyProxy, connection: http.client.HTTPConnection, seen: list[bytes], when: str, delivered: bool):
    proxy.reset(when, times=1)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        post(connection, b"x" * 5_000_000 if when == "mid_request" else b"body")
    assert len(seen) == delivered
    assert proxy.requests[0].delivered == delivered
    connection.close()
    assert post(connection)[0] == 200


def test_resets_in_mid_answer(proxy: FaultyProxy, connection: http.client.HTTPConnection, seen: list[bytes]):
    proxy.reset("mid_answer", times=1)
    connection.request("POST", "/", b"0123456789")
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        connection.getresponse().read()
    assert seen == [b"0123456789"]


@pytest.mark.parametrize(("when", "delivered"), [("before_delivery", False), ("after_delivery", True)])
def test_hangs(proxy: FaultyProxy, connection: http.client.HTTPConnection, seen: list[bytes], when: str, delivered: bool):
    proxy.hang(when, times=1)
    connection.timeout = 0.2
    with pytest.raises(TimeoutError):
        post(connection)
    assert len(seen) == delivered
    connection.close()
    assert post(connection)[0] == 200


def test_delays_and_trickles(proxy: FaultyProxy, connection: http.client.HTTPConnection):
    proxy.delay(0.2, times=1)
    proxy.trickle(2, 0.05, times=1)
    for seconds in (0.2, 0.25):
        started = time.monotonic()
        assert post(connection, b"0123456789") == (200, b"0123456789")
        assert seconds <= time.monotonic() - started < seconds + 1


def test_down_and_up(proxy: FaultyProxy, connection: http.client.HTTPConnection):
    url = proxy.url
    assert post(connection)[0] == 200
    proxy.down()
    proxy.down()
    with pytest.raises(ConnectionError):
        post(connection)
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        post(connection)
    connection.close()
    proxy.up()
    assert post(connection)[0] == 200
    assert proxy.url == url


@pytest.mark.parametrize("path", ["/hang", "/slow"])
def test_down_ends_what_is_under_way(proxy: FaultyProxy, connection: http.client.HTTPConnection, path: str):
    proxy.hang(path="/hang")
    connection.request("POST", path, b"body")
    while not proxy.requests:
        time.sleep(0.01)
    started = time.monotonic()
    proxy.down()
    with pytest.raises(ConnectionError):
        connection.getresponse()
    assert time.monotonic() - started < 10.0  # the server takes thirty


def test_half_a_request_is_not_forwarded(proxy: FaultyProxy, seen: list[bytes]):
    for head in (b"Content-Length: 10\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"):
        with socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port)) as client:
            client.sendall(b"POST / HTTP/1.1\r\n" + head)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b""
    assert not seen


def test_many_at_once(proxy: FaultyProxy):
    proxy.answer(503, times=20)
    statuses: list[int] = []

    def client() -> None:
        connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=10)
        statuses.extend(post(connection)[0] for _ in range(10))
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 60 + [503] * 20


def test_a_server_that_is_not_there_is_a_reset():
    with FaultyProxy("http://127.0.0.1:1") as proxy:
        connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=10)
        with pytest.raises(ConnectionResetError):
            post(connection)
        connection.close()
