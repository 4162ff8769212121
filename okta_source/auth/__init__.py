"""How a tenant proves who it is, one module a method behind one interface."""

import time
from collections.abc import Callable

from okta_source.auth.access_tokens import AccessTokens, Grant
from okta_source.auth.base import Authenticator, CredentialError
from okta_source.auth.client_secret import ClientSecretGrant
from okta_source.auth.clock import OktaClock
from okta_source.auth.dpop import DpopProver
from okta_source.auth.private_key_jwt import PrivateKeyJwtGrant
from okta_source.auth.refresh_token import RefreshTokenGrant
from okta_source.auth.ssws import SswsAuthenticator
from okta_source.auth.token_endpoint import FormPoster, TokenEndpoint
from okta_source.auth.token_errors import Situation
from okta_source.config.auth import ClientSecretAuth, OAuthConfig, PrivateKeyJwtAuth
from okta_source.config.secret import SecretError, SecretRef
from okta_source.config.signing_key import KeyProblem, SigningKey
from okta_source.config.ssws import SswsAuth
from okta_source.config.tenant import TenantConfig

__all__ = ["Authenticator", "CredentialError", "SswsAuthenticator", "dpop_prover", "make_authenticator", "situation_of"]


def make_authenticator(
    tenant: TenantConfig,
    http: FormPoster,
    on_refresh: Callable[[], None] = lambda: None,
    on_error: Callable[[str, str], object] = lambda *_: None,
    *,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> Authenticator:
    """The authenticator of a tenant, by its method.

    Args:
        tenant: Its configuration.
        http: Its connection, for requests for access tokens.
        on_refresh: Called for every access token fetched, and for every rotated API token.
        on_error: Called with error type and stage of a failed renewal that hinders nobody yet.
        now: Our clock, epoch seconds.
        clock: A monotonic clock in seconds.

    Raises:
        SecretError: The key for DPoP can't be used any more.
    """
    auth = tenant.auth
    if isinstance(auth, SswsAuth):
        return SswsAuthenticator(auth, on_refresh)
    okta_clock = OktaClock(now)
    dpop = dpop_prover(auth, okta_clock)
    endpoint = TokenEndpoint(http, situation_of(tenant), dpop, okta_clock)
    grant: Grant
    if isinstance(auth, PrivateKeyJwtAuth):
        grant = PrivateKeyJwtGrant(auth, endpoint)
    elif isinstance(auth, ClientSecretAuth):
        grant = ClientSecretGrant(auth, endpoint)
    else:
        grant = RefreshTokenGrant(auth, tenant.name, endpoint, dpop, clock)
    return AccessTokens(grant, tenant.name, dpop, on_refresh, okta_clock.learn, on_error, clock)


def dpop_prover(auth: OAuthConfig, now: Callable[[], float] = time.time) -> DpopProver | None:
    """What makes the proofs of a tenant, with its key or one of its own; nothing where tokens are not bound.

    Raises:
        SecretError: The key can't be used any more.
    """
    if not auth.dpop:
        return None
    if auth.dpop_key_file is None:
        return DpopProver(now=now)
    reference = SecretRef(file=auth.dpop_key_file)
    try:
        return DpopProver(SigningKey.parse(reference.read().reveal()), now)
    except KeyProblem as error:
        msg = f"{reference} {error}"
        raise SecretError(msg) from None


def situation_of(tenant: TenantConfig) -> Situation:
    """A tenant with an OAuth method, for the words in which a refusal of its token endpoint is explained."""
    scopes = tenant.auth.scopes if isinstance(tenant.auth, OAuthConfig) else ()
    return Situation(tenant.name, tenant.org_url, tenant.auth.method, scopes)
