"""What the receiver answers, byte by byte, to Okta and to strangers."""

import json
import socket
import time
from pathlib import Path

import pytest

from tests.e2e.push.conftest import PREVIOUS
from tests.e2e.push.receiving import SECRET, Receiver, exchange, post, request_bytes, spooled, verify

pytestmark = pytest.mark.xdist_group("receiver")

AUTH = ("Authorization", SECRET)
BODY = b'{"eventType":"com.okta.event_hook","data":{"events":[]}}'


@pytest.mark.parametrize("challenge", ["Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg", 'a"b\\c', "x" * 1024, "caf\xe9"])
def test_a_verification_is_echoed(receiver: Receiver, challenge: str) -> None:
    status, head, body = verify(receiver.port, "acme", challenge)
    assert status == 200
    assert b"Content-Type: application/json\r\n" in head
    assert json.loads(body) == {"verification": challenge}


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), f"Bearer {SECRET}"])
@pytest.mark.parametrize("tenant", ["acme", "nobody", "initech", "UPPER", "..."])
def test_without_the_secret_every_tenant_known_or_not_gets_the_same_401(receiver: Receiver, tenant: str, secret: str | None) -> None:
    expected = verify(receiver.port, "globex", "challenge", "wrong")
    assert expected[0] == 401
    assert verify(receiver.port, tenant, "challenge", secret) == expected
    headers = [("Authorization", secret)] if secret is not None else []
    assert exchange(receiver.port, request_bytes("POST", f"/hooks/{tenant}", headers, BODY)) == expected


def test_a_tenant_has_its_own_header_and_its_own_secret(receiver: Receiver) -> None:
    secret = "another-secret-of-32-characters-0123456789"
    assert exchange(receiver.port, request_bytes("POST", "/hooks/globex", [("x-hook-secret", secret)], BODY))[0] == 200
    assert post(receiver.port, "globex", BODY, secret) == 401
    assert post(receiver.port, "acme", BODY, secret) == 401
    assert exchange(receiver.port, request_bytes("POST", "/hooks/globex", [("X-Hook-Secret", SECRET)], BODY))[0] == 401


def test_both_secrets_of_a_rotation_are_good(receiver: Receiver) -> None:
    assert post(receiver.port, "acme", BODY, SECRET) == 200
    assert post(receiver.port, "acme", BODY, PREVIOUS) == 200


@pytest.mark.parametrize("challenge", [None, "", "x" * 1025])
def test_a_get_without_a_challenge_is_a_400_for_who_has_the_secret(receiver: Receiver, challenge: str | None) -> None:
    assert verify(receiver.port, "acme", challenge)[0] == 400
    assert verify(receiver.port, "acme", challenge, "wrong")[0] == 401


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("secret", [SECRET, "wrong"])
def test_other_methods_are_405(receiver: Receiver, method: str, secret: str) -> None:
    status, head, body = exchange(receiver.port, request_bytes(method, "/hooks/acme", [("Authorization", secret)]))
    assert (status, body) == (405, b"")
    assert b"Allow: GET, POST\r\n" in head


@pytest.mark.parametrize(
    "path", ["/", "/hooks", "/hooks/", "/hooks/acme/", "/hooks/acme/more", "/Hooks/acme", "/other/acme", "/metrics", "/healthz", "*"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_other_paths_are_404(receiver: Receiver, method: str, path: str) -> None:
    assert exchange(receiver.port, request_bytes(method, path, [AUTH], BODY if method == "POST" else b""))[0] == 404


def test_a_delivery_is_in_the_spool_when_it_is_answered(receiver: Receiver, spool: Path) -> None:
    for number in range(5):
        body = b'{"number":%d}' % number
        assert exchange(receiver.port, request_bytes("POST", "/hooks/acme?x=y", [AUTH], body))[::2] == (200, b"")
        assert spooled(spool / "acme")[-1] == body


@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff", b"[]", b'{"data":1}', b"x" * 100_000])
def test_content_is_never_judged(receiver: Receiver, spool: Path, body: bytes) -> None:
    assert post(receiver.port, "acme", body) == 200
    assert spooled(spool / "acme")[-1] == body


def test_a_body_in_chunks_is_taken(receiver: Receiver, spool: Path) -> None:
    head = request_bytes("POST", "/hooks/acme", [AUTH, ("Transfer-Encoding", "chunked")], length=False)
    assert exchange(receiver.port, head + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")[0] == 200
    assert spooled(spool / "acme")[-1] == b"hello world"


def test_who_expects_a_100_gets_it_and_who_has_no_secret_does_not(receiver: Receiver, spool: Path) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), 10) as connection:
        connection.sendall(request_bytes("POST", "/hooks/acme", [AUTH, ("Expect", "100-continue"), ("Content-Length", "5")], length=False))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"12345")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert spooled(spool / "acme")[-1] == b"12345"
    with socket.create_connection(("127.0.0.1", receiver.port), 10) as connection:
        connection.sendall(request_bytes("POST", "/hooks/acme", [("Expect", "100-continue"), ("Content-Length", "5")], length=False))
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")
        assert connection.recv(1000) == b""


MIB = 1024 * 1024


