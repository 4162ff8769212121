"""A tenant's HTTP client that remembers the answers: the transport and the authenticators keep them to themselves."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from okta_source.config.tenant import TenantConfig
from okta_source.http.client import HttpClient
from okta_source.polling.outcome import Response, TransportFailure

__all__ = ["Answer", "Recorder"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the organisation, or of what stands in its place.

    Attributes:
        response: The answer itself.
        sent_at: When its request was sent, epoch seconds by our clock.
        received_at: When it was there.
    """

    response: Response
    sent_at: float
    received_at: float


class Recorder(HttpClient):
    """A tenant's HTTP client, no other than a run's.

    Args:
        tenant: Its configuration.
        now: Our clock, epoch seconds.
    """

    def __init__(self, tenant: TenantConfig, now: Callable[[], float] = time.time) -> None:
        super().__init__(tenant)
        self._now = now
        self.answers: list[Answer] = []

    def get(self, url: str, headers: Mapping[str, str]) -> Response | TransportFailure:
        """As `HttpClient.get`."""
        sent_at = self._now()
        return self._noted(super().get(url, headers), sent_at)

    def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Response | TransportFailure:
        """As `HttpClient.post_form`."""
        sent_at = self._now()
        return self._noted(super().post_form(url, form, headers), sent_at)

    def _noted(self, outcome: Response | TransportFailure, sent_at: float) -> Response | TransportFailure:
        if isinstance(outcome, Response):
            self.answers.append(Answer(outcome, sent_at, self._now()))
        return outcome
