"""`client_credentials`: who gets a token, who doesn't, and what is said then."""

import base64
from typing import Any

import jwt
import pytest
import requests

from okta_source.simulator import OAuthClient
from okta_source.simulator.oauth.jose import ALGORITHMS, new_key
from tests.unit.okta_source.simulator.oauth.conftest import RigFor
from tests.unit.okta_source.simulator.oauth.rig import ASSERTION_TYPE, Rig, told

CREDENTIALS = {"grant_type": "client_credentials", "scope": "okta.logs.read"}


def asserted(rig: Rig, key: dict[str, Any] | None = None, header: dict[str, Any] | None = None, **claims: Any) -> requests.Response:
    return rig.token({**CREDENTIALS, "client_assertion_type": ASSERTION_TYPE, "client_assertion": rig.assertion(key, header, **claims)})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_pair_of_every_algorithm_gets_a_token(rig_for: RigFor, algorithm: str) -> None:
    key = new_key(algorithm)
    rig = rig_for(OAuthClient(client_id="0oa-service", jwks={"keys": [key]}), key)
    answer = rig.token()
    body = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache, no-store")
    assert {name: body[name] for name in body if name != "access_token"} == {
        "token_type": "Bearer", "expires_in": 3600, "scope": "okta.logs.read",
    }  # fmt: skip
    assert rig.logs(body["access_token"]).status_code == 200


def test_an_access_token_is_signed_with_the_organisations_key(service: Rig) -> None:
    token = service.access_token()
    keys = service.session.get(f"{service.base}/oauth2/v1/keys", timeout=10).json()["keys"]
    assert set(keys[0]) == {"kty", "n", "e", "kid", "alg", "use"}
    claims = jwt.decode(token, jwt.PyJWK(keys[0]), audience=service.base, issuer=service.base)
    assert (claims["cid"], claims["sub"], claims["scp"]) == ("0oa-service", "0oa-service", ["okta.logs.read"])
    assert claims["exp"] - claims["iat"] == 3600
    service.organisation.oauth.state.mint.opaque = True
    opaque = service.access_token()
    assert "." not in opaque
    assert service.logs(opaque).status_code == 200


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"iss": "0oa-unknown"}, "The issuer claim for client_assertion is not a valid client_id."),
        ({"sub": "0oa-unknown"}, "The subject claim for client_assertion is not a valid client_id."),
        ({"sub": None}, "The subject claim for client_assertion is not a valid client_id."),
        ({"aud": "https://x.okta.com/"}, "The audience claim for client_assertion must be the endpoint invoked for the request."),
        ({"aud": None}, "The audience claim for client_assertion must be the endpoint invoked for the request."),
        ({"exp": None}, "The client_assertion must contain the 'exp' claim as seconds since epoch."),
        ({"exp": "soon"}, "The client_assertion must contain the 'exp' claim as seconds since epoch."),
    ],
)  # fmt: skip
def test_an_assertion_with_a_wrong_claim(service: Rig, claims: dict[str, Any], problem: str) -> None:
    assert told(asserted(service, **claims)) == (401, "invalid_client", problem)


@pytest.mark.parametrize(
    ("claim", "seconds", "problem"),
    [
        ("exp", 0, "The client_assertion token is expired."),
        ("exp", 3605, "The client_assertion token has an expiration too far into the future."),
        ("iat", 10, "The client_assertion token must be issued before the current time."),
        ("nbf", 10, "The client_assertion token must be issued before the current time."),
    ],
)
def test_an_assertion_of_another_time(service: Rig, claim: str, seconds: int, problem: str) -> None:
    assert told(asserted(service, **{claim: service.now() + seconds})) == (401, "invalid_client", problem)


def test_a_clock_within_the_leeway_is_good_enough(service: Rig) -> None:
    service.organisation.oauth.state.assertions.leeway_seconds = 60
    assert asserted(service, iat=service.now() + 30).status_code == 200
    assert asserted(service, exp=service.now() + 3600, jti=None, iat=None, aud=[service.token_url]).status_code == 200


def test_an_assertion_with_the_issuer_as_audience_is_refused(service: Rig) -> None:
    assert told(asserted(service, aud=service.base))[2].startswith("The audience claim")


def test_an_assertion_serves_once(service: Rig) -> None:
    form = {**CREDENTIALS, "client_assertion_type": ASSERTION_TYPE, "client_assertion": service.assertion()}
    assert service.token(form).status_code == 200
    assert told(service.token(form)) == (401, "invalid_client", "The client_assertion token has already been used.")


