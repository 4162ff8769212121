"""A receiver of webhooks as a target of the delivery core: one POST for each batch.

Delivery: at least once. A batch that is sent again has the same `webhook-id`, by which a receiver can take it once.
"""

import logging
import time
from collections.abc import Callable, Mapping

from sinks.delivery.batch import Batch
from sinks.delivery.target import Again, Outcome, Refused, failed
from sinks.errors import SecretUnavailable
from sinks.http.client import HttpClient, NoAnswer
from sinks.http.clock import ClockWatch, skew_seconds, skew_words
from sinks.http.masking import mask_of
from sinks.webhook.encoding import CONTENT_TYPES, Encoding, HecFields, encode
from sinks.webhook.signature import message_id, signature_headers
from sinks.webhook.verdict import judge
from sinks.webhook.words import public_url, secrets_in

__all__ = ["WebhookTarget"]

_LOG = logging.getLogger(__name__)

_SECRET_FIX = "It is looked up again for each attempt: put a right one there."  # noqa: S105 (no secret)


class WebhookTarget:
    """Sends batches to one URL, signed by the rules of Standard Webhooks where there is a secret.

    Args:
        url: Where to send, absolute.
        encoding: The form of a request's body.
        http: The connections; closed with the target.
        headers: Headers beside the target's own, credentials included; looked up for each request, so that they can be exchanged without
            a restart. May raise `SecretUnavailable`.
        signing_secret: Looks up the secret for signatures likewise; None for none.
        hec: For the encoding `hec`.
        routing_key: Looks up PagerDuty's key likewise, for the encoding `pagerduty`.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        url: str,
        encoding: Encoding,
        *,
        http: HttpClient,
        headers: Callable[[], Mapping[str, str]],
        signing_secret: Callable[[], str] | None = None,
        hec: HecFields | None = None,
        routing_key: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._address = public_url(url)
        self._encoding = encoding
        self._http = http
        self._headers = headers
        self._signing_secret = signing_secret
        self._hec = hec or HecFields()
        self._routing_key = routing_key
        self._clock = clock
        self._clocks = ClockWatch(self._address)
        self._told = False

    @property
    def address(self) -> str:
        """The URL without credentials and query."""
        return self._address

    def prepare(self, timeout_seconds: float) -> Again | None:  # noqa: ARG002
        """A receiver needs no preparation; of Splunk it is said, once, what its 200 means."""
        if self._encoding == "hec" and not self._told:
            self._told = True
            _LOG.info("%s: Splunk's 200 means received, not indexed: indexer acknowledgement is not asked for", self._address)
        return None

    def send(self, batch: Batch, timeout_seconds: float) -> Outcome:
        """Send a batch once; blocks, never raises for an expected failure.

        Args:
            batch: At least one event.
            timeout_seconds: The time after which the attempt has failed.
        """
        headers = {"Content-Type": CONTENT_TYPES[self._encoding]}
        try:
            own = self._headers()
            secret = self._signing_secret() if self._signing_secret else None
            routing_key = self._routing_key() if self._routing_key else ""
        except SecretUnavailable as error:
            return self._not_sent(batch, str(error))
        try:
            body = encode(batch, self._encoding, self._hec, routing_key)
            text = body.decode()
        except ValueError as error:
            # Neither JSON (RFC 8259) nor to be signed. Halves cost nothing here: what is unreadable is sent nowhere.
            why = "The event is not UTF-8, which JSON has to be." if isinstance(error, UnicodeDecodeError) else str(error)
            return Outcome(split=Refused(0, why), unsendable=True)
        headers |= {**own, "webhook-id": message_id(batch)}
        if secret is not None:
            try:
                headers |= signature_headers(headers["webhook-id"], text, secret, self._clock())
            except ValueError as error:
                return self._not_sent(batch, str(error))
        answer = self._http.request("POST", self._url, body=body, headers=headers, timeout_seconds=timeout_seconds)
        mask = mask_of([*own.values(), *_forms(secret or ""), routing_key, *secrets_in(self._url)])
        if isinstance(answer, NoAnswer):
            return failed(batch, mask(answer.reason), fix=answer.fix, error_type=answer.error_type, blame=answer.blame)
        now = self._clock()
        self._clocks.look(answer.headers, now)
        return judge(
            answer,
            len(batch),
            address=self._address,
            is_hec=self._encoding == "hec",
            now_epoch_seconds=now,
            mask=mask,
            clock_words=skew_words(skew_seconds(answer.headers, now), self._address) if secret is not None else "",
        )

    def scopes(self, batch: Batch) -> None:  # noqa: ARG002
        """A failure always concerns the whole receiver."""
        return

    def close(self) -> None:
        """Give the connections back; may be called while another thread sends."""
        self._http.close()

    def _not_sent(self, batch: Batch, why: str) -> Outcome:
        return failed(batch, f"No request to {self._address}: {why}.", fix=_SECRET_FIX, error_type="auth")


def _forms(secret: str) -> tuple[str, str]:
    return secret, secret.removeprefix("whsec_")
