"""What a token is good for: the log, as long as it lives."""

import pytest
import requests

from okta_source.simulator import OAuthClient, Organisation, Scripted, Simulator
from okta_source.simulator.oauth import faults
from tests.unit.okta_source.simulator.oauth.conftest import RigFor
from tests.unit.okta_source.simulator.oauth.rig import CALLBACK, Rig


def refused(answer: requests.Response) -> tuple[int, str, str]:
    """Status, Okta's error code in the body, and the challenge."""
    return answer.status_code, answer.json()["errorCode"] if answer.content else "", answer.headers.get("www-authenticate", "")


def test_a_token_lives_an_hour_of_the_organisations_time(integration: Rig) -> None:
    token = integration.access_token()
    integration.organisation.advance_clock(3590)
    assert integration.logs(token).status_code == 200
    integration.organisation.advance_clock(11)
    status, code, challenge = refused(integration.logs(token))
    assert (status, code) == (401, "E0000011")
    base = integration.base
    assert challenge == (
        f'Bearer authorization_uri="{base}/oauth2/v1/authorize", realm="{base}", scope="okta.logs.read", error="invalid_token", '
        'error_description="The token has expired.", resource="/api/v1/logs"'
    )
    assert integration.logs(integration.access_token()).status_code == 200


def test_the_life_of_a_token_can_be_chosen(integration: Rig) -> None:
    integration.client.access_token_seconds = 60
    assert integration.token().json()["expires_in"] == 60
    token = integration.access_token()
    integration.organisation.advance_clock(61)
    assert integration.logs(token).status_code == 401


def test_tokens_end_when_a_test_says_so(integration: Rig, service: Rig) -> None:
    expired, kept = integration.access_token(), service.access_token()
    server = integration.organisation.oauth
    server.expire_tokens("0oa-integration")
    assert "The token has expired." in refused(integration.logs(expired))[2]
    assert integration.logs(kept).status_code == 200
    server.revoke_tokens()
    assert "The access token has been revoked." in refused(integration.logs(kept))[2]
    assert refused(integration.logs("nonsense"))[:2] == (401, "E0000011")
    assert 'error_description="The access token is invalid."' in refused(integration.logs("nonsense"))[2]


def test_a_token_of_another_organisation_is_refused(integration: Rig) -> None:
    token = integration.access_token()
    with Simulator([Organisation("globex", oauth_clients=[integration.client])]) as simulator:
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{simulator.url('globex')}/api/v1/logs", headers=headers, timeout=10).status_code == 401
    tampered = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert integration.logs(tampered).status_code == 401


def test_without_the_scope(integration: Rig) -> None:
    integration.client.scopes = ("okta.users.read",)
    token = integration.token(scope="okta.users.read").json()["access_token"]
    status, code, challenge = refused(integration.logs(token))
    assert (status, code) == (403, "")
    assert 'error="insufficient_scope", error_description="The access token provided does not contain the required scopes."' in challenge


def test_a_scope_can_be_dropped(integration: Rig) -> None:
    token = integration.access_token()
    integration.organisation.oauth.drop_scope("0oa-integration", "okta.logs.read")
    assert 'error="insufficient_scope"' in refused(integration.logs(token))[2]
    assert integration.token().json()["error"] == "invalid_scope"


def test_without_an_administrator_role(integration: Rig) -> None:
    integration.client.admin_role = ""
    assert refused(integration.logs(integration.access_token())) == (403, "E0000006", "")
    integration.client.admin_role = "Read-only Administrator"
    assert integration.logs(integration.access_token()).status_code == 200
    integration.organisation.forbidden = True
    assert refused(integration.logs(integration.access_token()))[:2] == (403, "E0000006")


def test_tokens_of_both_kinds_are_not_interchangeable(integration: Rig) -> None:
    token = integration.access_token()
    assert integration.logs(token, "SSWS").json()["errorCode"] == "E0000011"
    assert integration.logs(integration.organisation.token, "Bearer").status_code == 401
    assert integration.logs(integration.organisation.token, "SSWS").status_code == 200


