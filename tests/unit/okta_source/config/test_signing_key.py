"""Private keys as people have them, and what is signed with them as others verify it."""

import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwcrypto import jwk, jws

from okta_source.config.signing_key import KeyProblem, SigningKey
from tests.unit.okta_source.auth.fakes import EC_KEY, OTHER_RSA_KEY, RSA_KEY, pem

PrivateFormat = serialization.PrivateFormat
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
KEYS: dict[str, Any] = {
    **dict.fromkeys(("RS256", "RS384", "RS512"), RSA_KEY),
    **{algorithm: ec.generate_private_key(curve) for algorithm, curve in CURVES.items()},
}


def as_jwk(key: Any, **more: Any) -> dict[str, Any]:
    return {**json.loads(jwk.JWK.from_pem(pem(key).encode()).export()), "kid": "made-by-jwcrypto", **more}


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_what_it_signs_is_verified_by_others(algorithm: str, form: str) -> None:
    native = KEYS[algorithm]
    text = pem(native) if form == "pem" else json.dumps(as_jwk(native))
    key = SigningKey.parse(text, "kid-1", algorithm)
    signed = key.sign({"iss": "x"}, {"kid": key.key_id})
    public = native.public_key()
    assert pyjwt.decode(signed, public, [algorithm]) == {"iss": "x"}
    assert pyjwt.get_unverified_header(signed) == {"alg": algorithm, "kid": "kid-1", "typ": "JWT"}
    other = jws.JWS()
    other.allowed_algs = [algorithm]
    other.deserialize(signed, jwk.JWK.from_json(json.dumps(key.public_jwk())))
    assert json.loads(other.payload) == {"iss": "x"}


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        (pem(RSA_KEY), "RS256"),
        (pem(RSA_KEY, PrivateFormat.TraditionalOpenSSL), "RS256"),
        (pem(EC_KEY), "ES256"),
        (pem(EC_KEY, PrivateFormat.TraditionalOpenSSL), "ES256"),
        (pem(KEYS["ES384"]), "ES384"),
        (pem(KEYS["ES512"]), "ES512"),
        ("\n  " + pem(EC_KEY) + "\n", "ES256"),
        (pem(EC_KEY).replace("\n", "\\n"), "ES256"),
        (pem(EC_KEY).replace("\n", "\r\n"), "ES256"),
        (json.dumps(as_jwk(RSA_KEY)), "RS256"),
        (json.dumps(as_jwk(RSA_KEY, alg="RS512")), "RS512"),
        (json.dumps(as_jwk(EC_KEY, use="sig", alg="ES256")), "ES256"),
        (json.dumps({"keys": [as_jwk(EC_KEY)]}), "ES256"),
    ],
)
def test_the_forms_of_a_key_and_its_default_algorithm(text: str, algorithm: str) -> None:
    key = SigningKey.parse(text)
    key.prove()
    assert key.algorithm == algorithm
    assert key.key_id == ("made-by-jwcrypto" if "{" in text else "")
    assert SigningKey.parse(text, "other").key_id == "other"


def test_a_header_that_carries_a_large_public_key_is_no_trouble() -> None:
    key = SigningKey.parse(pem(rsa.generate_private_key(65537, 4096)))
    signed = key.sign({}, {"typ": "dpop+jwt", "jwk": key.public_jwk()})
    assert pyjwt.get_unverified_header(signed)["jwk"] == key.public_jwk()


def test_an_rsa_jwk_needs_no_more_than_n_e_and_d() -> None:
    short = {name: value for name, value in as_jwk(RSA_KEY).items() if name in ("kty", "n", "e", "d")}
    SigningKey.parse(json.dumps(short)).prove()


def damaged_rsa() -> str:
    return json.dumps({**as_jwk(RSA_KEY), "n": as_jwk(OTHER_RSA_KEY)["n"]})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "neither PEM"),
        ("hunter2", "neither PEM"),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "neither PEM"),
        (pem(RSA_KEY)[:400], "cut short or damaged"),
        (pem(EC_KEY, password=b"x"), "encrypted key"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "neither RSA nor EC"),
        (pem(rsa.generate_private_key(65537, 1024)), "RSA key of 1024 bits; needed: 2048"),  # noqa: S505
        (pem(ec.generate_private_key(ec.SECP256K1())), "curve secp256k1"),
        (
            RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode(),
            "public key or a certificate",
        ),
        ("{", "not JSON"),
        ("{}", "kty is neither RSA nor EC"),
        ('{"keys": []}', "a JWK set with 0 keys"),
        ('{"keys": {}}', "a JWK set with something else"),
        (json.dumps({"keys": [as_jwk(EC_KEY), as_jwk(RSA_KEY)]}), "a JWK set with 2 keys"),
        ('{"kty": "oct", "k": "hunter2"}', "kty is neither"),
        (json.dumps({**as_jwk(RSA_KEY), "kid": 5}), "kid is not text"),
        (json.dumps({name: value for name, value in as_jwk(RSA_KEY).items() if name in ("kty", "n", "e")}), "a public JWK"),
        (json.dumps({**as_jwk(RSA_KEY), "d": "???"}), "damaged or lacks"),
        (json.dumps({**as_jwk(RSA_KEY), "n": 5}), "damaged or lacks"),
        (json.dumps({**as_jwk(EC_KEY), "x": as_jwk(KEYS["ES384"])["x"]}), "damaged or lacks"),
        (json.dumps({name: value for name, value in as_jwk(EC_KEY).items() if name != "crv"}), "damaged or lacks"),
        (json.dumps(as_jwk(EC_KEY, alg="RS256")), "a P-256 key, which RS256 does not fit; allowed: ES256"),
        (json.dumps(as_jwk(RSA_KEY, alg="RSA-OAEP")), "which RSA-OAEP does not fit; allowed: RS256, RS384, RS512"),
    ],
)
def test_what_is_no_usable_key_is_told_without_showing_it(text: str, problem: str) -> None:
    with pytest.raises(KeyProblem, match=problem) as caught:
        SigningKey.parse(text)
    assert "hunter2" not in str(caught.value)
    assert not text or len(text) < 8 or text[-30:] not in str(caught.value)


def test_a_key_whose_parts_do_not_belong_together_is_found_out() -> None:
    with pytest.raises(KeyProblem, match="damaged"):
        SigningKey.parse(damaged_rsa()).prove()


def test_a_made_key_can_be_kept_and_shows_nothing() -> None:
    key = SigningKey.generate()
    assert SigningKey.parse(key.to_pem()).public_jwk() == key.public_jwk()
    assert sorted(key.public_jwk()) == ["crv", "kty", "x", "y"]
    assert sorted(SigningKey.parse(pem(RSA_KEY)).public_jwk()) == ["e", "kty", "n"]
    secret = json.loads(jwk.JWK.from_pem(key.to_pem().encode()).export())["d"]
    assert secret not in repr(key)
    assert "PRIVATE" not in repr(key)
