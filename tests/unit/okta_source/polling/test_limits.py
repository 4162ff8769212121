"""Rate-limit headers, the budget of an organisation host, and the back-off: every clock is a number."""

import random

import pytest

from okta_source.polling.limits import Backoff, HostBudget, RateLimitHeaders, read_rate_limit
from tests.unit.okta_source.fakes import headers

RESERVE = 0.1
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
DATE_EPOCH = 1772366400


def read(now: float = DATE_EPOCH, **values: str) -> RateLimitHeaders | None:
    given = {"X_Rate_Limit_Limit": "60", "X_Rate_Limit_Remaining": "55", "X_Rate_Limit_Reset": str(DATE_EPOCH + 23), "Date": DATE}
    return read_rate_limit(headers(**{name: value for name, value in (given | values).items() if value}), now)


def test_the_reset_is_read_against_the_answers_own_date() -> None:
    for skewed in (DATE_EPOCH, DATE_EPOCH - 86400, DATE_EPOCH + 86400):
        assert read(skewed) == RateLimitHeaders(60, 55, DATE_EPOCH + 23, 23.0)


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Mar 2026", ",", "Sun, 01 Mar 99999999999 12:00:00 GMT"])
def test_without_a_usable_date_our_clock_counts(date: str) -> None:
    assert read(DATE_EPOCH + 3.5, Date=date) == RateLimitHeaders(60, 55, DATE_EPOCH + 23, 19.5)


def test_a_reset_in_the_past_is_negative() -> None:
    found = read(X_Rate_Limit_Reset=str(DATE_EPOCH - 9))
    assert found is not None
    assert found.resets_in_seconds == -9.0


@pytest.mark.parametrize("name", ["X_Rate_Limit_Limit", "X_Rate_Limit_Remaining", "X_Rate_Limit_Reset"])
@pytest.mark.parametrize("value", ["", "x", "5.5", "5,", "9" * 400])
def test_headers_that_are_absent_or_no_numbers_say_nothing(name: str, value: str) -> None:
    assert read(**{name: value}) is None


def test_of_several_values_the_smallest_counts() -> None:
    found = read(X_Rate_Limit_Limit="600, 60", X_Rate_Limit_Remaining="5,3", X_Rate_Limit_Reset=f"{DATE_EPOCH + 40}, {DATE_EPOCH + 20}")
    assert found == RateLimitHeaders(60, 3, DATE_EPOCH + 20, 20.0)


def test_limit_zero_is_the_limit_of_simultaneous_requests() -> None:
    found = read(X_Rate_Limit_Limit="0", X_Rate_Limit_Remaining="0")
    assert found is not None
    assert found.is_concurrency
    assert not RateLimitHeaders(60, 0, 0, 0.0).is_concurrency


class Budget(HostBudget):
    """A budget with one helper: a request that goes out and comes back at once."""

    def request(self, found: RateLimitHeaders | None, now: float, *, answered: bool = True) -> None:
        self.started()
        self.finished(found, now, answered=answered)


def told(remaining: int, resets_in: float, limit: int = 60, reset: int = DATE_EPOCH) -> RateLimitHeaders:
    return RateLimitHeaders(limit, remaining, reset, resets_in)


def test_until_the_first_answer_one_request_at_a_time_goes_out() -> None:
    budget = Budget()
    assert budget.wait_seconds(0.0, RESERVE) == 0.0
    budget.started()
    assert budget.wait_seconds(0.0, RESERVE) > 0.0
    budget.finished(None, 1.0, answered=False)
    assert budget.wait_seconds(1.0, RESERVE) == 0.0  # no answer is no knowledge: the next one may try
    budget.started()
    budget.finished(told(50, 30.0), 2.0, answered=True)
    for _ in range(5):
        assert budget.wait_seconds(2.0, RESERVE) == 0.0
        budget.started()


def test_without_headers_nothing_is_held_back() -> None:
    budget = Budget()
    for _ in range(1000):
        assert budget.wait_seconds(5.0, 0.9) == 0.0
        budget.request(None, 5.0)


