"""A private key that signs JWTs: read from PEM or JWK, checked against what Okta takes, used through joserfc.

Okta takes RS256, RS384, RS512, ES256, ES384 and ES512, for assertions of a client as well as for DPoP proofs.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

__all__ = ["ALGORITHMS", "KeyProblem", "SigningKey"]

_CURVES: Final[Mapping[str, tuple[str, str]]] = {
    "secp256r1": ("P-256", "ES256"),
    "secp384r1": ("P-384", "ES384"),
    "secp521r1": ("P-521", "ES512"),
}
_RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512")
ALGORITHMS: Final = (*_RSA_ALGORITHMS, *(algorithm for _, algorithm in _CURVES.values()))
_LEAST_RSA_BITS: Final = 2048
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class KeyProblem(ValueError):  # noqa: N818  # a finding about a file, told as one
    """A text is no usable private key. Reads as what is wrong with "the file …"; holds nothing of the key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and how it is used.

    Attributes:
        key_id: The `kid` of assertions; empty where none was given.
        algorithm: What it signs with.
        kind: What it is, for people.
        fitting: The algorithms that it could sign with, the default first.
    """

    key_id: str
    algorithm: str
    kind: str
    fitting: tuple[str, ...]
    _key: RSAKey | ECKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """A new P-256 key: made and used in microseconds, where RSA takes a tenth of a second to make."""
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, text: str, key_id: str = "", algorithm: str = "") -> Self:
        """Read a key.

        Args:
            text: PEM (PKCS#8, PKCS#1 or SEC 1, not encrypted), a JWK, or a JWK set with one key.
            key_id: Its ID; default: the JWK's `kid`.
            algorithm: What it signs with; default: the JWK's `alg`, else RS256, or what belongs to the curve.

        Raises:
            KeyProblem: It is none of these, or not a key that Okta takes, or doesn't fit the algorithm.
        """
        if not text.lstrip().startswith("{"):
            return cls._of(_from_pem(text), key_id, algorithm)
        jwk = _only_jwk(text)
        return cls._of(_from_jwk(jwk), key_id or _text(jwk, "kid"), algorithm or _text(jwk, "alg"))

    @classmethod
    def _of(cls, key: PrivateKey, key_id: str = "", algorithm: str = "") -> Self:
        if isinstance(key, rsa.RSAPrivateKey):
            if key.key_size < _LEAST_RSA_BITS:
                msg = f"holds an RSA key of {key.key_size} bits; needed: {_LEAST_RSA_BITS} or more"
                raise KeyProblem(msg)
            kind = f"an RSA key of {key.key_size} bits"
            fitting: tuple[str, ...] = _RSA_ALGORITHMS
        else:
            if key.curve.name not in _CURVES:
                msg = f"holds a key of the curve {key.curve.name}; needed: P-256, P-384 or P-521"
                raise KeyProblem(msg)
            curve, only = _CURVES[key.curve.name]
            kind, fitting = f"a {curve} key", (only,)
        if algorithm and algorithm not in fitting:
            msg = f"holds {kind}, which {algorithm} does not fit; allowed: {', '.join(fitting)}"
            raise KeyProblem(msg)
        jose = RSAKey.import_key(key) if isinstance(key, rsa.RSAPrivateKey) else ECKey.import_key(key)
        return cls(key_id, algorithm or fitting[0], kind, fitting, jose)

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
        """A signed JWT, in its compact form."""
        return jwt.encode({"alg": self.algorithm, **header}, dict(claims), self._key, [self.algorithm])

    def prove(self) -> None:
        """Try the key once: numbers that don't belong together sign without complaint, and nobody can verify that.

        Raises:
            KeyProblem: It is damaged.
        """
        # Less than a hundredth of the time that OpenSSL takes to check an RSA key (35 ms for 2048 bits), which a fleet would wait for.
        try:
            jwt.decode(self.sign({}, {}), self._key, [self.algorithm])
        except (JoseError, ValueError):
            msg = "holds a private key that is damaged: its parts do not belong together"
            raise KeyProblem(msg) from None

    def public_jwk(self) -> dict[str, str]:
        """The public key with nothing beside it, as a DPoP proof carries it."""
        jwk = self._key.as_dict(private=False)
        return {name: str(jwk[name]) for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}

    def to_pem(self) -> str:
        """The private key as PKCS#8, for a file that only its owner may read."""
        return self._key.as_pem(private=True).decode()


def _from_pem(text: str) -> PrivateKey:
    if "-----BEGIN" not in text:
        msg = "holds neither PEM (-----BEGIN PRIVATE KEY-----) nor a JWK ({…})"
        raise KeyProblem(msg)
    if "PUBLIC KEY-----" in text or ("BEGIN CERTIFICATE" in text and "PRIVATE KEY-----" not in text):
        msg = "holds a public key or a certificate; needed: the private key"
        raise KeyProblem(msg)
    # A variable is often filled from a one-line form with \n for line breaks.
    pem = text.replace("\\n", "\n").encode("utf-8", "replace")
    try:
        key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        msg = "holds an encrypted key; needed: one without a password (openssl pkcs8 -topk8 -nocrypt)"
        raise KeyProblem(msg) from None
    except (ValueError, UnsupportedAlgorithm):
        msg = "holds PEM that is cut short or damaged"
        raise KeyProblem(msg) from None
    if not isinstance(key, PrivateKey):
        msg = "holds a key that is neither RSA nor EC; Okta takes these alone"
        raise KeyProblem(msg)
    return key


def _only_jwk(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        msg = "holds a JWK that is not JSON"
        raise KeyProblem(msg) from None
    keys = found.get("keys", [found])
    if not isinstance(keys, list) or len(keys) != 1 or not isinstance(keys[0], dict):
        count = f"{len(keys)} keys" if isinstance(keys, list) and len(keys) != 1 else "something else"
        msg = f"holds a JWK set with {count}; needed: exactly one key"
        raise KeyProblem(msg)
    only: Mapping[str, Any] = keys[0]
    return only


def _from_jwk(jwk: Mapping[str, Any]) -> PrivateKey:
    if jwk.get("kty") not in ("RSA", "EC"):
        msg = "holds a JWK whose kty is neither RSA nor EC; Okta takes these alone"
        raise KeyProblem(msg)
    if "d" not in jwk:
        msg = "holds a public JWK; needed: the private one, which has a d"
        raise KeyProblem(msg)
    try:
        key = _rsa_from_jwk(jwk) if jwk["kty"] == "RSA" else _ec_from_jwk(jwk)
    except (ValueError, TypeError, KeyError, AttributeError, JoseError, UnsupportedAlgorithm):
        msg = "holds a JWK that is damaged or lacks members of a private key"
        raise KeyProblem(msg) from None
    return key


def _ec_from_jwk(jwk: Mapping[str, Any]) -> ec.EllipticCurvePrivateKey:
    key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y", "d")}).private_key
    if key is None:
        raise ValueError
    return key


def _rsa_from_jwk(jwk: Mapping[str, Any]) -> rsa.RSAPrivateKey:
    # joserfc would have OpenSSL check the key: 35 ms for 2048 bits, half a second for 4096.
    n, e, d = (_number(jwk, name) for name in ("n", "e", "d"))
    p, q = (_number(jwk, "p"), _number(jwk, "q")) if "p" in jwk else rsa.rsa_recover_prime_factors(n, e, d)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, n)
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _number(jwk: Mapping[str, Any], name: str) -> int:
    text = jwk[name]
    return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), "big")


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name, "")
    if not isinstance(value, str):
        msg = f"holds a JWK whose {name} is not text"
        raise KeyProblem(msg)
    return value
