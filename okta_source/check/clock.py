"""The difference between this machine's clock and Okta's, from the `Date` of an answer."""

from typing import Final

from okta_source.check.report import Verdict, failed, ok, unknown, warning
from okta_source.polling.clock import skew_seconds, skew_words

__all__ = ["judge_clock", "skew_seconds"]

NOTABLE_SECONDS: Final = 5.0
"""More than NTP ever leaves."""
HARMFUL_SECONDS: Final = 300.0
"""Okta refuses proofs that were issued more than five minutes in the past, and `start_from = "now"` would skip as much."""
_FIX: Final = "Set this machine's clock, best by NTP (timedatectl set-ntp true), and the host's where this is a virtual machine."


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
    detail = skew_words(skew)
    return warning(detail, _FIX) if abs(skew) < HARMFUL_SECONDS else failed(detail, _FIX)
