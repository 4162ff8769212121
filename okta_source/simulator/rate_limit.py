"""Okta's rate limit: so many requests a window; the windows don't follow the minutes of the clock."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The budget of one organisation's log endpoint.

    Attributes:
        limit: Requests allowed in a window.
        window_seconds: Length of a window.
    """

    limit: int = 600
    window_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Budget:
    """The state after a request: what the X-Rate-Limit headers say and whether the request was within the limit."""

    limit: int
    remaining: int
    reset: int
    allowed: bool


class RateLimiter:
    """Counts requests.

    Args:
        phase: Where in a window the first one began, as a share of it (0..1), so that windows don't start at full minutes.
    """

    def __init__(self, phase: float) -> None:
        self._phase = phase
        self._window: int | None = None
        self._used = 0

    def window_of(self, rate_limit: RateLimit, now: float) -> int:
        """The number of the window that Unix time `now` lies in."""
        return math.floor(now / rate_limit.window_seconds - self._phase)

    def spend(self, rate_limit: RateLimit, now: float, requests: int = 1) -> Budget:
        """Count `requests` at Unix time `now`. A refused request neither delays nor earns a reset."""
        length = rate_limit.window_seconds
        window = self.window_of(rate_limit, now)
        if window != self._window:
            self._window, self._used = window, 0
        # Rounded up: the counters are really back when the second that the header names begins.
        reset = math.ceil((window + 1 + self._phase) * length)
        allowed = self._used + requests <= rate_limit.limit
        self._used = min(rate_limit.limit, self._used + requests)
        return Budget(rate_limit.limit, max(0, rate_limit.limit - self._used), reset, allowed)
