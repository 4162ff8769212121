"""Faults by probability. None of them changes what is served in the end: asking again gives the page that was due."""

import random
from dataclasses import dataclass, fields

_SETTINGS = ("hang_seconds", "extra_latency_seconds", "rate_limit_reset_seconds")
_UNRECOVERABLE = ("malformed_event",)


@dataclass(slots=True)
class Faults:
    """Probabilities per request, each 0..1, and what the faults need to know.

    Attributes:
        server_error: 500 (E0000009 or E0000053), 502, 503 E0000010 or 504.
        rate_limited: 429 E0000047 although there was budget left.
        concurrency_limited: 429 with `Limit: 0` and `Remaining: 0`.
        timeout: No answer for `hang_seconds`, then the connection closes.
        stall: Headers and half of the body, then nothing for `hang_seconds`.
        truncated: The connection closes in mid-body.
        corrupt: The body is garbled: broken gzip, or cut JSON.
        html: 200 with an HTML page, as a captive proxy answers.
        not_an_array: 200 with a JSON object instead of a list.
        connection_reset: The connection is reset without an answer.
        unauthorized: 401 E0000011, once.
        cursor_expired: 400 for a request that has a cursor.
        latency: `extra_latency_seconds` more before the answer.
        duplicate: An event of an earlier page is repeated in this one.
        malformed_event: The page holds an element that is no event (off in `all`: clients can't recover what never was).
        hang_seconds: How long a hanging answer hangs.
        extra_latency_seconds: How long `latency` takes.
        rate_limit_reset_seconds: When the reset of a `rate_limited` or `concurrency_limited` answer is.
    """

    server_error: float = 0.0
    rate_limited: float = 0.0
    concurrency_limited: float = 0.0
    timeout: float = 0.0
    stall: float = 0.0
    truncated: float = 0.0
    corrupt: float = 0.0
    html: float = 0.0
    not_an_array: float = 0.0
    connection_reset: float = 0.0
    unauthorized: float = 0.0
    cursor_expired: float = 0.0
    latency: float = 0.0
    duplicate: float = 0.0
    malformed_event: float = 0.0
    hang_seconds: float = 60.0
    extra_latency_seconds: float = 0.5
    rate_limit_reset_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name in PROBABILITIES:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                message = f"{name} must be between 0 and 1, not {value!r}"
                raise ValueError(message)

    @classmethod
    def all(cls, probability: float, *, hang_seconds: float = 0.5) -> "Faults":
        """Every fault that a client can recover from, each with `probability`; hanging ones hang for `hang_seconds`."""
        chosen = {name: probability for name in PROBABILITIES if name not in _UNRECOVERABLE}
        return cls(**chosen, hang_seconds=hang_seconds, extra_latency_seconds=0.05)

    def draw(self, rng: random.Random, *, has_cursor: bool) -> str:
        """The name of the fault that befalls one request; empty when none does."""
        for name in PROBABILITIES:
            probability = getattr(self, name)
            if probability and rng.random() < probability and (has_cursor or name != "cursor_expired"):
                return name
        return ""


PROBABILITIES = tuple(f.name for f in fields(Faults) if f.name not in _SETTINGS)
"""The names of all faults, in the order in which they are drawn."""
