"""Where a tenant without saved state begins."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self

__all__ = ["OLDEST_SINCE", "START_FROM_ALLOWED", "StartFrom"]

# Okta answers 400 to a `since` of more than 180 days ago and holds nothing older than 90, so going no further
# back than this loses no event and never makes a request that is refused.
OLDEST_SINCE: Final = timedelta(days=179)
START_FROM_ALLOWED: Final = (
    "now, a look-back of 1 or more s, m, h or d such as 24h or 7d, "
    "or an ISO 8601 time such as 2026-01-31T08:00:00Z (without an offset it is UTC)"
)
_LOOK_BACK: Final = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class StartFrom:
    """A span before now or a fixed point in time: exactly one of them is given.

    Attributes:
        look_back: How far before now; zero for ``now`` itself.
        instant: The point in time, in UTC.
    """

    look_back: timedelta | None = None
    instant: datetime | None = None

    def since(self, now: datetime) -> datetime:
        """Return the first moment to ask Okta for, in UTC, no further back than Okta accepts."""
        now = now.astimezone(UTC)
        oldest = now - OLDEST_SINCE
        if self.instant is not None:
            return max(self.instant, oldest)
        return max(now - min(self.look_back or timedelta(), OLDEST_SINCE), oldest)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `now`, a look-back such as `24h`, or an ISO 8601 date or time (UTC unless it says otherwise).

        Raises:
            ValueError: It is none of these; the message says what is allowed.
        """
        if isinstance(value, cls):
            return value
        if value == "now":
            return cls(look_back=timedelta())
        if isinstance(value, str) and (match := _LOOK_BACK.fullmatch(value)):
            number, unit = match.groups()
            if int(number):
                return cls(look_back=timedelta(**{_UNITS[unit]: int(number)}))
        try:
            return cls(instant=_to_utc(value))
        except (ValueError, OverflowError):
            raise ValueError(START_FROM_ALLOWED) from None


def _to_utc(value: object) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        message = "neither a date nor a time"
        raise ValueError(message)  # noqa: TRY004  # the caller turns it into the list of what is allowed
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
