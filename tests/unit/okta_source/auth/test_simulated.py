"""Every method against the simulated organisation: an hour and more of its time, with tokens that expire, rotate and are revoked."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from okta_source.auth import make_authenticator
from okta_source.auth.token_store import TokenStore
from okta_source.config.secret import Secret
from okta_source.config.signing_key import SigningKey
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.transport import OktaTransport
from okta_source.http.client import HttpClient
from okta_source.polling.link import next_link
from okta_source.polling.outcome import Response, TransportFailure
from okta_source.polling.verdict import failure_of
from okta_source.simulator import OAuthClient, Organisation, Simulator
from okta_source.simulator.oauth.faults import answer_lost
from okta_source.simulator.oauth.jose import thumbprint
from okta_source.simulator.oauth.tokens import SignIn
from tests.unit.okta_source.auth.fakes import EC_KEY, RSA_KEY, pem, written
from tests.unit.okta_source.wire import failed, page

POLL_SECONDS = 60
METHODS = ("private_key_jwt", "client_secret", "refresh_token")


class Rig:
    """One organisation, one tenant of it, and clocks that move together.

    Args:
        folder: For secrets and the store.
        method: Of the tenant.
        dpop: Whether its tokens are bound to a key.
        client: Settings of its app.
        settings: Settings of its `auth`.
    """

    def __init__(self, folder: Path, method: str, *, dpop: bool = False, client: dict[str, Any] | None = None, **settings: Any) -> None:
        self.folder = folder
        self.auth: dict[str, Any] = {"method": method, "client_id": "0oa1", "dpop": dpop, **settings}
        given = {"dpop": dpop, **(client or {})}
        if method == "private_key_jwt":
            self.client, key = OAuthClient.with_new_key("0oa1", "ES256", **given)
            self.auth = {"private_key_file": written(folder, "key.jwk", json.dumps(key)), **self.auth}
        else:
            kind = "web" if method == "refresh_token" else "integration"
            self.client = OAuthClient(client_id="0oa1", auth_method="client_secret_basic", kind=kind, secret="s3cret-of-app", **given)
            self.auth["client_secret_file"] = written(folder, "secret", "s3cret-of-app")
        self.organisation = Organisation("acme", events=0, oauth_clients=[self.client], rate_limit=None)
        if method == "refresh_token":
            self.auth["token_store"] = str(folder / "acme.token")
            self.store = TokenStore(folder / "acme.token")
        self.seconds = 0.0
        self.refreshed = 0
        self.retried: list[str] = []

    def authorize(self) -> None:
        """What the command does: a new sign-in, its refresh token in the store."""
        state = self.organisation.oauth.state
        now = self.organisation.now_ms() / 1000
        sign_in = SignIn("0oa1", "admin@acme.example.com", ("okta.logs.read", "offline_access"), now)
        if self.client.dpop:
            # The key is made here, and goes into the store with the token that is bound to it.
            key = SigningKey.generate()
            sign_in.key_thumbprint = thumbprint(key.public_jwk())
            self.store.write(Secret(state.tokens.issue_refresh_token(sign_in, now).value), client_id="0oa1", dpop_key=Secret(key.to_pem()))
        else:
            self.store.write(Secret(state.tokens.issue_refresh_token(sign_in, now).value), client_id="0oa1")

    def connect(self, url: str) -> OktaTransport:
        tenant = TenantConfig.model_validate({"name": "acme", "org_url": url, "auth": self.auth})
        http = HttpClient(tenant)

        def count() -> None:
            self.refreshed += 1

        authenticator = make_authenticator(tenant, http, count, now=lambda: time.time() + self.seconds, clock=lambda: self.seconds)
        return OktaTransport(http, authenticator, lambda code, _: self.retried.append(code))

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.organisation.advance_clock(seconds)

    @property
    def outcomes(self) -> list[str]:
        return [request.outcome for request in self.organisation.token_requests]


Make = Callable[..., tuple[Rig, OktaTransport, str]]


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Make]:
    running: list[tuple[Simulator, OktaTransport]] = []

    def make(method: str, **settings: Any) -> tuple[Rig, OktaTransport, str]:
        rig = Rig(tmp_path, method, **settings)
        simulator = Simulator([rig.organisation])
        simulator.start()
        transport = rig.connect(simulator.url("acme"))
        running.append((simulator, transport))
        if method == "refresh_token":
            rig.authorize()
        return rig, transport, f"{simulator.url('acme')}/api/v1/logs?limit=100"

    yield make
    for simulator, transport in running:
        transport.close()
        simulator.stop()


def uuids(answer: Response) -> list[str]:
    return [event["uuid"] for event in json.loads(answer.body)]


def refusal(answer: Response | TransportFailure, org_url: str) -> tuple[str, str]:
    if isinstance(answer, TransportFailure):
        return answer.error_type, answer.fix
    found = failure_of(answer, org_url)
    return found.error_type, found.fix


@pytest.mark.parametrize("dpop", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_two_hours_of_polling_lose_and_repeat_nothing_and_cost_the_fewest_tokens(simulated: Make, method: str, dpop: bool) -> None:
    rig, transport, url = simulated(method, dpop=dpop)
    written_down: list[str] = []
    got: list[str] = []
    for _ in range(120):
        written_down += rig.organisation.append(2)
        answer = page(transport.get(url))
        assert answer.status == 200
        got += uuids(answer)
        url = next_link(answer.headers["Link"]) or url
        rig.pass_time(POLL_SECONDS)
    assert got == written_down
    # Renewed a minute before the hour is over: 0:00, 0:59, 1:58. The first proof has no nonce yet, as the first one after its end.
    assert [outcome for outcome in rig.outcomes if outcome != "use_dpop_nonce"] == ["granted"] * 3
    assert rig.outcomes.count("use_dpop_nonce") == (1 if dpop else 0)
    assert (rig.refreshed, rig.retried) == (3, [])


@pytest.mark.parametrize("dpop", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_revoked_token_costs_one_request_more_and_nothing_else(simulated: Make, method: str, dpop: bool) -> None:
    rig, transport, url = simulated(method, dpop=dpop)
    assert page(transport.get(url)).status == 200
    rig.organisation.oauth.revoke_tokens()
    assert page(transport.get(url)).status == 200
    rig.organisation.oauth.expire_tokens()
    assert page(transport.get(url)).status == 200
    assert (rig.refreshed, rig.retried) == (3, ["401", "401"])


@pytest.mark.parametrize("method", METHODS)
def test_an_app_that_is_deactivated_and_comes_back(simulated: Make, method: str) -> None:
    rig, transport, url = simulated(method)
    assert page(transport.get(url)).status == 200
    rig.client.active = False
    requests = len(rig.outcomes)
    found = failed(transport.get(url), "auth")
    assert found.stage == "token"
    assert len(rig.outcomes) == requests + 1
    rig.client.active = True
    assert page(transport.get(url)).status == 200


def test_a_missing_role_and_a_missing_scope_are_told_apart_and_mended(simulated: Make) -> None:
    rig, transport, url = simulated("private_key_jwt")
    rig.client.admin_role = ""
    error_type, fix = refusal(transport.get(url), url)
    assert (error_type, "Administrator role" in fix) == ("permission", True)
    rig.client.admin_role = "Read-only Administrator"
    assert page(transport.get(url)).status == 200
    rig.organisation.oauth.drop_scope("0oa1", "okta.logs.read")
    assert refusal(transport.get(url), url)[0] == "permission"
    found = failed(transport.get(url), "permission")
    assert "Okta API Scopes" in found.fix
    rig.client.scopes = ("okta.logs.read",)
    assert page(transport.get(url)).status == 200


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"key_id": "wrong"}, "no active key of this key_id"), ({"client_id": "0oaWrong"}, "client_id is wrong")],
)
def test_a_wrong_setting_is_named(simulated: Make, settings: dict[str, str], text: str) -> None:
    _, transport, url = simulated("private_key_jwt", **settings)
    assert text in failed(transport.get(url), "auth").fix


def test_another_private_key_is_named(simulated: Make, tmp_path: Path) -> None:
    rig, transport, url = simulated("private_key_jwt", key_id="x")
    rig.client.set_keys([{**json.loads((tmp_path / "key.jwk").read_text()), "kid": "x"}])
    assert page(transport.get(url)).status == 200
    (tmp_path / "key.jwk").write_text(pem(EC_KEY))
    rig.organisation.oauth.revoke_tokens()
    assert "not the one that belongs to key_id" in failed(transport.get(url), "auth").fix


def test_a_rotated_client_secret_needs_no_restart(simulated: Make, tmp_path: Path) -> None:
    rig, transport, url = simulated("client_secret")
    assert page(transport.get(url)).status == 200
    new = rig.client.rotate_secret()
    rig.organisation.oauth.revoke_tokens()
    assert "Client secrets" in failed(transport.get(url), "auth").fix
    (tmp_path / "secret").write_text(new)
    assert page(transport.get(url)).status == 200


@pytest.mark.parametrize("skew_seconds", [-7200, -400, 400, 7200])
@pytest.mark.parametrize("dpop", [False, True])
def test_a_wrong_clock_does_no_harm(simulated: Make, skew_seconds: int, dpop: bool) -> None:
    rig, transport, url = simulated("private_key_jwt", dpop=dpop)
    rig.organisation.advance_clock(-skew_seconds)
    assert page(transport.get(url)).status == 200
    assert rig.refreshed == 1


def test_a_dpop_app_without_dpop_is_told_so_and_the_api_may_want_a_nonce(simulated: Make) -> None:
    rig, transport, url = simulated("private_key_jwt", dpop=True)
    rig.organisation.oauth.gate.demands_nonce = True
    assert page(transport.get(url)).status == 200
    assert page(transport.get(url)).status == 200
    assert rig.retried == ["401"]
    rig.auth["dpop"] = False
    without = rig.connect(url.partition("/api")[0])
    assert "set dpop = true" in failed(without.get(url), "auth").fix
    without.close()


def test_a_dpop_key_file_of_rsa_is_used(simulated: Make, tmp_path: Path) -> None:
    _, transport, url = simulated("client_secret", dpop=True, dpop_key_file=written(tmp_path, "dpop.pem", pem(RSA_KEY)))
    assert page(transport.get(url)).status == 200


def test_a_refresh_token_that_was_used_by_somebody_else_is_explained_and_replaced(simulated: Make) -> None:
    rig, transport, url = simulated("refresh_token")
    stolen = rig.store.read()
    assert stolen
    assert page(transport.get(url)).status == 200
    rig.organisation.oauth.state.tokens.refresh(stolen.refresh_token.reveal(), rig.client, rig.organisation.now_ms() / 1000)
    found = failed(transport.get(url), "auth")
    assert "detect_reuse" in found.fix
    rig.authorize()
    assert page(transport.get(url)).status == 200


def test_an_answer_that_is_lost_is_asked_for_again_within_the_grace_period(simulated: Make) -> None:
    rig, transport, url = simulated("refresh_token", client={"rotation_leeway_seconds": 30.0})
    rig.organisation.oauth.script(answer_lost())
    assert failed(transport.get(url), "connection").stage == "token"
    assert page(transport.get(url)).status == 200


def test_an_empty_store_is_picked_up_when_it_is_filled(simulated: Make) -> None:
    rig, transport, url = simulated("refresh_token")
    rig.store.path.write_text("")
    assert "python -m okta_source authorize --tenant acme" in failed(transport.get(url), "auth").fix
    assert rig.outcomes == []
    rig.authorize()
    assert page(transport.get(url)).status == 200
