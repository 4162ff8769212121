"""Set-ups that are broken before Okta is reached: names, routes, proxies, and certificates, each named with its fix."""

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from okta_source.simulator.certificates import CertificateAuthority
from tests.unit.okta_source.check.certs import issue, server_context
from tests.unit.okta_source.check.checked import Check, says
from tests.unit.okta_source.wire import certificate, reply, serving

ORGANISATION = "https://acme.okta.com"


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def deaf() -> Iterator[int]:
    """A port whose packets go nowhere: nobody accepts, and the queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        queued = [socket.socket() for _ in range(4)]
        for waiting in queued:
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(address)
        try:
            yield address[1]
        finally:
            for waiting in queued:
                waiting.close()


@contextmanager
def tunnelling(seen: list[bytes] | None = None, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A proxy that opens tunnels; whatever is asked for, it connects to this machine's port of that number."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def handle(client: socket.socket, head: bytes) -> None:
        if seen is not None:
            seen.append(head)
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
            back.start()
            pump(client, upstream)
            back.join()

    with serving(handle, context) as proxy:
        yield proxy.url


def test_a_domain_that_is_none(check: Check) -> None:
    checked = check("https://acme.invalid")
    says(checked, "dns", "acme.invalid can't be resolved", "typing error", "Okta Admin Console")
    assert checked.status("secret") == "ok"


def test_a_resolver_that_does_not_answer(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    def silence(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silence)
    says(check(ORGANISATION), "dns", "No DNS server answered for acme.okta.com", "resolv.conf")


def test_nobody_listens(check: Check, closed_port: int) -> None:
    says(check(f"https://127.0.0.1:{closed_port}"), "connect", f"127.0.0.1:{closed_port} refused", "firewall", "org_url")


def test_egress_that_is_blocked_in_silence(check: Check) -> None:
    with deaf() as port:
        checked = check(f"https://127.0.0.1:{port}", request_timeout_seconds=0.3)
    says(checked, "connect", "did not answer within 0.3 s", "egress rules", "set a proxy")


def test_a_proxy_whose_name_is_unknown(check: Check) -> None:
    says(check(ORGANISATION, proxy="http://proxy.invalid:3128"), "dns", "The proxy proxy.invalid can't be resolved", "this tenant's proxy")


def test_a_proxy_that_refuses_connections(check: Check, closed_port: int) -> None:
    says(
        check(ORGANISATION, proxy=f"http://127.0.0.1:{closed_port}"),
        "connect",
        f"The proxy 127.0.0.1:{closed_port} refused",
        "this tenant's proxy",
    )


def test_a_proxy_that_drops_packets(check: Check) -> None:
    with deaf() as port:
        checked = check(ORGANISATION, proxy=f"http://127.0.0.1:{port}", request_timeout_seconds=0.3)
    says(checked, "connect", f"The proxy 127.0.0.1:{port} did not answer")


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (reply(status="407 Proxy Authentication Required"), ("407", "user and a password", "HTTPS_PROXY")),
        (reply(status="403 Forbidden"), ("403 Forbidden", "pass CONNECT requests for acme.okta.com:443")),
        (reply(status="502 Bad Gateway"), ("502", "can't reach acme.okta.com:443", "org_url")),
        (b"SSH-2.0-OpenSSH\r\n\r\n", ("no HTTP proxy", "this tenant's proxy")),
    ],
    ids=["407", "403", "502", "no proxy"],
)
def test_a_proxy_that_does_not_let_us_through(check: Check, answer: bytes, parts: tuple[str, ...]) -> None:
    with serving(answer) as proxy:
        checked = check(ORGANISATION, proxy=proxy.url)
        assert proxy.heads[0].startswith(b"CONNECT acme.okta.com:443 ")
    says(checked, "connect", f"{proxy.url.partition('//')[2]}", *parts)
    assert "proxy's" in checked.words("dns")


def test_the_environments_proxy_gets_its_password_which_nobody_sees(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply(status="407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:hunter2@"))
        checked = check(ORGANISATION)
        assert b"Proxy-Authorization: Basic" in proxy.heads[0].replace(b"proxy-a", b"Proxy-A")
    says(checked, "connect", "the environment's HTTPS_PROXY", "Correct the user and password")
    assert "hunter2" not in str(checked.tenants)


def test_a_proxy_of_an_unknown_kind(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    says(check(ORGANISATION), "connect", "socks5:// is not supported")


def test_all_is_well_through_a_proxy(check: Check, tmp_path: Path, organisation: Callable) -> None:
    authority = CertificateAuthority()
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    _, url = organisation(authority.server_context("acme.okta.com"))
    port = url.rpartition(":")[2]
    seen: list[bytes] = []
    with tunnelling(seen) as proxy:
        checked = check(f"https://acme.okta.com:{port}", proxy=proxy, tls='[tenants.tls]\nca_file = "ca.pem"')
    assert (checked.failed, checked.exit, checked.tenants[0]["ok"]) == ("", 0, True), checked.steps
    assert "through the proxy" in checked.words("connect")
    assert "TLSv1.3" in checked.words("tls")
    assert "for acme.okta.com" in checked.words("tls")
    assert len(seen) == 2  # the look at the way, and the page


def test_a_proxy_whose_certificate_is_not_trusted(check: Check, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "127.0.0.1")
    with serving(reply(), context) as proxy:
        says(check(ORGANISATION, proxy=proxy.url), "connect", "no HTTP proxy (TLS: self-signed certificate)", "http:// or https://")


def test_all_is_well_through_a_proxy_with_https(
    check: Check, tmp_path: Path, organisation: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, context = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    authority = CertificateAuthority()
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    _, url = organisation(authority.server_context("acme.okta.com"))
    with tunnelling(context=context) as proxy:
        checked = check(f"https://acme.okta.com:{url.rpartition(':')[2]}", proxy=proxy, tls='[tenants.tls]\nca_file = "ca.pem"')
    assert (checked.failed, checked.exit) == ("", 0), checked.steps
    assert "TLSv1.3, certificate of acme.okta.com" in checked.words("tls")


def test_a_certificate_behind_a_proxy_is_the_organisations(check: Check, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "acme.okta.com")
    with serving(reply(), context) as wire, tunnelling() as proxy:
        checked = check(f"https://acme.okta.com:{wire.port}", proxy=proxy)
    says(checked, "tls", "self-signed", "for acme.okta.com", "ca_file")


def test_http_on_this_machine_has_no_tls(check: Check, organisation: Callable) -> None:
    _, url = organisation()
    checked = check(url)
    assert (checked.exit, checked.status("tls"), checked.tenants[0]["ok"]) == (0, "not_reached", True)
    assert "http://" in checked.words("tls")


def test_a_self_signed_certificate(check: Check, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "127.0.0.1")
    with serving(reply(), context) as wire:
        checked = check(wire.url)
        assert wire.heads == []  # no request, so no credential, went to whoever that is
    says(checked, "tls", "self-signed", "certificate of test, issued by itself", "for 127.0.0.1", "ca_file")


def test_a_certificate_of_an_unknown_authority(check: Check) -> None:
    with serving(reply(), CertificateAuthority().server_context("127.0.0.1")) as wire:
        says(check(wire.url), "tls", "issued by Okta simulator's certificate authority", "not trusted", "inspects TLS", "ca_file")


@pytest.mark.parametrize(
    ("days", "parts"),
    [((-30, -2), ("has expired", "valid ", "renew")), ((2, 30), ("not valid yet", "clock"))],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_out_of_its_time(check: Check, tmp_path: Path, days: tuple[int, int], parts: tuple[str, ...]) -> None:
    ca = issue("Test CA")
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    with serving(reply(), server_context(issue("old", "127.0.0.1", by=ca, days=days), tmp_path)) as wire:
        checked = check(wire.url, tls='[tenants.tls]\nca_file = "ca.pem"')
    says(checked, "tls", "certificate of old, issued by Test CA", *parts)


def test_an_intermediate_certificate_that_has_expired_is_the_one_that_is_named(check: Check, tmp_path: Path) -> None:
    ca = issue("Test CA")
    middle = issue("Middle CA", by=ca, days=(-30, -2), is_ca=True)
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    with serving(reply(), server_context(issue("leaf", "127.0.0.1", by=middle), tmp_path, middle)) as wire:
        checked = check(wire.url, tls='[tenants.tls]\nca_file = "ca.pem"')
    says(checked, "tls", "has expired: certificate of Middle CA, issued by Test CA")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_for_another_host(check: Check, tmp_path: Path, host: str) -> None:
    _, context = certificate(tmp_path, "acme.okta.com", "*.oktapreview.com")
    with serving(reply(), context) as wire:
        checked = check(f"https://{host}:{wire.port}", tls='[tenants.tls]\nca_file = "cert.pem"')
    says(checked, "tls", "is for acme.okta.com, *.oktapreview.com, not for this host", "org_url")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_ours(check: Check, tmp_path: Path, version: ssl.TLSVersion) -> None:
    pem, context = certificate(tmp_path, "127.0.0.1")
    context.maximum_version = version
    context.load_verify_locations(pem)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(reply(), context) as wire:
        checked = check(wire.url, tls='[tenants.tls]\nca_file = "cert.pem"')
        assert wire.heads == []
        says(checked, "tls", "wants a certificate of this client", "cert_file")
        with_one = '[tenants.tls]\nca_file = "cert.pem"\ncert_file = "cert.pem"\nkey_file = "key.pem"'
        assert check(wire.url, tls=with_one).failed == ""


def test_a_server_that_refuses_the_certificate_of_ours(check: Check, tmp_path: Path) -> None:
    pem, context = certificate(tmp_path, "127.0.0.1")
    (tmp_path / "other").mkdir()
    certificate(tmp_path / "other", "127.0.0.1")
    context.load_verify_locations(pem)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(reply(), context) as wire:
        tls = '[tenants.tls]\nca_file = "cert.pem"\ncert_file = "other/cert.pem"\nkey_file = "other/key.pem"'
        says(check(wire.url, tls=tls), "tls", "refuses this client's certificate", "cert_file")


def test_a_server_with_nothing_newer_than_tls_1_1(check: Check, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with serving(reply(), context) as wire:
        says(check(wire.url, tls='[tenants.tls]\nca_file = "cert.pem"'), "tls", "no TLS 1.2", "inspecting proxy")


def test_a_port_that_speaks_no_tls(check: Check) -> None:
    with serving(lambda connection, _: connection.sendall(reply())) as wire, socket.create_server(("127.0.0.1", 0)) as listener:
        del wire

        def greet() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=greet, daemon=True).start()
        checked = check(f"https://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
    says(checked, "tls", "not in TLS", "org_url")


def test_a_handshake_that_is_cut_off(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)

        threading.Thread(target=hang_up, daemon=True).start()
        checked = check(f"https://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
    says(checked, "tls", "closed in the middle of the TLS handshake", "firewall")


def test_a_handshake_that_nobody_answers(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        checked = check(f"https://127.0.0.1:{listener.getsockname()[1]}", request_timeout_seconds=0.3)
    says(checked, "tls", "not answered in time")


@pytest.mark.parametrize(("key", "parts"), [("verify", "not verified"), ("verify_hostname", "its host name was not verified")])
def test_what_is_not_verified_is_a_warning(check: Check, tmp_path: Path, organisation: Callable, key: str, parts: str) -> None:
    authority = CertificateAuthority()
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    _, url = organisation(authority.server_context("127.0.0.1"))
    checked = check(url, tls=f'[tenants.tls]\nca_file = "ca.pem"\n{key} = false')
    assert (checked.exit, checked.status("tls"), checked.status("logs")) == (0, "warning", "ok")
    assert parts in checked.words("tls")
    assert f"tenants.tls.{key} = true" in checked.words("tls")


def test_a_certificate_that_ends_soon_is_a_warning(check: Check, tmp_path: Path, organisation: Callable) -> None:
    ca = issue("Test CA")
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    _, url = organisation(server_context(issue("leaf", "127.0.0.1", by=ca, days=(-30, 3)), tmp_path))
    checked = check(url, tls='[tenants.tls]\nca_file = "ca.pem"')
    assert (checked.exit, checked.status("tls")) == (0, "warning")
    assert "it ends in 2 days" in checked.words("tls")
