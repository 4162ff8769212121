import pytest

from okta_source.polling.clock import ClockWatch, skew_seconds, skew_words

DATE = "Fri, 01 May 2026 09:30:00 GMT"
AT = 1_777_627_800.0


@pytest.mark.parametrize(
    ("sent", "received", "skew"),
    [(0.0, 0.3, 0.0), (-0.5, 30.0, 0.0), (400.0, 400.2, 399.0), (-400.0, -399.0, -399.0), (1.5, 1.6, 0.5)],
)
def test_what_the_way_can_explain_is_no_difference(sent, received, skew):
    assert skew_seconds(DATE, AT + sent, AT + received) == pytest.approx(skew)


def test_a_date_that_is_none_says_nothing():
    assert skew_seconds("yesterday", AT, AT) is None


def test_it_is_said_once_per_change():
    watch = ClockWatch()
    assert [watch.changes(seconds) for seconds in (0.0, 59.0, 61.0, -400.0, 400.0, 0.0, 1.0)] == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_clock_at_the_threshold_is_said_once():
    watch = ClockWatch()
    assert [watch.changes(seconds) for seconds in (61.0, 59.0, 61.0, -55.0, 49.0, 55.0)] == [True, False, False, False, True, False]


def test_words():
    assert skew_words(-400.0) == "this machine's clock is 400 s behind Okta's"
    assert skew_words(4000.0) == "this machine's clock is 4,000 s ahead of Okta's"
