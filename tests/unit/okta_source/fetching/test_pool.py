"""What tenants share in a process: threads, page memory, the budget of a host."""

import pytest

from okta_source.fetching.pool import ByteBudget, HostLimiter, Shared
from okta_source.polling.limits import RateLimitHeaders
from tests.unit.okta_source.fakes import Clock


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
