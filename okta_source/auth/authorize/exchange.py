"""From an authorization code to a refresh token in the tenant's store, over the tenant's own connection."""

from okta_source.auth import dpop_prover, situation_of
from okta_source.auth.authorize.outcome import Outcome, no_refresh_token, not_exchanged, not_stored, stored
from okta_source.auth.authorize.request import AuthorizationRequest
from okta_source.auth.base import CredentialError
from okta_source.auth.client_secret import basic
from okta_source.auth.clock import OktaClock
from okta_source.auth.token_endpoint import FormPoster, TokenEndpoint, TokenRequest
from okta_source.auth.token_store import TokenStore, TokenStoreError
from okta_source.config.auth import RefreshTokenAuth
from okta_source.config.secret import Secret, SecretError
from okta_source.config.signing_key import SigningKey
from okta_source.config.tenant import TenantConfig
from okta_source.polling.outcome import TransportFailure

__all__ = ["exchange"]


def exchange(tenant: TenantConfig, auth: RefreshTokenAuth, request: AuthorizationRequest, code: str, http: FormPoster) -> Outcome:
    """Redeem a code; on success the refresh token is on disk when this returns.

    Args:
        tenant: Whose it is.
        auth: Its app, and its token store.
        request: The sign-in that the code came from.
        code: The code.
        http: The tenant's connection.
    """
    clock = OktaClock()
    new_key: Secret | None = None
    try:
        dpop = dpop_prover(auth, clock)
        if dpop and auth.dpop_key_file is None:
            # The refresh token is bound to the key, so the two stay together.
            key = SigningKey.generate()
            dpop.use(key)
            new_key = Secret(key.to_pem())

        def make() -> TokenRequest:
            headers, secrets = basic(auth)
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": request.redirect_uri,
                "code_verifier": request.verifier,
            }
            return TokenRequest(form, headers, (*secrets, code, request.verifier))

        grant = TokenEndpoint(http, situation_of(tenant), dpop, clock).ask(make)
    except SecretError as error:
        return not_exchanged(tenant, TransportFailure("auth", f"{error}.", "Mend the reference in `tenants.auth`."))
    except CredentialError as error:
        return not_exchanged(tenant, error.failure)
    if grant.refresh_token is None:
        return no_refresh_token(tenant)
    store = TokenStore(auth.token_store)
    try:
        with store.lock():
            store.write(grant.refresh_token, client_id=auth.client_id, dpop_key=new_key)
    except TokenStoreError as error:
        return not_stored(tenant, str(error))
    return stored(tenant, auth)