def test_requests_are_counted_apart(integration: Rig) -> None:
    integration.organisation.script(Scripted(status=503))
    before = integration.organisation.now_ms() / 1000
    token = integration.access_token()
    integration.token({"grant_type": "client_credentials"})
    integration.token({"grant_type": "client_credentials"}, {"Authorization": "Bearer x"})
    assert [(made.grant, made.client_id, made.outcome, made.status) for made in integration.organisation.token_requests] == [
        ("client_credentials", "0oa-integration", "granted", 200),
        ("client_credentials", "0oa-integration", "invalid_scope", 400),
        ("client_credentials", "0oa-integration", "invalid_scope", 400),
    ]
    assert before <= integration.organisation.token_requests[0].at <= integration.organisation.now_ms() / 1000
    # The log's scripts and counters know nothing of it.
    assert integration.organisation.requests_count == 0
    assert integration.logs(token).status_code == 503
    assert len(integration.organisation.requests) == 1


def test_the_token_endpoint_can_fail(integration: Rig) -> None:
    server = integration.organisation.oauth
    server.script(faults.rate_limited(), faults.server_error(), faults.server_error(503), faults.html_page(), faults.answer_lost())
    limited, broken, maintained, captive = (integration.token() for _ in range(4))
    assert (limited.status_code, limited.json()["errorCode"]) == (429, "E0000047")
    assert (broken.status_code, broken.json()["errorCode"], maintained.status_code) == (500, "E0000009", 503)
    assert (captive.status_code, captive.headers["content-type"]) == (200, "text/html")
    with pytest.raises(requests.ConnectionError):
        integration.token()
    server.script(faults.hanging(0.3))
    with pytest.raises(requests.ReadTimeout):
        requests.post(integration.token_url, data={}, timeout=0.05)
    assert integration.token().status_code == 200
    outcomes = [(made.outcome, made.status) for made in integration.organisation.token_requests]
    assert outcomes[:5] == [("scripted", 429), ("scripted", 500), ("scripted", 503), ("scripted", 200), ("granted", 0)]


def test_keys_and_metadata(integration: Rig) -> None:
    for name in ("oauth-authorization-server", "openid-configuration"):
        document = integration.session.get(f"{integration.base}/.well-known/{name}", timeout=10).json()
        assert (document["issuer"], document["token_endpoint"]) == (integration.base, integration.token_url)
        assert document["code_challenge_methods_supported"] == ["S256"]
    assert integration.session.post(document["jwks_uri"], timeout=10).status_code == 405
    integration.organisation.public_url = "https://acme.example.com"
    document = integration.session.get(f"{integration.base}/.well-known/openid-configuration", timeout=10).json()
    assert document["token_endpoint"] == "https://acme.example.com/oauth2/v1/token"


def test_a_client_can_revoke_its_own_tokens(integration: Rig, service: Rig) -> None:
    mine, theirs = integration.access_token(), service.access_token()
    url = f"{integration.base}/oauth2/v1/revoke"
    auth = ("0oa-integration", integration.client.secret)
    for token in (mine, theirs, "nonsense"):
        answer = requests.post(url, data={"token": token, "token_type_hint": "access_token"}, auth=auth, timeout=10)
        assert (answer.status_code, answer.content) == (200, b"")
    assert integration.logs(mine).status_code == 401
    assert integration.logs(theirs).status_code == 200
    wrong = requests.post(url, data={"token": theirs}, auth=("0oa-integration", "x"), timeout=10)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert requests.get(url, timeout=10).status_code == 405


def test_a_public_client_needs_no_secret(rig_for: RigFor) -> None:
    rig = rig_for(OAuthClient(client_id="0oa-native", auth_method="none", redirect_uris=[CALLBACK]))
    answer = rig.exchange(rig.code(), client_id="0oa-native")
    assert rig.logs(answer.json()["access_token"]).status_code == 200
