"""Real TLS servers and proxies, good and bad, for the requests for logs and for access tokens: nothing secret goes to a wrong one."""

import gzip
import json
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from okta_source import __version__
from okta_source.auth import make_authenticator
from okta_source.config.file import unusable_tls
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.transport import OktaTransport
from okta_source.http.client import HttpClient
from okta_source.polling.outcome import Response, TransportFailure
from okta_source.simulator import OAuthClient, Organisation, Scripted, Simulator
from okta_source.simulator.records import Request
from tests.unit.okta_source.check.certs import Issued, issue, server_context
from tests.unit.okta_source.relay import TlsEnd, ending_tls, tunnelling
from tests.unit.okta_source.wire import PATIENCE, TIMEOUT, TOKEN, failed, page, reply, serving

API, TOKENS = "logs", "tokens"
SECRET = "s3cret-of-the-app"
KEY_PASSWORD = "p4ssword-of-the-key"
PROXY_PASSWORD = "p4ssword-of-the-proxy"
both = pytest.mark.parametrize("stage", [API, TOKENS])
"""The first request is one for logs, or one for an access token."""


class Place:
    """Certificates, an organisation behind TLS, and clients of it.

    Args:
        folder: For files.
        stack: Closes what was opened.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.ca = issue("Test CA")
        self.ca_file = self.written("ca.pem", self.ca.pem)
        self.organisation = Organisation(
            "acme",
            events=40,
            token=TOKEN,
            oauth_clients=[OAuthClient(client_id="0oa1", auth_method="client_secret_basic", secret=SECRET)],
        )
        self.heard: list[Request] = []
        respond = self.organisation.respond

        def hear(request: Request) -> Any:
            self.heard.append(request)
            return respond(request)

        self.organisation.respond = hear  # type: ignore[method-assign]
        (folder / "secret").write_text(SECRET)
        simulator = stack.enter_context(Simulator([self.organisation]))
        self._port = int(simulator.url("acme").rpartition(":")[2])

    def written(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)

    def serve(self, context: ssl.SSLContext) -> TlsEnd:
        """Put TLS in front of the organisation."""
        return self._stack.enter_context(ending_tls(self._port, context))

    def context(self, *names: str, by: Issued | None = None, days: tuple[int, int] = (-1, 1)) -> ssl.SSLContext:
        return server_context(issue("server", *(names or ("127.0.0.1", "localhost")), by=by or self.ca, days=days), self.folder)

    def client(self, url: str, stage: str, *, tls: dict[str, Any] | None = None, **settings: Any) -> OktaTransport:
        auth = {"method": "ssws", "token_env": "TEST_OKTA_TOKEN"}
        if stage == TOKENS:
            auth = {"method": "client_secret", "client_id": "0oa1", "client_secret_file": str(self.folder / "secret")}
        tls = {"ca_file": self.ca_file, **(tls or {})}
        tenant = TenantConfig.model_validate(
            {"name": "acme", "org_url": url, "auth": auth, "tls": tls, "request_timeout_seconds": PATIENCE, **settings}
        )
        http = HttpClient(tenant)
        self._stack.callback(http.close)
        return OktaTransport(http, make_authenticator(tenant, http))

    def ask(self, url: str, stage: str, **settings: Any) -> Response | TransportFailure:
        return self.client(url, stage, **settings).get(url + "/api/v1/logs?limit=10")

    def refused(self, url: str, stage: str, error_type: str = "tls", **settings: Any) -> TransportFailure:
        """Assert that the request fails in the right way, that nothing of it arrived, and that nothing secret is told."""
        found = failed(self.ask(url, stage, **settings), error_type)
        assert found.stage == ("token" if stage == TOKENS else "fetch")
        assert self.heard == []
        assert not any(secret in found.detail + found.fix for secret in (SECRET, KEY_PASSWORD, PROXY_PASSWORD))
        return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("TEST_OKTA_TOKEN", TOKEN)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


# The server's certificate


@both
def test_a_server_that_is_trusted_by_address_and_by_name(place: Place, stage: str) -> None:
    server = place.serve(place.context())
    for url in (server.url, f"https://localhost:{server.port}"):
        assert len(json.loads(page(place.ask(url, stage)).body)) == 10


@both
def test_an_unknown_authority_is_not_trusted_and_nothing_is_sent(place: Place, stage: str) -> None:
    url = place.serve(place.context()).url
    for tls in ({"ca_file": place.written("other.pem", issue("Other CA").pem)}, {"ca_file": ""}):
        found = place.refused(url, stage, tls=tls)
        assert "unable to get local issuer certificate" in found.detail
        assert "ca_file" in found.fix


@both
@pytest.mark.parametrize(("days", "words"), [((-30, -1), "has expired"), ((1, 30), "not yet valid")])
def test_a_certificate_out_of_its_time_is_not_trusted(place: Place, stage: str, days: tuple[int, int], words: str) -> None:
    assert words in place.refused(place.serve(place.context(days=days)).url, stage).detail


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_for_another_host_is_not_trusted_unless_the_name_is_not_to_be_verified(place: Place, stage: str, host: str) -> None:
    url = f"https://{host}:{place.serve(place.context('acme.okta.com')).port}"
    assert "mismatch" in place.refused(url, stage).detail
    place.refused(url, stage, tls={"ca_file": "", "verify_hostname": False})  # the authority still counts
    page(place.ask(url, stage, tls={"verify_hostname": False}))


@both
def test_an_expired_certificate_counts_although_the_name_is_not_to_be_verified(place: Place, stage: str) -> None:
    url = place.serve(place.context("acme.okta.com", days=(-30, -1))).url
    place.refused(url, stage, tls={"verify_hostname": False})


@both
def test_without_verification_every_certificate_will_do(place: Place, stage: str) -> None:
    url = place.serve(place.context("acme.okta.com", by=issue("Other CA"), days=(-30, -1))).url
    page(place.ask(url, stage, tls={"verify": False}))


# What is spoken


@both
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.parametrize("verify", [True, False])
def test_nothing_below_tls_1_2_is_spoken(place: Place, stage: str, version: ssl.TLSVersion, verify: bool) -> None:
    context = place.context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    server = place.serve(context)
    found = place.refused(server.url, stage, tls={"verify": verify})
    assert "protocol version" in found.detail
    assert server.handshakes == []
    speak(server, version)  # it would have, with another client


def speak(server: TlsEnd, version: ssl.TLSVersion) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = version
    with socket.create_connection(("127.0.0.1", server.port)) as plain, old.wrap_socket(plain) as secured:
        assert secured.version() == {ssl.TLSVersion.TLSv1: "TLSv1", ssl.TLSVersion.TLSv1_1: "TLSv1.1"}[version]


@both
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(place: Place, stage: str, version: ssl.TLSVersion) -> None:
    context = place.context()
    context.minimum_version = context.maximum_version = version
    server = place.serve(context)
    page(place.ask(server.url, stage))
    assert server.handshakes == [{ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]]


@both
def test_plain_http_where_tls_is_expected(place: Place, stage: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        place.refused(f"https://127.0.0.1:{listener.getsockname()[1]}", stage)
        thread.join()


@both
def test_a_handshake_that_hangs_is_a_time_out(place: Place, stage: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place.refused(f"https://127.0.0.1:{listener.getsockname()[1]}", stage, "timeout", request_timeout_seconds=TIMEOUT)


# The client's certificate


def client_files(place: Place, by: Issued, password: str = "") -> dict[str, str]:
    made = issue("collector", by=by)
    hidden = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    key = made.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    name = by.certificate.subject.rfc4514_string()
    return {"cert_file": place.written(f"{name}.pem", made.pem), "key_file": place.written(f"{name}.key", key)}


def wants_certificate(place: Place, version: ssl.TLSVersion) -> str:
    context = place.context()
    context.maximum_version = version
    context.load_verify_locations(place.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    return place.serve(context).url


@both
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_ours(place: Place, stage: str, version: ssl.TLSVersion) -> None:
    url = wants_certificate(place, version)
    place.refused(url, stage)
    place.refused(url, stage, tls=client_files(place, issue("Other CA")))
    page(place.ask(url, stage, tls=client_files(place, place.ca)))


@both
def test_an_encrypted_key_is_opened_by_its_password(place: Place, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSWORD", KEY_PASSWORD)
    tls = {**client_files(place, place.ca, KEY_PASSWORD), "key_password_env": "KEY_PASSWORD"}
    page(place.ask(wants_certificate(place, ssl.TLSVersion.TLSv1_3), stage, tls=tls))


@pytest.mark.parametrize("password", ["wr0ng", None])
def test_an_encrypted_key_with_a_wrong_or_no_password_is_found_before_any_request(
    place: Place, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    tls: dict[str, Any] = client_files(place, place.ca, KEY_PASSWORD)
    if password:
        monkeypatch.setenv("KEY_PASSWORD", password)
        tls["key_password_env"] = "KEY_PASSWORD"
    auth = {"method": "ssws", "token_env": "TEST_OKTA_TOKEN"}
    tenant = TenantConfig.model_validate({"name": "acme", "org_url": "acme", "auth": auth, "tls": tls})
    [(where, text)] = unusable_tls([tenant])
    assert where == ("tenants", 0, "tls")
    assert "the key's password" in text
    assert "wr0ng" not in text
    with pytest.raises(OSError, match="PEM lib"):  # and no question on the terminal
        HttpClient(tenant)


# Through a proxy


@both
def test_through_a_proxy_the_organisation_is_spoken_to_over_tls(place: Place, stage: str) -> None:
    url = place.serve(place.context()).url
    with tunnelling() as proxy:
        transport = place.client(url, stage, proxy=proxy.url)
        for _ in range(3):
            page(transport.get(url + "/api/v1/logs?limit=10"))
        (head,) = proxy.heads  # one tunnel for all
        assert head.startswith(b"CONNECT 127.0.0.1:")
        assert b"authorization" not in head.lower()
        assert proxy.connections == 1


@both
def test_a_proxys_credentials_go_to_the_proxy_alone(place: Place, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"https://acme.test:{place.serve(place.context('acme.test')).port}"
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **keys: resolve("127.0.0.1", *args, **keys))
    with tunnelling() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", f"//me:{PROXY_PASSWORD}@"))
        page(place.ask(url, stage))
    assert b"proxy-authorization: basic" in proxy.heads[0].lower()
    assert all("proxy-authorization" not in request.headers for request in place.heard)


@both
def test_a_certificate_behind_a_proxy_is_the_organisations(place: Place, stage: str) -> None:
    url = place.serve(place.context(by=issue("Other CA"))).url
    with tunnelling() as proxy:
        found = place.refused(url, stage, proxy=proxy.url)
    assert f"{url} (through the proxy 127.0.0.1:{proxy.port})" in found.detail


@both
def test_a_proxy_whose_name_is_unknown_is_not_the_organisation(place: Place, stage: str) -> None:
    found = place.refused("https://acme.okta.com", stage, "dns", proxy="http://proxy.invalid:3128")
    assert "The proxy proxy.invalid:3128 can't be resolved" in found.detail
    assert "HTTPS_PROXY" in found.fix


@both
def test_a_proxy_that_is_not_there(place: Place, stage: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = place.refused("https://acme.okta.com", stage, "connection", proxy=f"http://127.0.0.1:{port}")
    assert f"the proxy 127.0.0.1:{port} failed: ConnectionRefusedError" in found.detail


@both
@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("407 Proxy Authentication Required", "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"),
        ("403 Forbidden", "pass CONNECT requests"),
        ("502 Bad Gateway", "the proxy's own DNS"),
    ],
)
def test_a_proxy_that_refuses_is_named_and_its_password_is_not(
    place: Place, stage: str, status: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(reply(status=status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//me:{PROXY_PASSWORD}@"))
        found = place.refused("https://acme.okta.com", stage, "connection")
        assert proxy.heads[0].startswith(b"CONNECT acme.okta.com:443 ")
        assert b"authorization: ssws" not in proxy.heads[0].lower()
    assert f"The proxy 127.0.0.1:{proxy.port} answered {status} when asked for https://acme.okta.com." in found.detail
    assert words in found.fix


@both
def test_a_proxy_that_says_nothing_where_tls_to_itself_is_expected(place: Place, stage: str) -> None:
    with serving(reply()) as proxy:
        proxy_url = proxy.url.replace("http", "https")
        found = place.refused("https://acme.okta.com", stage, "timeout", proxy=proxy_url, request_timeout_seconds=TIMEOUT)
    assert f"The proxy 127.0.0.1:{proxy.port} did not answer" in found.detail


@both
def test_an_https_proxy_has_to_be_trusted_too(place: Place, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = place.serve(place.context()).url
    with tunnelling(place.context()) as proxy:
        found = place.refused(url, stage, proxy=proxy.url)
        assert f"to the proxy 127.0.0.1:{proxy.port}" in found.detail
        assert proxy.heads == []
        monkeypatch.setenv("SSL_CERT_FILE", place.ca_file)
        page(place.ask(url, stage, proxy=proxy.url))
        assert proxy.heads[0].startswith(b"CONNECT 127.0.0.1:")


@pytest.mark.parametrize(
    "url",
    [
        "socks5://me:{}@127.0.0.1:9",
        "http://me:{}@proxy:port",
        "http://me:{}@127.0.0.1:99999",
        "http://me:{}@",
        "http://me:{}€@127.0.0.1:9",
        "http://[::1:{}",
        "http://a/b:{}@127.0.0.1:9",
    ],
)
def test_an_odd_proxy_in_the_environment_is_told_without_its_password(place: Place, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url.format(PROXY_PASSWORD))
    found = failed(place.ask("https://acme.okta.com", API, request_timeout_seconds=TIMEOUT), "connection" if "a/b" not in url else "dns")
    assert "proxy" in found.detail
    assert PROXY_PASSWORD not in found.detail + found.fix


def test_a_proxy_without_a_scheme_is_http(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply(status="403 Forbidden")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"me:{PROXY_PASSWORD}@127.0.0.1:{proxy.port}")
        place.refused("https://acme.okta.com", API, "connection")
        assert b"proxy-authorization: basic" in proxy.heads[0].lower()


# Requests


@both
def test_one_connection_for_many_polls(place: Place, stage: str) -> None:
    server = place.serve(place.context())
    transport = place.client(server.url, stage)
    for _ in range(10):
        page(transport.get(server.url + "/api/v1/logs?limit=10&q=a%2fb"))
    assert server.connections == 1
    assert [request.target for request in place.heard[-10:]] == ["/api/v1/logs?limit=10&q=a%2fb"] * 10
    assert len(place.heard) == 10 + (stage == TOKENS)


def test_every_request_says_who_we_are_and_takes_gzip(place: Place) -> None:
    url = place.serve(place.context()).url
    answer = page(place.ask(url, TOKENS))
    assert [request.path for request in place.heard] == ["/oauth2/v1/token", "/api/v1/logs"]
    for request in place.heard:
        assert request.headers["user-agent"] == f"bytewax-okta/{__version__}"
        assert request.headers["accept-encoding"] == "gzip"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.wire_bytes < len(answer.body)


def test_a_token_may_come_compressed(place: Place) -> None:
    url = place.serve(place.context()).url

    def compressed(_: Request) -> Scripted:
        token = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600}
        return Scripted(status=200, headers={"content-encoding": "gzip"}, body=gzip.compress(json.dumps(token).encode()))

    place.organisation.oauth.script(compressed)
    place.organisation.bearer_tokens = {"at-1"}
    page(place.ask(url, TOKENS))


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_with_a_credential(place: Place, stage: str, status: int) -> None:
    url = place.serve(place.context()).url
    with serving(reply()) as elsewhere:
        away = Scripted(status=status, headers={"location": f"{elsewhere.url}/x"}, body=b"")
        script: Callable[..., None] = place.organisation.oauth.script if stage == TOKENS else place.organisation.script
        script(away)
        answer = place.ask(url, stage)
        assert elsewhere.connections == 0
    if stage == API:
        assert page(answer).status == status
    else:
        assert elsewhere.url in failed(answer, "foreign_link").detail