def test_keys_are_told_apart_by_their_ids(rig_for: RigFor, rsa_key: dict[str, Any], other_key: dict[str, Any]) -> None:
    rig = rig_for(OAuthClient(client_id="0oa-service", jwks=[rsa_key, other_key]), rsa_key)
    assert asserted(rig).status_code == 200
    assert asserted(rig, other_key).status_code == 200
    for key_id in ("unknown", None):
        assert told(asserted(rig, header={"kid": key_id})) == (401, "invalid_client", "The client_assertion JWT kid is invalid.")
    assert told(asserted(rig, other_key, {"kid": rsa_key["kid"]}))[2] == "The client_assertion signature is invalid."
    rig.client.set_keys([rsa_key])
    assert told(asserted(rig, other_key))[2] == "The client_assertion JWT kid is invalid."
    assert asserted(rig, header={"kid": None}).status_code == 200
    rig.client.set_keys([])
    assert "does not have a JWKSet configured" in told(asserted(rig))[2]


def test_the_algorithm_is_the_keys(service: Rig) -> None:
    assert told(asserted(service, header={"alg": "RS512"}))[2] == "The client_assertion JWT signature algorithm is invalid."
    shared = {"kty": "oct", "k": "c" * 86, "kid": "rsa-1", "alg": "HS256"}
    assert told(asserted(service, shared))[2] == "The client_assertion JWT signature algorithm is invalid."


@pytest.mark.parametrize("assertion", ["nonsense", "a.b.c", "é", "e30.e30.e30", "eyJhbGciOiJSUzI1NiJ9.WzFd.AA"])
def test_what_is_no_token(service: Rig, assertion: str) -> None:
    form = {**CREDENTIALS, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    assert told(service.token(form)) == (401, "invalid_client", "The parsing of the client_assertion failed.")


def test_other_ways_than_the_registered_one_are_refused(service: Rig, integration: Rig, rig_for: RigFor, rsa_key: dict[str, Any]) -> None:
    failed = "Client authentication failed. Either the client or the client credentials are invalid."
    posted = {**CREDENTIALS, "client_id": "0oa-integration", "client_secret": integration.client.secret}
    assert "must use either private_key_jwt or client_secret_basic" in told(service.token(posted))[2]
    with_secret = rig_for(OAuthClient(client_id="0oa-both", auth_method="client_secret_basic", kind="service"))
    assert told(with_secret.token())[1:] == (
        "invalid_client",
        "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.",
    )
    integration.client.set_keys([rsa_key])
    assert told(asserted(service, iss="0oa-integration", sub="0oa-integration")) == (401, "invalid_client", failed)
    basic = requests.post(service.token_url, data=CREDENTIALS, auth=("0oa-service", "x"), timeout=10)
    assert told(basic)[2].endswith("must use the private_key_jwt token_endpoint_auth_method.")


def test_a_secret_in_the_body_needs_to_be_registered_so(web: Rig) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "client_id": "0oa-web", "client_secret": web.client.secret}
    answer = requests.post(web.token_url, data=form, timeout=10)
    assert told(answer)[2] == "Client authentication failed. Either the client or the client credentials are invalid."
    web.client.auth_method = "client_secret_post"
    assert told(requests.post(web.token_url, data=form, timeout=10))[1] == "invalid_grant"


def test_a_secret_in_basic_authentication(integration: Rig) -> None:
    assert integration.token().status_code == 200
    integration.client.secret = "with: colon, %25 and +"
    encoded = base64.b64encode(b"0oa-integration:with%3A%20colon%2C%20%2525%20and%20%2B").decode()
    form_encoded = requests.post(integration.token_url, data=CREDENTIALS, headers={"Authorization": f"Basic {encoded}"}, timeout=10)
    assert form_encoded.status_code == 200
    old = integration.client.secret
    new = integration.client.rotate_secret()
    refused = (401, "invalid_client", "The client secret supplied for a confidential client is invalid.")
    assert told(requests.post(integration.token_url, data=CREDENTIALS, auth=("0oa-integration", old), timeout=10)) == refused
    assert requests.post(integration.token_url, data=CREDENTIALS, auth=("0oa-integration", new), timeout=10).status_code == 200
    assert old not in repr(integration.client)
    assert new not in repr(integration.client)


@pytest.mark.parametrize("header", ["Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", "Basic /w=="])
def test_a_header_that_is_no_credentials(service: Rig, header: str) -> None:
    answer = service.token(CREDENTIALS, {"Authorization": header})
    assert told(answer) == (401, "invalid_client", "Found Authentication header but was not valid client credentials.")


