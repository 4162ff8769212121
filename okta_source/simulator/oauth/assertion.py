"""`private_key_jwt`: a token signed by the client says who it is (RFC 7523)."""

from collections.abc import Collection, Mapping

from okta_source.simulator.oauth.client import OAuthClient
from okta_source.simulator.oauth.errors import invalid_client
from okta_source.simulator.oauth.jose import ALGORITHMS, Claims, Jwk, JwtError, audiences, numeric_date, parse, verify
from okta_source.simulator.oauth.replay import UsedIds

__all__ = ["ASSERTION_TYPE", "AssertionChecker"]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_SECONDS = 3600


class AssertionChecker:
    """Checks client assertions and remembers their ids.

    Attributes:
        leeway_seconds: By how much a client's clock may be ahead. Okta documents none.
    """

    def __init__(self) -> None:
        self.leeway_seconds = 0.0
        self._used = UsedIds()

    def check(self, assertion: str, clients: Mapping[str, OAuthClient], endpoints: Collection[str], now: float) -> OAuthClient:
        """The client that signed an assertion.

        The id (`jti`) of a good assertion is used up, whatever becomes of the rest of the request: Okta's own SDK says that a second
        attempt after `use_dpop_nonce` needs a new assertion.

        Args:
            assertion: The signed token.
            clients: The clients by id.
            endpoints: The URLs of the endpoint that was called; `aud` must be one of them.
            now: Unix time.

        Raises:
            OAuthError: 401, it proves nothing; the description says why.
        """
        try:
            header, claims = parse(assertion)
        except JwtError:
            raise invalid_client("The parsing of the client_assertion failed.") from None
        client = clients.get(str(claims.get("iss")))
        if client is None or not client.active:
            raise invalid_client("The issuer claim for client_assertion is not a valid client_id.")
        if claims.get("sub") != client.client_id:
            raise invalid_client("The subject claim for client_assertion is not a valid client_id.")
        if client.auth_method != "private_key_jwt":
            raise invalid_client("Client authentication failed. Either the client or the client credentials are invalid.")
        self._check_signature(assertion, header, client)
        self._check_claims(claims, endpoints, now)
        jti = claims.get("jti")
        if jti is not None and not self._used.use(f"{client.client_id} {jti}", numeric_date(claims, "exp") or now, now):
            raise invalid_client("The client_assertion token has already been used.")
        return client

    @staticmethod
    def _check_signature(assertion: str, header: Mapping[str, object], client: OAuthClient) -> None:
        if header.get("alg") not in ALGORITHMS:
            raise invalid_client("The client_assertion JWT signature algorithm is invalid.")
        key = _key_for(client, header.get("kid"))
        if key.get("alg", header["alg"]) != header["alg"]:
            raise invalid_client("The client_assertion JWT signature algorithm is invalid.")
        try:
            verify(assertion, key)
        except JwtError:
            raise invalid_client("The client_assertion signature is invalid.") from None

    def _check_claims(self, claims: Claims, endpoints: Collection[str], now: float) -> None:
        if not set(endpoints).intersection(map(str, audiences(claims))):
            raise invalid_client("The audience claim for client_assertion must be the endpoint invoked for the request.")
        expires = numeric_date(claims, "exp")
        if expires is None:
            raise invalid_client("The client_assertion must contain the 'exp' claim as seconds since epoch.")
        if expires <= now:
            raise invalid_client("The client_assertion token is expired.")
        if expires > now + _LONGEST_SECONDS + self.leeway_seconds:
            raise invalid_client("The client_assertion token has an expiration too far into the future.")
        for name in ("iat", "nbf"):
            if (numeric_date(claims, name) or 0.0) > now + self.leeway_seconds:
                raise invalid_client("The client_assertion token must be issued before the current time.")


def _key_for(client: OAuthClient, key_id: object) -> Jwk:
    """The client's key of this id; without an id its only one."""
    if not client.keys:
        raise invalid_client("The client does not have a JWKSet configured, but the client_assertion requires one.")
    if key_id is None and len(client.keys) == 1:
        return client.keys[0]
    for key in client.keys:
        if key_id is not None and key.get("kid") == key_id:
            return key
    raise invalid_client("The client_assertion JWT kid is invalid.")
