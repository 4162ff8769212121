"""One organisation's HTTP against a real socket: what goes out byte for byte, and what is made of what comes back."""

import gzip
import json
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from okta_source import __version__
from okta_source.auth.base import CredentialError
from okta_source.config.secret import SecretError
from okta_source.http import client as http_client
from okta_source.polling.outcome import Response, TransportFailure
from tests.e2e.harness import wait_for
from tests.unit.okta_source.wire import TIMEOUT, TOKEN, Connect, failed, page, reply, serving


def header(head: bytes, name: str) -> str | None:
    lines = head.decode("latin-1").split("\r\n")[1:]
    values = [line.partition(":")[2].strip() for line in lines if line.lower().startswith(name.lower() + ":")]
    assert len(values) < 2
    return values[0] if values else None


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/logs?after=a%2Bb%2fc%3D&limit=5",
        "/api/v1/logs?since=2026-03-01T11%3a00%3A00.000Z&filter=a%20eq%20%22x%22",
        "/api/v1/logs?after=1783111394963_1&x=~!$'()*,;:@/?|[]{}^`\"<>",
        "/api/v1/logs?after=%zz%&y=a+b",
        "/api/../api/v1/./logs?after=%7E%41",
        "/api/v1/logs?",
        "/api/v1/logs",
    ],
)
def test_the_request_target_goes_out_byte_for_byte(connect: Connect, target: str) -> None:
    with serving(reply()) as wire:
        page(connect(wire.url).get(wire.url + target))
        assert wire.heads[0].split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


@pytest.mark.parametrize(("link", "target"), [("?after=1", "/?after=1"), ("", "/"), ("/logs?after=%2f#x%2f", "/logs?after=%2f")])
def test_a_link_that_is_no_target_as_it_stands_becomes_one(connect: Connect, link: str, target: str) -> None:
    with serving(reply()) as wire:
        page(connect(wire.url).get(wire.url + link))
        page(connect(wire.url).get(wire.url.replace("http", "HTTP") + link))
        assert {head.split(b"\r\n")[0] for head in wire.heads} == {f"GET {target} HTTP/1.1".encode()}


def test_what_every_request_says(connect: Connect) -> None:
    with serving(reply()) as wire:
        page(connect(wire.url).get(wire.url + "/api/v1/logs"))
        (head,) = wire.heads
    assert header(head, "Host") == f"127.0.0.1:{wire.port}"
    assert header(head, "Authorization") == f"SSWS {TOKEN}"
    assert header(head, "Accept") == "application/json"
    assert header(head, "Content-Type") == "application/json"
    assert header(head, "Accept-Encoding") == "gzip"
    assert header(head, "User-Agent") == f"bytewax-okta/{__version__}"
    assert header(head, "Cookie") is None


def test_netrc_does_not_replace_the_credential(connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with serving(reply()) as wire:
        page(connect(wire.url).get(wire.url + "/x"))
        assert header(wire.heads[0], "Authorization") == f"SSWS {TOKEN}"


def test_cookies_are_not_sent_back(connect: Connect) -> None:
    with serving(reply(b"[]", "Set-Cookie: sid=1; Path=/", "Set-Cookie: JSESSIONID=2")) as wire:
        transport = connect(wire.url)
        page(transport.get(wire.url + "/x"))
        page(transport.get(wire.url + "/x"))
        assert header(wire.heads[1], "Cookie") is None


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(connect: Connect, status: str) -> None:
    with serving(reply()) as elsewhere, serving(reply(b"", f"Location: {elsewhere.url}/x", status=status)) as wire:
        answer = page(connect(wire.url).get(wire.url + "/x"))
        assert answer.status == int(status[:3])
        assert answer.headers["Location"] == f"{elsewhere.url}/x"
        assert elsewhere.heads == []


def test_one_connection_is_kept_alive(connect: Connect) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
    for whole in (reply(), reply(gzip.compress(b"[]"), "Content-Encoding: gzip"), reply(b"{}", status="500 No"), chunked):
        with serving(whole) as wire:
            transport = connect(wire.url)
            for _ in range(5):
                page(transport.get(wire.url + "/x"))
            assert wire.connections == 1


def test_a_connection_that_the_server_has_closed_is_made_anew(connect: Connect) -> None:
    def once(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(reply())
        connection.shutdown(socket.SHUT_RDWR)

    with serving(once) as wire:
        transport = connect(wire.url)
        page(transport.get(wire.url + "/x"))
        wait_for(lambda: wire.closed == 1, "the server to close")
        page(transport.get(wire.url + "/x"))
        assert wire.connections == 2


def test_a_connection_that_was_quiet_for_long_is_not_trusted(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply()) as wire:
        transport = connect(wire.url)
        page(transport.get(wire.url + "/x"))
        page(transport.get(wire.url + "/x"))
        monkeypatch.setattr("okta_source.http.client.LONGEST_IDLE_SECONDS", 0.0)
        page(transport.get(wire.url + "/x"))
        assert wire.connections == 2


def test_header_lines_of_one_name_are_joined_and_names_have_no_case(connect: Connect) -> None:
    with serving(reply(b"[]", 'link: <a>; rel="self"', 'link: <b>; rel="next"', "X-RATE-LIMIT-limit: 60")) as wire:
        answer = page(connect(wire.url).get(wire.url + "/x"))
    assert answer.headers["Link"] == '<a>; rel="self", <b>; rel="next"'
    assert answer.headers["x-rate-limit-LIMIT"] == "60"


EVENTS = json.dumps([{"n": number, "text": "é" * 40} for number in range(3000)]).encode()


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(EVENTS),
        gzip.compress(EVENTS[:1000]) + gzip.compress(EVENTS[1000:1001]) + gzip.compress(EVENTS[1001:]),
        gzip.compress(EVENTS) + gzip.compress(b""),
    ],
)
def test_gzip_of_one_or_several_members_is_inflated(connect: Connect, body: bytes) -> None:
    with serving(reply(body, "Content-Encoding: gzip")) as wire:
        answer = page(connect(wire.url).get(wire.url + "/x"))
    assert answer.body == EVENTS
    assert answer.wire_bytes == len(body)