def test_the_reserve_is_kept_and_the_wait_ends_a_second_after_the_reset() -> None:
    budget = Budget()
    budget.request(told(7, 20.0), 100.0)
    assert budget.wait_seconds(100.0, RESERVE) == 0.0  # 7 - 1 leaves the 6 of the reserve
    budget.request(told(6, 20.0), 100.0)
    assert budget.wait_seconds(100.0, RESERVE) == pytest.approx(21.0)
    assert budget.wait_seconds(120.9, RESERVE) == pytest.approx(0.1)
    assert budget.wait_seconds(121.0, RESERVE) == 0.0


def test_what_is_in_flight_counts_as_spent() -> None:
    budget = Budget()
    budget.request(told(9, 20.0), 100.0)
    for _ in range(3):
        assert budget.wait_seconds(100.0, RESERVE) == 0.0
        budget.started()
    assert budget.wait_seconds(100.0, RESERVE) > 0.0
    budget.finished(told(8, 20.0), 100.0, answered=True)
    assert budget.wait_seconds(100.0, RESERVE) > 0.0  # 8 less 2 in flight: the answer changed nothing


def test_a_request_without_an_answer_counts_as_spent() -> None:
    budget = Budget()
    budget.request(told(7, 20.0), 100.0)
    budget.request(None, 100.0, answered=False)
    assert budget.wait_seconds(100.0, RESERVE) > 0.0


def test_answers_out_of_order_never_give_anything_back() -> None:
    budget = Budget()
    for remaining in (30, 7, 29, 6, 8):
        budget.request(told(remaining, 20.0), 100.0)
    assert budget.wait_seconds(100.0, RESERVE) == pytest.approx(21.0)


def test_a_late_answer_of_a_window_that_is_over_says_nothing_of_the_present_one() -> None:
    budget = Budget()
    budget.request(told(6, 10.0), 100.0)
    assert budget.wait_seconds(111.0, RESERVE) == 0.0
    budget.started()
    budget.started()
    budget.finished(told(40, 58.0, reset=DATE_EPOCH + 60), 112.0, answered=True)
    budget.finished(told(6, 1.0), 113.0, answered=True)  # was four seconds on its way
    assert budget.wait_seconds(113.0, RESERVE) == 0.0
    budget.request(told(6, 56.0, reset=DATE_EPOCH + 60), 114.0)
    assert budget.wait_seconds(114.0, RESERVE) == pytest.approx(112.0 + 58.0 + 1.0 - 114.0)


def test_a_slow_answer_does_not_put_the_reset_off() -> None:
    budget = Budget()
    budget.request(told(7, 20.0), 100.0)
    budget.request(told(6, 20.0), 105.0)  # sent at 100, arrived at 105
    assert budget.wait_seconds(105.0, RESERVE) == pytest.approx(16.0)


def test_another_client_that_spends_the_quota_is_seen_in_the_next_answer() -> None:
    budget = Budget()
    budget.request(told(50, 30.0), 0.0)
    budget.request(told(2, 29.0), 1.0)
    assert budget.wait_seconds(1.0, RESERVE) == pytest.approx(30.0)


def test_a_block_holds_everybody_back_and_the_longest_one_wins() -> None:
    budget = Budget()
    budget.request(told(50, 30.0), 0.0)
    budget.block(20.0)
    budget.block(10.0)
    assert budget.wait_seconds(5.0, RESERVE) == pytest.approx(15.0)
    assert budget.wait_seconds(20.0, RESERVE) == 0.0


@pytest.mark.parametrize(
    ("limit", "reserve", "usable"), [(1, 0.9, 1), (1, 0.0, 1), (10, 0.9, 1), (20, 0.1, 18), (60, 0.0, 60), (3, 0.5, 1)]
)
def test_some_request_always_fits_into_a_window(limit: int, reserve: float, usable: int) -> None:
    budget = Budget()
    budget.request(told(0, 0.5, limit=limit), 0.0)
    now, sent = 10.0, 0
    while budget.wait_seconds(now, reserve) == 0.0:
        sent += 1
        budget.request(told(limit - sent, 50.0, limit=limit, reset=DATE_EPOCH + 60), now)
        assert sent <= limit
    assert sent == usable


