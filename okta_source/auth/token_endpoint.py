"""The token endpoint of an organisation's own authorization server: a request for an access token, and what comes back."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import msgspec

from okta_source.auth.base import CredentialError
from okta_source.auth.clock import OktaClock
from okta_source.auth.dpop import DpopProver
from okta_source.auth.token_errors import Situation, token_failure
from okta_source.config.secret import Secret
from okta_source.http.masking import without
from okta_source.polling.oauth_error import oauth_error_of
from okta_source.polling.outcome import Response, TransportFailure

__all__ = ["FormPoster", "TokenEndpoint", "TokenGrant", "TokenRequest", "token_url"]

# What Okta gives; the answer names it, and a server that doesn't is taken at Okta's word.
_DOCUMENTED_LIFETIME_SECONDS = 3600.0
# A clock put right, then a nonce.
_MOST_RETRIES = 2
_BETWEEN = "Look at what stands between here and Okta; it is tried again."


def token_url(org_url: str) -> str:
    """The token endpoint's URL, which is also the audience of an assertion, to the letter."""
    return f"{org_url}/oauth2/v1/token"


class FormPoster(Protocol):
    """What the endpoint needs of the network."""

    def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Response | TransportFailure:
        """Send a form; never raises for an expected failure."""
        ...


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One attempt: made anew for each, since an assertion is taken once.

    Attributes:
        form: The fields.
        headers: The client's authentication, where it is a header.
        secrets: What must not be shown, should an answer repeat it.
    """

    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What the endpoint has given.

    Attributes:
        access_token: For the API.
        scheme: How it is sent.
        lifetime_seconds: How long it is taken, from the request on.
        refresh_token: For the next access token, where there is one.
    """

    access_token: Secret
    scheme: Literal["Bearer", "DPoP"]
    lifetime_seconds: float
    refresh_token: Secret | None = None


class _Body(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # no password
    expires_in: float | None = None
    refresh_token: str | None = None


class TokenEndpoint:
    """Asks for access tokens of one tenant.

    Args:
        http: The tenant's connection.
        situation: The tenant, for messages.
        dpop: Makes the proofs, where tokens are to be bound to a key.
        clock: Learns Okta's time; the same that requests and proofs are dated by.
    """

    def __init__(self, http: FormPoster, situation: Situation, dpop: DpopProver | None = None, clock: OktaClock | None = None) -> None:
        self._http = http
        self._situation = situation
        self._dpop = dpop
        self.clock = clock or OktaClock()
        self.url = token_url(situation.org_url)

    def ask(self, make: Callable[[], TokenRequest]) -> TokenGrant:
        """Ask for a token; again only where Okta wants its nonce in the proof, or where our clock turns out to be wrong.

        Args:
            make: Makes the request; called for each attempt.

        Raises:
            CredentialError: There is none.
            okta_source.config.secret.SecretError: `make` could not read the client's secret.
        """
        answer = self._attempt(make)
        for _ in range(_MOST_RETRIES):
            if not self._differs_now(answer):
                break
            answer = self._attempt(make)
        if answer.status != 200:
            raise CredentialError(token_failure(answer, self._situation, self.clock.local()))
        return self._grant(answer.body)

    def _attempt(self, make: Callable[[], TokenRequest]) -> Response:
        request = make()
        proof = {"DPoP": self._dpop.proof("POST", self.url)} if self._dpop else {}
        answer = self._http.post_form(self.url, request.form, {**request.headers, **proof})
        if isinstance(answer, TransportFailure):
            fix = _BETWEEN if answer.error_type == "decode" else answer.fix
            raise CredentialError(replace(answer, fix=fix, at_token=True))
        return without(answer, (*request.secrets, *proof.values()))

    def _differs_now(self, answer: Response) -> bool:
        """Take what an answer says for the next request; whether that one is worth a try at once."""
        new_time = self.clock.learn(answer.headers)
        new_nonce = self._dpop is not None and self._dpop.remember(answer.headers, from_api=False)
        error = oauth_error_of(answer.headers, answer.body) if answer.status in (400, 401) else None
        return error is not None and (new_time or (new_nonce and error.code == "use_dpop_nonce"))

    def _grant(self, body: bytes | bytearray) -> TokenGrant:
        try:
            given = msgspec.json.decode(body, type=_Body, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Not shown: it may hold a token.
            detail = f"What {self.url} sent is no token."
            raise CredentialError(TransportFailure("decode", detail, _BETWEEN, at_token=True)) from None
        token = given.access_token
        scheme = {"bearer": "Bearer", "dpop": "DPoP"}.get(given.token_type.lower())
        if not token or not (token.isascii() and token.isprintable() and " " not in token) or scheme is None:
            detail = f"What {self.url} sent is no token that a request could carry."
            raise CredentialError(TransportFailure("decode", detail, _BETWEEN, at_token=True))
        if (scheme == "DPoP") != (self._dpop is not None):
            detail = f"Okta gave a token of the type {scheme}, although dpop is {'true' if self._dpop else 'false'}."
            fix = "Set dpop in `tenants.auth` to what the app is set to in the Okta Admin Console, under General > Proof of possession."
            raise CredentialError(TransportFailure("auth", detail, fix, at_token=True))
        lifetime = given.expires_in if given.expires_in and 0.0 < given.expires_in < math.inf else _DOCUMENTED_LIFETIME_SECONDS
        refresh_token = Secret(given.refresh_token) if given.refresh_token else None
        return TokenGrant(Secret(token), "DPoP" if self._dpop else "Bearer", lifetime, refresh_token)
