"""The whole command against the simulated organisation: what works, and each thing that goes wrong with its explanation."""

import json
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from okta_source.__main__ import main
from okta_source.auth import make_authenticator
from okta_source.auth.authorize import browser, command
from okta_source.auth.authorize.callback import CallbackServer
from okta_source.auth.authorize.tenant import load_tenant
from okta_source.auth.token_store import TokenStore, TokenStoreError
from okta_source.config.secret import Secret
from okta_source.config.signing_key import SigningKey
from okta_source.fetching.transport import OktaTransport
from okta_source.http.client import HttpClient
from okta_source.polling.outcome import Response
from okta_source.simulator import Administrator, OAuthClient, Organisation, Scripted, Simulator
from okta_source.simulator.certificates import CertificateAuthority
from tests.e2e.harness import free_ports
from tests.unit.okta_source.auth.authorize.person import Person, query

SECRET = "the-secret-of-the-app"


class Desk:
    """An organisation with a web app, and a configuration for it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.port = free_ports(1)[0]
        self.redirect_uri = f"http://127.0.0.1:{self.port}/callback"
        self.app = OAuthClient(
            client_id="0oa-web", auth_method="client_secret_basic", secret=SECRET, redirect_uris=[self.redirect_uri], name="Collector"
        )
        self.organisation = Organisation("acme", events=3, oauth_clients=[self.app])
        self.simulator = Simulator([self.organisation])
        self.simulator.start()
        self.store = folder / "state" / "acme.token"
        self.config = folder / "okta.toml"
        (folder / "secret").write_text(SECRET)
        (folder / "secret").chmod(0o600)
        self.out = self.err = ""
        self.write()

    def write(self, **auth: Any) -> None:
        given = {
            "method": "refresh_token",
            "client_id": "0oa-web",
            "client_secret_file": "secret",
            "token_store": "state/acme.token",
            **auth,
        }
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.items() if value is not None)
        self.config.write_text(
            f'[[tenants]]\nname = "acme"\ndisplay_name = "Acme Inc."\norg_url = "{self.simulator.url("acme")}"\n[tenants.auth]\n{lines}\n'
        )

    def run(self, person: Person | None = None, *arguments: str, tenant: str = "acme") -> int:
        """Run the command, with somebody at the browser that it opens, or with nobody."""
        self.monkeypatch.setattr(browser, "can_open", lambda: person is not None)
        if person:
            self.monkeypatch.setattr(browser, "open_in_background", person.open)
        status = main(["authorize", "--tenant", tenant, "--config", str(self.config), "--port", str(self.port), *arguments])
        self.out, self.err = self.capsys.readouterr()
        assert SECRET not in self.out + self.err
        return status

    def run_until_they_leave(self, person: Person) -> int:
        """As `run`; the time is over as soon as the person has seen their last page."""
        self.monkeypatch.setattr(CallbackServer, "wait", lambda server, timeout_seconds: (person.leave(), None)[1])
        return self.run(person)

    @property
    def refresh_tokens(self) -> dict[str, Any]:
        return self.organisation.oauth.state.tokens.refresh_tokens


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    desk = Desk(tmp_path, monkeypatch, capsys)
    yield desk
    desk.simulator.stop()


def assert_explained(desk: Desk, page: requests.Response | None, *words: str) -> None:
    """The terminal and the page say the same, nothing is stored, and neither shows the code."""
    assert not desk.store.exists()
    for text in (desk.err, page.text if page is not None else None):
        if text is None:
            continue
        assert "Acme Inc. is not connected." in text
        assert "python -m okta_source authorize --tenant acme" in text
        plain = unescape(text.replace("<wbr>", ""))
        for word in words:
            assert word in plain


@pytest.mark.parametrize("dpop", [False, True])
def test_it_stores_a_refresh_token_that_works(desk: Desk, dpop: bool) -> None:
    desk.app.dpop = dpop
    desk.write(dpop=dpop)
    person = Person()
    assert desk.run(person) == 0
    page = person.leave()
    assert page.status_code == 200
    assert "Acme Inc. is connected." in page.text
    assert "Acme Inc. is connected." in desk.out
    assert "python -m okta_source check --tenant acme" in page.text
    assert person.url in desk.out.splitlines()
    (token,) = desk.refresh_tokens
    for text in (page.text, desk.out, desk.err):
        assert token not in text
    found = TokenStore(desk.store).read()
    assert found
    assert found.refresh_token.reveal() == token
    assert found.client_id == "0oa-web"
    assert (found.dpop_key is not None) is dpop
    assert stat.S_IMODE(desk.store.stat().st_mode) == 0o600

    # Whoever polls the tenant can use it at once.
    tenant, _ = load_tenant("acme", desk.config, {})
    http = HttpClient(tenant)
    transport = OktaTransport(http, make_authenticator(tenant, http))
    answer = transport.get(f"{tenant.org_url}/api/v1/logs")
    transport.close()
    assert isinstance(answer, Response)
    assert answer.status == 200


def test_the_commands_that_it_names_fit_the_one_that_was_typed(desk: Desk) -> None:
    assert desk.run(Person()) == 0
    assert f"check --tenant acme --config {desk.config}\n" in desk.out
    assert desk.run(Person(decision="deny")) == 1
    assert f"authorize --tenant acme --config {desk.config} --port {desk.port}\n" in desk.err


def test_a_key_that_the_configuration_names_stays_out_of_the_store(desk: Desk) -> None:
    desk.app.dpop = True
    (desk.folder / "dpop.pem").write_text(SigningKey.generate().to_pem())
    desk.write(dpop=True, dpop_key_file="dpop.pem")
    assert desk.run(Person()) == 0
    found = TokenStore(desk.store).read()
    assert found
    assert found.dpop_key is None


def test_it_replaces_what_is_there_under_the_lock(desk: Desk) -> None:
    store = TokenStore(desk.store)
    with store.lock():
        store.write(Secret("old"), client_id="0oa-web")
    write = TokenStore.write

    def write_alone(*arguments: Any, **named: Any) -> None:
        with pytest.raises(TokenStoreError, match="locked"), store.lock(timeout_seconds=0):
            pass
        write(*arguments, **named)

    desk.monkeypatch.setattr(TokenStore, "write", write_alone)
    assert desk.run(Person()) == 0
    found = store.read()
    assert found
    assert found.refresh_token.reveal() in desk.refresh_tokens


def test_the_back_channel_has_the_tenant_s_own_tls_settings(desk: Desk) -> None:
    authority = CertificateAuthority()
    (desk.folder / "ca.pem").write_bytes(authority.pem())
    desk.simulator.stop()
    desk.simulator = Simulator([desk.organisation], ssl_context=authority.server_context("127.0.0.1"))
    desk.simulator.start()
    desk.write()
    person = Person(verify=str(desk.folder / "ca.pem"))
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), "No trusted TLS connection", "tenants.tls.ca_file")
    with desk.config.open("a") as config:
        config.write('[tenants.tls]\nca_file = "ca.pem"\n')
    assert desk.run(person) == 0
    assert "is connected" in person.leave().text


def test_denied_consent(desk: Desk) -> None:
    person = Person(decision="deny")
    assert desk.run(person) == 1
    page = person.leave()
    assert page.status_code == 400
    assert_explained(desk, page, "Access was denied", "access_denied", "Read-only Administrator", "allow it")


def test_a_user_who_is_no_administrator(desk: Desk) -> None:
    desk.organisation.oauth.state.administrators["admin@acme.example.com"] = Administrator(
        "admin@acme.example.com", "simulated-acme", role=""
    )
    person = Person()
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), "may not allow these scopes", "Grant okta.logs.read", "Okta API Scopes")


def test_a_scope_that_was_never_granted(desk: Desk) -> None:
    desk.app.scopes = ()
    person = Person()
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), "invalid_scope", "Grant okta.logs.read", "Okta API Scopes")


def refused_by_browser(error: str, description: str) -> Person:
    """Somebody whom Okta sends back with an error that the simulator does not have."""

    def tampering(url: str) -> str:
        base, state = url.partition("?")[0], query(url)["state"]
        return requests.Request("GET", base, params={"state": state, "error": error, "error_description": description}).prepare().url or ""

    return Person(tampering=tampering)


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("access_denied", "User is not assigned to the client application.", "Assign the user"),
        (
            "access_denied",
            "Requests for ID tokens or access tokens with OpenID scopes require the 'openid' scope.",
            'Add "openid" to `scopes`',
        ),
        ("access_denied", "Policy evaluation failed for this request, please check the policy configurations.", "sign-on policy"),
        ("access_denied", "Policy evaluation succeeded, but all the requested scopes were rejected.", "policy"),
        ("invalid_scope", "offline_access is not allowed.", "Select the grant type Refresh Token"),
        ("unauthorized_client", "The client is not authorized to use the provided grant type.", "Authorization Code and Refresh Token"),
        ("unsupported_response_type", "The response type is not supported.", "Authorization Code and Refresh Token"),
        ("temporarily_unavailable", "", "It will pass"),
        ("never_heard_of", "\x1b[31mred\nand more", "Okta said: never_heard_of: \ufffd[31mred and more."),
    ],
)
def test_whatever_okta_says_has_a_cause_and_a_fix(desk: Desk, error: str, description: str, words: str) -> None:
    person = refused_by_browser(error, description)
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), error, words)
    assert "\x1b" not in desk.err


def test_no_refresh_token_in_the_answer(desk: Desk) -> None:
    body = json.dumps({"token_type": "Bearer", "expires_in": 3600, "access_token": "at-secret", "scope": "okta.logs.read"})
    desk.organisation.oauth.script(Scripted(200, body=body.encode()))
    person = Person()
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), "no refresh token", "offline_access", "Select the grant type Refresh Token", "Grant type")
    assert "at-secret" not in desk.err


def test_a_wrong_client_secret(desk: Desk) -> None:
    desk.app.rotate_secret()
    person = Person()
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), "invalid_client", "The client secret is wrong", "client_secret_file")


def test_a_code_that_okta_refuses(desk: Desk) -> None:
    code: list[str] = []

    def tampering(url: str) -> str:
        code.append(query(url)["code"])
        return url.replace(code[0], "another-code")

    person = Person(tampering=tampering)
    assert desk.run(person) == 1
    page = person.leave()
    assert_explained(desk, page, "invalid_grant", "A code is good for a few minutes, once")
    assert "another-code" not in desk.err + page.text


def test_a_lost_network(desk: Desk) -> None:
    def tampering(url: str) -> str:
        desk.simulator.down("acme")
        return url

    person = Person(tampering=tampering)
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), "connection")


def test_a_redirect_uri_that_is_not_registered(desk: Desk) -> None:
    desk.app.redirect_uris = ("http://127.0.0.1:8080/callback",)
    person = Person()
    assert desk.run_until_they_leave(person) == 1
    page = person.leave()
    assert page.status_code == 400
    assert "must be a Login redirect URI" in page.text  # Okta's own page; it never comes back
    assert_explained(
        desk, None, "No answer to this sign-in", "within 5 min", f"register exactly {desk.redirect_uri}", "Sign-in redirect URIs"
    )


def test_nobody_comes(desk: Desk) -> None:
    assert desk.run(None, "--timeout", "0.1") == 1
    assert_explained(desk, None, f"ssh -L {desk.port}:127.0.0.1:{desk.port}", "open the URL yourself")


def test_without_a_browser_the_url_is_printed_alone_on_its_line(desk: Desk) -> None:
    opened: list[str] = []
    desk.monkeypatch.setattr(browser, "open_in_background", lambda url, on_failure: opened.append(url))
    person = Person()
    for arguments in ([], ["--no-browser"]):
        assert desk.run(None, "--timeout", "0.1", *arguments) == 1
        (line,) = [line for line in desk.out.splitlines() if line.startswith(desk.simulator.url("acme"))]
        assert query(line)["redirect_uri"] == desk.redirect_uri
        assert f"ssh -L {desk.port}" in desk.out
    assert not opened
    assert desk.run(person, "--no-browser", "--timeout", "0.1") == 1
    assert not person.url


def test_a_browser_that_does_not_open(desk: Desk) -> None:
    desk.monkeypatch.setattr(browser, "can_open", lambda: True)
    desk.monkeypatch.setattr(browser, "open_in_background", lambda url, on_failure: on_failure())
    assert main(["authorize", "--tenant", "acme", "--config", str(desk.config), "--port", str(desk.port), "--timeout", "0.1"]) == 1
    assert "No browser could be opened: open the URL above yourself." in desk.capsys.readouterr().err


def test_a_forged_answer_is_told_once_and_the_genuine_one_counts(desk: Desk) -> None:
    pages: list[requests.Response] = []

    def tampering(url: str) -> str:
        pages.extend(requests.get(f"{desk.redirect_uri}?code=evil&state=made-up", timeout=20) for _ in range(3))
        return url

    assert desk.run(Person(tampering=tampering)) == 0
    assert desk.err.count("belongs to another sign-in was refused") == 1
    assert {page.status_code for page in pages} == {400}
    assert "earlier run of the command" in pages[0].text
    assert "Acme Inc. is connected." in desk.out


def test_an_answer_to_an_earlier_run_is_explained(desk: Desk) -> None:
    person = Person(tampering=lambda url: url.replace(query(url)["state"], "of-an-earlier-run"))
    assert desk.run_until_they_leave(person) == 1
    page = person.leave()
    assert page.status_code == 400
    assert "belongs to another sign-in" in page.text
    assert_explained(desk, None, "belonged to another sign-in, such as an earlier run")


def test_a_port_in_use(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", desk.port)):
        assert desk.run() == 1
    assert f"Port {desk.port} of this machine is in use" in desk.err
    assert "--port" in desk.err
    assert "Sign-in redirect URIs" in desk.err
    assert desk.out == ""


def test_a_store_that_cannot_be_written_is_told_before_anybody_signs_in(desk: Desk) -> None:
    desk.store.parent.write_text("a file where the folder should be")
    assert desk.run() == 1
    assert "Acme Inc. is not connected. Token store" in desk.err
    assert desk.out == ""


def test_a_store_that_cannot_be_written_afterwards(desk: Desk) -> None:
    def tampering(url: str) -> str:
        (desk.store.parent / "acme.token.new").mkdir(parents=True)
        (desk.store.parent / "acme.token.new" / "x").touch()
        return url

    person = Person(tampering=tampering)
    assert desk.run(person) == 1
    assert_explained(desk, person.leave(), "cannot be written", "Give yourself the right")


def test_ctrl_c_is_clean(desk: Desk) -> None:
    class Impatient(Person):
        def open(self, url: str, on_failure: Callable[[], None]) -> None:
            signal.raise_signal(signal.SIGINT)

    assert desk.run(Impatient()) == 130
    assert "nothing was stored" in desk.err
    assert "Traceback" not in desk.err
    assert not desk.store.exists()
    with socket.create_server(("127.0.0.1", desk.port)):
        pass  # the port is free again


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        (
            {"method": "ssws", "client_id": None, "client_secret_file": None, "token_store": None, "token_file": "secret"},
            "tenants[0].auth.method: ssws",
        ),
        ({"method": "client_secret", "token_store": None}, "tenants[0].auth.method: client_secret needs no sign-in"),
        ({"client_secret_file": "nowhere"}, "tenants[0].auth.client_secret_file"),
        ({"token_store": None}, "tenants[0].auth.token_store: missing"),
    ],
)
def test_a_wrong_configuration(desk: Desk, auth: dict[str, Any], words: str) -> None:
    desk.write(**auth)
    assert desk.run() == 2
    assert words in desk.err
    assert desk.out == ""


def test_certificates_that_cannot_be_used(desk: Desk) -> None:
    (desk.folder / "ca.pem").write_text("no certificate")
    with desk.config.open("a") as config:
        config.write('[tenants.tls]\nca_file = "ca.pem"\n')
    assert desk.run() == 2
    assert "tenants[0].tls: OpenSSL refuses" in desk.err


def test_an_unknown_tenant(desk: Desk) -> None:
    assert desk.run(tenant="acne") == 2
    assert "no tenant is named 'acne'; did you mean acme? there are: acme" in desk.err


def test_what_is_wrong_with_other_tenants_does_no_harm_but_a_name_given_twice_does(desk: Desk) -> None:
    good = desk.config.read_text()
    desk.config.write_text(f'{good}\n[[tenants]]\nname = "globex"\n')
    assert desk.run(None, "--timeout", "0.1") == 1
    desk.config.write_text(f'{good}\n[[tenants]]\nname = "acme"\n')
    assert desk.run() == 2
    assert "tenants[1].name" in desk.err


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "65536"], ["--port", "x"], ["--timeout", "0"], ["--timeout", "nan"]])
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["authorize", "--tenant", "acme", *arguments])
    assert exit_.value.code == 2


def test_the_default_port_is_the_documented_one() -> None:
    assert command.DEFAULT_PORT == 8765