def test_plain_and_chunked_bodies_arrive_whole(connect: Connect) -> None:
    pieces = [EVENTS[start : start + 7001] for start in range(0, len(EVENTS), 7001)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    for whole in (reply(EVENTS), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"):
        with serving(whole) as wire:
            assert page(connect(wire.url).get(wire.url + "/x")).body == EVENTS


@pytest.mark.parametrize("cut", [1, 8, 9, 500, len(gzip.compress(EVENTS)) - 15])
def test_a_gzip_stream_that_ends_early_is_no_page(connect: Connect, cut: int) -> None:
    with serving(reply(gzip.compress(EVENTS)[:-cut], "Content-Encoding: gzip")) as wire:
        failed(connect(wire.url).get(wire.url + "/x"), "decode")


@pytest.mark.parametrize("body", [b"[]", gzip.compress(EVENTS)[:100] + b"x" * 500, gzip.compress(EVENTS)[:-8] + b"\0" * 8])
def test_a_gzip_stream_that_is_corrupt_is_no_page(connect: Connect, body: bytes) -> None:
    with serving(reply(body, "Content-Encoding: gzip")) as wire:
        transport = connect(wire.url)
        failed(transport.get(wire.url + "/x"), "decode")
        failed(transport.get(wire.url + "/x"), "decode")  # and the next request works as ever


def test_the_token_is_read_again_after_a_401(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply(b"{}", status="401 Unauthorized")) as wire:
        transport = connect(wire.url)
        page(transport.get(wire.url + "/x"))
        monkeypatch.setenv("TEST_OKTA_TOKEN", "rotated")
        page(transport.get(wire.url + "/x"))
        assert header(wire.heads[1], "Authorization") == "SSWS rotated"


def test_a_token_that_was_rotated_already_is_sent_at_once(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(connection: socket.socket, head: bytes) -> None:
        connection.sendall(reply() if b"rotated" in head else reply(b"{}", status="401 Unauthorized"))

    retried: list[str] = []
    with serving(handle) as wire:
        transport = connect(wire.url)
        transport._on_retry = lambda code, _seconds: retried.append(code)
        failing = page(transport.get(wire.url + "/x"))
        assert (failing.status, retried) == (401, [])
        assert page(transport.get(wire.url + "/x")).status == 401
        transport._authenticator.headers("GET", wire.url)
        monkeypatch.setenv("TEST_OKTA_TOKEN", "rotated")
        assert page(transport.get(wire.url + "/x")).status == 200
        assert retried == ["401"]
        assert len(wire.heads) == 4


class Eager:
    """Wants every request sent again, with numbered credentials.

    Args:
        trouble: What is raised from the second credential on.
    """

    def __init__(self, trouble: Exception | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._trouble = trouble

    def headers(self, method: str, url: str) -> dict[str, str]:
        self.asked.append((method, url))
        if self._trouble and len(self.asked) > 1:
            raise self._trouble
        return {"Authorization": f"Bearer {len(self.asked)}"}

    def answered(self, sent: Mapping[str, str], response: Response) -> bool:
        assert sent["Authorization"] == f"Bearer {len(self.asked)}"
        return True


def test_a_request_is_sent_again_only_so_often(connect: Connect) -> None:
    with serving(reply(b"{}", status="401 Unauthorized")) as wire:
        transport = connect(wire.url)
        transport._authenticator = eager = Eager()
        assert page(transport.get(wire.url + "/x?y=1")).status == 401
        assert [header(head, "Authorization") for head in wire.heads] == ["Bearer 1", "Bearer 2", "Bearer 3"]
        assert eager.asked == [("GET", wire.url + "/x?y=1")] * 3


@pytest.mark.parametrize("trouble", [CredentialError(TransportFailure("server", "Down.", "Wait.", at_token=True)), SecretError("gone")])
def test_a_token_that_can_not_be_had_is_the_failure(connect: Connect, trouble: Exception) -> None:
    with serving(reply(b"{}", status="401 Unauthorized")) as wire:
        transport = connect(wire.url)
        transport._authenticator = Eager(trouble)
        found = failed(transport.get(wire.url + "/x"), "server" if isinstance(trouble, CredentialError) else "auth")
        assert found.stage == "token"
        assert len(wire.heads) == 1


@pytest.mark.parametrize("secret", ["", "two words", "line\nbreak", "line\r\nX-Evil: 1", "€uro"])
def test_a_secret_that_no_header_can_carry_is_an_auth_failure_that_does_not_show_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    with serving(reply()) as wire:
        transport = connect(wire.url)
        monkeypatch.setenv("TEST_OKTA_TOKEN", secret)
        found = failed(transport.get(wire.url + "/x"), "auth")
        assert "TEST_OKTA_TOKEN" in found.detail
        assert not secret or secret not in found.detail + found.fix
        monkeypatch.setenv("TEST_OKTA_TOKEN", TOKEN)
        page(transport.get(wire.url + "/x"))


def test_no_credential_however_odd_shows_in_a_failure(connect: Connect) -> None:
    class Odd:
        def headers(self, method: str, url: str) -> dict[str, str]:
            return {"Authorization": f"{TOKEN}\r\nX-Evil: 1"}

        def answered(self, sent: Mapping[str, str], response: Response) -> bool:
            return False

    with serving(reply()) as wire:
        transport = connect(wire.url)
        transport._authenticator = Odd()
        failed(transport.get(wire.url + "/x"), "auth")
        assert wire.heads == []


def test_of_a_body_beyond_the_cap_there_is_only_the_beginning(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_LARGEST_BODY_BYTES", 10_000)
    bomb = gzip.compress(b"x" * 10_001)
    two = gzip.compress(b"x" * 10_000) + gzip.compress(b"x")
    unended = gzip.compress(b"x" * 1_000_000)[:-9]
    for whole in (reply(b"x" * 10_001), *(reply(body, "Content-Encoding: gzip") for body in (bomb, two, unended))):
        with serving(whole) as wire:
            answer = page(connect(wire.url).get(wire.url + "/x"))
            assert answer.is_cut
            assert len(answer.body) <= 10_000
    for whole in (reply(b"x" * 10_000), reply(gzip.compress(b"x" * 10_000), "Content-Encoding: gzip")):
        with serving(whole) as wire:
            answer = page(connect(wire.url).get(wire.url + "/x"))
            assert len(answer.body) == 10_000
            assert not answer.is_cut


def test_a_proxy_gets_the_exact_target_in_absolute_form(connect: Connect) -> None:
    with serving(reply()) as proxy:
        transport = connect("http://localhost:9", proxy=proxy.url)
        page(transport.get("http://localhost:9/api/v1/logs?after=%2f"))
        assert proxy.heads[0].split(b"\r\n")[0] == b"GET http://localhost:9/api/v1/logs?after=%2f HTTP/1.1"


def test_the_environments_proxy_is_used_but_not_for_what_it_excepts(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply()) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        through = connect("https://acme.invalid", request_timeout_seconds=TIMEOUT)
        assert isinstance(through.get("https://acme.invalid/x"), TransportFailure)
        assert proxy.heads[0].startswith(b"CONNECT acme.invalid:443 ")
        monkeypatch.setenv("no_proxy", "acme.invalid")
        failed(connect("https://acme.invalid").get("https://acme.invalid/x"), "dns")
        assert len(proxy.heads) == 1


def test_the_environments_proxy_is_not_used_for_this_machine_itself(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply()) as proxy, serving(reply()) as wire:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        page(connect(wire.url).get(wire.url + "/x"))
        assert (len(proxy.heads), len(wire.heads)) == (0, 1)
