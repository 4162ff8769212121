"""This machine's clock beside Okta's, by the `Date` of its answers. Pure.

A clock that is minutes off lets signatures and proofs be refused and `start_from = "now"` skip events, and nothing else would say so.
"""

from typing import Final

from okta_source.polling.retry_after import http_date

__all__ = ["FAR_SECONDS", "ClockWatch", "skew_seconds", "skew_words"]

FAR_SECONDS: Final = 60.0
"""From when on a run speaks of it."""
_NEAR_SECONDS: Final = 50.0
"""Below which it is taken back: a `Date` has whole seconds and each answer its time on the way, so one threshold is crossed for ever."""


def skew_seconds(date: str, sent_at: float, received_at: float) -> float | None:
    """How far our clock is ahead of the server's, negative behind; 0.0 where the answer's time on its way could explain the difference.

    Args:
        date: The answer's `Date`, whole seconds.
        sent_at: When the request was sent, epoch seconds by our clock.
        received_at: When the answer was there.

    Returns:
        Seconds; None for a date that is none.
    """
    dated = http_date(date)
    if dated is None:
        return None
    server = dated.timestamp()
    # The server wrote its time, cut to whole seconds, at some moment between the two.
    return max(sent_at - (server + 1.0), 0.0) or min(received_at - server, 0.0)


def skew_words(seconds: float) -> str:
    """The difference for people."""
    return f"this machine's clock is {abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'} Okta's"


class ClockWatch:
    """Notices when the two clocks come apart, and when they agree again."""

    def __init__(self) -> None:
        self.is_far = False

    def changes(self, seconds: float) -> bool:
        """Look at a difference; returns whether it has become another case than before."""
        was_far, self.is_far = self.is_far, abs(seconds) > (_NEAR_SECONDS if self.is_far else FAR_SECONDS)
        return self.is_far != was_far
