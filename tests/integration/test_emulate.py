"""An Okta authorization server that nobody here wrote (npm `emulate`) gives our client its tokens."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from okta_source.__main__ import main
from okta_source.auth import make_authenticator
from okta_source.auth.authorize import browser
from okta_source.auth.base import CredentialError
from okta_source.auth.token_store import TokenStore
from okta_source.config.secret import Secret
from okta_source.config.tenant import TenantConfig
from okta_source.http.client import HttpClient
from tests.e2e.harness import free_ports
from tests.integration.judges import Judge, judges_available
from tests.unit.okta_source.auth.authorize.person import Person

SECRET = "emulated+/=secret"


class Emulator:
    """The server, an app of it, and a tenant that uses the app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port, self.callback_port = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        app = {
            "client_id": "0oa-emulated",
            "client_secret": SECRET,
            "name": "Collector",
            "redirect_uris": [f"http://127.0.0.1:{self.callback_port}/callback"],
            "token_endpoint_auth_method": "client_secret_basic",
            "auth_server_id": "org",
        }
        person = {"login": "ada@example.com", "first_name": "Ada", "last_name": "Abara"}
        (folder / "seed.json").write_bytes(orjson.dumps({"okta": {"users": [person], "oauth_clients": [app]}}))
        (folder / "secret").write_text(SECRET)
        (folder / "secret").chmod(0o600)
        command = [
            "emulate",
            "start",
            "--service",
            "okta",
            "--port",
            str(port),
            "--seed",
            str(folder / "seed.json"),
            "--base-url",
            self.url,
        ]
        self.judge = Judge(command, port, folder / "emulate.log")

    def auth(self, **settings: object) -> dict[str, object]:
        return {"client_id": "0oa-emulated", "client_secret_file": str(self.folder / "secret"), **settings}

    def access_token(self, auth: dict[str, object]) -> str:
        """What our client sends with a request for logs."""
        tenant = TenantConfig.model_validate({"name": "acme", "org_url": self.url, "auth": auth})
        http = HttpClient(tenant)
        try:
            scheme, _, token = make_authenticator(tenant, http).headers("GET", f"{self.url}/api/v1/logs")["Authorization"].partition(" ")
        finally:
            http.close()
        assert scheme == "Bearer"
        return token

    def introspect(self, token: str) -> dict[str, Any]:
        """What the server itself knows of a token."""
        answer = requests.post(f"{self.url}/oauth2/v1/introspect", {"token": token}, auth=("0oa-emulated", SECRET), timeout=20)
        assert answer.ok, answer.text
        return dict(answer.json())


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    if reason := judges_available():
        pytest.skip(reason)
    emulator = Emulator(tmp_path)
    with emulator.judge:
        yield emulator


class Visitor(Person):
    """Chooses the first user that the emulator offers, which is all of its sign-in and consent."""

    def visit(self, url: str) -> None:
        self.url = url
        with requests.Session() as session:
            page = session.get(url, timeout=20)
            form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page.text, re.DOTALL)
            assert form, page.text
            fields = {name: unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form[2])}
            page = session.post(f"{url.partition('/oauth2')[0]}{unescape(form[1])}", fields, timeout=20)  # and back to the command
        self.pages.append(page)


def test_client_credentials(emulator: Emulator) -> None:
    token = emulator.access_token(emulator.auth(method="client_secret"))
    known = emulator.introspect(token)
    assert known["active"] is True
    assert known["client_id"] == "0oa-emulated"
    assert known["scope"] == "okta.logs.read"


def test_a_wrong_secret_is_explained(emulator: Emulator) -> None:
    (emulator.folder / "secret").write_text("another")
    with pytest.raises(CredentialError, match="401: invalid_client"):
        emulator.access_token(emulator.auth(method="client_secret"))


def test_authorize_and_rotating_refresh_tokens(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = emulator.auth(method="refresh_token", token_store=str(emulator.folder / "acme.token"))
    lines = "\n".join(f"{key} = {orjson.dumps(value).decode()}" for key, value in auth.items())
    (emulator.folder / "okta.toml").write_text(f'[[tenants]]\nname = "acme"\norg_url = "{emulator.url}"\n[tenants.auth]\n{lines}\n')
    visitor = Visitor()
    monkeypatch.setattr(browser, "can_open", lambda: True)
    monkeypatch.setattr(browser, "open_in_background", visitor.open)
    arguments = ["--tenant", "acme", "--config", str(emulator.folder / "okta.toml"), "--port", str(emulator.callback_port)]
    assert main(["authorize", *arguments]) == 0
    assert "is connected" in visitor.leave().text

    store = TokenStore(emulator.folder / "acme.token")
    held = [_token(store)]
    for _ in range(2):  # each by a new process, so to speak
        token = emulator.access_token(auth)
        assert emulator.introspect(token)["active"] is True
        held.append(_token(store))
    assert len({token.reveal() for token in held}) == 3
    # The server takes the newest alone: what the store holds is it.
    emulator.access_token(auth)
    with store.lock():
        store.write(held[1], client_id="0oa-emulated")
    with pytest.raises(CredentialError, match="invalid_grant"):
        emulator.access_token(auth)


def _token(store: TokenStore) -> Secret:
    found = store.read()
    assert found
    return found.refresh_token
