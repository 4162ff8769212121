"""The organisation's rate limit, and what polling will use of it."""

import math
from dataclasses import dataclass
from typing import Final

from okta_source.check.report import Verdict, failed, ok, warning
from okta_source.polling.limits import RateLimitHeaders, reserved_requests

__all__ = ["Plan", "exhausted", "judge_budget"]

_WINDOW_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will ask of one organisation.

    Attributes:
        intervals_seconds: The poll interval of each tenant that names this host; they share its limit.
        reserve: Share of the limit that is left to others, 0 to 0.9.
    """

    intervals_seconds: tuple[float, ...]
    reserve: float

    @property
    def requests_per_minute(self) -> float:
        """Requests while there is little to fetch: one each interval."""
        return sum(_WINDOW_SECONDS / interval for interval in self.intervals_seconds)


def judge_budget(headers: RateLimitHeaders | None, plan: Plan) -> Verdict:
    """Compare the limit with the plan.

    Args:
        headers: What an answer said; None where it said nothing.
        plan: What a run will ask.
    """
    planned = plan.requests_per_minute
    if headers is None:
        return ok(f"no X-Rate-Limit headers; polling will make {_number(planned)} requests a minute")
    if headers.is_concurrency:
        return ok(f"the answer names no limit; polling will make {_number(planned)} requests a minute")
    limit = headers.limit
    reserved = reserved_requests(limit, plan.reserve)
    allowed = limit - reserved
    tenants = len(plan.intervals_seconds)
    asked = f"polling will make {_number(planned)} of {limit} requests a minute"
    shared = f" ({tenants} tenants share this organisation's limit)" if tenants > 1 else ""
    kept = f", {reserved} of which stay reserved" if reserved else ""
    if planned > allowed:
        interval = math.ceil(_WINDOW_SECONDS * tenants / allowed)
        fix = (
            f"Set poll_interval_seconds to {interval} or more{' for each of these tenants' if tenants > 1 else ''}, lower "
            "rate_limit_reserve, or have the limit of this token or app raised in the Okta Admin Console (Security > API > Tokens, or "
            "the app's tab Application rate limits)."
        )
        return warning(f"{asked}{kept}{shared}: the whole budget, so polls will wait", fix)
    if headers.remaining < reserved:
        fix = (
            "Find the client that uses it (Reports > Rate limits in the Okta Admin Console); polling waits for the reset whenever the "
            "reserve is touched."
        )
        return warning(f"only {headers.remaining} of {limit} requests are left{_reset(headers)}; {asked}{kept}{shared}", fix)
    return ok(f"{asked}{kept}{shared}; {headers.remaining} left{_reset(headers)}")


def exhausted(headers: RateLimitHeaders | None, said: str) -> Verdict:
    """The verdict for a 429.

    Args:
        headers: The answer's rate-limit headers.
        said: Okta's own words.
    """
    if headers is not None and headers.is_concurrency:
        detail = f"Too many requests of this organisation at the same time. {said}"
        return failed(detail, "Find the client that has so many requests open at once; polling has one a tenant. Then run check again.")
    limit = f" of {headers.limit} requests a minute" if headers else ""
    detail = f"The rate limit{limit} is spent{_reset(headers)}. {said}"
    fix = (
        "Run check again after the reset. If it comes back, find the client that uses the limit up (Reports > Rate limits in the Okta "
        "Admin Console), or have the limit raised."
    )
    return failed(detail, fix)


def _reset(headers: RateLimitHeaders | None) -> str:
    seconds = headers.resets_in_seconds if headers else None
    return f" (reset in {seconds:.0f} s)" if seconds is not None and seconds >= 0 else ""


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
