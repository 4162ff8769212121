"""`POST /oauth2/v1/token`: the grants."""

import base64
import hashlib
import hmac
from typing import Any

from okta_source.simulator.oauth.client import OAuthClient
from okta_source.simulator.oauth.errors import OAuthError, invalid_client, invalid_dpop_proof, invalid_grant, invalid_request, invalid_scope
from okta_source.simulator.oauth.form import scopes_of
from okta_source.simulator.oauth.state import OAuthState
from okta_source.simulator.oauth.tokens import SignIn
from okta_source.simulator.records import Request

__all__ = ["GRANT_TYPES", "OIDC_SCOPES", "TokenEndpoint"]

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
OIDC_SCOPES = frozenset({"openid", "profile", "email", "address", "phone", "groups", "offline_access"})
"""Scopes about a person who signs in."""


class TokenEndpoint:
    """Gives tokens to clients that have authenticated.

    Args:
        state: What was issued and to whom.
    """

    def __init__(self, state: OAuthState) -> None:
        self._state = state

    def answer(self, client: OAuthClient, form: dict[str, str], request: Request, now: float) -> dict[str, Any]:
        """The members of a good answer.

        Args:
            client: Who asks.
            form: The posted fields.
            request: The request.
            now: Unix time.

        Raises:
            OAuthError: Why there is none.
        """
        issuer = self._state.issuer(request)
        key_thumbprint = self._bound_key(client, request, now)
        match form.get("grant_type"):
            case "client_credentials":
                return self._client_credentials(client, form, issuer, key_thumbprint, now)
            case "authorization_code":
                return self._authorization_code(client, form, issuer, key_thumbprint, now)
            case "refresh_token":
                return self._refresh_token(client, form, issuer, key_thumbprint, now)
            case None:
                raise invalid_request(f"The token request must specify a 'grant_type'. Valid values: [{', '.join(GRANT_TYPES)}]")
            case _:
                text = "The authorization grant type is not supported by the authorization server. Configured grant types: "
                raise OAuthError(400, "unsupported_grant_type", f"{text}[{', '.join(GRANT_TYPES)}].")

    def _bound_key(self, client: OAuthClient, request: Request, now: float) -> str:
        """The thumbprint of the key that the tokens are to be bound to; empty for none."""
        proof = request.headers.get("dpop", "")
        if not proof and not client.dpop:
            return ""
        return self._state.proofs.check(proof, request.method, self._state.urls(request), now, with_nonce=True)

    def _client_credentials(
        self, client: OAuthClient, form: dict[str, str], issuer: str, key_thumbprint: str, now: float
    ) -> dict[str, Any]:
        if client.kind == "web":
            raise invalid_client(
                "Only clients with 'application_type' of 'service' may use the client_credentials 'grant_type' with the Org Authorization "
                "Server."
            )
        scopes = scopes_of(form)
        if not scopes:
            raise invalid_scope("No scopes were requested.")
        if OIDC_SCOPES.intersection(scopes):
            raise invalid_scope("Cannot request 'openid' scopes using client credentials.")
        if not set(client.scopes).issuperset(scopes):
            raise invalid_scope("One or more scopes are not configured for the authorization server resource.")
        return self._tokens(client, scopes, issuer, key_thumbprint, now)

    def _authorization_code(
        self, client: OAuthClient, form: dict[str, str], issuer: str, key_thumbprint: str, now: float
    ) -> dict[str, Any]:
        _only_for_people(client)
        code = self._state.tokens.take_code(form.get("code", ""), now)
        if code is None:
            raise invalid_grant("The authorization code is invalid or has expired.")
        if code.sign_in.client_id != client.client_id:
            raise invalid_grant(
                "The grant was issued to another client. Please make sure the 'client_id' matches the one used at the authorize request."
            )
        if code.redirect_uri != form.get("redirect_uri"):
            raise invalid_grant("The 'redirect_uri' does not match the redirection URI used in the authorization request.")
        _check_verifier(code.challenge, form.get("code_verifier", ""))
        code.sign_in.key_thumbprint = key_thumbprint
        answer = self._tokens(client, code.sign_in.scopes, issuer, key_thumbprint, now, code.sign_in)
        if "offline_access" in code.sign_in.scopes:
            answer["refresh_token"] = self._state.tokens.issue_refresh_token(code.sign_in, now).value
        return answer

    def _refresh_token(self, client: OAuthClient, form: dict[str, str], issuer: str, key_thumbprint: str, now: float) -> dict[str, Any]:
        _only_for_people(client)
        tokens = self._state.tokens
        given = tokens.refresh_tokens.get(form.get("refresh_token", ""))
        if given is not None:
            denied = [scope for scope in scopes_of(form) if scope not in given.sign_in.scopes]
            if denied:
                text = "Some of the scopes requested for the refresh request were not granted in the original authorize request. "
                raise OAuthError(400, "access_denied", f"{text}Denied scopes: {', '.join(denied)}.")
            if given.sign_in.key_thumbprint != key_thumbprint:
                raise invalid_dpop_proof("Invalid DPoP Public Key binding in refresh token")
        person = self._state.administrators.get(given.sign_in.username) if given else None
        fresh = tokens.refresh(given.value, client, now) if given and person and person.active else None
        if given is None or fresh is None:
            raise invalid_grant("The refresh token is invalid or expired.")
        scopes = scopes_of(form) or given.sign_in.scopes
        answer = self._tokens(client, scopes, issuer, key_thumbprint, now, given.sign_in)
        return {**answer, "refresh_token": fresh.value}

    def _tokens(
        self, client: OAuthClient, scopes: tuple[str, ...], issuer: str, key_thumbprint: str, now: float, sign_in: SignIn | None = None
    ) -> dict[str, Any]:
        token = self._state.mint.access_token(issuer, client, scopes, now, key_thumbprint, sign_in)
        self._state.tokens.add_access_token(token)
        answer: dict[str, Any] = {
            "token_type": "DPoP" if key_thumbprint else "Bearer",
            "expires_in": client.access_token_seconds,
            "access_token": token.value,
            "scope": " ".join(scopes),
        }
        if sign_in is not None and "openid" in scopes:
            answer["id_token"] = self._state.mint.id_token(issuer, client, sign_in, now)
        return answer


def _only_for_people(client: OAuthClient) -> None:
    if client.kind != "web":
        text = "The client is not authorized to use the provided grant type. Configured grant types: [client_credentials]."
        raise OAuthError(400, "unauthorized_client", text)


def _check_verifier(challenge: str, verifier: str) -> None:
    if not challenge:
        if verifier:
            raise invalid_request("PKCE code challenge should be specified in the authorize request for code verification.")
        return
    if not verifier:
        raise invalid_request("PKCE code verifier is required by the application.")
    digest = hashlib.sha256(verifier.encode()).digest()
    if not hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge):
        raise invalid_grant("PKCE verification failed.")
