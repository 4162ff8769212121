"""The organisation's own authorization server: routes, scripts, counters, and what tests do to it."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from okta_source.simulator import answers
from okta_source.simulator.errors import OktaError
from okta_source.simulator.oauth.access import Gate
from okta_source.simulator.oauth.authentication import authenticate
from okta_source.simulator.oauth.authorize import AUTHORIZE_PATH, CONSENT_PATH, SIGN_IN_PATH, AuthorizeEndpoint
from okta_source.simulator.oauth.client import OAuthClient
from okta_source.simulator.oauth.errors import OAuthError
from okta_source.simulator.oauth.form import posted_form
from okta_source.simulator.oauth.metadata import metadata
from okta_source.simulator.oauth.state import Administrator, OAuthState
from okta_source.simulator.oauth.token_endpoint import TokenEndpoint
from okta_source.simulator.records import Answer, Request, Script, Scripted
from okta_source.simulator.settings import Settings

__all__ = ["TOKEN_PATH", "AuthorizationServer", "TokenRequest"]

TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - a path
_REVOKE_PATH = "/oauth2/v1/revoke"
_KEYS_PATH = "/oauth2/v1/keys"
_METADATA_PATHS = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
_AUTHORIZE_PATHS = (AUTHORIZE_PATH, SIGN_IN_PATH, CONSENT_PATH)
_PATHS = frozenset({TOKEN_PATH, _REVOKE_PATH, _KEYS_PATH, *_METADATA_PATHS, *_AUTHORIZE_PATHS})
_KEPT_REQUESTS = 100_000


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token endpoint and what became of it.

    Attributes:
        at: Unix time in seconds by the organisation's clock.
        grant: The `grant_type` asked for; empty when there was none.
        client_id: Who asked; empty when that never became clear.
        outcome: `granted`, Okta's error such as `invalid_client`, `use_dpop_nonce` or E0000021, or `scripted`, where a test decided the
            whole answer.
        status: Status of the answer; 0 when the connection was reset instead.
    """

    at: float
    grant: str
    client_id: str
    outcome: str
    status: int