@pytest.mark.parametrize("size", [8 * MIB + 1, 9 * MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_8_mib_is_413(receiver: Receiver, spool: Path, size: int, chunked: bool) -> None:
    before = len(spooled(spool / "acme"))
    if chunked:
        head = request_bytes("POST", "/hooks/acme", [AUTH, ("Transfer-Encoding", "chunked")], length=False)
        data = head + f"{size:x}\r\n".encode() + bytes(size) + b"\r\n0\r\n\r\n"
    else:
        data = request_bytes("POST", "/hooks/acme", [AUTH], bytes(size))
    assert exchange(receiver.port, data)[0] == 413
    assert len(spooled(spool / "acme")) == before


def test_a_body_of_8_mib_is_taken(receiver: Receiver, spool: Path) -> None:
    assert post(receiver.port, "acme", bytes(8 * MIB)) == 200
    assert spooled(spool / "acme")[-1] == bytes(8 * MIB)


def test_a_length_of_thousands_of_digits_is_413(receiver: Receiver) -> None:
    assert exchange(receiver.port, request_bytes("POST", "/hooks/acme", [AUTH, ("Content-Length", "9" * 5000)], length=False))[0] == 413


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Content-Length", "4")],
        [("Content-Length", "4"), ("Content-Length", "5")],
        [("Content-Length", "-4")],
        [("Content-Length", "four")],
        [("Transfer-Encoding", "gzip")],
    ],
)
def test_what_two_servers_could_read_differently_is_refused(receiver: Receiver, spool: Path, headers: list[tuple[str, str]]) -> None:
    before = len(spooled(spool / "acme"))
    head = request_bytes("POST", "/hooks/acme", [AUTH, *headers], length=False)
    assert exchange(receiver.port, head + b"4\r\nbody\r\n0\r\n\r\n")[0] == 400
    assert len(spooled(spool / "acme")) == before


@pytest.mark.parametrize("size", [100_000, 3 * MIB])
def test_a_refusal_reaches_who_sends_a_large_body_without_waiting(receiver: Receiver, size: int) -> None:
    for _ in range(5):
        assert post(receiver.port, "acme", bytes(size), "wrong") == 401


def test_headers_of_more_than_16_kb_get_no_further(receiver: Receiver, spool: Path) -> None:
    before = len(spooled(spool / "acme"))
    assert exchange(receiver.port, request_bytes("POST", "/hooks/acme", [AUTH, ("X-Long", "x" * 17_000)], BODY))[0] != 200
    assert len(spooled(spool / "acme")) == before


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"HELLO\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"],
)
def test_what_is_no_http_is_dropped(receiver: Receiver, data: bytes) -> None:
    assert exchange(receiver.port, data)[0] in (0, 400)
    assert post(receiver.port, "acme", BODY) == 200


@pytest.mark.parametrize("authorised", [True, False])
def test_a_trickled_body_ends_after_two_seconds(receiver: Receiver, authorised: bool) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", receiver.port), 10) as connection:
        headers = [AUTH] if authorised else []
        connection.sendall(request_bytes("POST", "/hooks/acme", [*headers, ("Content-Length", "100")], length=False))
        received = trickle(connection)
    assert (b" 401 " in received) is not authorised
    assert 1.5 < time.monotonic() - started < 30.0


def test_trickled_headers_end_after_two_seconds(receiver: Receiver) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", receiver.port), 10) as connection:
        connection.sendall(b"POST /hooks/acme HTTP/1.1\r\nX-Slow: ")
        assert trickle(connection) == b""
    assert 1.5 < time.monotonic() - started < 30.0


def trickle(connection: socket.socket) -> bytes:
    """Send a byte now and then until the other side has had enough; what it said."""
    received = b""
    connection.settimeout(0.2)
    for _ in range(40):
        try:
            connection.sendall(b"x")
            piece = connection.recv(1000)
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return received
        if not piece:
            return received
        received += piece
    pytest.fail("it never had enough")


def test_requests_are_counted_by_tenant_and_strangers_are_nobody(receiver: Receiver) -> None:
    def counts() -> list[float]:
        pairs = [
            ("acme", "accepted"),
            ("acme", "unauthorized"),
            ("", "unauthorized"),
            ("acme", "too_large"),
            ("acme", "verified"),
            ("", "refused"),
        ]
        return [receiver.count(*pair) for pair in pairs]

    before = counts()
    post(receiver.port, "acme", BODY)
    post(receiver.port, "acme", BODY, "wrong")
    post(receiver.port, "someone", BODY)
    exchange(receiver.port, request_bytes("POST", "/hooks/acme", [AUTH, ("Content-Length", "9000000")], length=False))
    verify(receiver.port, "acme", "challenge")
    exchange(receiver.port, request_bytes("GET", "/elsewhere", [AUTH]))
    assert [after - earlier for after, earlier in zip(counts(), before, strict=True)] == [1.0] * 6
    assert "someone" not in receiver.metrics()


def test_health_is_told(receiver: Receiver) -> None:
    assert receiver.health() == (200, "ok\n")
    assert exchange(receiver.metrics_port, request_bytes("POST", "/metrics", [("Connection", "close")]))[0] == 405
    assert exchange(receiver.metrics_port, b"GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 404


def test_no_secret_is_told_anywhere(receiver: Receiver, spool: Path) -> None:
    post(receiver.port, "acme", BODY, "a-wrong-secret-of-somebody")
    told = receiver.output() + receiver.metrics()
    for secret in (SECRET, PREVIOUS, "a-wrong-secret-of-somebody"):
        assert secret not in told
        assert all(secret.encode() not in path.read_bytes() for path in spool.rglob("*") if path.is_file())
