"""`Retry-After` and the dates of HTTP (RFC 9110, 5.6.7 and 10.2.3). Pure.

`okta_source/polling/` and `sinks/http/` have the same file each, since neither package imports the other; a test compares them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

__all__ = ["http_date", "retry_after_seconds"]

# Whoever reckons with a date at an end of the calendar leaves it.
_FIRST_YEAR, _LAST_YEAR = 1900, 9000
# The standard has whole seconds, some gateways send fractions. `str.isdigit` and `float` know the digits of other scripts, and a "²" is a
# digit to the one and none to the other.
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,12})?")


@lru_cache(maxsize=64)  # answers of one second have the same; 3 µs each, thrice a poll
def http_date(value: str | None) -> datetime | None:
    """A date as HTTP writes it; None for what is none, or lies at an end of the calendar.

    Args:
        value: Such as `Sun, 01 Mar 2026 12:00:17 GMT`; without a zone it is UTC.
    """
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, IndexError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def retry_after_seconds(headers: Mapping[str, str], now_epoch_seconds: float) -> float | None:
    """What a `Retry-After` asks for, 0.0 or more; None where there is none that can be read.

    Args:
        headers: The answer's, case-insensitive; of several values the longest wait counts.
        now_epoch_seconds: The present; the answer's own `Date` is preferred, since the two clocks may differ.
    """
    value = headers.get("Retry-After", "").strip()
    parts = [part.strip() for part in value.split(",")]
    if all(map(_SECONDS.fullmatch, parts)):
        return max(map(float, parts))
    until = http_date(value)
    if until is None:
        return None
    server_now = http_date(headers.get("Date"))
    return max(0.0, until.timestamp() - (server_now.timestamp() if server_now else now_epoch_seconds))
