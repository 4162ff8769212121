"""Networks that fail: each cause is told apart, and nothing hangs for longer than the time-out."""

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.okta_source.wire import TIMEOUT, Connect, Wire, certificate, failed, page, reply, serving

HEAD = b"HTTP/1.1 200 OK\r\n"


def sends(*pieces: bytes, pause: float = 0.0, close: bool = True) -> Callable[[socket.socket, bytes], None]:
    """Sends pieces with a pause between them, then closes or hangs."""

    def handle(connection: socket.socket, _head: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        if close:
            connection.shutdown(socket.SHUT_RDWR)

    return handle


def slow(data: bytes, pause: float = TIMEOUT / 10) -> Callable[[socket.socket, bytes], None]:
    """Sends one byte at a time, never so late that a socket's own time-out would notice."""
    return sends(*(data[place : place + 1] for place in range(len(data))), pause=pause)


@pytest.mark.parametrize(
    "handler",
    [
        sends(close=False),
        sends(HEAD[:9], close=False),
        sends(HEAD + b"Content-Length: 10\r\n", close=False),
        sends(HEAD + b"Content-Length: 10\r\n\r\n", close=False),
        sends(HEAD + b"Content-Length: 10\r\n\r\n[1", close=False),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[1", close=False),
        slow(HEAD + b"X-Slow: " + b"x" * 200),
        sends(HEAD + b"Content-Length: 100\r\n\r\n", *[b" "] * 100, pause=TIMEOUT / 10),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 100, pause=TIMEOUT / 10),
        sends(HEAD + b"Content-Length: 9999\r\nContent-Encoding: gzip\r\n\r\n", *[gzip.compress(b"[]")[:1]] * 100, pause=TIMEOUT / 10),
    ],
    ids=[
        "nothing",
        "half-status",
        "half-headers",
        "no-body",
        "half-body",
        "half-chunk",
        "slow-headers",
        "slow-body",
        "slow-chunks",
        "slow-gzip",
    ],
)
def test_an_answer_that_takes_too_long_is_given_up(connect: Connect, handler: Callable[[socket.socket, bytes], None]) -> None:
    with serving(handler) as wire:
        started = time.monotonic()
        assert f"{TIMEOUT:g} s" in failed(connect(wire.url, request_timeout_seconds=TIMEOUT).get(wire.url + "/x"), "timeout").detail
        assert time.monotonic() - started < 8 * TIMEOUT  # far below what the trickle would take


def test_a_slow_answer_within_the_time_out_is_a_page(connect: Connect) -> None:
    with serving(sends(HEAD, b"Content-Length: 4\r\n\r\n", b"[", b"1", b",2"[:1], b"]", pause=TIMEOUT / 20)) as wire:
        assert page(connect(wire.url).get(wire.url + "/x")).body == b"[1,]"


def test_after_a_time_out_the_next_request_takes_a_new_connection(connect: Connect) -> None:
    answers = [sends(HEAD + b"Content-Length: 10\r\n\r\n[1", close=False), sends(reply(), close=False)]

    def handle(connection: socket.socket, head: bytes) -> None:
        answers.pop(0)(connection, head)

    with serving(handle) as wire:
        transport = connect(wire.url, request_timeout_seconds=TIMEOUT)
        failed(transport.get(wire.url + "/x"), "timeout")
        assert page(transport.get(wire.url + "/x")).body == b"[]"
        assert wire.connections == 2


def reset(connection: socket.socket, _head: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize(
    "handler",
    [
        sends(),
        reset,
        sends(b"not HTTP at all\r\n\r\n"),
        sends(HEAD[:9]),
        sends(HEAD + b"Content-Length: 10\r\n\r\n"),
        sends(HEAD + b"Content-Length: 10\r\n\r\n[1,2,3]"),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n"),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n[1,2"),
        sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]"),
        sends(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" + gzip.compress(b"[]")),
        sends(HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n"),
    ],
    ids=[
        "closed",
        "reset",
        "no-http",
        "half-status",
        "no-body",
        "cut-body",
        "no-chunk",
        "cut-chunks",
        "cut-chunk",
        "bad-chunk",
        "cut-gzip",
        "long-header",
    ],
)
def test_a_connection_that_breaks_is_no_page(connect: Connect, handler: Callable[[socket.socket, bytes], None]) -> None:
    with serving(handler) as wire:
        transport = connect(wire.url)
        assert wire.url in failed(transport.get(wire.url + "/x"), "connection").detail


def test_nobody_listens(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert "refused" in failed(connect(url).get(url + "/x"), "connection").detail


def test_a_host_that_does_not_exist(connect: Connect) -> None:
    found = failed(connect("https://acme.invalid").get("https://acme.invalid/x"), "dns")
    assert "https://acme.invalid" in found.detail
    assert "org_url" in found.fix


def local(wire: Wire) -> str:
    return f"https://localhost:{wire.port}"


def test_tls_with_an_unknown_certificate_is_refused(connect: Connect, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "127.0.0.1", "localhost")
    with serving(reply(), context) as wire:
        found = failed(connect(wire.url).get(wire.url + "/x"), "tls")
        assert "self-signed" in found.detail
        assert "ca_file" in found.fix
        assert wire.heads == []


def test_tls_with_its_authority_given_keeps_the_connection_and_the_exact_target(connect: Connect, tmp_path: Path) -> None:
    ca_file, context = certificate(tmp_path, "127.0.0.1", "localhost")
    with serving(reply(), context) as wire:
        for url in (wire.url, local(wire)):
            transport = connect(url, tls={"ca_file": str(ca_file)})
            for _ in range(3):
                page(transport.get(url + "/api/v1/logs?after=a%2fb"))
        assert wire.connections == 2
        assert {head.split(b"\r\n")[0] for head in wire.heads} == {b"GET /api/v1/logs?after=a%2fb HTTP/1.1"}


def test_tls_with_another_hosts_certificate_is_refused_unless_the_name_is_not_to_be_verified(connect: Connect, tmp_path: Path) -> None:
    ca_file, context = certificate(tmp_path, "somewhere.example")
    with serving(reply(), context) as wire:
        failed(connect(wire.url, tls={"ca_file": str(ca_file)}).get(wire.url + "/x"), "tls")
        failed(connect(local(wire), tls={"ca_file": str(ca_file)}).get(local(wire) + "/x"), "tls")
        assert wire.heads == []
        page(connect(local(wire), tls={"ca_file": str(ca_file), "verify_hostname": False}).get(local(wire) + "/x"))
        failed(connect(local(wire), tls={"verify_hostname": False}).get(local(wire) + "/x"), "tls")


def test_tls_without_verification(connect: Connect, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "somewhere.example")
    with serving(reply(), context) as wire:
        page(connect(wire.url, tls={"verify": False}).get(wire.url + "/x"))


def test_plain_http_where_tls_is_expected(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        failed(connect(url).get(url + "/x"), "tls")
        thread.join()


def test_tls_that_hangs_in_its_handshake_is_a_time_out(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        failed(connect(url, request_timeout_seconds=TIMEOUT).get(url + "/x"), "timeout")


def test_a_client_certificate_is_shown(connect: Connect, tmp_path: Path) -> None:
    ca_file, context = certificate(tmp_path, "127.0.0.1")
    context.load_verify_locations(ca_file)
    context.verify_mode = 2  # required
    with serving(reply(), context) as wire:
        failed(connect(wire.url, tls={"ca_file": str(ca_file)}).get(wire.url + "/x"), "tls")
        own = {"ca_file": str(ca_file), "cert_file": str(ca_file), "key_file": str(tmp_path / "key.pem")}
        page(connect(wire.url, tls=own).get(wire.url + "/x"))
