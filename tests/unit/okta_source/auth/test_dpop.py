"""DPoP proofs, judged by RFC 9449 and by libraries that had no part in making them."""

import base64
import hashlib
import json

import jwt as pyjwt
import pytest
from jwcrypto import jwk, jws

from okta_source.auth.dpop import DpopProver
from okta_source.config.secret import Secret
from okta_source.config.signing_key import SigningKey
from tests.unit.okta_source.auth.fakes import EC_KEY, LOGS_URL, RSA_KEY, TOKEN_URL, pem, segments
from tests.unit.okta_source.fakes import ORG, headers

NOW = 1_790_000_000.9


def prover(key: str = pem(EC_KEY)) -> DpopProver:
    return DpopProver(SigningKey.parse(key), lambda: NOW)


@pytest.mark.parametrize(("key", "algorithm"), [(pem(EC_KEY), "ES256"), (pem(RSA_KEY), "RS256")])
def test_a_proof_is_signed_by_the_key_that_it_carries(key: str, algorithm: str) -> None:
    proof = prover(key).proof("POST", TOKEN_URL)
    header, claims = segments(proof)
    assert header["typ"] == "dpop+jwt"
    assert header["alg"] == algorithm
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(header["jwk"])
    assert pyjwt.decode(proof, pyjwt.PyJWK(header["jwk"]).key, [algorithm], options={"verify_iat": False}) == claims
    judge = jws.JWS()
    judge.deserialize(proof, jwk.JWK.from_json(json.dumps(header["jwk"])))
    assert json.loads(judge.payload) == claims
    assert claims == {"jti": claims["jti"], "htm": "POST", "htu": TOKEN_URL, "iat": int(NOW) - 60}


def test_a_request_with_an_access_token_carries_its_hash() -> None:
    _, claims = segments(prover().proof("GET", LOGS_URL, Secret("at-1")))
    digest = hashlib.sha256(b"at-1").digest()
    assert base64.urlsafe_b64decode(claims["ath"] + "=") == digest
    assert "=" not in claims["ath"]


@pytest.mark.parametrize(
    ("url", "htu"),
    [
        (f"{ORG}/api/v1/logs?after=a%2Fb&limit=1", f"{ORG}/api/v1/logs"),
        (f"{ORG}/api/v1/logs#x", f"{ORG}/api/v1/logs"),
        (f"{ORG}/api/v1/logs?x=1#y?z", f"{ORG}/api/v1/logs"),
        ("https://acme.okta.com:8443/api/v1/logs?", "https://acme.okta.com:8443/api/v1/logs"),
    ],
)
def test_query_and_fragment_are_no_part_of_a_proof(url: str, htu: str) -> None:
    assert segments(prover().proof("GET", url))[1]["htu"] == htu


def test_every_attempt_has_an_id_of_its_own() -> None:
    subject = prover()
    ids = {segments(subject.proof("GET", LOGS_URL))[1]["jti"] for _ in range(50)}
    assert len(ids) == 50


def test_nonces_are_remembered_apart_for_the_token_endpoint_and_the_api() -> None:
    subject = prover()
    token = Secret("at-1")
    assert "nonce" not in segments(subject.proof("POST", TOKEN_URL))[1]
    assert subject.remember(headers(dpop_nonce="t1"), from_api=False)
    assert not subject.remember(headers(DPoP_Nonce="t1"), from_api=False)
    assert not subject.remember(headers(), from_api=False)
    assert segments(subject.proof("POST", TOKEN_URL))[1]["nonce"] == "t1"
    assert "nonce" not in segments(subject.proof("GET", LOGS_URL, token))[1]
    assert subject.remember(headers(DPoP_Nonce="a1"), from_api=True)
    assert subject.remember(headers(DPoP_Nonce="t2"), from_api=False)
    assert segments(subject.proof("POST", TOKEN_URL))[1]["nonce"] == "t2"
    assert segments(subject.proof("GET", LOGS_URL, token))[1]["nonce"] == "a1"


def test_without_a_key_each_prover_makes_one_of_its_own() -> None:
    first, second = (segments(DpopProver().proof("GET", LOGS_URL))[0]["jwk"] for _ in range(2))
    assert first != second
