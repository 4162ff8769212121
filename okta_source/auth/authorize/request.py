"""The address that an administrator opens: an authorization request with PKCE and a state. Pure but for its randomness."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from okta_source.config.auth import RefreshTokenAuth

__all__ = ["CALLBACK_PATH", "DEFAULT_PORT", "AuthorizationRequest", "callback_url"]

DEFAULT_PORT: Final = 8765
CALLBACK_PATH: Final = "/callback"
# 43 characters, the shortest verifier that RFC 7636 allows, and 256 bits.
_RANDOM_BYTES = 32


def callback_url(port: int) -> str:
    """The redirect URI, letter by letter as it has to be registered with the app."""
    return f"http://127.0.0.1:{port}{CALLBACK_PATH}"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One sign-in.

    Attributes:
        url: What to open in a browser.
        redirect_uri: Where the answer comes.
        state: What the answer has to repeat: only who has opened this very URL can know it.
        verifier: What the token endpoint wants beside the code: a code that was stolen on its way is worth nothing.
    """

    url: str = field(repr=False)
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def make(
        cls, org_url: str, auth: RefreshTokenAuth, port: int, new_random: Callable[[int], str] = secrets.token_urlsafe
    ) -> "AuthorizationRequest":
        """A new one.

        Args:
            org_url: The organisation's origin; its own authorization server alone gives tokens for Okta's API.
            auth: The app, and the scopes that it needs.
            port: Where we listen.
            new_random: Makes text of so many random bytes, URL-safe.
        """
        verifier, state = new_random(_RANDOM_BYTES), new_random(_RANDOM_BYTES)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "client_id": auth.client_id,
            "response_type": "code",
            # Without offline_access there is no refresh token.
            "scope": " ".join(dict.fromkeys((*auth.scopes, "offline_access"))),
            "redirect_uri": callback_url(port),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return cls(f"{org_url}/oauth2/v1/authorize?{urlencode(parameters)}", callback_url(port), state, verifier)
