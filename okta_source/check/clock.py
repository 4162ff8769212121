"""The difference between this machine's clock and Okta's, from the `Date` of an answer."""

from typing import Final

from okta_source.check.report import Verdict, failed, ok, unknown, warning
from okta_source.polling.retry_after import http_date

__all__ = ["judge_clock", "skew_seconds"]

NOTABLE_SECONDS: Final = 5.0
"""More than NTP ever leaves."""
HARMFUL_SECONDS: Final = 300.0
"""Okta refuses proofs that were issued more than five minutes in the past, and `start_from = "now"` would skip as much."""
_FIX: Final = "Set this machine's clock, best by NTP (timedatectl set-ntp true), and the host's where this is a virtual machine."


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


def judge_clock(date: str, sent_at: float, received_at: float) -> Verdict:
    """Judge our clock by an answer.

    Args:
        date: The answer's `Date`; empty where it has none.
        sent_at: When the request was sent, epoch seconds by our clock.
        received_at: When the answer was there.
    """
    skew = skew_seconds(date, sent_at, received_at)
    if skew is None:
        return unknown("the answer holds no date to compare with")
    if abs(skew) < NOTABLE_SECONDS:
        return ok(f"within {NOTABLE_SECONDS:g} s of Okta's")
    detail = f"this machine's clock is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} Okta's"
    return warning(detail, _FIX) if abs(skew) < HARMFUL_SECONDS else failed(detail, _FIX)
