"""API service integrations: client ID and secret by HTTP Basic, for a token without a user."""

import base64
from collections.abc import Mapping

from okta_source.auth.token_endpoint import TokenEndpoint, TokenGrant, TokenRequest
from okta_source.config.api_token import CredentialProblem, usable_credential
from okta_source.config.auth import ClientSecretAuth, RefreshTokenAuth
from okta_source.config.secret import SecretError

__all__ = ["ClientSecretGrant", "basic"]


def basic(config: ClientSecretAuth | RefreshTokenAuth) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Authenticate a client by its secret.

    The secret is read each time, which is once in the life of an access token: one that was rotated in its file needs no restart.

    Returns:
        The headers, and what must not be shown.

    Raises:
        okta_source.config.secret.SecretError: The secret can't be read, or is none.
    """
    try:
        secret = usable_credential(config.client_secret.read().reveal(), "client secret")
    except CredentialProblem as error:
        msg = f"{config.client_secret} {error}"
        raise SecretError(msg) from None
    credentials = base64.b64encode(f"{config.client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}, (secret, credentials)


class ClientSecretGrant:
    """Asks for tokens with the client's secret.

    Args:
        config: The client, and where its secret is.
        endpoint: Whom to ask.
    """

    def __init__(self, config: ClientSecretAuth, endpoint: TokenEndpoint) -> None:
        self._config = config
        self._endpoint = endpoint

    def obtain(self) -> TokenGrant:
        """Ask for a token.

        Raises:
            okta_source.auth.base.CredentialError: There is none.
            okta_source.config.secret.SecretError: The secret can't be read.
        """
        return self._endpoint.ask(self._request)

    def _request(self) -> TokenRequest:
        headers, secrets = basic(self._config)
        return TokenRequest({"grant_type": "client_credentials", "scope": " ".join(self._config.scopes)}, headers, secrets)
