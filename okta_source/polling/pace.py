"""When tenants are asked: their starts spread out, and each in a place of its own within the interval ever after. Pure: times are given.

A thousand tenants that all begin at once need every thread, socket and name server at once, and would do so again every interval. Spread
out at the start they stay spread out, until something stops them all for a while, such as an outage of the network or a sink that the
process waits for: then all are due at once. So a tenant remembers its place in the interval and finds back to it.
"""

__all__ = ["StartPacer", "next_turn"]

_AT_ONCE = 50
_STARTS_PER_SECOND = 100.0
_LEAST_SHARE = 0.4
# What a sum of floats may miss by.
_EPSILON_SECONDS = 1e-6


class StartPacer:
    """Says when each tenant of a process starts, in the order in which they ask.

    Args:
        at_once: How many start without waiting.
        per_second: At which rate those behind them follow.
    """

    def __init__(self, at_once: int = _AT_ONCE, per_second: float = _STARTS_PER_SECOND) -> None:
        self._step_seconds = 1.0 / per_second
        self._lead_seconds = at_once * self._step_seconds
        self._next = 0.0

    def start_at(self, now: float) -> float:
        """When the next tenant starts, now or later.

        Args:
            now: A monotonic clock in seconds.
        """
        self._next = max(self._next, now - self._lead_seconds) + self._step_seconds
        return max(self._next, now)


def next_turn(origin: float, interval_seconds: float, started: float) -> float:
    """When a tenant is due again after a poll that was in its place, or late. All times are seconds of one monotonic clock.

    Args:
        origin: When it started: its place is there, and every interval from there on.
        interval_seconds: From one poll to the next.
        started: When the last request of the poll started.

    Returns:
        An interval later for a poll in its place. Else less, but at least 0.4 intervals later, so that after at most two polls the tenant
        is in its place again, and no event waits for longer than an interval.
    """
    wait_seconds = interval_seconds - (started - origin) % interval_seconds
    if wait_seconds < _EPSILON_SECONDS:
        wait_seconds = interval_seconds
    # The least share is below a half, so that half an interval, by which a place is missed the first time, is enough the second time.
    return started + wait_seconds + (interval_seconds / 2.0 if wait_seconds < interval_seconds * _LEAST_SHARE else 0.0)
