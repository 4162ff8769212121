"""Which slices of one tenant may ask: the oldest first, several at once, and two in turns while the tenant is in trouble.

Thread-safe. Slices wait for nobody: they look here whenever they are looked at.
"""

import threading
from bisect import insort

from okta_source.history.reader import tries_of
from okta_source.history.slices import Slice
from okta_source.polling.limits import Backoff
from okta_source.polling.outcome import Failure

__all__ = ["MOST_LANES", "Lanes"]

MOST_LANES = 16
"""Requests in flight per organisation: 540 a minute need nine where each takes a second. Okta's limit of simultaneous requests is 35 in its
smallest plan."""
_GROWS_AFTER = 50
_PROBES = 2


class Lanes:
    """The slices of one tenant that are not done.

    Args:
        backoff: Waits while the tenant is in trouble.
        most: How many may ask at once.
    """

    def __init__(self, backoff: Backoff, most: int = MOST_LANES) -> None:
        self._backoff = backoff
        self._most = most
        self._width = most
        self._unfinished: list[Slice] = []
        self._open: frozenset[Slice] = frozenset()
        self._near: frozenset[Slice] = frozenset()
        self._failures = 0
        self._failed_at = 0.0
        self._successes = 0
        self._lock = threading.Lock()
        self.given_up: Failure | None = None
        """Why nothing more is asked in this run."""
        self.not_before = 0.0
        """Until when nobody asks, by the monotonic clock of `failed`: slices that try in turns begin no back-off anew."""

    def add(self, wanted: Slice) -> None:
        """A slice that is to be read."""
        with self._lock:
            insort(self._unfinished, wanted)
            self._choose()

    def may_ask(self, wanted: Slice) -> bool:
        """Whether a slice has its turn."""
        return wanted in self._open

    def is_near(self, wanted: Slice) -> bool:
        """Whether its turn comes soon."""
        return wanted in self._near

    def finished(self, wanted: Slice) -> bool:
        """A slice is complete, or given up for now.

        Returns:
            Whether it was the tenant's last.
        """
        with self._lock:
            if wanted in self._unfinished:
                self._unfinished.remove(wanted)
                self._choose()
            return not self._unfinished

    def succeeded(self) -> None:
        """A request has been answered with a page."""
        with self._lock:
            self._successes += 1
            recovered, self._failures = self._failures > 0, 0
            self.not_before = 0.0
            if self._width < self._most and self._successes >= _GROWS_AFTER:
                self._width, self._successes = self._width + 1, 0
                recovered = True
            if recovered:
                self._choose()

    def failed(self, failure: Failure, started_at: float, now: float) -> None:
        """A request has failed. Those that were in flight together count as one: they have met the same trouble.

        Args:
            failure: Why.
            started_at: When it went out, by a monotonic clock.
            now: The present, likewise.
        """
        with self._lock:
            if failure.error_type == "rate_limited" or started_at < self._failed_at:
                return
            self._failures += 1
            self._failed_at = now
            if self._failures > 1:
                self.not_before = now + self._backoff.seconds(self._failures - 1)
            if self._failures >= tries_of(failure):
                self.given_up = failure
            self._choose()

    def crowded(self) -> None:
        """Okta has refused a request for being one too many at the same time: half as many from now on, then slowly more."""
        with self._lock:
            self._width, self._successes = max(self._width // 2, 1), 0
            self._choose()

    def _choose(self) -> None:
        width = self._width
        if self._failures:
            # Others each time, or a slice that alone can't be read would be all that is tried, and the rest given up with it.
            width, turn = _PROBES, (self._failures - 1) % max(len(self._unfinished), 1)
            self._open = frozenset((self._unfinished[turn:] + self._unfinished[:turn])[:width])
        else:
            self._open = frozenset(self._unfinished[:width])
        self._near = frozenset(self._unfinished[width : 2 * width])
