"""Tenants with OAuth methods: every broken set-up that Okta itself answers, against the simulator."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from okta_source.auth.token_store import TokenStore
from okta_source.config.secret import Secret
from okta_source.simulator import OAuthClient, Organisation, Scripted
from okta_source.simulator.oauth.tokens import SignIn
from tests.unit.okta_source.auth.fakes import EC_KEY, pem
from tests.unit.okta_source.check.checked import Check, Checked
from tests.unit.okta_source.check.checked import says as checked_says

Start = Callable[..., tuple[Organisation, str]]
SECRET = "s3cret-of-the-app"


def says(checked: Checked, step: str, *parts: str) -> None:
    checked_says(checked, step, *parts)
    assert SECRET not in str(checked.tenants)


class KeyPair:
    """An organisation with an API Services app, and a tenant that is it."""

    def __init__(self, check: Check, start: Start, folder: Path) -> None:
        self.client, key = OAuthClient.with_new_key("0oa1", "ES256")
        self.okta, self.url = start(oauth_clients=[self.client])
        (folder / "key.jwk").write_text(json.dumps(key))
        (folder / "key.jwk").chmod(0o600)
        self.auth = ['method = "private_key_jwt"', 'client_id = "0oa1"', 'private_key_file = "key.jwk"']
        self._check = check

    def check(self, *auth: str, **keys: Any) -> Checked:
        return self._check(self.url, auth="\n".join([*self.auth, *auth]), **keys)


@pytest.fixture
def key_pair(check: Check, organisation: Start, tmp_path: Path) -> KeyPair:
    return KeyPair(check, organisation, tmp_path)


def test_all_is_well_with_one_token_and_one_page(key_pair: KeyPair) -> None:
    checked = key_pair.check()
    assert (checked.exit, checked.failed, checked.tenants[0]["ok"]) == (0, "", True), checked.steps
    assert "private_key_jwt, Bearer" in checked.words("authentication")
    assert "file" in checked.words("secret")
    assert [request.outcome for request in key_pair.okta.token_requests] == ["granted"]
    assert len(key_pair.okta.requests) == 1


def test_all_is_well_with_dpop(key_pair: KeyPair) -> None:
    key_pair.client.dpop = True
    checked = key_pair.check("dpop = true")
    assert (checked.exit, checked.failed) == (0, ""), checked.steps
    assert "DPoP" in checked.words("authentication")


def test_dpop_that_the_app_wants_and_the_file_does_not(key_pair: KeyPair) -> None:
    key_pair.client.dpop = True
    says(key_pair.check(), "authentication", "dpop = true")


def test_a_wrong_key_id(key_pair: KeyPair) -> None:
    says(key_pair.check('key_id = "another"'), "authentication", "kid is invalid", "key_id", "Public keys")


def test_a_key_that_is_not_the_apps(key_pair: KeyPair, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(pem(EC_KEY))
    (tmp_path / "key.pem").chmod(0o600)
    key_pair.auth[2] = f'private_key_file = "key.pem"\nkey_id = "{key_pair.client.keys[0]["kid"]}"'
    says(key_pair.check(), "authentication", "signature is invalid", "not the one that belongs to key_id")


def test_an_app_without_a_key(key_pair: KeyPair) -> None:
    key_pair.client.set_keys([])
    says(key_pair.check(), "authentication", "JWKSet", "Client Credentials")


def test_a_wrong_audience(key_pair: KeyPair) -> None:
    text = "The audience claim for client_assertion must be the endpoint invoked for the request."
    body = json.dumps({"error": "invalid_client", "error_description": text}).encode()
    key_pair.okta.oauth.script(Scripted(status=401, body=body))
    says(key_pair.check(), "authentication", text, f"{key_pair.url}/oauth2/v1/token", "org_url")


@pytest.mark.parametrize("wrong", ["client_id", "inactive"])
def test_an_app_that_okta_does_not_know(key_pair: KeyPair, wrong: str) -> None:
    if wrong == "inactive":
        key_pair.client.active = False
    else:
        key_pair.auth[1] = 'client_id = "0oa2"'
    says(key_pair.check(), "authentication", "client_id", "deactivated")


def test_a_scope_that_is_not_granted(key_pair: KeyPair) -> None:
    key_pair.client.scopes = ("okta.users.read",)
    checked = key_pair.check()
    says(checked, "authorization", "scope", "okta.logs.read", "Okta API Scopes")
    assert checked.status("authentication") == "ok"
    assert key_pair.okta.requests == []


def test_a_token_without_the_scope(key_pair: KeyPair) -> None:
    key_pair.client.scopes = ("okta.logs.read", "okta.users.read")
    checked = key_pair.check('scopes = ["okta.users.read"]')
    says(checked, "authorization", "insufficient_scope", "okta.logs.read")
    assert checked.status("authentication") == "ok"


def test_an_app_without_an_admin_role(key_pair: KeyPair) -> None:
    key_pair.client.admin_role = ""
    says(key_pair.check(), "authorization", "403", "E0000006", "Admin roles", "Report Administrator", "network zone")


def test_an_app_outside_of_its_network_zones(key_pair: KeyPair) -> None:
    text = "The request is made from outside the client's permitted network zones."
    body = json.dumps({"error": "access_denied", "error_description": text}).encode()
    key_pair.okta.oauth.script(Scripted(status=403, body=body))
    says(key_pair.check(), "authorization", text, "network zone", "public address")


def test_a_clock_that_is_wrong_is_told_before_anything_that_it_breaks(key_pair: KeyPair) -> None:
    key_pair.okta.advance_clock(-4000.0)
    says(key_pair.check(), "clock", "ahead of Okta's", "NTP")


def test_a_token_endpoint_that_does_not_answer(key_pair: KeyPair) -> None:
    key_pair.okta.oauth.script(Scripted(delay_seconds=60.0))
    checked = key_pair.check(request_timeout_seconds=0.3)
    says(checked, "authentication", "within 0.3 s")
    assert checked.status("clock") == "not_reached"


def test_a_token_endpoint_that_is_asked_too_often(key_pair: KeyPair) -> None:
    key_pair.okta.oauth.script(Scripted(status=429))
    checked = key_pair.check()
    says(checked, "rate_limit", "429", "token requests")
    assert checked.status("authentication") == "not_reached"


def test_an_api_that_does_not_answer_although_there_is_a_token(key_pair: KeyPair) -> None:
    key_pair.okta.script(Scripted(delay_seconds=60.0))
    checked = key_pair.check(request_timeout_seconds=2.0)  # within which the token has to come
    says(checked, "authorization", "within 2 s")
    assert (checked.status("authentication"), checked.status("clock")) == ("ok", "ok")


def test_a_rate_limit_that_is_spent(key_pair: KeyPair) -> None:
    key_pair.okta.script(Scripted(status=429))
    checked = key_pair.check()
    says(checked, "rate_limit", "E0000047")
    assert checked.status("authentication") == "ok"


def test_an_access_token_that_is_refused(key_pair: KeyPair) -> None:
    def revoke(_: object) -> Scripted:
        key_pair.okta.oauth.revoke_tokens()
        return Scripted(fallthrough=True)

    key_pair.okta.script(revoke)
    says(key_pair.check(), "authentication", "401", "revoked")


def integration(check: Check, start: Start, monkeypatch: pytest.MonkeyPatch, **client: Any) -> tuple[Organisation, Callable[[], Checked]]:
    monkeypatch.setenv("TEST_SECRET", SECRET)
    app = OAuthClient(client_id="0oa1", auth_method="client_secret_basic", kind="integration", secret=SECRET, **client)
    okta, url = start(oauth_clients=[app])
    auth = 'method = "client_secret"\nclient_id = "0oa1"\nclient_secret_env = "TEST_SECRET"'
    return okta, lambda: check(url, auth=auth)


def test_an_integration_that_works(check: Check, organisation: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = integration(check, organisation, monkeypatch)
    assert run().exit == 0


def test_a_wrong_client_secret(check: Check, organisation: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = integration(check, organisation, monkeypatch)
    monkeypatch.setenv("TEST_SECRET", "wr0ng")
    says(run(), "authentication", "client secret is wrong", "Client secrets")


class WebApp:
    """An organisation with an OIDC web application, and a tenant that is it."""

    def __init__(self, check: Check, start: Start, folder: Path) -> None:
        app = OAuthClient(client_id="0oa1", auth_method="client_secret_basic", kind="web", secret=SECRET)
        self.okta, self.url = start(oauth_clients=[app])
        self.store = TokenStore(folder / "acme.token")
        self._check = check

    def authorize(self) -> None:
        now = self.okta.now_ms() / 1000
        sign_in = SignIn("0oa1", "admin@acme.example.com", ("okta.logs.read", "offline_access"), now)
        self.store.write(Secret(self.okta.oauth.state.tokens.issue_refresh_token(sign_in, now).value), client_id="0oa1")

    def check(self) -> Checked:
        auth = 'method = "refresh_token"\nclient_id = "0oa1"\nclient_secret_env = "TEST_SECRET"\ntoken_store = "acme.token"'
        return self._check(self.url, auth=auth)


@pytest.fixture
def web_app(check: Check, organisation: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebApp:
    monkeypatch.setenv("TEST_SECRET", SECRET)
    return WebApp(check, organisation, tmp_path)


def test_an_empty_token_store(web_app: WebApp) -> None:
    checked = web_app.check()
    says(checked, "authentication", "empty", "python -m okta_source authorize --tenant acme")
    assert (checked.status("secret"), checked.status("clock")) == ("ok", "not_reached")
    assert web_app.okta.token_requests == []


def test_a_refresh_token_that_is_revoked(web_app: WebApp) -> None:
    web_app.authorize()
    web_app.okta.oauth.revoke_sign_ins()
    says(web_app.check(), "authentication", "invalid_grant", "authorize --tenant acme")


def test_a_refresh_token_that_check_has_used_is_followed_by_the_one_in_the_store(web_app: WebApp) -> None:
    web_app.authorize()
    before = web_app.store.read()
    assert web_app.check().exit == 0
    after = web_app.store.read()
    assert before is not None
    assert after is not None
    assert before.refresh_token != after.refresh_token
    assert web_app.check().exit == 0
