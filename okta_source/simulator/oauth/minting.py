"""What access and ID tokens of an organisation look like, and the key that signs them."""

import secrets
from functools import cache
from typing import Any

from okta_source.simulator.oauth.client import OAuthClient
from okta_source.simulator.oauth.jose import new_key, public_key, sign
from okta_source.simulator.oauth.tokens import AccessToken, SignIn

__all__ = ["Mint"]


@cache
def _signing_key() -> dict[str, Any]:
    # One for all organisations of a process, made when it is first needed: it takes a tenth of a second. No organisation accepts another's
    # tokens, since each knows its own.
    return new_key("RS256")


class Mint:
    """Makes tokens.

    Attributes:
        opaque: Whether access tokens are random texts instead of JWTs. Okta's are JWTs, but clients mustn't look into them.
    """

    def __init__(self) -> None:
        self.opaque = False

    def public_keys(self) -> list[dict[str, Any]]:
        """The organisation's own keys, for anybody."""
        return [public_key(_signing_key())]

    def access_token(
        self, issuer: str, client: OAuthClient, scopes: tuple[str, ...], now: float, key_thumbprint: str, sign_in: SignIn | None
    ) -> AccessToken:
        """A new access token.

        Args:
            issuer: The organisation's URL.
            client: Whom it is for.
            scopes: What it is good for.
            now: Unix time.
            key_thumbprint: The DPoP key that it is bound to; empty for none.
            sign_in: The sign-in that it comes of; None for the client's own.
        """
        expires_at = now + client.access_token_seconds
        token_id = secrets.token_urlsafe(24)
        claims = {
            "ver": 1,
            "jti": f"AT.{token_id}",
            "iss": issuer,
            "aud": issuer,
            "sub": sign_in.username if sign_in else client.client_id,
            "iat": int(now),
            "exp": int(expires_at),
            "cid": client.client_id,
            "scp": list(scopes),
            "auth_time": int(sign_in.signed_in_at if sign_in else now),
        }
        if key_thumbprint:
            claims["cnf"] = {"jkt": key_thumbprint}
        header = {"kid": _signing_key()["kid"], "typ": "application/okta-internal-at+jwt"}
        value = f"sim{token_id}" if self.opaque else sign(header, claims, _signing_key())
        return AccessToken(value, client.client_id, scopes, expires_at, key_thumbprint, sign_in)

    def id_token(self, issuer: str, client: OAuthClient, sign_in: SignIn, now: float) -> str:
        """A new ID token: who signed in."""
        claims = {
            "ver": 1,
            "jti": f"ID.{secrets.token_urlsafe(24)}",
            "iss": issuer,
            "aud": client.client_id,
            "sub": sign_in.username,
            "preferred_username": sign_in.username,
            "iat": int(now),
            "exp": int(now) + 3600,
            "auth_time": int(sign_in.signed_in_at),
            "amr": ["pwd"],
        }
        if sign_in.nonce:
            claims["nonce"] = sign_in.nonce
        return sign({"kid": _signing_key()["kid"]}, claims, _signing_key())
