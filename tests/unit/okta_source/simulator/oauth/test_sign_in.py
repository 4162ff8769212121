"""Sign-in, consent, codes and refresh tokens."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from okta_source.simulator import Administrator, OAuthClient
from tests.unit.okta_source.simulator.oauth.conftest import RigFor
from tests.unit.okta_source.simulator.oauth.rig import CALLBACK, Rig, told

INVALID_REFRESH = (400, "invalid_grant", "The refresh token is invalid or expired.")
INVALID_CODE = (400, "invalid_grant", "The authorization code is invalid or has expired.")


def sent_back(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def signed_in(rig: Rig, **parameters: str | None) -> dict[str, Any]:
    answer = rig.exchange(rig.code(**parameters))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_the_way_through(web: Rig) -> None:
    page = web.authorize(prompt="consent", nonce="n")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html;charset=utf-8")
    for name in ('id="username"', 'id="password"', 'id="signin"', "Collector &lt;1&gt;"):
        assert name in page.text
    assert "<script" not in page.text
    wrong = web.submit(page, username="admin@acme.example.com", password="x")
    assert (wrong.status_code, 'id="problem"' in wrong.text) == (401, True)
    consent = web.submit(wrong, username=" admin@acme.example.com ", password="simulated-acme")
    for name in ('id="allow"', 'id="deny"', "okta.logs.read", "offline_access"):
        assert name in consent.text
    answer = web.submit(consent, decision="allow")
    back = sent_back(answer)
    assert (set(back), back["state"]) == ({"code", "state"}, "a state")
    tokens = web.exchange(back["code"]).json()
    assert {name: tokens[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer", "expires_in": 3600, "scope": "okta.logs.read offline_access",
    }  # fmt: skip
    assert web.logs(tokens["access_token"]).status_code == 200


def test_denied(web: Rig) -> None:
    assert sent_back(web.submit(web.consent_page(), decision="deny")) == {
        "state": "a state",
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request.",
    }


def test_each_page_serves_once_and_in_order(web: Rig) -> None:
    page = web.authorize()
    transaction = page.text.split('name="transaction" value="')[1].split('"')[0]
    skipped = requests.post(f"{web.base}/oauth2/v1/authorize/consent", data={"transaction": transaction}, timeout=10)
    assert skipped.status_code == 400
    consent = web.consent_page()
    web.submit(consent, decision="allow")
    assert web.submit(consent, decision="allow").status_code == 400
    late = web.authorize()
    web.organisation.advance_clock(3601)
    assert web.submit(late, username="admin@acme.example.com", password="simulated-acme").status_code == 400


@pytest.mark.parametrize("uri", [None, CALLBACK + "/", CALLBACK + "?x=1", "http://localhost:8765/callback", "http://evil.example.com"])
def test_an_unregistered_address_is_never_redirected_to(web: Rig, uri: str | None) -> None:
    answer = web.authorize(redirect_uri=uri)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "The &#x27;redirect_uri&#x27; parameter must be a Login redirect URI in the client app settings." in answer.text


def test_unknown_clients_get_a_page(web: Rig, service: Rig) -> None:
    assert "client_id" in web.authorize(client_id="0oa-x").text
    assert web.authorize(client_id=None).status_code == 400
    assert "not allowed to access" in service.authorize().text
    web.client.active = False
    assert web.authorize().status_code == 400


@pytest.mark.parametrize(
    ("parameters", "error", "problem"),
    [
        ({"response_type": "token"}, "unsupported_response_type", "response types: [code]"),
        ({"state": None}, "invalid_request", "invalid 'state' parameter"),
        ({"scope": None}, "invalid_scope", "No scopes were requested."),
        ({"scope": "okta.users.read"}, "invalid_scope", "not configured"),
        ({"code_challenge": None}, "invalid_request", "PKCE code challenge is required"),
        ({"code_challenge": "short"}, "invalid_request", "illegal characters"),
        ({"code_challenge_method": None}, "invalid_request", "Valid values: [S256]"),
        ({"code_challenge_method": "plain"}, "invalid_request", "Valid values: [S256]"),
        ({"prompt": "none"}, "login_required", "not logged in"),
    ],
)
def test_other_errors_go_back_to_the_app(web: Rig, parameters: dict[str, str | None], error: str, problem: str) -> None:
    back = sent_back(web.authorize(**parameters))
    assert back["error"] == error
    assert problem in back["error_description"]
    assert back.get("state") == ("a state" if "state" not in parameters else None)


def test_an_app_may_do_without_pkce(web: Rig) -> None:
    web.client.pkce_required = False
    without = {"code_challenge": None, "code_challenge_method": None}
    assert web.exchange(web.code(**without), code_verifier="").status_code == 200
    assert told(web.exchange(web.code(**without)))[:2] == (400, "invalid_request")


def test_people_without_a_role_cant_consent(web: Rig) -> None:
    person = web.organisation.oauth.state.administrators["admin@acme.example.com"]
    person.role = ""
    assert sent_back(web.consent_page())["error"] == "consent_required"
    assert web.consent_page(scope="openid").status_code == 200
    person.active = False
    assert web.consent_page().status_code == 401


def test_administrators_can_be_given(web: Rig, rig_for: RigFor) -> None:
    assert "secret" not in repr(Administrator("a", "secret"))
    web.organisation.oauth.state.administrators["eve@example.com"] = Administrator("eve@example.com", "pw")
    assert 'id="allow"' in web.submit(web.authorize(), username="eve@example.com", password="pw").text


def test_an_id_token_tells_who_signed_in(web: Rig) -> None:
    tokens = signed_in(web, scope="openid okta.logs.read", nonce="n-1")
    keys = web.session.get(f"{web.base}/oauth2/v1/keys", timeout=10).json()["keys"]
    claims = jwt.decode(tokens["id_token"], jwt.PyJWK(keys[0]), audience="0oa-web", issuer=web.base)
    assert (claims["sub"], claims["nonce"]) == ("admin@acme.example.com", "n-1")
    assert "refresh_token" not in tokens


def test_a_code_serves_once_and_not_for_long(web: Rig) -> None:
    code = web.code()
    assert web.exchange(code).status_code == 200
    assert told(web.exchange(code)) == INVALID_CODE
    late = web.code()
    web.organisation.advance_clock(301)
    assert told(web.exchange(late)) == INVALID_CODE


def test_a_code_belongs_to_the_client_the_address_and_the_verifier(web: Rig, rig_for: RigFor) -> None:
    other = rig_for(OAuthClient(client_id="0oa-other", auth_method="client_secret_post", redirect_uris=[CALLBACK]))
    credentials = {"client_id": "0oa-other", "client_secret": other.client.secret}
    assert "issued to another client" in told(other.exchange(web.code(), **credentials))[2]
    assert other.exchange(other.code(), **credentials).status_code == 200
    assert "does not match the redirection URI" in told(web.exchange(web.code(), redirect_uri=CALLBACK + "/"))[2]
    assert told(web.exchange(web.code(), code_verifier="w" * 50)) == (400, "invalid_grant", "PKCE verification failed.")
    assert told(web.exchange(web.code(), code_verifier="")) == (
        400,
        "invalid_request",
        "PKCE code verifier is required by the application.",
    )


def test_refresh_tokens_rotate_and_reuse_revokes_the_family(web: Rig) -> None:
    first = signed_in(web)
    second = web.refresh(first["refresh_token"]).json()
    third = web.refresh(second["refresh_token"]).json()
    assert len({body["refresh_token"] for body in (first, second, third)}) == 3
    assert web.logs(third["access_token"]).status_code == 200
    elsewhere = signed_in(web)
    assert told(web.refresh(first["refresh_token"])) == INVALID_REFRESH
    assert told(web.refresh(third["refresh_token"])) == INVALID_REFRESH
    for body in (first, second, third):
        assert "The access token has been revoked." in web.logs(body["access_token"]).headers["www-authenticate"]
    assert web.logs(elsewhere["access_token"]).status_code == 200
    assert web.refresh(elsewhere["refresh_token"]).status_code == 200


def test_a_rotated_token_is_good_for_the_leeway(web: Rig) -> None:
    web.client.rotation_leeway_seconds = 30
    first = signed_in(web)["refresh_token"]
    lost = web.refresh(first).json()["refresh_token"]
    web.organisation.advance_clock(25)
    again = web.refresh(first).json()["refresh_token"]
    assert again not in (first, lost)
    web.organisation.advance_clock(6)
    assert told(web.refresh(first)) == INVALID_REFRESH
    assert told(web.refresh(again)) == INVALID_REFRESH


def test_static_refresh_tokens_stay(web: Rig) -> None:
    web.client.rotation = "static"
    token = signed_in(web)["refresh_token"]
    assert [web.refresh(token).json()["refresh_token"] for _ in range(3)] == [token] * 3


def test_refresh_tokens_end(web: Rig) -> None:
    idle = signed_in(web)["refresh_token"]
    web.organisation.advance_clock(604_801)
    assert told(web.refresh(idle)) == INVALID_REFRESH
    web.client.refresh_token_seconds = 1000
    token = signed_in(web)["refresh_token"]
    web.organisation.advance_clock(900)
    token = web.refresh(token).json()["refresh_token"]
    web.organisation.advance_clock(101)
    # Rotation doesn't prolong a life.
    assert told(web.refresh(token)) == INVALID_REFRESH


def test_refresh_tokens_that_are_none_or_revoked(web: Rig, rig_for: RigFor) -> None:
    assert told(web.refresh("nonsense")) == INVALID_REFRESH
    tokens = signed_in(web)
    other = rig_for(OAuthClient(client_id="0oa-other", auth_method="client_secret_basic", redirect_uris=[CALLBACK]))
    assert told(other.refresh(tokens["refresh_token"])) == INVALID_REFRESH
    web.organisation.oauth.revoke_sign_ins("0oa-web")
    assert told(web.refresh(tokens["refresh_token"])) == INVALID_REFRESH
    assert web.logs(tokens["access_token"]).status_code == 401
    fresh = signed_in(web)
    answer = web.session.post(
        f"{web.base}/oauth2/v1/revoke", data={"token": fresh["refresh_token"]}, auth=("0oa-web", web.client.secret), timeout=10
    )  # fmt: skip
    assert answer.status_code == 200
    assert told(web.refresh(fresh["refresh_token"])) == INVALID_REFRESH


def test_a_person_who_left(web: Rig) -> None:
    tokens = signed_in(web)
    person = web.organisation.oauth.state.administrators["admin@acme.example.com"]
    person.role = ""
    assert web.logs(tokens["access_token"]).json()["errorCode"] == "E0000006"
    person.active = False
    assert web.logs(tokens["access_token"]).status_code == 401
    assert told(web.refresh(tokens["refresh_token"])) == INVALID_REFRESH


def test_a_refresh_may_ask_for_less_but_not_for_more(web: Rig) -> None:
    web.client.scopes = ("okta.logs.read", "okta.users.read")
    token = signed_in(web)["refresh_token"]
    more = web.refresh(token, scope="okta.logs.read okta.users.read")
    assert told(more)[:2] == (400, "access_denied")
    assert "Denied scopes: okta.users.read." in told(more)[2]
    less = web.refresh(token, scope="okta.logs.read").json()
    assert less["scope"] == "okta.logs.read"
    assert web.refresh(less["refresh_token"]).json()["scope"] == "okta.logs.read offline_access"
