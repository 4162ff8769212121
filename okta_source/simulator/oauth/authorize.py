"""`/oauth2/v1/authorize`: sign-in, consent, and the way back to the app."""

import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

from okta_source.simulator.oauth.client import OAuthClient
from okta_source.simulator.oauth.errors import OAuthError, invalid_request, invalid_scope
from okta_source.simulator.oauth.form import posted_form, query_parameters, scopes_of
from okta_source.simulator.oauth.pages import consent_page, error_page, sign_in_page
from okta_source.simulator.oauth.state import OAuthState
from okta_source.simulator.oauth.token_endpoint import OIDC_SCOPES
from okta_source.simulator.oauth.tokens import SignIn
from okta_source.simulator.records import Answer, Request

__all__ = ["AUTHORIZE_PATH", "CONSENT_PATH", "SIGN_IN_PATH", "AuthorizeEndpoint"]

AUTHORIZE_PATH = "/oauth2/v1/authorize"
SIGN_IN_PATH = f"{AUTHORIZE_PATH}/signin"
CONSENT_PATH = f"{AUTHORIZE_PATH}/consent"

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_HTML = ("content-type", "text/html;charset=utf-8")
_ABANDONED = "The sign-in was started too long ago or has been finished already. Go back to the app and start again."
_WRONG_PASSWORD = "Unable to sign in"  # noqa: S105 - what Okta shows
_LIFE_SECONDS = 3600


@dataclass
class _Transaction:
    """An authorization request on its way; `username` is known once somebody has signed in."""

    client: OAuthClient
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str
    nonce: str
    started_at: float
    username: str = ""


@dataclass
class _Redirect(Exception):  # noqa: N818 - not only errors go back
    """An answer that the app gets through the browser."""

    uri: str
    members: dict[str, str] = field(repr=False)


class AuthorizeEndpoint:
    """Leads people through sign-in and consent.

    Args:
        organisation: Its name, for the pages.
        state: Clients, people, tokens.
    """

    def __init__(self, organisation: str, state: OAuthState) -> None:
        self._organisation = organisation
        self._state = state
        self._transactions: dict[str, _Transaction] = {}

    def answer(self, request: Request, now: float) -> Answer:
        """A page, or a redirect to the app.

        Args:
            request: A request to one of the three paths.
            now: Unix time.

        Raises:
            OktaError: 405 or 400, it is no form.
        """
        try:
            if request.path == SIGN_IN_PATH:
                return self._sign_in(posted_form(request), now)
            if request.path == CONSENT_PATH:
                return self._consent(posted_form(request), now)
            parameters = posted_form(request) if request.method == "POST" else query_parameters(request)
            return self._begin(parameters, now)
        except OAuthError as error:
            return Answer(error.status, [_HTML], error_page(self._organisation, f"{error.status} {error.error}", error.description))
        except _Redirect as redirect:
            separator = "&" if "?" in redirect.uri else "?"
            return Answer(302, [("location", f"{redirect.uri}{separator}{urlencode(redirect.members)}")], b"")

    def _begin(self, parameters: dict[str, str], now: float) -> Answer:
        client = self._state.clients.get(parameters.get("client_id", ""))
        if client is None or not client.active:
            raise OAuthError(400, "invalid_client", "Invalid value for 'client_id' parameter.")
        if client.kind != "web":
            raise invalid_request("Clients with 'application_type' of 'service' are not allowed to access the 'authorize' endpoint.")
        redirect_uri = parameters.get("redirect_uri", "")
        if redirect_uri not in client.redirect_uris:
            # Never a redirect here: the address may be an attacker's.
            raise invalid_request("The 'redirect_uri' parameter must be a Login redirect URI in the client app settings.")
        try:
            _check(client, parameters)
        except OAuthError as error:
            raise _refused(redirect_uri, parameters.get("state", ""), error.error, error.description) from None
        transaction = _Transaction(
            client,
            redirect_uri,
            parameters["state"],
            scopes_of(parameters),
            parameters.get("code_challenge", ""),
            parameters.get("nonce", ""),
            now,
        )
        key = secrets.token_urlsafe(24)
        self._transactions[key] = transaction
        return Answer(200, [_HTML], sign_in_page(self._organisation, client.name, SIGN_IN_PATH, key))

    def _sign_in(self, form: dict[str, str], now: float) -> Answer:
        key, transaction = self._transaction(form, now)
        person = self._state.administrators.get(form.get("username", "").strip())
        if person is None or not person.active or not secrets.compare_digest(person.password.encode(), form.get("password", "").encode()):
            page = sign_in_page(self._organisation, transaction.client.name, SIGN_IN_PATH, key, _WRONG_PASSWORD)
            return Answer(401, [_HTML], page)
        if not person.role and not OIDC_SCOPES.issuperset(transaction.scopes):
            del self._transactions[key]
            raise _refused(
                transaction.redirect_uri, transaction.state, "consent_required", "You are not allowed any of the requested scopes."
            )
        transaction.username = person.username
        page = consent_page(self._organisation, transaction.client.name, person.username, transaction.scopes, CONSENT_PATH, key)
        return Answer(200, [_HTML], page)

    def _consent(self, form: dict[str, str], now: float) -> Answer:
        key, transaction = self._transaction(form, now)
        if not transaction.username:
            raise invalid_request(_ABANDONED)
        del self._transactions[key]
        if form.get("decision") != "allow":
            description = "The resource owner or authorization server denied the request."
            raise _refused(transaction.redirect_uri, transaction.state, "access_denied", description)
        sign_in = SignIn(transaction.client.client_id, transaction.username, transaction.scopes, now, transaction.nonce)
        code = self._state.tokens.issue_code(sign_in, transaction.redirect_uri, transaction.challenge, now)
        raise _Redirect(transaction.redirect_uri, {"code": code, "state": transaction.state})

    def _transaction(self, form: dict[str, str], now: float) -> tuple[str, _Transaction]:
        key = form.get("transaction", "")
        transaction = self._transactions.get(key)
        if transaction is None or now - transaction.started_at >= _LIFE_SECONDS:
            raise invalid_request(_ABANDONED)
        return key, transaction


def _refused(redirect_uri: str, state: str, error: str, description: str) -> _Redirect:
    members = {"state": state} if state else {}
    return _Redirect(redirect_uri, {**members, "error": error, "error_description": description})


def _check(client: OAuthClient, parameters: dict[str, str]) -> None:
    """Check what can be told to the app when it is wrong.

    Raises:
        OAuthError: A parameter is missing or not allowed.
    """
    if parameters.get("response_type") != "code":
        text = "The response type is not supported by the authorization server. Configured response types: [code]."
        raise OAuthError(400, "unsupported_response_type", text)
    if not parameters.get("state"):
        raise invalid_request("The authentication request has an invalid 'state' parameter.")
    scopes = scopes_of(parameters)
    if not scopes:
        raise invalid_scope("No scopes were requested.")
    if not OIDC_SCOPES.union(client.scopes).issuperset(scopes):
        raise invalid_scope("One or more scopes are not configured for the authorization server resource.")
    challenge = parameters.get("code_challenge", "")
    if challenge:
        if parameters.get("code_challenge_method") != "S256":
            raise invalid_request("PKCE code challenge method is not supported. Valid values: [S256]")
        if not _CHALLENGE.fullmatch(challenge):
            raise invalid_request("PKCE code challenge contains illegal characters.")
    elif client.pkce_required:
        raise invalid_request("PKCE code challenge is required by the application.")
    if parameters.get("prompt") == "none":
        # Nobody stays signed in here.
        raise OAuthError(400, "login_required", "The client specified not to prompt, but the user is not logged in.")
