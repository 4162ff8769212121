"""Fetch threads: as few as there is work for, none promised twice, and hanging ones don't keep others from being asked."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from okta_source.fetching import fetch_pool as fetch_pool_module
from okta_source.fetching.fetch_pool import FetchPool
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
        until(lambda: pool.idle_count() == 1)
    assert len(jobs.threads) == 1


def test_a_thread_is_promised_to_one_job_only() -> None:
    # Two jobs at once for one idle thread, many times over: the second must never wait for the first, which hangs.
    for _ in range(100):
        pool, jobs = FetchPool(max_threads=4), Jobs()
        pool.submit(jobs(0))
        jobs.let_go(0)
        until(lambda pool=pool: pool.idle_count() == 1)  # type: ignore[misc]
        pool.submit(jobs(1))
        pool.submit(jobs(2))
        until(lambda jobs=jobs: len(jobs.running) == 3)  # type: ignore[misc]
        jobs.let_go()


def test_threads_end_when_there_is_no_work_and_come_back_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_pool_module, "_IDLE_SECONDS", 0.01)
    pool, jobs = FetchPool(max_threads=4), Jobs()
    for number in range(3):
        pool.submit(jobs(number))
    jobs.let_go()
    until(lambda: len(jobs.done) == 3 and not any(thread.is_alive() for thread in jobs.threads))
    assert pool.thread_count() == 0
    pool.submit(jobs(3))
    jobs.let_go()
    until(lambda: len(jobs.done) == 4)


class TooLate:
    """The lock by which a thread is woken: its time is up, though a job comes just then."""

    def __init__(self, lock: threading.Lock, submit: Callable[[], None]) -> None:
        self._lock = lock
        self._submit = submit
        self._late = False

    def acquire(self, timeout: float = -1) -> bool:
        if timeout < 0 or self._late:
            return self._lock.acquire(timeout=timeout)
        self._late = True
        self._submit()
        return False

    def release(self) -> None:
        self._lock.release()


def test_a_job_submitted_in_the_moment_in_which_its_thread_gives_up_is_run() -> None:
    pool, jobs = FetchPool(max_threads=4), Jobs()
    pool.submit(jobs(0))
    until(lambda: jobs.running == [0])
    (thread,) = pool._busy
    thread.wake = TooLate(thread.wake, lambda: pool.submit(jobs(1)))  # type: ignore[assignment]
    jobs.let_go(0)
    until(lambda: jobs.running == [0, 1])
    jobs.let_go(1)
    until(lambda: jobs.done == [0, 1])
    assert len(jobs.threads) == 1


def test_the_thread_that_was_busy_last_is_used_first_so_that_the_others_can_end() -> None:
    pool, jobs = FetchPool(max_threads=8), Jobs()
    for number in range(8):
        pool.submit(jobs(number))
    jobs.let_go()
    until(lambda: pool.idle_count() == 8)
    jobs.threads.clear()
    for number in range(8, 40):
        pool.submit(jobs(number))
        jobs.let_go(number)
        until(lambda: pool.idle_count() == 8)
    assert len(jobs.threads) == 1


def test_threads_that_hang_are_not_counted_up_to_a_bound() -> None:
    clock = Clock()
    pool, jobs = FetchPool(max_threads=2, max_hanging_threads=2, clock=clock), Jobs()
    for number in range(8):
        pool.submit(jobs(number))
    until(lambda: len(jobs.running) == 2)
    pool.relieve()
    assert pool.thread_count() == 2  # nobody has hung for long
    clock.advance(5.1)
    pool.relieve()
    until(lambda: len(jobs.running) == 4)
    assert jobs.running[2:] in ([2, 3], [3, 2])
    clock.advance(5.1)
    pool.relieve()
    assert pool.thread_count() == 4  # enough is enough
    assert pool.is_backed_up()
    jobs.let_go()
    until(lambda: len(jobs.done) == 8)
    until(lambda: pool.idle_count() == 4)


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
