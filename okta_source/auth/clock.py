"""Okta's time, for what it dates: assertions and proofs that are refused when this machine's clock is wrong."""

import time
from collections.abc import Callable, Mapping

from okta_source.polling.retry_after import http_date

__all__ = ["OktaClock"]

# `Date` has whole seconds and an answer takes a while; what is dated allows for a minute.
_NOTABLE_SECONDS = 30.0


class OktaClock:
    """Our clock, corrected by the `Date` of Okta's answers once the two differ notably.

    Args:
        now: Our clock, epoch seconds.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.local = now
        self._ahead_seconds = 0.0

    def __call__(self) -> float:
        """Okta's time, epoch seconds, as far as it is known."""
        return self.local() - self._ahead_seconds

    def learn(self, headers: Mapping[str, str]) -> bool:
        """Compare clocks with an answer that has just come.

        Args:
            headers: The answer's.

        Returns:
            Whether what was dated before was dated wrongly.
        """
        dated = http_date(headers.get("Date"))
        if dated is None or abs(self() - dated.timestamp()) < _NOTABLE_SECONDS:
            return False
        ahead = self.local() - dated.timestamp()
        self._ahead_seconds = ahead if abs(ahead) >= _NOTABLE_SECONDS else 0.0
        return True
