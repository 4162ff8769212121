"""An OAuth client that an organisation knows: an app of its administrators."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from okta_source.simulator.oauth.jose import Jwk, new_key, public_key

__all__ = ["AUTH_METHODS", "CALLBACK_URL", "KINDS", "OAuthClient"]

AUTH_METHODS = ("private_key_jwt", "client_secret_basic", "client_secret_post", "none")
KINDS = ("service", "integration", "web")
CALLBACK_URL = "http://127.0.0.1:8765/callback"
"""Where `python -m okta_source authorize` expects the redirect."""

_ROTATIONS = ("rotate", "static")
_SEVEN_DAYS_SECONDS = 604_800.0


@dataclass(kw_only=True, eq=False)
class OAuthClient:
    """An app; every attribute may be assigned while the organisation runs.

    Attributes:
        client_id: Its id.
        auth_method: How it authenticates at the token endpoint, one of `AUTH_METHODS`. Others are refused, as Okta does.
        secret: Its secret, for the two `client_secret` methods.
        jwks: Its public keys, for `private_key_jwt`: a key set or a list of keys. Private parts are dropped.
        scopes: The Okta API scopes that an administrator granted it.
        redirect_uris: Where sign-ins may lead back to, compared letter by letter.
        kind: `service` (API Services app: only with `private_key_jwt`), `integration` (API service integration, which may also use
            `client_secret_basic`), or `web` (people sign in). Default: what the other settings suggest.
        dpop: Whether its tokens must be bound to a DPoP key. Where it isn't required, a proof binds the token all the same.
        admin_role: The administrator role assigned to it; without one the API answers 403 to its own (client_credentials) tokens.
        rotation: `rotate`: every use of a refresh token brings a new one; `static`: it stays.
        rotation_leeway_seconds: How long a rotated refresh token may be used again. Okta allows 0 to 60, its default is 30.
        access_token_seconds: Life of an access token. The organisation's own authorization server has it fixed at an hour.
        refresh_token_seconds: Life of a refresh token, rotated or not, counted from the sign-in; None: no end.
        refresh_idle_seconds: How long a refresh token may be left unused.
        pkce_required: Whether a sign-in needs a code challenge.
        active: A deactivated app neither gets tokens nor may use those that it has.
        name: What people see on the consent page; default: the id.
    """

    client_id: str
    auth_method: str = "private_key_jwt"
    secret: str = field(default="", repr=False)
    jwks: Jwk | Iterable[Jwk] = field(default=(), repr=False)
    scopes: Iterable[str] = ("okta.logs.read",)
    redirect_uris: Iterable[str] = ()
    kind: str = ""
    dpop: bool = False
    admin_role: str = "Read-only Administrator"
    rotation: str = "rotate"
    rotation_leeway_seconds: float = 0.0
    access_token_seconds: int = 3600
    refresh_token_seconds: float | None = None
    refresh_idle_seconds: float = _SEVEN_DAYS_SECONDS
    pkce_required: bool = True
    active: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        self.redirect_uris = tuple(self.redirect_uris)
        self.kind = self.kind or ("web" if self.redirect_uris else "service" if self.auth_method == "private_key_jwt" else "integration")
        self.name = self.name or self.client_id
        for name, allowed in (("auth_method", AUTH_METHODS), ("kind", KINDS), ("rotation", _ROTATIONS)):
            if getattr(self, name) not in allowed:
                message = f"{name} of client {self.client_id} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}"
                raise ValueError(message)
        self.set_keys(self.jwks)
        if self.auth_method.startswith("client_secret") and not self.secret:
            self.rotate_secret()

    @classmethod
    def with_new_key(cls, client_id: str, algorithm: str = "RS256", **settings: Any) -> tuple["OAuthClient", dict[str, Any]]:
        """A client with a new key pair, and its private key as a JWK.

        Args:
            client_id: Its id.
            algorithm: RS256 to ES512.
            settings: Further attributes.
        """
        key = new_key(algorithm)
        return cls(client_id=client_id, jwks=[key], **settings), key

    @property
    def keys(self) -> tuple[dict[str, Any], ...]:
        """Its public keys."""
        return self._keys

    def set_keys(self, jwks: Jwk | Iterable[Jwk]) -> None:
        """Replace its keys.

        Raises:
            ValueError: One of them is no RSA or EC key.
        """
        listed = jwks["keys"] if isinstance(jwks, Mapping) and "keys" in jwks else [jwks] if isinstance(jwks, Mapping) else jwks
        self._keys = tuple(public_key(key) for key in listed)
        self.jwks = self._keys

    def rotate_secret(self) -> str:
        """Replace the secret.

        Returns:
            The new one; the former is refused from now on.
        """
        self.secret = secrets.token_urlsafe(30)
        return self.secret