class AuthorizationServer:
    """Serves OAuth for one organisation.

    Args:
        organisation: Its name.
        settings: The organisation's settings; read anew for each request.
        now: Tells Unix time by the organisation's clock.
        clients: The apps it knows from the start.
        administrators: The people who can sign in.

    Attributes:
        state: Clients, people and tokens.
        gate: Checks the credentials of API requests.
    """

    def __init__(
        self,
        organisation: str,
        settings: Settings,
        now: Callable[[], float],
        clients: Iterable[OAuthClient] = (),
        administrators: Iterable[Administrator] = (),
    ) -> None:
        self.state = OAuthState(lambda: settings.public_url)
        self.gate = Gate(settings, self.state)
        self._now = now
        self._tokens = TokenEndpoint(self.state)
        self._authorize = AuthorizeEndpoint(organisation, self.state)
        self._lock = threading.RLock()
        self._scripts: deque[Script] = deque()
        self._requests: deque[TokenRequest] = deque(maxlen=_KEPT_REQUESTS)
        for client in clients:
            self.register(client)
        for administrator in administrators:
            self.state.administrators[administrator.username] = administrator

    @staticmethod
    def serves(path: str) -> bool:
        """Whether a path belongs to the authorization server."""
        return path in _PATHS

    def register(self, client: OAuthClient) -> OAuthClient:
        """Make an app known; one with the same id is replaced."""
        with self._lock:
            self.state.clients[client.client_id] = client
        return client

    @property
    def token_requests(self) -> list[TokenRequest]:
        """The requests to the token endpoint so far, the last hundred thousand of them."""
        with self._lock:
            return list(self._requests)

    def script(self, *answers_to_come: Script) -> None:
        """Decide the next answers of the token endpoint, one a request; see `okta_source.simulator.oauth.faults` for ready-made ones."""
        with self._lock:
            self._scripts.extend(answers_to_come)

    def expire_tokens(self, client_id: str | None = None) -> None:
        """Let all access tokens (of one client) end now, before their time."""
        self._end_tokens(client_id, expire=True)

    def revoke_tokens(self, client_id: str | None = None) -> None:
        """Revoke all access tokens (of one client); refresh tokens stay."""
        self._end_tokens(client_id, expire=False)

    def revoke_sign_ins(self, client_id: str | None = None) -> None:
        """Revoke all refresh tokens (of one client) and the access tokens that came of them: somebody has to sign in again."""
        with self._lock:
            for token in self.state.tokens.refresh_tokens.values():
                if client_id in (None, token.sign_in.client_id):
                    self.state.tokens.revoke_family(token.sign_in)

    def drop_scope(self, client_id: str, scope: str) -> None:
        """Take a scope from a client and from the access tokens that it has."""
        with self._lock:
            client = self.state.clients[client_id]
            client.scopes = tuple(granted for granted in client.scopes if granted != scope)
            for token in self.state.tokens.access_tokens.values():
                if token.client_id == client_id:
                    token.scopes = tuple(granted for granted in token.scopes if granted != scope)

    def _end_tokens(self, client_id: str | None, *, expire: bool) -> None:
        with self._lock:
            for token in self.state.tokens.access_tokens.values():
                if client_id in (None, token.client_id):
                    token.revoked = token.revoked or not expire
                    token.expires_at = min(token.expires_at, self._now()) if expire else token.expires_at

    def admit(self, request: Request, now: float, scope: str = "okta.logs.read") -> None:
        """Check the credential of an API request, and that it is good for a scope.

        Raises:
            OktaError: It is refused.
        """
        with self._lock:
            self.gate.admit(request, now, scope)

    def respond(self, request: Request, request_id: str) -> Answer:
        """The answer to a request for one of the server's paths.

        Args:
            request: The request.
            request_id: Okta's id of the request.
        """
        now = self._now()
        headers = [*answers.base_headers(now, request_id, None), ("pragma", "no-cache")]
        with self._lock:
            try:
                answer = self._route(request, now, headers, f"oae{request_id}")
            except OktaError as error:
                return answers.error_answer(error, headers, f"oae{request_id}")
        return answer

    def _route(self, request: Request, now: float, headers: list[tuple[str, str]], error_id: str) -> Answer:
        if request.path == TOKEN_PATH:
            return self._token_answer(request, now, headers, error_id)
        if request.path in _AUTHORIZE_PATHS:
            answer = self._authorize.answer(request, now)
            answer.headers = headers + answer.headers
            return answer
        if request.path == _REVOKE_PATH:
            return self._revoke_answer(request, now, headers)
        if request.method != "GET":
            raise OktaError(405, "E0000022")
        document = {"keys": self.state.mint.public_keys()} if request.path == _KEYS_PATH else metadata(self.state.issuer(request))
        return _json_answer(200, document, headers)

    def _token_answer(self, request: Request, now: float, headers: list[tuple[str, str]], error_id: str) -> Answer:
        script = self._scripts.popleft() if self._scripts else None
        scripted: Scripted | None = script(request) if callable(script) else script
        grant = client_id = ""
        outcome = "granted"
        try:
            form = posted_form(request)
            grant = form.get("grant_type", "")
            if scripted is None or scripted.fallthrough:
                client = self._client(request, form, now)
                client_id = client.client_id
                answer = _json_answer(200, self._tokens.answer(client, form, request, now), headers)
        except OAuthError as error:
            outcome = error.error
            answer = _error_answer(error, headers)
        except OktaError as error:
            outcome = error.code
            answer = answers.error_answer(error, headers, error_id)
        if scripted is not None and not scripted.fallthrough:
            outcome = "scripted"
            answer = answers.scripted_answer(scripted, headers, [], error_id)
        elif scripted is not None:
            answers.apply_script(scripted, answer)
        self._requests.append(TokenRequest(now, grant, client_id, outcome, 0 if answer.silent else answer.status))
        return answer

    def _client(self, request: Request, form: dict[str, str], now: float) -> OAuthClient:
        authorization = request.headers.get("authorization", "")
        return authenticate(form, authorization, self.state.clients, self.state.assertions, self.state.urls(request), now)

    def _revoke_answer(self, request: Request, now: float, headers: list[tuple[str, str]]) -> Answer:
        """Revoke a token of the client that asks; one that is none, or another's, is answered alike (RFC 7009)."""
        try:
            form = posted_form(request)
            client = self._client(request, form, now)
        except OAuthError as error:
            return _error_answer(error, headers)
        tokens = self.state.tokens
        access, refresh = tokens.access_tokens.get(form.get("token", "")), tokens.refresh_tokens.get(form.get("token", ""))
        if access is not None and access.client_id == client.client_id:
            access.revoked = True
        if refresh is not None and refresh.sign_in.client_id == client.client_id:
            tokens.revoke_family(refresh.sign_in)
        return Answer(200, headers, b"")


def _json_answer(status: int, document: dict[str, Any], headers: list[tuple[str, str]]) -> Answer:
    return Answer(status, [*headers, ("content-type", answers.JSON)], json.dumps(document).encode())


def _error_answer(error: OAuthError, headers: list[tuple[str, str]]) -> Answer:
    return Answer(error.status, [*headers, *error.headers, ("content-type", answers.JSON)], error.body())
