"""A tenant's numbers of push, in the process that reads its spool."""

from bisect import bisect_left

__all__ = ["DELAY_BUCKETS_SECONDS", "HookMetrics"]

DELAY_BUCKETS_SECONDS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0)
"""Of what lies between `published` and the delivery: some ten seconds usually."""


class HookMetrics:
    """What one tenant's push has counted.

    Attributes:
        events: Events by result: delivered, duplicate, doubtful, malformed, woke, too_old.
        delays: Events by their delay, one more than there are bounds.
        delay_seconds: The sum of the delays.
        unconfirmed: Events that polling should have brought and hasn't.
        missed: Events of polling whose hook hasn't come.
        delivery_failures: Failed deliveries that Okta's log tells of.
        spool_bytes: Size of the tenant's spool.
    """

    __slots__ = ("delay_seconds", "delays", "delivery_failures", "events", "missed", "spool_bytes", "unconfirmed")

    def __init__(self) -> None:
        self.events: dict[str, int] = {}
        self.delays = [0] * (len(DELAY_BUCKETS_SECONDS) + 1)
        self.delay_seconds = 0.0
        self.unconfirmed = 0
        self.missed = 0
        self.delivery_failures = 0
        self.spool_bytes = 0

    def event(self, result: str, count: int) -> None:
        """Events have come to a result."""
        self.events[result] = self.events.get(result, 0) + count

    def delayed(self, seconds: float) -> None:
        """An event was delivered so many seconds after its `published`; clocks may differ."""
        self.delays[bisect_left(DELAY_BUCKETS_SECONDS, seconds)] += 1
        self.delay_seconds += max(seconds, 0.0)
