"""What the tenants of one process share: fetch threads, the memory for pages, and each organisation host's rate-limit budget.

The worker loop of Bytewax must never wait (a blocking request in `next_batch` turned a cadence of 0.3 s into 1.8 s for every tenant), so
requests run on a few threads. They are daemon threads: a `ThreadPoolExecutor` joins its threads at exit, and with one hanging request a
SIGTERM took 31.7 s.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable

from okta_source.limits import HostBudget, RateLimitHeaders

__all__ = ["ByteBudget", "FetchPool", "HostLimiter", "Shared"]

_LOG = logging.getLogger(__name__)

MAX_THREADS = 64
"""More only wait for the interpreter lock; requests that hang hold one each for up to their time-out."""
_IDLE_SECONDS = 30.0
PAGE_MEMORY_BYTES = 64 * 1024 * 1024
_SMALL_BYTES = 256 * 1024
_SMALL_HEADROOM = 1.25


class FetchPool:
    """Daemon threads, started when there is work for them and ended when there has been none for a while.

    Args:
        max_threads: How many jobs run at once; further ones queue in order.
    """

    def __init__(self, max_threads: int = MAX_THREADS) -> None:
        self._max_threads = max_threads
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        # Idle threads less queued jobs. A job claims its thread when it is submitted: a thread counted as idle until it has the job in its
        # hands would be promised to a second one, which then waits for as long as the first job hangs.
        self._free = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` soon on some thread."""
        with self._lock:
            start = self._free <= 0 and self._threads < self._max_threads
            if start:
                self._threads += 1
            else:
                self._free -= 1
        self._jobs.put(job)
        if start:
            threading.Thread(target=self._work, name="okta-fetch", daemon=True).start()

    def is_backed_up(self) -> bool:
        """Whether jobs are waiting for a thread: then nobody should hold one longer than for a request."""
        return self._free < 0

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._free > 0:
                        self._free -= 1
                        self._threads -= 1
                        return
                continue
            try:
                job()
            except Exception:  # noqa: BLE001  # the thread serves every tenant
                _LOG.exception("a fetch job failed; this is a defect of bytewax-okta, please report it")
            with self._lock:
                self._free += 1


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

    def try_start(self, reserve: float) -> float:
        """Start a request if the budget allows one now.

        Returns:
            0.0 when it counts as started (`finish` must follow), else the seconds to wait.
        """
        with self._lock:
            wait_seconds = self._budget.wait_seconds(self._clock(), reserve)
            if wait_seconds <= 0.0:
                self._budget.started()
                return 0.0
            return wait_seconds

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
    """

    def __init__(
        self, pool: FetchPool | None = None, memory: ByteBudget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.pool = pool or FetchPool()
        self.memory = memory or ByteBudget()
        self.clock = clock
        self._hosts: dict[str, HostLimiter] = {}
        self._lock = threading.Lock()

    def host(self, org_host: str) -> HostLimiter:
        """The limiter of an organisation host: tenants that name the same host get the same one."""
        with self._lock:
            return self._hosts.setdefault(org_host, HostLimiter(self.clock))
