"""How much of a sink's events may be under way at once, so that memory is bounded and no tenant waits for another one's trouble. Pure.

What moves shares the common room. What waits for itself, because one event of it is suspected, its index takes nothing, or the target asked
it alone to wait, is put aside with what must not overtake it: it takes nothing of the common room, up to a bound of its own. So at most
three times the common room is in memory, and one page.
"""

from sinks.delivery.ledger import Ledger
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.queue import JobQueue

__all__ = ["Room"]

_PLACES = 64
_PLACES_ASIDE = 1024
"""So many are looked through in 0.1 ms."""
_LEAST_BYTES = 16_000_000
"""Pages come whole, with up to 1,000 events: with small batches, room for few of those would be no room for a page of each of some tenants."""
_ROOMS_ASIDE = 2
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
        self._places = _PLACES + 2 * policy.max_in_flight
        self._queue = queue
        self._ledger = ledger

    def is_free(self) -> bool:
        """Whether another page may come."""
        pending_bytes, places = self._ledger.pending_bytes, self._queue.places
        if pending_bytes >= self._bytes or places >= self._places:
            places_aside, bytes_aside = self._queue.held()
            pending_bytes -= min(bytes_aside, _ROOMS_ASIDE * self._bytes)
            places -= min(places_aside, _PLACES_ASIDE)
        return pending_bytes < self._bytes and places < self._places

    def has_enough_of(self, tenant: str) -> bool:
        """Whether so much of a tenant waits for itself that more of it would only fill what is put aside; where no order is kept."""
        share, size_bytes = self._queue.held_of(tenant)
        return size_bytes > min(_MOST_OF_A_TENANT_ASIDE_BYTES, self._bytes // 4) or share > self._places // 4
