"""What is said of a server's clock."""

from email.utils import formatdate

import pytest

from sinks.http.clock import ClockWatch

NOW = 1_777_627_800.0


class Bench:
    """A watch, and answers by a clock that is so far from ours."""

    def __init__(self) -> None:
        self.now = 0.0
        self.watch = ClockWatch("https://r", lambda: self.now)

    def answer(self, skew_seconds: float, after_seconds: float = 1.0) -> None:
        self.now += after_seconds
        self.watch.look({"Date": formatdate(NOW + self.now + skew_seconds, usegmt=True)}, NOW + self.now)


def test_it_is_said_once_and_taken_back_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for skew_seconds in (0.0, -400.0, -400.0, 0.0, 0.0):
        bench.answer(skew_seconds, after_seconds=61.0)
    assert [record.getMessage() for record in caplog.records] == [
        "The clock of https://r is 400 s behind this machine's: set both by NTP.",
        "The clock of https://r agrees with this machine's again.",
    ]


def test_a_clock_at_the_threshold_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for number in range(200):
        bench.answer(-59.0 - number % 3, after_seconds=61.0)
    assert len(caplog.records) == 1


def test_of_two_servers_behind_one_name_it_is_said_once_while_both_answer(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for number in range(200):
        bench.answer(-100.0 if number % 2 else 0.0)
    assert len(caplog.records) == 1
