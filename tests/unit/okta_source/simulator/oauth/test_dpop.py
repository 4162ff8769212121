"""DPoP at the token endpoint and at the log."""

from typing import Any

import pytest
import requests

from okta_source.simulator import OAuthClient
from okta_source.simulator.oauth.jose import new_key, thumbprint
from tests.unit.okta_source.simulator.oauth.conftest import RigFor
from tests.unit.okta_source.simulator.oauth.rig import ASSERTION_TYPE, CALLBACK, Rig, told

Key = dict[str, Any]


@pytest.fixture
def bound(integration: Rig) -> Rig:
    integration.client.dpop = True
    return integration


def nonce_of(rig: Rig, key: Key) -> str:
    answer = rig.token(headers={"DPoP": rig.proof(key)})
    assert told(answer) == (400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
    return answer.headers["DPoP-Nonce"]


def bound_token(rig: Rig, key: Key) -> str:
    answer = rig.token(headers={"DPoP": rig.proof(key, nonce=nonce_of(rig, key))})
    assert answer.json()["token_type"] == "DPoP"
    token: str = answer.json()["access_token"]
    return token


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES512"])
def test_the_handshake(bound: Rig, algorithm: str) -> None:
    key = new_key(algorithm)
    token = bound_token(bound, key)
    assert bound.logs(token, "DPoP", DPoP=bound.log_proof(key, token)).status_code == 200
    assert bound.organisation.oauth.state.tokens.access_tokens[token].key_thumbprint == thumbprint(key)
    assert [made.outcome for made in bound.organisation.token_requests] == ["use_dpop_nonce", "granted"]


def test_a_large_key(bound: Rig) -> None:
    from joserfc.jwk import RSAKey  # noqa: PLC0415

    key = {**RSAKey.generate_key(3072).as_dict(private=True), "alg": "RS256", "kid": "large"}
    token = bound_token(bound, key)
    assert bound.logs(token, "DPoP", DPoP=bound.log_proof(key, token)).status_code == 200


def test_the_first_proof_needs_no_id_but_the_second_does(bound: Rig, dpop_key: Key) -> None:
    first = bound.token(headers={"DPoP": bound.proof(dpop_key, jti=None)})
    nonce = first.headers["dpop-nonce"]
    second = bound.token(headers={"DPoP": bound.proof(dpop_key, jti=None, nonce=nonce)})
    assert told(second) == (400, "invalid_dpop_proof", "'jti' claim in the DPoP proof JWT is invalid.")


def test_an_assertion_is_used_up_by_the_demand_for_a_nonce(service: Rig, dpop_key: Key) -> None:
    service.client.dpop = True
    form = {"grant_type": "client_credentials", "scope": "okta.logs.read", "client_assertion_type": ASSERTION_TYPE}
    form["client_assertion"] = service.assertion()
    nonce = service.token(form, {"DPoP": service.proof(dpop_key)}).headers["dpop-nonce"]
    again = service.token(form, {"DPoP": service.proof(dpop_key, nonce=nonce)})
    assert told(again) == (401, "invalid_client", "The client_assertion token has already been used.")
    fresh = service.token({**form, "client_assertion": service.assertion()}, {"DPoP": service.proof(dpop_key, nonce=nonce)})
    assert fresh.status_code == 200


def test_a_nonce_is_renewed_daily_and_the_old_one_good_for_three_days(bound: Rig, dpop_key: Key) -> None:
    def outcome(nonce: str) -> int:
        return bound.token(headers={"DPoP": bound.proof(dpop_key, nonce=nonce)}).status_code

    nonce = nonce_of(bound, dpop_key)
    assert nonce_of(bound, dpop_key) == nonce
    bound.organisation.advance_clock(86_401)
    assert nonce_of(bound, dpop_key) != nonce
    assert outcome(nonce) == 200
    bound.organisation.advance_clock(3 * 86_400)
    assert outcome(nonce) == 400
    assert outcome("made up") == 400
    current = nonce_of(bound, dpop_key)
    bound.organisation.oauth.state.nonces.forget()
    assert outcome(current) == 400
    assert outcome(nonce_of(bound, dpop_key)) == 200


@pytest.mark.parametrize(
    ("header", "claims", "problem"),
    [
        ({"typ": "JWT"}, {}, "'typ' must be 'dpop+jwt' in the DPoP proof JWT."),
        ({"jwk": None}, {}, "The DPoP proof JWT is invalid."),
        ({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}}, {}, "The DPoP proof JWT is invalid."),
        ({"jwk": {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}}, {}, "The DPoP proof JWT signature is invalid."),
        ({"jwk": {"kty": "what"}}, {}, "The DPoP proof JWT signature is invalid."),
        ({}, {"htm": "GET"}, "'htm' claim in the DPoP proof JWT is invalid."),
        ({}, {"htu": "http://elsewhere.example.com/oauth2/v1/token"}, "'htu' claim in the DPoP proof JWT is invalid."),
        ({}, {"htu": None}, "'htu' claim in the DPoP proof JWT is invalid."),
        ({}, {"iat": None}, "'iat' claim in the DPoP proof JWT is invalid."),
        ({}, {"iat": "now"}, "'iat' claim in the DPoP proof JWT is invalid."),
    ],
)
def test_a_proof_with_a_fault(bound: Rig, dpop_key: Key, header: dict[str, Any], claims: dict[str, Any], problem: str) -> None:
    answer = bound.token(headers={"DPoP": bound.proof(dpop_key, header, nonce="any", **claims)})
    assert told(answer) == (400, "invalid_dpop_proof", problem)


