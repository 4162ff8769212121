"""OIDC web applications: an administrator has authorised the app once, and its refresh token gives access tokens from then on.

Okta may rotate the refresh token: each use gives another one, and using an old one again later than a grace period (30 s unless told
otherwise) revokes the whole family. So one process at a time goes through "read the store, ask, write the store", and a new token is on
disk before anything is done with what came along. Between Okta's answer and that write lies the one moment in which a crash leaves an old
token behind; a restart within the grace period mends it.
"""

import time
from collections.abc import Callable

from okta_source.auth.base import CredentialError
from okta_source.auth.client_secret import basic
from okta_source.auth.dpop import DpopProver
from okta_source.auth.token_endpoint import TokenEndpoint, TokenGrant, TokenRequest
from okta_source.auth.token_store import StoredToken, TokenStore, TokenStoreError
from okta_source.config.auth import RefreshTokenAuth
from okta_source.config.secret import Secret
from okta_source.config.signing_key import KeyProblem, SigningKey
from okta_source.polling.outcome import TransportFailure

__all__ = ["RefreshTokenGrant"]

# How often the store is looked at while it is known to hold nothing of use: that costs no request.
_LOOK_AGAIN_SECONDS = 15.0
# A token that Okta has refused is shown to it again after this: a user may have been reactivated.
_REFUSED_FOR_SECONDS = 300.0


class RefreshTokenGrant:
    """Asks for tokens with the refresh token in the store.

    Args:
        config: The client, where its secret is, and the store.
        tenant: The tenant's name, for messages.
        endpoint: Whom to ask.
        dpop: Makes the proofs; without a `dpop_key_file` it gets the key that the store holds, which a refresh token is bound to.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        config: RefreshTokenAuth,
        tenant: str,
        endpoint: TokenEndpoint,
        dpop: DpopProver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._tenant = tenant
        self._endpoint = endpoint
        self._dpop = None if config.dpop_key_file else dpop
        self._clock = clock
        self._store = TokenStore(config.token_store)
        # What could not be written: the token that was used, and its successor.
        self._unsaved: tuple[StoredToken, StoredToken] | None = None
        self._refusal: tuple[Secret, float, CredentialError] | None = None

    def obtain(self) -> TokenGrant:
        """Ask for a token; the refresh token that comes with it is on disk when this returns.

        Raises:
            CredentialError: There is none; with the command to run where the store is empty or its token refused.
            okta_source.config.secret.SecretError: The client's secret can't be read.
        """
        try:
            self._check(self._store.read())
            with self._store.lock():
                return self._rotate(self._check(self._newest()))
        except TokenStoreError as error:
            fix = "Give this process the right to read and write that file and its folder, and space on the disk; it is tried again."
            failure = TransportFailure("auth", f"The {error}.", fix, at_token=True, most_wait_seconds=_LOOK_AGAIN_SECONDS)
            raise CredentialError(failure) from None

    def _check(self, stored: StoredToken | None) -> StoredToken:
        """Refuse what need not be shown to Okta."""
        if stored is None:
            detail = f"The token store {self._store.path} is empty: nobody has authorised this tenant yet."
            raise self._needs_authorize(detail)
        if stored.client_id and stored.client_id != self._config.client_id:
            detail = f"The token store {self._store.path} was filled for the client {stored.client_id}, not for {self._config.client_id}."
            raise self._needs_authorize(detail)
        if self._refusal and stored.refresh_token == self._refusal[0] and self._clock() < self._refusal[1]:
            raise self._refusal[2]
        return stored

    def _needs_authorize(self, detail: str) -> CredentialError:
        fix = f"Run: python -m okta_source authorize --tenant {self._tenant}; this process picks the token up by itself."
        return CredentialError(TransportFailure("auth", detail, fix, at_token=True, most_wait_seconds=_LOOK_AGAIN_SECONDS))

    def _newest(self) -> StoredToken | None:
        """The store's token, or the one that should be there."""
        stored = self._store.read()
        if self._unsaved and stored and stored.refresh_token == self._unsaved[0].refresh_token:
            return self._unsaved[1]
        return stored  # `authorize` has written since

    def _rotate(self, stored: StoredToken) -> TokenGrant:
        if self._dpop:
            stored = self._with_key(stored, self._dpop)
        # Before the request: what can't be written now could not be written afterwards, when the old token is worth nothing any more.
        self._write(stored)
        self._unsaved = None
        try:
            grant = self._endpoint.ask(lambda: self._request(stored.refresh_token))
        except CredentialError as error:
            if error.failure.error_type == "auth" and error.failure.detail.find("invalid_grant") >= 0:
                again_at = self._clock() + _REFUSED_FOR_SECONDS
                self._refusal = (stored.refresh_token, again_at, self._refused(error.failure))
                raise self._refusal[2] from None
            raise
        if grant.refresh_token and grant.refresh_token != stored.refresh_token:
            successor = StoredToken(grant.refresh_token, self._config.client_id, stored.dpop_key)
            self._unsaved = (stored, successor)
            self._write(successor)
            self._unsaved = None
        return grant

    def _write(self, token: StoredToken) -> None:
        self._store.write(token.refresh_token, client_id=token.client_id, dpop_key=token.dpop_key)

    @staticmethod
    def _refused(failure: TransportFailure) -> CredentialError:
        return CredentialError(
            TransportFailure(failure.error_type, failure.detail, failure.fix, at_token=True, most_wait_seconds=_LOOK_AGAIN_SECONDS)
        )

    def _with_key(self, stored: StoredToken, dpop: DpopProver) -> StoredToken:
        """Sign proofs with the store's key; where it has none, one is made and goes into it."""
        if stored.dpop_key is None:
            key = SigningKey.generate()
            stored = StoredToken(stored.refresh_token, stored.client_id, Secret(key.to_pem()))
        else:
            try:
                key = SigningKey.parse(stored.dpop_key.reveal())
            except KeyProblem as error:
                detail = f"The token store {self._store.path}, dpop_key, {error}."
                raise self._needs_authorize(detail) from None
        dpop.use(key)
        return stored

    def _request(self, refresh_token: Secret) -> TokenRequest:
        headers, secrets = basic(self._config)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.reveal(),
            # Okta gives a refresh token again where offline_access is asked for again.
            "scope": " ".join(dict.fromkeys((*self._config.scopes, "offline_access"))),
        }
        return TokenRequest(form, headers, (*secrets, refresh_token.reveal()))
