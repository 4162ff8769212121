"""What the tenants of one process share: threads, connections, the memory for pages, and each organisation host's rate-limit budget."""

import threading
import time
from collections.abc import Callable

from okta_source.fetching.fetch_pool import FetchPool
from okta_source.http.connection_slots import ConnectionSlots
from okta_source.polling.limits import HostBudget, RateLimitHeaders
from okta_source.polling.pace import StartPacer

__all__ = ["ByteBudget", "FetchPool", "HostLimiter", "Shared"]

PAGE_MEMORY_BYTES = 15 * 1024 * 1024
_SMALL_BYTES = 256 * 1024
_SMALL_HEADROOM = 1.25


class ByteBudget:
    """Bounds the bytes of pages in flight and waiting in one process.

    Args:
        limit_bytes: The bound. Small requests may go a quarter beyond it, so that quiet tenants aren't held up by others' long drains.
    """

    def __init__(self, limit_bytes: int = PAGE_MEMORY_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._lock = threading.Lock()

    def try_reserve(self, size_bytes: int) -> bool:
        """Take memory for a page that is to be fetched; the first one always gets it."""
        limit = self._limit_bytes * _SMALL_HEADROOM if size_bytes <= _SMALL_BYTES else self._limit_bytes
        with self._lock:
            if self._used_bytes and self._used_bytes + size_bytes > limit:
                return False
            self._used_bytes += size_bytes
            return True

    def adjust(self, delta_bytes: int) -> None:
        """Correct an estimate, or give memory back with a negative number."""
        with self._lock:
            self._used_bytes += delta_bytes


class HostLimiter:
    """A `HostBudget` behind a lock.

    Args:
        clock: A monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = HostBudget()
        self._clock = clock
        self._lock = threading.Lock()

    def try_start(self, reserve: float, others_per_second: float = 0.0, share: float = 1.0) -> float:
        """Start a request if the budget allows one now; the arguments are those of `HostBudget.wait_seconds`.

        Returns:
            0.0 when it counts as started (`finish` must follow), else the seconds to wait.
        """
        with self._lock:
            wait_seconds = self._budget.wait_seconds(self._clock(), reserve, others_per_second, share)
            if wait_seconds <= 0.0:
                self._budget.started()
                return 0.0
            return wait_seconds

    def wait_seconds(self, reserve: float, others_per_second: float = 0.0, share: float = 1.0) -> float:
        """How long a request would have to wait now, for messages; the arguments are those of `try_start`, which takes none of it."""
        with self._lock:
            return self._budget.wait_seconds(self._clock(), reserve, others_per_second, share)

    def finish(self, headers: RateLimitHeaders | None, block_seconds: float = 0.0, *, answered: bool = True) -> None:
        """The request has ended; `block_seconds` holds the whole host back (429)."""
        with self._lock:
            now = self._clock()
            self._budget.finished(headers, now, answered=answered)
            if block_seconds > 0.0:
                self._budget.block(now + block_seconds)


class Shared:
    """One process's shared means.

    Args:
        pool: The fetch threads.
        memory: The page memory.
        clock: A monotonic clock in seconds.
        connections: How many connections stay open between requests.
    """

    def __init__(
        self,
        pool: FetchPool | None = None,
        memory: ByteBudget | None = None,
        clock: Callable[[], float] = time.monotonic,
        connections: ConnectionSlots | None = None,
    ) -> None:
        self.pool = pool or FetchPool()
        self.memory = memory or ByteBudget()
        self.clock = clock
        self.connections = connections or ConnectionSlots()
        self.starts = StartPacer()
        self._hosts: dict[str, HostLimiter] = {}
        self._lock = threading.Lock()

    def host(self, org_host: str) -> HostLimiter:
        """The limiter of an organisation host: tenants that name the same host get the same one."""
        with self._lock:
            return self._hosts.setdefault(org_host, HostLimiter(self.clock))