@pytest.mark.parametrize(
    ("claim", "seconds", "problem"),
    [
        ("iat", 10, "The DPoP proof JWT is issued in the future."),
        ("iat", -302, "The DPoP proof JWT is issued more than five minutes in the past."),
        ("exp", -1, "The DPoP proof JWT is expired."),
    ],
)
def test_a_proof_of_another_time(bound: Rig, dpop_key: Key, claim: str, seconds: int, problem: str) -> None:
    answer = bound.token(headers={"DPoP": bound.proof(dpop_key, **{claim: bound.now() + seconds})})
    assert told(answer) == (400, "invalid_dpop_proof", problem)


def test_proofs_that_are_missing_doubled_or_none(bound: Rig, dpop_key: Key) -> None:
    assert told(bound.token())[2] == "The DPoP proof JWT header is missing."
    assert told(bound.token(headers={"DPoP": "nonsense"}))[2] == "The DPoP proof JWT cannot be parsed."
    two = f"{bound.proof(dpop_key)}, {bound.proof(dpop_key)}"
    assert told(bound.token(headers={"DPoP": two}))[2] == "Multiple DPoP proof JWT headers are not allowed."
    shared = {"kty": "oct", "k": "c" * 86, "kid": "x", "alg": "HS256"}
    assert told(bound.token(headers={"DPoP": bound.proof(shared)}))[2] == "The DPoP proof JWT signature algorithm is invalid."


def test_a_proof_signed_by_another_key(bound: Rig, dpop_key: Key) -> None:
    other = new_key("ES256")
    answer = bound.token(headers={"DPoP": bound.proof(other, {"jwk": {n: dpop_key[n] for n in ("kty", "crv", "x", "y")}})})
    assert told(answer) == (400, "invalid_dpop_proof", "The DPoP proof JWT signature is invalid.")


def test_a_proof_serves_once(bound: Rig, dpop_key: Key) -> None:
    proof = bound.proof(dpop_key, nonce=nonce_of(bound, dpop_key))
    assert bound.token(headers={"DPoP": proof}).status_code == 200
    assert told(bound.token(headers={"DPoP": proof})) == (400, "invalid_dpop_proof", "The DPoP proof JWT has already been used.")


def test_a_proof_binds_where_none_is_required(integration: Rig, dpop_key: Key) -> None:
    token = bound_token(integration, dpop_key)
    assert integration.logs(token).status_code == 400


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    challenge = answer.headers["www-authenticate"]
    error = challenge.split('error="')[1].split('"')[0]
    return answer.status_code, error, challenge.split('error_description="')[1].split('"')[0]


