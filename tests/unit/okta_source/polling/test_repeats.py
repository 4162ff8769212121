"""What is said of a trouble that lasts."""

from datetime import timedelta

from okta_source.polling.outcome import Failure
from okta_source.polling.repeats import Repeats
from tests.unit.okta_source.fakes import NOW


def failure(message: str, code: str = "error") -> Failure:
    return Failure("connection", "fetch", message, "Mend it.", code)


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_the_same_is_said_once_whatever_differs_in_its_numbers() -> None:
    repeats = Repeats()
    assert repeats.failed(failure("Port 40001 is closed (0x7f3a), https://acme.okta.com/?after=Zx_9"), NOW) == ""
    assert repeats.failed(failure("Port 40002 is closed (0x88bb), https://acme.okta.com/?after=Qy-1"), NOW) is None


def test_a_change_is_said_with_how_often_the_one_before_was_met() -> None:
    repeats = Repeats()
    for number in range(5):
        repeats.failed(failure("Refused."), NOW + after(number))
    assert repeats.failed(failure("Reset."), NOW + after(9)) == " (what was said before was so 5 times since 12:00:00 UTC)"
    assert repeats.failed(failure("Refused."), NOW + after(10)) == "", "what was met once is said whole"
    assert repeats.failed(failure("Refused.", "500"), NOW) == ""
    assert repeats.failed(failure("Refused.", "500"), NOW, "given up") == ""


def test_the_end_says_how_long_it_was_and_what_comes_then_is_news() -> None:
    repeats = Repeats()
    assert repeats.succeeded(NOW) == ""
    for number in range(3):
        repeats.failed(failure("Refused."), NOW + after(number * 60))
    assert repeats.succeeded(NOW + after(180)) == "after 3 min; what was said before was so 3 times since 12:00:00 UTC"
    assert repeats.failed(failure("Refused."), NOW + after(200)) == ""
    assert repeats.succeeded(NOW + after(230)) == "after 30 s"
    repeats.failed(failure("Refused."), NOW)
    assert repeats.succeeded(NOW + after(3 * 3600)) == "after 3.0 h"
