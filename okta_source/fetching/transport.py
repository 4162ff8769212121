"""Requests for one tenant's logs: each with its credential, and after a 401 once more with a new one."""

import time
from collections.abc import Callable
from typing import Protocol

from okta_source.auth.base import Authenticator, CredentialError
from okta_source.config.secret import SecretError
from okta_source.http.client import HttpClient
from okta_source.http.masking import without
from okta_source.polling.outcome import Response, TransportFailure

__all__ = ["OktaTransport", "Transport"]

# A new nonce for the proof beside an access token, and a new credential: an authenticator asks for each at most once in a row.
_MOST_RETRIES = 2


class Transport(Protocol):
    """What a feed needs of the network."""

    def get(self, url: str) -> Response | TransportFailure:
        """Ask `url` with the tenant's credential; blocks, never raises for an expected failure."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


class OktaTransport:
    """The real transport of one tenant.

    Args:
        http: Its connection.
        authenticator: Gives each request its credential.
        on_retry: Called with status and duration (seconds) of an answer that nobody else gets to see, since the request was sent again.
    """

    def __init__(self, http: HttpClient, authenticator: Authenticator, on_retry: Callable[[str, float], None] = lambda *_: None) -> None:
        self._http = http
        self._authenticator = authenticator
        self._on_retry = on_retry

    def get(self, url: str) -> Response | TransportFailure:
        """Ask `url` with the tenant's credential.

        Args:
            url: Already checked against the organisation's hosts.

        Returns:
            The whole answer, inflated, a refusal without the credential, should it repeat that; or why there is none.
        """
        retries = 0
        while True:
            try:
                sent = self._authenticator.headers("GET", url)
            except SecretError as error:
                return TransportFailure("auth", f"{error}", "Mend the reference in `tenants.auth`; it is read again at every try.")
            except CredentialError as error:
                return error.failure
            started = time.monotonic()
            answer = self._http.get(url, sent)
            if isinstance(answer, TransportFailure):
                return answer
            again = self._authenticator.answered(sent, answer)
            if not again or retries == _MOST_RETRIES:
                return without(answer, sent.values())
            retries += 1
            self._on_retry(str(answer.status), time.monotonic() - started)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
