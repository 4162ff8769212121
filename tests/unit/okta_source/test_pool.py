"""What tenants share in a process: threads, page memory, the budget of a host."""

import logging
import queue
import threading
import time
from collections.abc import Callable

import pytest

from okta_source import pool as pool_module
from okta_source.limits import RateLimitHeaders
from okta_source.pool import ByteBudget, FetchPool, HostLimiter, Shared
from tests.unit.okta_source.fakes import Clock

WAIT = 10.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Jobs:
    """Jobs that hang until they are let go."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.done: list[int] = []
        self.threads: set[threading.Thread] = set()
        self._gates: dict[int, threading.Event] = {}

    def __call__(self, number: int) -> Callable[[], None]:
        gate = self._gates[number] = threading.Event()

        def job() -> None:
            self.threads.add(threading.current_thread())
            self.running.append(number)
            assert gate.wait(WAIT)
            self.done.append(number)

        return job

    def let_go(self, *numbers: int) -> None:
        for number in numbers or tuple(self._gates):
            self._gates[number].set()


def test_hanging_jobs_do_not_hold_up_others() -> None:
    pool, jobs = FetchPool(max_threads=8), Jobs()
    for number in range(8):
        pool.submit(jobs(number))
    until(lambda: len(jobs.running) == 8)
    assert all(thread.daemon for thread in jobs.threads)
    jobs.let_go()


def test_no_more_threads_than_allowed_and_the_rest_queues_in_order() -> None:
    pool, jobs = FetchPool(max_threads=2), Jobs()
    for number in range(5):
        pool.submit(jobs(number))
    until(lambda: len(jobs.running) == 2)
    assert pool.is_backed_up()
    jobs.let_go(jobs.running[0])
    until(lambda: len(jobs.running) == 3)
    assert jobs.running[2] == 2
    jobs.let_go()
    until(lambda: len(jobs.done) == 5)
    assert len(jobs.threads) == 2
    until(lambda: not pool.is_backed_up())


def test_an_idle_thread_is_used_again() -> None:
    pool, jobs = FetchPool(max_threads=8), Jobs()
    for number in range(20):
        pool.submit(jobs(number))
        jobs.let_go(number)
        until(lambda: pool._free == 1)
    assert len(jobs.threads) == 1


def test_a_thread_is_promised_to_one_job_only() -> None:
    # Two jobs at once for one idle thread, many times over: the second must never wait for the first, which hangs.
    for _ in range(100):
        pool, jobs = FetchPool(max_threads=4), Jobs()
        pool.submit(jobs(0))
        jobs.let_go(0)
        until(lambda pool=pool: pool._free == 1)  # type: ignore[misc]
        pool.submit(jobs(1))
        pool.submit(jobs(2))
        until(lambda jobs=jobs: len(jobs.running) == 3)  # type: ignore[misc]
        jobs.let_go()


def test_threads_end_when_there_is_no_work_and_come_back_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_IDLE_SECONDS", 0.01)
    pool, jobs = FetchPool(max_threads=4), Jobs()
    for number in range(3):
        pool.submit(jobs(number))
    jobs.let_go()
    until(lambda: len(jobs.done) == 3 and not any(thread.is_alive() for thread in jobs.threads))
    assert (pool._threads, pool._free) == (0, 0)
    pool.submit(jobs(3))
    jobs.let_go()
    until(lambda: len(jobs.done) == 4)


def test_a_job_submitted_in_the_moment_in_which_its_thread_gives_up_is_run() -> None:
    pool, jobs = FetchPool(max_threads=4), Jobs()
    submitted = threading.Event()

    class TooLate(queue.SimpleQueue[Callable[[], None]]):
        """Finds nothing in time, once, though something comes just then."""

        def get(self, block: bool = True, timeout: float | None = None) -> Callable[[], None]:
            if jobs.done == [0] and not submitted.is_set():
                assert submitted.wait(WAIT)
                raise queue.Empty
            return super().get(block, timeout)

    pool._jobs = TooLate()
    pool.submit(jobs(0))
    jobs.let_go(0)
    until(lambda: pool._free == 1)
    pool.submit(jobs(1))
    submitted.set()
    jobs.let_go(1)
    until(lambda: jobs.done == [0, 1])
    assert pool._threads == 1


def test_a_job_that_raises_is_told_and_its_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    pool, jobs = FetchPool(max_threads=1), Jobs()

    def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        pool.submit(fail)
        pool.submit(jobs(1))
        jobs.let_go()
        until(lambda: jobs.done == [1])
    assert "ZeroDivisionError" in caplog.text


def test_memory_is_bounded_with_some_headroom_for_small_pages() -> None:
    memory = ByteBudget(1_000_000)
    assert memory.try_reserve(700_000)
    assert not memory.try_reserve(300_001)
    assert memory.try_reserve(300_000)
    assert memory.try_reserve(250_000)  # a quarter more for the small ones
    assert not memory.try_reserve(1)
    memory.adjust(-250_000)
    assert memory.try_reserve(250_000)
    memory.adjust(-1_000_000)
    assert memory.try_reserve(700_000)


def test_a_page_larger_than_all_memory_is_fetched_alone() -> None:
    memory = ByteBudget(1000)
    assert memory.try_reserve(5_000_000)
    assert not memory.try_reserve(1)
    memory.adjust(-5_000_000)
    assert memory.try_reserve(1)


def test_the_host_limiter_counts_what_is_started_and_blocks_by_its_clock() -> None:
    clock = Clock()
    limiter = HostLimiter(clock)
    assert limiter.try_start(0.0) == 0.0
    assert limiter.try_start(0.0) > 0.0  # until the first answer one at a time
    limiter.finish(RateLimitHeaders(10, 2, 1_772_366_430, 30.0))
    assert limiter.try_start(0.0) == 0.0
    assert limiter.try_start(0.0) == 0.0
    assert limiter.try_start(0.0) == pytest.approx(31.0)
    limiter.finish(RateLimitHeaders(10, 1, 1_772_366_430, 30.0), 50.0)
    assert limiter.try_start(0.0) == pytest.approx(50.0)
    clock.advance(50.0)
    assert limiter.try_start(0.0) == 0.0


def test_an_unanswered_request_is_no_first_answer() -> None:
    limiter = HostLimiter(Clock())
    assert limiter.try_start(0.0) == 0.0
    limiter.finish(None, answered=False)
    assert limiter.try_start(0.0) == 0.0
    assert limiter.try_start(0.0) > 0.0


def test_tenants_of_one_host_share_its_limiter_and_other_hosts_do_not() -> None:
    shared = Shared(clock=Clock())
    assert shared.host("acme.okta.com") is shared.host("acme.okta.com")
    assert shared.host("acme.okta.com") is not shared.host("acme.oktapreview.com")
