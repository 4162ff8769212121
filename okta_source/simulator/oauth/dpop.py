"""DPoP (RFC 9449): a proof, signed anew for each request, that whoever presents a token also has the key that it is bound to."""

import base64
import hashlib
import secrets
from collections.abc import Collection

from okta_source.simulator.oauth.errors import OAuthError, invalid_dpop_proof
from okta_source.simulator.oauth.jose import ALGORITHMS, Claims, JwtError, numeric_date, parse, thumbprint, verify
from okta_source.simulator.oauth.replay import UsedIds

__all__ = ["Nonces", "ProofChecker", "access_token_hash"]

_OLDEST_SECONDS = 300
_DAY_SECONDS = 86_400
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "k")


def access_token_hash(token: str) -> str:
    """The `ath` of an access token: SHA-256, base64url without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


class Nonces:
    """The nonces of the token endpoint: a new one every day, each good for three days more, as Okta documents.

    Attributes:
        renew_seconds: How long a nonce is handed out.
        keep_seconds: How long an old one is still accepted.
    """

    def __init__(self) -> None:
        self.renew_seconds: float = _DAY_SECONDS
        self.keep_seconds: float = 3 * _DAY_SECONDS
        self._made: dict[str, float] = {}
        self._current = ""

    def current(self, now: float) -> str:
        """The nonce that clients are told at Unix time `now`."""
        if not self._current or now - self._made[self._current] >= self.renew_seconds:
            self._current = secrets.token_urlsafe(24)
            self._made[self._current] = now
        return self._current

    def accepts(self, nonce: object, now: float) -> bool:
        """Whether a proof with this nonce is good enough."""
        made = self._made.get(nonce) if isinstance(nonce, str) else None
        return made is not None and (nonce == self._current or now - made < self.renew_seconds + self.keep_seconds)

    def forget(self) -> None:
        """Accept none of the nonces so far: every client has to ask for another one."""
        self._made.clear()
        self._current = ""


class ProofChecker:
    """Checks proofs and remembers their ids.

    Args:
        nonces: The nonces that it demands.

    Attributes:
        leeway_seconds: By how much a client's clock may be ahead. Okta documents none.
    """

    def __init__(self, nonces: Nonces) -> None:
        self.leeway_seconds = 0.0
        self._nonces = nonces
        self._used = UsedIds()

    def check(self, proof: str, method: str, urls: Collection[str], now: float, *, with_nonce: bool, token: str | None = None) -> str:
        """The thumbprint of the key that signed a proof.

        Args:
            proof: The DPoP header.
            method: HTTP method of the request.
            urls: The request's URL without query, in every form under which clients know it.
            now: Unix time.
            with_nonce: Whether the proof needs a nonce.
            token: The access token that comes with it.

        Raises:
            OAuthError: 400, the proof proves nothing, or needs a nonce.
        """
        header, claims = self._verified(proof)
        self._check_claims(claims, method, urls, now)
        if token is not None and claims.get("ath") != access_token_hash(token):
            raise invalid_dpop_proof("'ath' claim in the DPoP proof does not match the presented access_token.")
        if with_nonce and not self._nonces.accepts(claims.get("nonce"), now):
            headers = (("dpop-nonce", self._nonces.current(now)),)
            raise OAuthError(400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.", headers)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti:
            raise invalid_dpop_proof("'jti' claim in the DPoP proof JWT is invalid.")
        if not self._used.use(jti, now + _OLDEST_SECONDS + self.leeway_seconds + 1, now):
            raise invalid_dpop_proof("The DPoP proof JWT has already been used.")
        return thumbprint(header["jwk"])

    @staticmethod
    def _verified(proof: str) -> tuple[dict[str, dict[str, object]], Claims]:
        if not proof:
            raise invalid_dpop_proof("The DPoP proof JWT header is missing.")
        if "," in proof:
            raise invalid_dpop_proof("Multiple DPoP proof JWT headers are not allowed.")
        try:
            header, claims = parse(proof)
        except JwtError:
            raise invalid_dpop_proof("The DPoP proof JWT cannot be parsed.") from None
        if header.get("typ") != "dpop+jwt":
            raise invalid_dpop_proof("'typ' must be 'dpop+jwt' in the DPoP proof JWT.")
        if header.get("alg") not in ALGORITHMS:
            raise invalid_dpop_proof("The DPoP proof JWT signature algorithm is invalid.")
        jwk = header.get("jwk")
        if not isinstance(jwk, dict) or any(name in jwk for name in _PRIVATE):
            raise invalid_dpop_proof("The DPoP proof JWT is invalid.")
        try:
            verify(proof, jwk)
        except JwtError:
            raise invalid_dpop_proof("The DPoP proof JWT signature is invalid.") from None
        return header, claims

    def _check_claims(self, claims: Claims, method: str, urls: Collection[str], now: float) -> None:
        if claims.get("htm") != method:
            raise invalid_dpop_proof("'htm' claim in the DPoP proof JWT is invalid.")
        if claims.get("htu") not in urls:
            raise invalid_dpop_proof("'htu' claim in the DPoP proof JWT is invalid.")
        issued = numeric_date(claims, "iat")
        if issued is None:
            raise invalid_dpop_proof("'iat' claim in the DPoP proof JWT is invalid.")
        if issued > now + self.leeway_seconds:
            raise invalid_dpop_proof("The DPoP proof JWT is issued in the future.")
        if issued < now - _OLDEST_SECONDS:
            raise invalid_dpop_proof("The DPoP proof JWT is issued more than five minutes in the past.")
        expires = numeric_date(claims, "exp")
        if expires is not None and expires <= now:
            raise invalid_dpop_proof("The DPoP proof JWT is expired.")
