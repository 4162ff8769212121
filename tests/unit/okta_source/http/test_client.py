"""Forms to the token endpoint: what goes out, and that nothing of it goes anywhere else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from okta_source.config.tenant import TenantConfig
from okta_source.http import client as http_client
from okta_source.http.client import HttpClient
from tests.unit.okta_source.wire import PATIENCE, TIMEOUT, failed, page


class Posts:
    """A server that keeps what was posted.

    Args:
        status: Of every answer.
        body: Of every answer.
        headers: Of every answer.
    """

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.received: list[tuple[str, Message, bytes]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.connections: set[Any] = set()
        posts = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                posts.connections.add(self.client_address)
                posts.received.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                posts.hold.wait(PATIENCE)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def posts(status: int = 200, body: bytes = b"{}", **headers: str) -> Iterator[Posts]:
    made = Posts(status, body, headers)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def client(org_url: str, **settings: Any) -> Iterator[HttpClient]:
    auth = {"method": "ssws", "token_env": "UNUSED"}
    made = HttpClient(
        TenantConfig.model_validate({"name": "acme", "org_url": org_url, "auth": auth, "request_timeout_seconds": PATIENCE, **settings})
    )
    try:
        yield made
    finally:
        made.close()


FORM = {"grant_type": "client_credentials", "scope": "okta.logs.read x", "odd": "ä&=+"}


def test_a_form_goes_out_as_one_with_its_headers() -> None:
    with posts() as server, client(server.url) as http:
        answer = page(http.post_form(f"{server.url}/oauth2/v1/token", FORM, {"Authorization": "Basic x", "DPoP": "proof"}))
        [(path, headers, body)] = server.received
    assert answer.body == b"{}"
    assert path == "/oauth2/v1/token"
    assert body == b"grant_type=client_credentials&scope=okta.logs.read+x&odd=%C3%A4%26%3D%2B"
    assert headers.get_all("Content-Type") == ["application/x-www-form-urlencoded"]
    assert headers["Accept"] == "application/json"
    assert (headers["Authorization"], headers["DPoP"]) == ("Basic x", "proof")
    assert headers["User-Agent"].startswith("bytewax-okta/")
    assert headers["Cookie"] is None


def test_forms_and_pages_share_the_connection_but_no_headers() -> None:
    with posts() as server, client(server.url) as http:
        page(http.post_form(f"{server.url}/a", {"a": "1"}, {"Authorization": "Basic x"}))
        page(http.post_form(f"{server.url}/b", {"b": "2"}, {}))
        assert server.received[1][1]["Authorization"] is None
        assert len(server.connections) == 1


def test_a_redirect_is_not_followed_with_a_credential() -> None:
    with posts() as elsewhere, posts(307, Location=f"{elsewhere.url}/x") as server, client(server.url) as http:
        assert page(http.post_form(f"{server.url}/oauth2/v1/token", FORM, {})).status == 307
        assert elsewhere.received == []


def test_an_answer_beyond_a_megabyte_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_LARGEST_FORM_ANSWER_BYTES", 1000)
    with posts(body=b"x" * 1001) as server, client(server.url) as http:
        failed(http.post_form(f"{server.url}/x", FORM, {}), "decode")


def test_a_form_has_a_time_out_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_FORM_TIMEOUT_SECONDS", TIMEOUT)
    with posts() as server, client(server.url) as http:
        server.hold.clear()
        assert f"{TIMEOUT:g} s" in failed(http.post_form(f"{server.url}/x", FORM, {}), "timeout").detail


def test_a_form_goes_through_the_tenants_proxy() -> None:
    with posts() as proxy, client("http://localhost:9", proxy=proxy.url) as http:
        page(http.post_form("http://localhost:9/oauth2/v1/token", FORM, {}))
        assert proxy.received[0][0] == "http://localhost:9/oauth2/v1/token"


@pytest.mark.parametrize("odd", ["s3cret\r\nX-Evil: 1", "s3cret\n", "s3cret€"])
def test_a_header_that_can_not_be_sent_is_not_shown(odd: str) -> None:
    with posts() as server, client(server.url) as http:
        found = failed(http.post_form(f"{server.url}/x", FORM, {"Authorization": odd}), "auth")
        assert "s3cret" not in found.detail + found.fix
        assert server.received == []
