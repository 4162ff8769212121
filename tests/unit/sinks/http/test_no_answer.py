"""A connection that is broken while a request is under way may be one event's doing; one that never came about is the target's matter."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sinks.http.client import HttpClient, NoAnswer
from sinks.http.tls import client_context
from tests.unit.okta_source.wire import certificate

ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
PAGE = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


def reset(raw: socket.socket) -> None:
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say(words: bytes) -> Callable[[socket.socket], None]:
    def say_and_wait(raw: socket.socket) -> None:
        raw.sendall(words)
        raw.settimeout(5.0)
        with contextlib.suppress(OSError):
            while raw.recv(1 << 20):
                """Until the client has hung up."""

    return say_and_wait


def hang_up(_raw: socket.socket) -> None:
    """The connection is closed without TLS's own farewell."""


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """One connection, dealt with on a thread; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5.0)
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def failure(url: str, tls: ssl.SSLContext, body: bytes = b"{}", timeout_seconds: float = 5.0) -> NoAnswer:
    client = HttpClient(1, tls, "test")
    outcome = client.request("POST", url, body=body, headers={}, timeout_seconds=timeout_seconds)
    client.close()
    assert isinstance(outcome, NoAnswer)
    return outcome


def trusting(ca_file: Path, cert_file: Path | None = None, key_file: Path | None = None) -> ssl.SSLContext:
    return client_context(ca_file, cert_file, key_file, None, verify=True, verify_hostname=True)


@pytest.mark.parametrize("size", [2, 4_000_000])
@pytest.mark.parametrize("end", [reset, hang_up, say(ALERT), say(PAGE)], ids=["reset", "close", "alert", "page without TLS"])
def test_what_breaks_a_request_off_may_mean_an_event(tmp_path: Path, end: Callable[[socket.socket], None], size: int) -> None:
    ca_file, server = certificate(tmp_path, "127.0.0.1")

    def read_and_end(connection: socket.socket) -> None:
        secured = server.wrap_socket(connection, server_side=True)
        secured.recv(1000)
        with socket.socket(fileno=secured.detach()) as raw:
            end(raw)

    with serving(read_and_end) as url:
        told = failure(url, trusting(ca_file), b"x" * size)
    assert (told.error_type, told.blame) == ("connection", "doubtful")
    assert "ca_file" not in told.fix


@pytest.mark.parametrize("end", [hang_up, say(PAGE), say(ALERT)], ids=["close", "page without TLS", "alert"])
def test_a_handshake_that_fails_is_the_targets_matter(tmp_path: Path, end: Callable[[socket.socket], None]) -> None:
    ca_file, _ = certificate(tmp_path, "127.0.0.1")

    def end_at_once(connection: socket.socket) -> None:
        connection.recv(65_536)
        end(connection)

    with serving(end_at_once) as url:
        told = failure(url, trusting(ca_file))
    assert (told.error_type, told.blame) == ("tls", "target")
    assert "ca_file" not in told.fix
    assert "handshake itself failed" in told.fix


@pytest.mark.parametrize(("end", "error_type"), [(reset, "connection"), (lambda raw: raw.recv(65_536), "timeout")], ids=["reset", "hang"])
def test_nor_is_an_event_meant_before_it_was_sent(tmp_path: Path, end: Callable[[socket.socket], None], error_type: str) -> None:
    ca_file, _ = certificate(tmp_path, "127.0.0.1")

    def end_at_once(connection: socket.socket) -> None:
        connection.recv(65_536)
        end(connection)

    with serving(end_at_once) as url:
        told = failure(url, trusting(ca_file), timeout_seconds=0.5)
    assert (told.error_type, told.blame) == (error_type, "target")


@pytest.mark.parametrize("name", ["127.0.0.1", "other.example.com"])
def test_a_certificate_that_is_not_trusted(tmp_path: Path, name: str) -> None:
    _, server = certificate(tmp_path, name)
    (tmp_path / "other").mkdir()
    ca_file = tmp_path / "cert.pem" if name != "127.0.0.1" else certificate(tmp_path / "other", name)[0]
    with serving(lambda connection: server.wrap_socket(connection, server_side=True).close()) as url:
        told = failure(url, trusting(ca_file))
    assert (told.error_type, told.blame) == ("tls", "target")
    assert "ca_file" in told.fix


def test_a_certificate_of_ours_that_the_server_does_not_take_is_no_events_doing(tmp_path: Path) -> None:
    ca_file, server = certificate(tmp_path, "127.0.0.1")
    (tmp_path / "ours").mkdir()
    cert_file, _ = certificate(tmp_path / "ours", "us")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(ca_file)

    def shake_hands(connection: socket.socket) -> None:
        secured = server.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with contextlib.suppress(ssl.SSLError):
            secured.do_handshake()  # sends the alert
        with socket.socket(fileno=secured.detach()) as raw:
            say(b"")(raw)

    # With TLS 1.3 that comes to light when the client takes the handshake for done.
    with serving(shake_hands) as url:
        told = failure(url, trusting(ca_file, cert_file, cert_file.with_name("key.pem")))
    assert (told.error_type, told.blame) == ("tls", "target")
    assert "cert_file" in told.fix
