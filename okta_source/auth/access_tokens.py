"""What all OAuth methods share: an access token is fetched when it is first needed, renewed before it ends, and given up once refused."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from okta_source.auth.base import CredentialError
from okta_source.auth.dpop import DpopProver
from okta_source.auth.token_endpoint import TokenGrant
from okta_source.config.secret import SecretError
from okta_source.polling.oauth_error import oauth_error_of
from okta_source.polling.outcome import Response

__all__ = ["AccessTokens", "Grant"]

_LOG = logging.getLogger(__name__)

# Long enough for somebody to be told of a renewal that fails, and to act, while the old token is still good.
_LONGEST_MARGIN_SECONDS = 300.0
_MARGIN_SHARE = 0.1
# Within the margin the old token is still taken, so trouble at the token endpoint is waited out, in a few tries.
_TRIES_IN_MARGIN = 5


class Grant(Protocol):
    """One way to come to an access token."""

    def obtain(self) -> TokenGrant:
        """Ask for a token; blocks.

        Raises:
            CredentialError: There is none.
            okta_source.config.secret.SecretError: The client's secret or key can't be read.
        """
        ...


@dataclass(slots=True)
class _Held:
    """An access token in use. Times are seconds of the monotonic clock.

    Attributes:
        grant: The token itself.
        renew_at: From when on another one is asked for.
        ends_at: From when on Okta refuses it.
        accepted: Whether the API has ever taken it.
        refused: Whether it is to be given up.
        unrenewed: Whether a renewal has failed.
    """

    grant: TokenGrant
    renew_at: float
    ends_at: float
    margin_seconds: float
    accepted: bool = False
    refused: bool = False
    unrenewed: bool = False


class AccessTokens:
    """One tenant's access token.

    At most one request for a token per lifetime: threads that need it at the same time wait for the one that fetches. The monotonic clock
    tells its age, so a wall clock that is set does no harm. A token that the API refuses is renewed at once if it was taken before (it was
    revoked); one that was never taken is not, or every poll would cost requests for tokens without end.

    Args:
        grant: How to come to a token.
        label: The tenant for people.
        dpop: Makes the proof beside the token, where it is bound to a key.
        on_refresh: Called for every token fetched.
        on_answer: Called with the headers of every answer.
        on_error: Called with error type and stage of a failed early renewal, which nobody else gets to see.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        grant: Grant,
        label: str,
        dpop: DpopProver | None = None,
        on_refresh: Callable[[], None] = lambda: None,
        on_answer: Callable[[Mapping[str, str]], object] = lambda _: None,
        on_error: Callable[[str, str], object] = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._grant = grant
        self._label = label
        self._dpop = dpop
        self._on_refresh = on_refresh
        self._on_answer = on_answer
        self._on_error = on_error
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """The access token, and the proof for this very request where it is bound to a key.

        Raises:
            CredentialError: No token could be had.
            okta_source.config.secret.SecretError: The client's secret or key can't be read.
        """
        with self._lock:
            grant = self._current()
            authorization = {"Authorization": f"{grant.scheme} {grant.access_token.reveal()}"}
            if self._dpop is None:
                return authorization
            return {**authorization, "DPoP": self._dpop.proof(method, url, grant.access_token)}

    def answered(self, sent: Mapping[str, str], response: Response) -> bool:
        """Take note of whether the token was taken.

        Returns:
            Whether to send the request again at once: with a nonce that Okta has asked for, or with another token.
        """
        error = oauth_error_of(response.headers, response.body) if response.status in (400, 401, 403) else None
        code = error.code if error else ""
        with self._lock:
            self._on_answer(response.headers)
            if self._dpop and self._dpop.remember(response.headers, from_api=True) and code == "use_dpop_nonce":
                return True
            held = self._held
            if held is None or sent.get("Authorization") != f"{held.grant.scheme} {held.grant.access_token.reveal()}":
                return response.status == 401  # another thread has renewed it meanwhile
            if response.status == 401:
                held.refused = True
                return held.accepted
            if code == "insufficient_scope":
                held.refused = True  # a scope that was granted since is in the next token only
            held.accepted = held.accepted or response.status < 500  # beyond, nobody may have looked at it
            return False

    def seconds_left(self) -> float | None:
        """How long the token in use still lasts, negative once it has ended and no other could be had.

        Returns:
            The seconds, or None without a token, and where one is due to be renewed that nobody has needed since: with a poll interval
            beyond its life, that is as it should be.
        """
        held = self._held  # without the lock, which a request for a token holds for as long as it takes
        if held is None or held.refused:
            return None
        now = self._clock()
        return held.ends_at - now if held.unrenewed or now < held.renew_at else None

    def _current(self) -> TokenGrant:
        now = self._clock()
        held = self._held
        if held is None or held.refused or now >= held.ends_at:
            self._held = held = self._fetched(now)
        elif now >= held.renew_at:
            try:
                self._held = held = self._fetched(now)
            except (CredentialError, SecretError) as error:
                held.renew_at = now + held.margin_seconds / _TRIES_IN_MARGIN
                held.unrenewed = True
                self._on_error(error.failure.error_type if isinstance(error, CredentialError) else "auth", "token")
                _LOG.warning("%s: the access token can't be renewed yet and is used for as long as it lasts: %s", self._label, error)
        return held.grant

    def _fetched(self, now: float) -> _Held:
        grant = self._grant.obtain()
        self._on_refresh()
        margin = min(_LONGEST_MARGIN_SECONDS, grant.lifetime_seconds * _MARGIN_SHARE)
        # From before the request on: Okta's own count began later.
        ends_at = now + grant.lifetime_seconds
        return _Held(grant, ends_at - margin, ends_at, margin)
