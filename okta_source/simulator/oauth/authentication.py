"""Which client a request to the token or the revocation endpoint comes from."""

import base64
import binascii
import hmac
from collections.abc import Collection, Mapping
from urllib.parse import unquote_plus

from okta_source.simulator.oauth.assertion import ASSERTION_TYPE, AssertionChecker
from okta_source.simulator.oauth.client import OAuthClient
from okta_source.simulator.oauth.errors import OAuthError, invalid_client, invalid_request

__all__ = ["authenticate"]

_FAILED = "Client authentication failed. Either the client or the client credentials are invalid."
_WRONG_ID = "Invalid value for 'client_id' parameter."


def authenticate(
    form: Mapping[str, str],
    authorization: str,
    clients: Mapping[str, OAuthClient],
    assertions: AssertionChecker,
    endpoints: Collection[str],
    now: float,
) -> OAuthClient:
    """The client, whichever way it proves who it is.

    Args:
        form: The posted fields.
        authorization: The Authorization header, or nothing.
        clients: The clients by id.
        assertions: Checks client assertions.
        endpoints: The URLs of the endpoint that was called.
        now: Unix time.

    Raises:
        OAuthError: 401 or 400, it doesn't prove it.
    """
    given = [
        name
        for name, value in (("basic", authorization), ("post", form.get("client_secret")), ("jwt", form.get("client_assertion")))
        if value
    ]
    if len(given) > 1:
        raise OAuthError(
            401,
            "invalid_request",
            "Cannot supply multiple client credentials. Use one of the following: credentials in the Authorization header, "
            "credentials in the post body, or a client_assertion in the post body.",
        )
    if given == ["jwt"]:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise invalid_request("The client_assertion_type is invalid.")
        client = assertions.check(form["client_assertion"], clients, endpoints, now)
        if form.get("client_id", client.client_id) != client.client_id:
            raise invalid_client(_WRONG_ID)
        return client
    if given == ["basic"]:
        client_id, secret = _basic(authorization)
        return _with_secret(client_id, secret, clients, "client_secret_basic", form.get("grant_type"))
    if given == ["post"]:
        return _with_secret(form.get("client_id", ""), form["client_secret"], clients, "client_secret_post", form.get("grant_type"))
    if "client_id" not in form:
        raise invalid_client("No client credentials found.")
    client = _known(form["client_id"], clients)
    if client.auth_method != "none":
        raise invalid_client("No client credentials found.")
    return client


def _known(client_id: str, clients: Mapping[str, OAuthClient]) -> OAuthClient:
    client = clients.get(client_id)
    if client is None or not client.active:
        raise invalid_client(_WRONG_ID)
    return client


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise invalid_client("Found Authentication header but was not valid client credentials.")
    # RFC 6749, section 2.3.1: both parts are form-encoded before they are joined.
    return unquote_plus(client_id), unquote_plus(secret)


def _with_secret(client_id: str, secret: str, clients: Mapping[str, OAuthClient], method: str, grant_type: str | None) -> OAuthClient:
    client = _known(client_id, clients)
    if grant_type == "client_credentials":
        if client.kind == "service":
            raise invalid_client(
                "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method."
            )
        if client.kind == "integration" and method != "client_secret_basic":
            raise invalid_client(
                "OAuth Integration Client Credentials requests to the Org Authorization Server must use either private_key_jwt or "
                "client_secret_basic as the token_endpoint_auth_method."
            )
    if client.auth_method != method:
        raise invalid_client(_FAILED)
    if not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise invalid_client("The client secret supplied for a confidential client is invalid.")
    return client
