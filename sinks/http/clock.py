"""A target's clock beside ours, by the `Date` of its answers: a signature is refused where the two are too far apart."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from sinks.http.retry_after import http_date

__all__ = ["FAR_SECONDS", "ClockWatch", "skew_seconds", "skew_words"]

_LOG = logging.getLogger(__name__)

FAR_SECONDS = 60.0
"""From when on it is said. Receivers of signed webhooks bear five minutes."""
_NEAR_SECONDS = 50.0
"""Below which it is taken back: a `Date` has whole seconds and each answer its time on the way, so one threshold is crossed for ever."""
_AGREED_FOR_SECONDS = 60.0
"""How long nothing far has come before it is taken back: of two servers behind one name, one clock may be wrong."""


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
        clock: Monotonic seconds.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._clock = clock
        self._is_far = False
        self._far_at = 0.0
        self._lock = threading.Lock()

    def look(self, headers: Mapping[str, str], now_epoch_seconds: float) -> None:
        """Look at an answer."""
        seconds = skew_seconds(headers, now_epoch_seconds)
        if seconds is None:
            return
        with self._lock:
            was_far, now = self._is_far, self._clock()
            if abs(seconds) > (_NEAR_SECONDS if was_far else FAR_SECONDS):
                self._is_far, self._far_at = True, now
            elif now >= self._far_at + _AGREED_FOR_SECONDS:
                self._is_far = False
            if self._is_far == was_far:
                return
        if not was_far:
            _LOG.warning("%s", skew_words(seconds, self._address))
        else:
            _LOG.warning("The clock of %s agrees with this machine's again.", self._address)