def test_credentials_that_are_missing_or_too_many(service: Rig, integration: Rig) -> None:
    assert told(service.token(CREDENTIALS)) == (401, "invalid_client", "No client credentials found.")
    assert told(service.token(CREDENTIALS, client_id="0oa-service")) == (401, "invalid_client", "No client credentials found.")
    assert told(service.token(CREDENTIALS, client_id="0oa-x", client_secret="x"))[2] == "Invalid value for 'client_id' parameter."
    both = {**CREDENTIALS, "client_assertion_type": ASSERTION_TYPE, "client_assertion": "x"}
    status, error, description = told(integration.token(both))
    assert (status, error) == (401, "invalid_request")
    assert description.startswith("Cannot supply multiple client credentials.")
    assert told(service.token({**CREDENTIALS, "client_assertion": "x"})) == (
        400,
        "invalid_request",
        "The client_assertion_type is invalid.",
    )
    other = {**CREDENTIALS, "client_id": "0oa-x", "client_assertion_type": ASSERTION_TYPE, "client_assertion": service.assertion()}
    assert told(service.token(other)) == (401, "invalid_client", "Invalid value for 'client_id' parameter.")


def test_a_client_that_was_deactivated(service: Rig, integration: Rig) -> None:
    tokens = service.access_token(), integration.access_token()
    service.client.active = integration.client.active = False
    assert told(service.token())[:2] == told(integration.token())[:2] == (401, "invalid_client")
    assert [service.logs(token).status_code for token in tokens] == [401, 401]


@pytest.mark.parametrize(
    ("scope", "problem"),
    [
        ("", "No scopes were requested."),
        ("okta.logs.read okta.users.read", "One or more scopes are not configured for the authorization server resource."),
        ("openid", "Cannot request 'openid' scopes using client credentials."),
    ],
)
def test_scopes_that_cant_be_had(integration: Rig, scope: str, problem: str) -> None:
    assert told(integration.token({**CREDENTIALS, "scope": scope})) == (400, "invalid_scope", problem)


def test_a_part_of_the_granted_scopes(integration: Rig) -> None:
    integration.client.scopes = ("okta.logs.read", "okta.users.read")
    assert integration.token().json()["scope"] == "okta.logs.read"
    assert integration.token(scope="okta.users.read okta.logs.read okta.users.read").json()["scope"] == "okta.users.read okta.logs.read"


def test_grants_that_are_unknown_or_not_for_this_client(integration: Rig, web: Rig) -> None:
    assert told(integration.token({"scope": "okta.logs.read"}))[:2] == (400, "invalid_request")
    assert told(integration.token({**CREDENTIALS, "grant_type": "password"}))[:2] == (400, "unsupported_grant_type")
    assert told(integration.token({"grant_type": "refresh_token", "refresh_token": "x"}))[:2] == (400, "unauthorized_client")
    assert told(web.token())[1:] == (
        "invalid_client",
        "Only clients with 'application_type' of 'service' may use the client_credentials 'grant_type' with the Org Authorization Server.",
    )


def test_requests_that_are_no_form(integration: Rig) -> None:
    assert requests.get(integration.token_url, timeout=10).json()["errorCode"] == "E0000022"
    as_json = requests.post(integration.token_url, json=CREDENTIALS, timeout=10)
    assert (as_json.status_code, as_json.json()["errorCode"]) == (400, "E0000021")
    twice = "grant_type=client_credentials&scope=a&scope=b"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    answer = requests.post(integration.token_url, data=twice, headers=headers, timeout=10)
    assert told(answer) == (400, "invalid_request", "The request contained multiple parameters with the same name.")


def test_clients_that_make_no_sense() -> None:
    for wrong in ({"auth_method": "tls"}, {"kind": "robot"}, {"rotation": "sometimes"}, {"jwks": [{"kty": "oct", "k": "YQ"}]}):
        with pytest.raises(ValueError, match=r"."):
            OAuthClient(client_id="x", **wrong)
    with pytest.raises(ValueError, match="RS256"):
        new_key("HS256")


def test_private_parts_of_a_registered_key_are_dropped(rsa_key: dict[str, Any]) -> None:
    client = OAuthClient(client_id="x", jwks=rsa_key)
    assert "d" in rsa_key
    assert set(client.keys[0]) == {"kty", "n", "e", "kid", "alg", "use"}
    assert client.jwks == client.keys
