"""Pace: the organisation's rate limit as a budget, and the back-off of a tenant in trouble. Pure: clock and randomness are passed in.

Okta counts requests to `/api/v1/logs` in windows of 60 s that start with the first request, not with the minute, and reports `limit`,
`remaining` and `reset` (UTC epoch seconds) on every answer. The reset is read against the answer's own `Date`, never against our clock.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from okta_source.polling.retry_after import http_date, retry_after_seconds

__all__ = ["Backoff", "HostBudget", "RateLimitHeaders", "read_rate_limit", "reserved_requests", "seconds_until_retry"]

# A window is 60 s; what names a reset further away than this is a broken clock or a broken proxy.
_LONGEST_WINDOW_SECONDS = 900.0
_WINDOW_SECONDS = 60.0
_RESET_SLACK_SECONDS = 1.0
# Resets of one window may differ by the rounding of `Date` and `X-Rate-Limit-Reset`, both whole seconds.
_SAME_WINDOW_SECONDS = 2.5
_LARGEST_NUMBER = 10**12


@dataclass(frozen=True, slots=True)
class RateLimitHeaders:
    """What one answer says of the rate limit.

    Attributes:
        limit: Requests per window.
        remaining: Requests left in this window, by anyone.
        reset_epoch_seconds: When the window ends, by the organisation's clock.
        resets_in_seconds: The same from the answer's `Date`; negative when the reset lies in the past, None without a usable `Date`.
    """

    limit: int
    remaining: int
    reset_epoch_seconds: int
    resets_in_seconds: float | None

    @property
    def is_concurrency(self) -> bool:
        """Limit 0 and remaining 0: Okta's limit of simultaneous transactions, where the reset is only an estimate."""
        return self.limit <= 0


def read_rate_limit(headers: Mapping[str, str], now_epoch_seconds: float) -> RateLimitHeaders | None:
    """The rate-limit headers of an answer, or None when they are absent or unreadable.

    Args:
        headers: The answer's headers, case-insensitive; of several values in one header the smallest counts, as in Okta's own SDKs.
        now_epoch_seconds: Our clock, used only where the answer has no usable `Date`.
    """
    limit = _smallest(headers.get("X-Rate-Limit-Limit"))
    remaining = _smallest(headers.get("X-Rate-Limit-Remaining"))
    reset = _smallest(headers.get("X-Rate-Limit-Reset"))
    if limit is None or remaining is None or reset is None:
        return None
    server_now = http_date(headers.get("Date"))
    resets_in = reset - (now_epoch_seconds if server_now is None else server_now.timestamp())
    return RateLimitHeaders(limit, remaining, reset, resets_in)