def test_the_log_wants_a_proof_for_every_request(bound: Rig, dpop_key: Key) -> None:
    token = bound_token(bound, dpop_key)
    proof = bound.log_proof(dpop_key, token)
    assert bound.logs(token, "DPoP", DPoP=proof).status_code == 200
    again = bound.logs(token, "DPoP", DPoP=proof)
    assert refusal(again) == (400, "invalid_dpop_proof", "The DPoP proof JWT has already been used.")
    assert again.headers["www-authenticate"].startswith('DPoP algs="RS256 RS384 RS512 ES256 ES384 ES512", authorization_uri="')
    assert again.content == b""
    assert refusal(bound.logs(token, "DPoP")) == (400, "invalid_request", "The resource request requires a DPoP proof.")
    assert refusal(bound.logs(token)) == (
        400,
        "invalid_request",
        "The resource request must use the DPoP authentication scheme when using a DPoP bound token.",
    )


def test_the_proof_belongs_to_the_request_the_token_and_the_key(bound: Rig, dpop_key: Key, rsa_key: Key) -> None:
    token = bound_token(bound, dpop_key)
    problems = {
        "'htu' claim in the DPoP proof JWT is invalid.": bound.log_proof(dpop_key, token, htu=f"{bound.base}/api/v1/logs?limit=1"),
        "'htm' claim in the DPoP proof JWT is invalid.": bound.log_proof(dpop_key, token, htm="POST"),
        "'ath' claim in the DPoP proof does not match the presented access_token.": bound.log_proof(dpop_key, "another"),
        "The access_token is not bound to the provided DPoP proof.": bound.log_proof(rsa_key, token),
    }
    for problem, proof in problems.items():
        assert refusal(bound.logs(token, "DPoP", DPoP=proof)) == (400, "invalid_dpop_proof", problem)
    missing = bound.log_proof(dpop_key, token, ath=None)
    assert "'ath' claim" in refusal(bound.logs(token, "DPoP", DPoP=missing))[2]


def test_a_token_without_a_key_is_no_dpop_token(integration: Rig, dpop_key: Key) -> None:
    token = integration.access_token()
    answer = integration.logs(token, "DPoP", DPoP=integration.log_proof(dpop_key, token))
    assert refusal(answer) == (401, "invalid_token", "The presented access_token is not DPoP bound.")


def test_the_log_may_want_a_nonce(bound: Rig, dpop_key: Key) -> None:
    token = bound_token(bound, dpop_key)
    bound.organisation.oauth.gate.demands_nonce = True
    answer = bound.logs(token, "DPoP", DPoP=bound.log_proof(dpop_key, token))
    assert refusal(answer)[:2] == (401, "use_dpop_nonce")
    nonce = answer.headers["dpop-nonce"]
    assert bound.logs(token, "DPoP", DPoP=bound.log_proof(dpop_key, token, nonce=nonce)).status_code == 200


def test_an_expired_dpop_token(bound: Rig, dpop_key: Key) -> None:
    token = bound_token(bound, dpop_key)
    bound.organisation.oauth.expire_tokens()
    answer = bound.logs(token, "DPoP", DPoP=bound.log_proof(dpop_key, token))
    assert refusal(answer) == (401, "invalid_token", "The token has expired.")
    assert answer.json()["errorCode"] == "E0000011"


def test_a_refresh_token_is_bound_too(rig_for: RigFor, dpop_key: Key, rsa_key: Key) -> None:
    rig = rig_for(OAuthClient(client_id="0oa-web", auth_method="client_secret_basic", redirect_uris=[CALLBACK], dpop=True))
    nonce = nonce_of(rig, dpop_key)
    tokens = rig.exchange(rig.code(), {"DPoP": rig.proof(dpop_key, nonce=nonce)}).json()
    other = rig.refresh(tokens["refresh_token"], {"DPoP": rig.proof(rsa_key, nonce=nonce)})
    assert told(other) == (400, "invalid_dpop_proof", "Invalid DPoP Public Key binding in refresh token")
    assert rig.refresh(tokens["refresh_token"], {"DPoP": rig.proof(dpop_key, nonce=nonce)}).status_code == 200
