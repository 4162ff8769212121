"""JSON Web Keys and signed tokens: as much of joserfc as the simulator needs, with one kind of error."""

import binascii
import json
import uuid
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

__all__ = [
    "ALGORITHMS",
    "Claims",
    "Jwk",
    "JwtError",
    "audiences",
    "new_key",
    "numeric_date",
    "parse",
    "public_key",
    "sign",
    "thumbprint",
    "verify",
]

Jwk = Mapping[str, Any]
Claims = Mapping[str, Any]

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""What Okta accepts for client assertions and DPoP proofs."""

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_RSA_BITS = 2048


class JwtError(ValueError):
    """A token or a key that is none, or a signature that doesn't fit."""


class _Registry(jws.JWSRegistry):
    # A proof's header carries the public key: 800 characters for RSA with 4096 bits, where joserfc allows 512.
    max_header_length = 8192


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def new_key(algorithm: str, key_id: str = "") -> dict[str, Any]:
    """A new private key as a JWK with `kid`, `alg` and `use`.

    Args:
        algorithm: One of `ALGORITHMS`.
        key_id: Its `kid`; by default a random one.

    Raises:
        ValueError: The algorithm is none of them.
    """
    if algorithm not in ALGORITHMS:
        message = f"algorithm must be one of {', '.join(ALGORITHMS)}, not {algorithm!r}"
        raise ValueError(message)
    key = ECKey.generate_key(_CURVES[algorithm]) if algorithm in _CURVES else RSAKey.generate_key(_RSA_BITS)
    return {**key.as_dict(private=True), "kid": key_id or uuid.uuid4().hex, "alg": algorithm, "use": "sig"}


def _load(jwk: Jwk) -> RSAKey | ECKey:
    kinds: dict[object, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    kind = kinds.get(jwk.get("kty")) if isinstance(jwk, Mapping) else None
    if kind is None:
        message = "a key must be a JWK of type RSA or EC"
        raise JwtError(message)
    try:
        return kind.import_key(dict(jwk))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        message = f"not a usable {jwk['kty']} key"
        raise JwtError(message) from error


def public_key(jwk: Jwk) -> dict[str, Any]:
    """The public part of a key, with everything that describes it.

    Raises:
        JwtError: It is no RSA or EC key.
    """
    described = {name: jwk[name] for name in ("kid", "alg", "use") if name in jwk}
    return {**_load(jwk).as_dict(private=False), **described}


def thumbprint(jwk: Jwk) -> str:
    """The key's RFC 7638 thumbprint (SHA-256, base64url).

    Raises:
        JwtError: It is no RSA or EC key.
    """
    return _load(jwk).thumbprint()


def sign(header: Mapping[str, Any], claims: Claims, jwk: Jwk) -> str:
    """A signed token; the algorithm is the key's `alg` unless the header names one."""
    protected = {"alg": jwk.get("alg"), **header}
    return jws.serialize_compact(protected, json.dumps(claims), _load(jwk), registry=_REGISTRY)


def parse(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token, without a look at its signature.

    Raises:
        JwtError: It is no signed token with JSON objects in it.
    """
    try:
        extracted = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
        claims = json.loads(extracted.payload)
    except (JoseError, ValueError, binascii.Error) as error:
        message = "not a signed JWT"
        raise JwtError(message) from error
    header = extracted.headers()
    if not isinstance(claims, dict) or not isinstance(header, dict):
        message = "its parts are no JSON objects"
        raise JwtError(message)
    return header, claims


def verify(token: str, jwk: Jwk) -> None:
    """Check a token's signature.

    Raises:
        JwtError: It wasn't made with this key.
    """
    try:
        jws.deserialize_compact(token, _load(jwk), registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        message = "the signature doesn't fit"
        raise JwtError(message) from error


def numeric_date(claims: Claims, name: str) -> float | None:
    """A claim that is seconds since 1970; None when it is missing or something else."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def audiences(claims: Claims) -> list[object]:
    """Whom the token is meant for; `aud` may be one text or a list of them."""
    value = claims.get("aud")
    return list(value) if isinstance(value, list) else [value]
