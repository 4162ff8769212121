"""A target's clock beside ours, by the `Date` of its answers: a signature is refused where the two are too far apart."""

import logging
import threading
from collections.abc import Mapping

from sinks.http.retry_after import http_date

__all__ = ["FAR_SECONDS", "ClockWatch", "skew_seconds", "skew_words"]

_LOG = logging.getLogger(__name__)

FAR_SECONDS = 60.0
"""From when on it is said. Receivers of signed webhooks bear five minutes."""


def skew_seconds(headers: Mapping[str, str], now_epoch_seconds: float) -> float | None:
    """By how much a server's clock is ahead of ours, negative where it is behind; None where it doesn't say.

    An answer with an `Age` comes from a cache, with the date of then.
    """
    if "Date" not in headers or "Age" in headers:
        return None
    moment = http_date(headers["Date"])
    return None if moment is None else moment.timestamp() - now_epoch_seconds


def skew_words(seconds: float | None, whose: str) -> str:
    """A sentence about clocks that are far apart; nothing where they aren't."""
    if seconds is None or abs(seconds) <= FAR_SECONDS:
        return ""
    where = "ahead of" if seconds > 0 else "behind"
    return f"The clock of {whose} is {abs(seconds):.0f} s {where} this machine's: set both by NTP."


class ClockWatch:
    """Says when a server's clock and ours have come apart, and when they agree again; once per change. Thread-safe.

    Args:
        address: Whose clock, for the message.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._is_far = False
        self._lock = threading.Lock()
        self.skew_seconds: float | None = None
        """As of the last answer that said so."""

    def look(self, headers: Mapping[str, str], now_epoch_seconds: float) -> None:
        """Look at an answer."""
        seconds = skew_seconds(headers, now_epoch_seconds)
        if seconds is None:
            return
        with self._lock:
            self.skew_seconds = seconds
            was_far, self._is_far = self._is_far, abs(seconds) > FAR_SECONDS
            if self._is_far == was_far:
                return
        if not was_far:
            _LOG.warning("%s", self.words())
        else:
            _LOG.warning("The clock of %s agrees with this machine's again.", self._address)

    def words(self) -> str:
        """A sentence about clocks that are far apart; nothing where they aren't."""
        return skew_words(self.skew_seconds, self._address)
