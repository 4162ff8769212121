"""API Services apps with a key pair: a signed assertion proves the client (RFC 7523), for a token without a user."""

import uuid
from collections.abc import Callable

from okta_source.auth.token_endpoint import TokenEndpoint, TokenGrant, TokenRequest
from okta_source.config.auth import PrivateKeyJwtAuth
from okta_source.config.secret import SecretError
from okta_source.config.signing_key import KeyProblem

__all__ = ["PrivateKeyJwtGrant"]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Okta takes up to an hour. A clock that is behind Okta's by less than this does no harm; a stolen assertion is of use for as long.
_LIFETIME_SECONDS = 300
# Okta refuses an assertion from the future: a clock that is ahead by less than this does no harm. There is no `nbf`, for the same reason.
_BACKDATED_SECONDS = 60


class PrivateKeyJwtGrant:
    """Asks for tokens with assertions.

    Args:
        config: The client, its key and how it signs.
        endpoint: Whom to ask.
        new_id: Makes the ID of an assertion.
    """

    def __init__(
        self,
        config: PrivateKeyJwtAuth,
        endpoint: TokenEndpoint,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._config = config
        self._endpoint = endpoint
        self._new_id = new_id

    def obtain(self) -> TokenGrant:
        """Ask for a token.

        Raises:
            okta_source.auth.base.CredentialError: There is none.
            okta_source.config.secret.SecretError: The key can't be read, or is none any more.
        """
        return self._endpoint.ask(self._request)

    def _request(self) -> TokenRequest:
        assertion = self._assertion()
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(self._config.scopes),
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        return TokenRequest(form, secrets=(assertion,))

    def _assertion(self) -> str:
        # Read each time, which is once in the life of an access token: a key that was rotated in its file needs no restart.
        try:
            key = self._config.signing_key(self._config.private_key.read().reveal())
        except KeyProblem as error:
            msg = f"{self._config.private_key} {error}"
            raise SecretError(msg) from None
        now = int(self._endpoint.clock())
        client_id = self._config.client_id
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": self._endpoint.url,
            "iat": now - _BACKDATED_SECONDS,
            "exp": now + _LIFETIME_SECONDS,
            "jti": self._new_id(),
        }
        return key.sign(claims, {"kid": key.key_id})
