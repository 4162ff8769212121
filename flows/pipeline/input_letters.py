"""What Okta's side sent that is no event, as dead letters of the input: all of it, up to what a day may bring.

Whoever answers at a tenant's address chooses how much of it there is: 130 MB for each answer, tried. So each tenant has a budget a day, and
what lies beyond is counted and not kept; the first one is told in the log.
"""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime

from okta_source.metrics import TENANTS
from okta_source.polling.event import Malformed
from sinks.documents import Rejected

__all__ = ["InputLetters"]

_LOG = logging.getLogger(__name__)

LETTERS_A_DAY = 10_000
BYTES_A_DAY = 64 * 1024 * 1024


class InputLetters:
    """Malformed → dead letter, within each tenant's budget of a UTC day. It begins anew when the process does.

    Args:
        now: The clock, UTC.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._day: date | None = None
        self._spent: dict[str, tuple[int, int]] = {}
        self._told: set[str] = set()

    def __call__(self, malformed: Malformed) -> Rejected | None:
        """The dead letter, or None beyond the budget."""
        tenant = malformed.tenant
        day = self._now().date()
        if day != self._day:
            self._day = day
            self._spent.clear()
            self._told.clear()
        letters, size_bytes = self._spent.get(tenant, (0, 0))
        size_bytes += len(malformed.raw)
        if letters >= LETTERS_A_DAY or size_bytes > BYTES_A_DAY:
            self._drop(tenant)
            return None
        self._spent[tenant] = letters + 1, size_bytes
        return Rejected(
            tenant=tenant,
            sink="input",
            reason=malformed.reason,
            status=malformed.status,
            attempts=malformed.attempts,
            first_attempt_at=malformed.first_at,
            last_attempt_at=malformed.last_at,
            uuid=malformed.uuid,
            published=malformed.published,
            format="raw",
            event=malformed.raw,
        )

    def _drop(self, tenant: str) -> None:
        if metrics := TENANTS.get(tenant):
            metrics.letter_dropped()
        if tenant in self._told:
            return
        self._told.add(tenant)
        _LOG.error(
            "%s: more than %d things that are no events, or %d MB of them, have come today: from here on they are counted "
            "(okta_input_letters_dropped_total) and not kept. Look at what answers at this tenant's org_url.",
            tenant, LETTERS_A_DAY, BYTES_A_DAY // 1024 // 1024,
        )  # fmt: skip
