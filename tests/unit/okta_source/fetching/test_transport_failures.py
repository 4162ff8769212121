"""Networks that fail: each cause is told apart, and nothing hangs for longer than the time-out."""

import gzip
import socket
import struct
import time
from collections.abc import Callable

import pytest
import urllib3.exceptions

from tests.unit.garbage import leaves_none_of
from tests.unit.okta_source.wire import TIMEOUT, Connect, failed, page, reply, serving

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


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [(None, "connection"), (reset, "connection"), (sends(close=False), "timeout")],
    ids=["refused", "reset", "hangs"],
)
def test_a_failure_leaves_nothing_for_the_garbage_collector(
    connect: Connect, handler: Callable[[socket.socket, bytes], None] | None, error_type: str
) -> None:
    with serving(handler or reset) as wire:
        transport = connect(wire.url, request_timeout_seconds=TIMEOUT)
        if handler is None:
            wire.close()
        with leaves_none_of(urllib3.exceptions.HTTPError):
            failed(transport.get(wire.url + "/x"), error_type)
