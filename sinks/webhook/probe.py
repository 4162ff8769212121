"""Asks a receiver whether it is there and knows the sink's credentials, with requests that carry no event."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from sinks.errors import SecretUnavailable
from sinks.http.client import HttpClient, NoAnswer
from sinks.http.masking import mask_of
from sinks.webhook.signature import signature_headers
from sinks.webhook.verdict import judge
from sinks.webhook.words import json_value, public_url, secrets_in, words

__all__ = ["HEC_HEALTH_PATH", "Probed", "WebhookProbe"]

HEC_HEALTH_PATH = "/services/collector/health"
"""Splunk's own question for its collector: 200 with code 17 where it is well, 503 where its queues are full. It takes no event."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a question.

    Attributes:
        status: The HTTP status; 0 without an answer.
        reason: What was said, a sentence without any secret.
        fix: What to do where that is a refusal; a sentence, or nothing.
        said: The body's words, masked.
        code: Splunk's code, where the answer has one.
    """

    status: int
    reason: str
    fix: str = ""
    said: str = ""
    code: int | None = None


class WebhookProbe:
    """Asks one receiver.

    Args:
        url: The sink's.
        http: The connections; closed with the probe.
        headers: Headers that go along, credentials included; may raise `SecretUnavailable`.
        signing_secret: Looks up the secret for signatures; None for none. The empty body is signed.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        url: str,
        *,
        http: HttpClient,
        headers: Callable[[], Mapping[str, str]],
        signing_secret: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._http = http
        self._headers = headers
        self._signing_secret = signing_secret
        self._clock = clock

    def ask(self, method: Literal["OPTIONS", "GET"], timeout_seconds: float, path: str = "", *, is_hec: bool = False) -> Probed:
        """Send one question; never raises for an expected failure.

        Args:
            method: The HTTP method.
            timeout_seconds: The time after which it has failed.
            path: Another path than the URL's, on the same server.
            is_hec: Whether the receiver is a HTTP Event Collector.
        """
        parts = urlsplit(self._url)
        url = f"{parts.scheme}://{parts.netloc}{path}" if path else self._url
        try:
            own = self._headers()
            secret = self._signing_secret() if self._signing_secret else ""
            signed = {"webhook-id": "msg_check", **signature_headers("msg_check", "", secret, self._clock())} if secret else {}
        except (SecretUnavailable, ValueError) as error:
            return Probed(0, f"No request can be made: {error}.", "Look at what the sink's credentials refer to.")
        mask = mask_of([*own.values(), secret, secret.removeprefix("whsec_"), *secrets_in(self._url)])
        answer = self._http.request(method, url, body=None, headers={**own, **signed}, timeout_seconds=timeout_seconds)
        if isinstance(answer, NoAnswer):
            return Probed(0, mask(answer.reason), answer.fix)
        outcome = judge(answer, 1, address=public_url(url), is_hec=is_hec, now_epoch_seconds=self._clock(), mask=mask)
        parsed = json_value(answer.body)
        code = parsed.get("code") if isinstance(parsed, dict) else None
        refusal = outcome.again[0] if outcome.again else None
        reason = refusal.reason if refusal else outcome.split.reason if outcome.split else f"{public_url(url)} answered {answer.status}."
        return Probed(
            answer.status, reason, refusal.fix if refusal else "", words(answer.body, mask), code if isinstance(code, int) else None
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()
