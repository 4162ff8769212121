"""The threads on which a process asks: as few as there is work for, and always one for somebody who can be answered.

The worker loop of Bytewax must never wait (a blocking request in `next_batch` turned a cadence of 0.3 s into 1.8 s for every tenant), so
requests run on threads. They are daemon threads: a `ThreadPoolExecutor` joins its threads at exit, and with one hanging request a SIGTERM
took 31.7 s.

A request that hangs holds its thread for up to its time-out. Were there no others, a hundred organisations that hang at once (Okta runs
them in cells, and a cell fails as a whole) would keep all others from being asked for half a minute. So threads that hang don't count.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["FetchPool"]

_LOG = logging.getLogger(__name__)

MAX_THREADS = 64
"""More that work would only wait for the interpreter lock."""
MAX_HANGING_THREADS = 128
"""Beside those: one that waits costs its stack and a socket, no CPU."""
_HANGING_SECONDS = 5.0
_IDLE_SECONDS = 10.0


class FetchPool:
    """Daemon threads, started when there is work for them and ended when there has been none for a while.

    Args:
        max_threads: How many jobs run at once; further ones queue in order.
        max_hanging_threads: How many jobs may run beside those once as many have been running for over five seconds.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        max_threads: int = MAX_THREADS,
        max_hanging_threads: int = MAX_HANGING_THREADS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_threads = max_threads
        self._max_hanging_threads = max_hanging_threads
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], None]] = deque()
        # The one that became idle last is used first: the others can then end, and its memory is in the processor's cache.
        self._idle: list[_Thread] = []
        self._busy: set[_Thread] = set()

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` soon on some thread."""
        with self._lock:
            self._jobs.append(job)
            self._hand_out()

    def is_backed_up(self) -> bool:
        """Whether jobs are waiting for a thread: then nobody should hold one longer than for a request."""
        return bool(self._jobs)

    def relieve(self) -> None:
        """Look whether threads hang that jobs wait for, and start others for those; to be called now and then while it is backed up."""
        with self._lock:
            self._hand_out()

    def thread_count(self) -> int:
        """How many threads there are, idle ones included."""
        with self._lock:
            return len(self._busy) + len(self._idle)

    def idle_count(self) -> int:
        """How many threads have nothing to do."""
        return len(self._idle)

    def _hand_out(self) -> None:
        while self._jobs and self._may_run_one_more():
            # A thread gets its job here and now: one that still had to fetch it could be promised to a second job, which would then wait
            # for as long as the first one hangs.
            thread = self._idle.pop() if self._idle else _Thread()
            thread.job = self._jobs.popleft()
            thread.since = self._clock()
            self._busy.add(thread)
            if thread.started:
                thread.wake.release()
            else:
                thread.started = True
                threading.Thread(target=self._work, args=(thread,), name="okta-fetch", daemon=True).start()

    def _may_run_one_more(self) -> bool:
        busy = len(self._busy)
        if busy < self._max_threads:
            return True
        if busy >= self._max_threads + self._max_hanging_threads:
            return False
        hanging_since = self._clock() - _HANGING_SECONDS
        return busy - sum(thread.since < hanging_since for thread in self._busy) < self._max_threads

    def _work(self, thread: "_Thread") -> None:
        while True:
            try:
                thread.job()
            except Exception:  # noqa: BLE001  # the thread serves every tenant
                _LOG.exception("a fetch job failed; this is a defect of bytewax-okta, please report it")
            with self._lock:
                self._busy.discard(thread)
                self._idle.append(thread)
                self._hand_out()
            if not thread.wake.acquire(timeout=_IDLE_SECONDS):
                with self._lock:
                    if thread in self._idle:
                        self._idle.remove(thread)
                        return
                thread.wake.acquire()  # it was given a job in this very moment


class _Thread:
    """What a thread is told: its next job, and when to wake up for it."""

    __slots__ = ("job", "since", "started", "wake")

    def __init__(self) -> None:
        self.job: Callable[[], None] = _nothing
        self.since = 0.0
        self.started = False
        self.wake = threading.Lock()
        self.wake.acquire()


def _nothing() -> None:
    """Before the first job."""
