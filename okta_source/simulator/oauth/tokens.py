"""What the authorization server has issued: authorization codes, access tokens and families of refresh tokens."""

import secrets
from dataclasses import dataclass, field

from okta_source.simulator.oauth.client import OAuthClient

__all__ = ["AccessToken", "AuthorizationCode", "RefreshToken", "SignIn", "TokenStore"]

_CODE_SECONDS = 300


@dataclass(eq=False)
class SignIn:
    """One sign-in with consent; all refresh tokens that come of it are one family.

    Attributes:
        client_id: The app.
        username: Who signed in.
        scopes: What was consented to.
        signed_in_at: Unix time.
        nonce: The `nonce` of the authorization request, for the ID token.
        key_thumbprint: The DPoP key that its refresh tokens are bound to; empty for none.
        revoked: Whether the whole family is.
        used_at: Unix time at which one of its refresh tokens was last issued.
    """

    client_id: str
    username: str
    scopes: tuple[str, ...]
    signed_in_at: float
    nonce: str = ""
    key_thumbprint: str = ""
    revoked: bool = False
    used_at: float = 0.0


@dataclass(eq=False)
class AuthorizationCode:
    """A code on its way through the browser.

    Attributes:
        sign_in: What it stands for.
        redirect_uri: Where it was sent.
        challenge: The S256 code challenge; empty for none.
        expires_at: Unix time.
    """

    sign_in: SignIn
    redirect_uri: str
    challenge: str
    expires_at: float


@dataclass(eq=False)
class RefreshToken:
    """One refresh token.

    Attributes:
        value: The token.
        sign_in: Its family.
        rotated_at: Unix time at which another one took its place; None: it is the present one.
    """

    value: str = field(repr=False)
    sign_in: SignIn
    rotated_at: float | None = None


@dataclass(eq=False)
class AccessToken:
    """One access token.

    Attributes:
        value: The token.
        client_id: The app.
        scopes: What it is good for.
        expires_at: Unix time.
        key_thumbprint: The DPoP key that it is bound to; empty for none.
        sign_in: The sign-in that it comes of; None for the app's own.
        revoked: Whether it is.
    """

    value: str = field(repr=False)
    client_id: str
    scopes: tuple[str, ...]
    expires_at: float
    key_thumbprint: str = ""
    sign_in: SignIn | None = None
    revoked: bool = False


class TokenStore:
    """Everything issued so far; nothing is forgotten, so that an old token's end can be told from a token that never was."""

    def __init__(self) -> None:
        self.access_tokens: dict[str, AccessToken] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self._codes: dict[str, AuthorizationCode] = {}

    def issue_code(self, sign_in: SignIn, redirect_uri: str, challenge: str, now: float) -> str:
        """A new authorization code, good for five minutes and once."""
        value = secrets.token_urlsafe(32)
        self._codes[value] = AuthorizationCode(sign_in, redirect_uri, challenge, now + _CODE_SECONDS)
        return value

    def take_code(self, value: str, now: float) -> AuthorizationCode | None:
        """The authorization behind a code; None when there is none, or none any more."""
        code = self._codes.pop(value, None)
        return code if code and code.expires_at > now else None

    def add_access_token(self, token: AccessToken) -> None:
        """Remember an access token."""
        self.access_tokens[token.value] = token

    def issue_refresh_token(self, sign_in: SignIn, now: float) -> RefreshToken:
        """A new refresh token of a family."""
        token = RefreshToken(secrets.token_urlsafe(32), sign_in)
        self.refresh_tokens[token.value] = token
        sign_in.used_at = now
        return token

    def refresh(self, value: str, client: OAuthClient, now: float) -> RefreshToken | None:
        """Use a refresh token.

        One that was rotated longer ago than the leeway takes its whole family with it, access tokens included: it may have been stolen.

        Args:
            value: The token.
            client: Who uses it.
            now: Unix time.

        Returns:
            The one to use from now on; None when it is no good (any more).
        """
        token = self.refresh_tokens.get(value)
        if token is None or token.sign_in.client_id != client.client_id or token.sign_in.revoked:
            return None
        sign_in = token.sign_in
        ends_at = sign_in.signed_in_at + client.refresh_token_seconds if client.refresh_token_seconds is not None else now + 1
        if now >= ends_at or now - sign_in.used_at >= client.refresh_idle_seconds:
            return None
        if token.rotated_at is not None and now - token.rotated_at >= client.rotation_leeway_seconds:
            self.revoke_family(sign_in)
            return None
        if client.rotation == "static":
            sign_in.used_at = now
            return token
        if token.rotated_at is None:
            token.rotated_at = now
        return self.issue_refresh_token(sign_in, now)

    def revoke_family(self, sign_in: SignIn) -> None:
        """Revoke every token that comes of a sign-in."""
        sign_in.revoked = True
        for token in self.access_tokens.values():
            if token.sign_in is sign_in:
                token.revoked = True