class HostBudget:
    """The request budget of one organisation host, shared by every tenant that names it. Times are seconds of a monotonic clock.

    Until the first answer one request at a time goes out. While the headers are absent nothing is held back. After a reset the whole limit
    is assumed to be there again and the next answer corrects it.
    """

    def __init__(self) -> None:
        self._known = False
        self._seen_answer = False
        self._limit = 0
        self._remaining = 0
        self._resets_at = 0.0
        # The window's end by the organisation's clock, and what turns its clock into ours.
        self._reset_epoch = 0.0
        self._offset = 0.0
        self._over_epoch = -math.inf
        self._in_flight = 0
        self._blocked_until = 0.0
        self._started_in_window = 0

    def wait_seconds(self, now: float, reserve: float, others_per_second: float = 0.0, share: float = 1.0) -> float:
        """How long a tenant has to wait before its next request; 0.0 when it may go now.

        Args:
            now: The monotonic clock.
            reserve: Share of the limit that is left to the organisation's other clients, 0 to 0.9.
            others_per_second: Requests a second of work that goes first, above the reserve: until the window's end so many are left. What
                it doesn't take comes free bit by bit as the window runs out, so nothing of a window is wasted.
            share: Of what the reserve leaves, how much this process may take of each window, above 0 and up to 1.
        """
        if now < self._blocked_until:
            return self._blocked_until - now
        if not self._seen_answer:
            return 0.0 if self._in_flight == 0 else 0.05
        if not self._known:
            return 0.0
        if now >= self._resets_at:
            # Only what is in flight has been spent of the new window.
            self._remaining = self._limit
            self._resets_at = math.inf
            self._over_epoch = self._reset_epoch
            self._started_in_window = self._in_flight
        reserved = reserved_requests(self._limit, reserve)
        left_seconds = max(min(self._resets_at - _RESET_SLACK_SECONDS - now, _WINDOW_SECONDS), 0.0)
        # Never more than half of it: where the limit is that low, both have to wait.
        first_served = min(math.ceil(others_per_second * left_seconds), (self._limit - reserved) // 2)
        has_share = share >= 1.0 or self._started_in_window < max(int((self._limit - reserved) * share), 1)
        if has_share and self._remaining - self._in_flight - 1 >= reserved + first_served:
            return 0.0
        if self._resets_at == math.inf:
            return 0.05  # the first answers of the new window are on their way
        return min(self._resets_at - now, 1.0 / others_per_second) if has_share and first_served else self._resets_at - now

    def started(self) -> None:
        """A request goes out."""
        self._in_flight += 1
        self._started_in_window += 1

    def finished(self, headers: RateLimitHeaders | None, now: float, *, answered: bool) -> None:
        """A request has ended.

        Args:
            headers: Its rate-limit headers, if it had any.
            now: The monotonic clock.
            answered: Whether there was an answer at all.
        """
        self._in_flight -= 1
        if not answered:
            if self._known and self._resets_at != math.inf:
                self._remaining -= 1  # it may have been counted
            return
        self._seen_answer = True
        if headers is None or headers.is_concurrency or headers.resets_in_seconds is None:
            return
        resets_in = headers.resets_in_seconds
        if resets_in < -_SAME_WINDOW_SECONDS or resets_in > _LONGEST_WINDOW_SECONDS:
            self._known = False  # not a window that can be waited for
            return
        reset_epoch = float(headers.reset_epoch_seconds)
        if -_LONGEST_WINDOW_SECONDS < reset_epoch - self._over_epoch <= _SAME_WINDOW_SECONDS:
            return  # a slow answer of a window that is over says nothing of this one
        # An answer arrives after its `Date`, so every one of them puts the reset too late and the earliest is the closest.
        offset = now - (reset_epoch - resets_in)
        if self._known and self._resets_at != math.inf and abs(reset_epoch - self._reset_epoch) <= _SAME_WINDOW_SECONDS:
            self._remaining = min(self._remaining, headers.remaining)
            self._offset = min(self._offset, offset)
            self._reset_epoch = max(self._reset_epoch, reset_epoch)
        else:
            if self._known and self._resets_at != math.inf:
                self._started_in_window = self._in_flight + 1  # a window that nobody has seen the end of is over
            self._remaining, self._offset, self._reset_epoch = headers.remaining, offset, reset_epoch
        self._resets_at = self._reset_epoch + self._offset + _RESET_SLACK_SECONDS
        self._limit = headers.limit
        self._known = True

    def block(self, until: float) -> None:
        """Hold every tenant of this host back until `until` on the monotonic clock: Okta has said 429."""
        self._blocked_until = max(self._blocked_until, until)


class Backoff:
    """Exponential back-off with full jitter in its upper half: 2, 4, 8 … up to 300 s, each times 0.5 to 1.

    Args:
        rng: The source of randomness.
        base_seconds: The first wait's upper bound.
        cap_seconds: No wait is longer.
    """

    def __init__(self, rng: random.Random, base_seconds: float = 2.0, cap_seconds: float = 300.0) -> None:
        self._rng = rng
        self._base_seconds = base_seconds
        self._cap_seconds = cap_seconds

    def seconds(self, attempts: int) -> float:
        """The wait after the given number of failures in a row (1 or more)."""
        ceiling = min(self._cap_seconds, self._base_seconds * 2.0 ** min(attempts - 1, 30))
        return ceiling * self._rng.uniform(0.5, 1.0)


def reserved_requests(limit: int, reserve: float) -> int:
    """Requests that are left alone: never the whole limit, or nothing would ever be polled."""
    return min(math.ceil(limit * reserve), max(limit - 1, 0))


def seconds_until_retry(headers: Mapping[str, str], rate_limit: RateLimitHeaders | None, now_epoch_seconds: float) -> float | None:
    """How long a 429 asks to wait; None where it doesn't say so in a way that can be relied on.

    Args:
        headers: The answer's. Okta never documents `Retry-After`, but a proxy or gateway in front may send it.
        rate_limit: Its rate-limit headers. For the limit of simultaneous requests, the reset is only an estimate.
        now_epoch_seconds: Our clock, used only where the answer has no usable `Date`.
    """
    wait = retry_after_seconds(headers, now_epoch_seconds)
    if wait is None and rate_limit and not rate_limit.is_concurrency and rate_limit.resets_in_seconds is not None:
        wait = rate_limit.resets_in_seconds + 1.0
    return wait if wait is not None and 0.0 < wait <= _LONGEST_WINDOW_SECONDS else None


def _smallest(value: str | None) -> int | None:
    try:
        smallest = min(int(part) for part in value.split(",")) if value else None
    except ValueError:
        return None
    return smallest if smallest is not None and abs(smallest) < _LARGEST_NUMBER else None