@pytest.mark.parametrize("resets_in", [-3.0, -86400.0, 901.0, 1e9])
def test_a_reset_that_no_window_can_have_is_not_waited_for(resets_in: float) -> None:
    budget = Budget()
    for _ in range(100):
        assert budget.wait_seconds(7.0, RESERVE) == 0.0
        budget.request(told(0, resets_in), 7.0)


def test_the_limit_of_simultaneous_requests_does_not_spoil_the_budget() -> None:
    budget = Budget()
    budget.request(told(50, 30.0), 0.0)
    budget.request(told(0, 30.0, limit=0), 1.0)
    assert budget.wait_seconds(1.0, RESERVE) == 0.0


def test_an_organisation_whose_clock_is_set_back_is_understood_again() -> None:
    budget = Budget()
    budget.request(told(6, 10.0), 0.0)
    assert budget.wait_seconds(11.0, RESERVE) == 0.0
    budget.request(told(6, 30.0, reset=DATE_EPOCH - 86400), 12.0)
    assert budget.wait_seconds(12.0, RESERVE) == pytest.approx(31.0)


def test_backoff_doubles_from_two_seconds_to_five_minutes_with_jitter_in_its_upper_half() -> None:
    ceilings = [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    backoff = Backoff(random.Random(1))
    for attempts, ceiling in enumerate(ceilings, 1):
        waits = [backoff.seconds(attempts) for _ in range(300)]
        assert ceiling / 2 <= min(waits) < ceiling * 0.55
        assert ceiling * 0.95 < max(waits) <= ceiling
    assert backoff.seconds(10**6) <= 300.0


def test_work_that_goes_first_finds_room_until_the_window_ends() -> None:
    budget = Budget()
    budget.request(RateLimitHeaders(100, 25, DATE_EPOCH + 60, 60.0), 0.0)
    # 10 are reserved, and 0.2 a second are left for the 60 s that the window still lasts: 12.
    assert budget.wait_seconds(0.0, RESERVE, 0.2) == 0.0
    budget.request(RateLimitHeaders(100, 22, DATE_EPOCH + 60, 60.0), 0.0)
    assert budget.wait_seconds(0.0, RESERVE, 0.2) == 5.0
    assert budget.wait_seconds(0.0, RESERVE) == 0.0
    # What wasn't taken comes free as the window runs out.
    assert budget.wait_seconds(5.1, RESERVE, 0.2) == 0.0
    budget.request(RateLimitHeaders(100, 11, DATE_EPOCH + 60, 1.0), 59.0)
    assert budget.wait_seconds(60.0, RESERVE, 0.2) == 0.0


def test_work_that_goes_first_never_takes_more_than_half() -> None:
    budget = Budget()
    budget.request(RateLimitHeaders(20, 12, DATE_EPOCH + 60, 60.0), 0.0)
    assert budget.wait_seconds(0.0, RESERVE, 2.0) == 0.0
    budget.request(RateLimitHeaders(20, 11, DATE_EPOCH + 60, 60.0), 0.0)
    assert 0.0 < budget.wait_seconds(0.0, RESERVE, 2.0) <= 0.5


def test_a_share_is_counted_by_what_was_started_in_the_window() -> None:
    budget = Budget()
    for number in range(5):
        assert budget.wait_seconds(0.0, 0.5, share=0.1) == 0.0
        budget.request(RateLimitHeaders(100, 99 - number, DATE_EPOCH + 60, 60.0), 0.0)
    assert budget.wait_seconds(0.0, 0.5, share=0.1) == 61.0
    assert budget.wait_seconds(0.0, 0.5) == 0.0
    assert budget.wait_seconds(61.0, 0.5, share=0.1) == 0.0


def test_a_share_begins_anew_with_a_window_whose_predecessors_end_nobody_saw() -> None:
    budget = Budget()
    for number in range(5):
        budget.request(RateLimitHeaders(100, 99 - number, DATE_EPOCH + 60, 60.0), 0.0)
    budget.request(RateLimitHeaders(100, 99, DATE_EPOCH + 90, 60.0), 30.0)
    assert budget.wait_seconds(30.0, 0.5, share=0.1) == 0.0
