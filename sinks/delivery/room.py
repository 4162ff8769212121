"""How much of a sink's events may be under way at once, so that memory is bounded and no tenant waits for another one's trouble. Pure.

What moves shares the common room. What waits for itself, because one event of it is suspected, its index takes nothing, or the target asked
it alone to wait, is put aside with what must not overtake it: it takes nothing of the common room, up to a bound of its own. The last part
of the common room is for short pages: tenants who lag fill what there is, and those who keep up shall not wait for them. So at most three
times the common room is in memory, and one page.
"""

from sinks.delivery.ledger import Ledger
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.queue import JobQueue

__all__ = ["Room"]

_BATCHES = 64
_TENANTS = 1024
_PLACES_ASIDE = 1024
_LEAST_BYTES = 16_000_000
"""Whatever the size of a batch: pages come whole, with up to 1,000 events, and many tenants' shall fit in."""
_ROOMS_ASIDE = 2
_SHARE_OF_LONG_PAGES = 0.75
_SHORT_PAGE_BYTES = 64_000
_MOST_OF_A_TENANT_ASIDE_BYTES = 2_000_000


class Room:
    """One sink's. Not thread-safe.

    Args:
        policy: How the sink delivers.
        queue: What is not done with.
        ledger: Knows how much that is.
    """

    def __init__(self, policy: DeliveryPolicy, queue: JobQueue, ledger: Ledger) -> None:
        self._bytes = max(_LEAST_BYTES, (policy.max_in_flight + 2) * policy.batch_bytes)
        # A tenant of whom order is kept has a batch or two at the head of what waits; batches of all are as many as there are.
        self._places = _TENANTS if policy.in_order else _BATCHES + 2 * policy.max_in_flight
        self._queue = queue
        self._ledger = ledger

    def longest_page_bytes(self) -> float:
        """How long a page may be that comes now: infinite, that of a short one, or zero."""
        taken_bytes, places = self._ledger.pending_bytes, self._queue.places
        for_long_pages = self._bytes * _SHARE_OF_LONG_PAGES
        if taken_bytes >= for_long_pages or places >= self._places:
            places_aside, bytes_aside = self._queue.held()
            taken_bytes -= min(bytes_aside, _ROOMS_ASIDE * self._bytes)
            places -= min(places_aside, _PLACES_ASIDE)
        if places >= self._places or taken_bytes >= self._bytes:
            return 0.0
        return float("inf") if taken_bytes < for_long_pages else _SHORT_PAGE_BYTES

    def has_enough_of(self, tenant: str) -> bool:
        """Whether so much of a tenant waits for itself that more of it would only fill what is put aside; where no order is kept."""
        share, size_bytes = self._queue.held_of(tenant)
        return size_bytes > min(_MOST_OF_A_TENANT_ASIDE_BYTES, self._bytes // 4) or share > self._places // 4
