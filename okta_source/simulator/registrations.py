"""The apps that `python -m okta_source simulate` registers, and what a collector needs to be one of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from okta_source.simulator.oauth import CALLBACK_URL, OAuthClient

__all__ = ["METHODS", "Registration", "register_app", "with_api_token"]

METHODS = ("private_key_jwt", "client_secret", "refresh_token")
"""The methods of a pipeline configuration for which an app is needed."""


@dataclass(frozen=True)
class Registration:
    """How a collector gets in.

    Attributes:
        method: The configuration's `method`.
        client: The app; None for an API token.
        keys: Further keys of the configuration's table `[tenants.auth]`, except for the secret's.
        secret_key: The key that names the secret's file.
        suffix: How the secret's file is to be called, behind the organisation's name.
        secret: The secret: a token, a client secret, or a private key as JWK.
    """

    method: str
    client: OAuthClient | None
    keys: Mapping[str, str | bool]
    secret_key: str
    suffix: str
    secret: str = field(repr=False)


def with_api_token(token: str) -> Registration:
    """An API token, which needs no app."""
    return Registration("ssws", None, {}, "token_file", "token", token)


def register_app(
    organisation: str, method: str, *, dpop: bool, access_token_seconds: int, redirect_uri: str = CALLBACK_URL
) -> Registration:
    """An app for a method.

    Args:
        organisation: The organisation's name, part of the app's id.
        method: One of `METHODS`.
        dpop: Whether its tokens must be bound to a DPoP key.
        access_token_seconds: Life of its access tokens.
        redirect_uri: Where sign-ins lead back to.
    """
    client_id = f"0oa-{organisation}-{method.replace('_', '-')}"
    common: dict[str, Any] = {"dpop": dpop, "access_token_seconds": access_token_seconds, "name": f"Collector ({method})"}
    keys: dict[str, str | bool] = {"client_id": client_id}
    if dpop:
        keys["dpop"] = True
    if method == "private_key_jwt":
        client, key = OAuthClient.with_new_key(client_id, **common)
        keys["key_id"] = key["kid"]
        return Registration(method, client, keys, "private_key_file", "key.json", json.dumps(key))
    uris = [redirect_uri] if method == "refresh_token" else []
    client = OAuthClient(client_id=client_id, auth_method="client_secret_basic", redirect_uris=uris, **common)
    suffix = "web.secret" if method == "refresh_token" else "secret"
    return Registration(method, client, keys, "client_secret_file", suffix, client.secret)
