"""Standard Webhooks: the headers by which a receiver knows a batch again and knows who sent it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the signature is an HMAC-SHA256 of
`id.timestamp.body`. A receiver keeps the id for a while to take a batch once, and refuses a timestamp that is far from its own clock.
"""

import hashlib
import json
from base64 import b64decode
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from sinks.delivery.batch import Batch

__all__ = ["check_secret", "message_id", "signature_headers"]

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (no secret)
_SECRET_ALLOWED: Final = (
    f"a signing secret is base64, with or without {_SECRET_PREFIX!r} in front; "
    "copy it from the receiver, or make one for both sides: openssl rand -base64 32"
)


def message_id(batch: Batch) -> str:
    """The `webhook-id` of a batch: the same list of events always has the same one, after a restart too; another list has another one.

    It knows nothing of the documents' bytes, since `_okta_ingested_at` differs when Okta is asked again, nor of the pages they came in.
    """
    events = [(part.tenant, part.heads[index].uuid) for part, index in batch.locate()]
    # As JSON no two lists look alike, whatever a uuid holds.
    return "msg_" + hashlib.blake2b(json.dumps(events).encode(), digest_size=16).hexdigest()


def signature_headers(identity: str, body: str, secret: str, now_epoch_seconds: float) -> dict[str, str]:
    """The `webhook-timestamp` and `webhook-signature` headers of one sending.

    Args:
        identity: The `webhook-id`.
        body: The request's body.
        secret: As `check_secret` allows.
        now_epoch_seconds: When it is sent.

    Raises:
        ValueError: The secret is none; the message doesn't show it.
    """
    seconds = int(now_epoch_seconds)
    signature = Webhook(_key(secret)).sign(identity, datetime.fromtimestamp(seconds, UTC), body)
    return {"webhook-timestamp": str(seconds), "webhook-signature": signature}


def check_secret(text: str) -> None:
    """Check the form of a signing secret.

    Raises:
        ValueError: It is neither base64 nor `whsec_` and base64. The message says what to do and doesn't show it.
    """
    _key(text)


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_SECRET_PREFIX)
    try:
        # Strict, where the library would leave out what is no base64, and sign with what remains. The padding may be missing.
        key = b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError(_SECRET_ALLOWED)
    return key
