"""What is said of a sink, and how often."""

import pytest

from sinks.delivery.notices import Notices
from sinks.delivery.target import Again, Notice


def test_a_notice_is_told_once_an_hour_whatever_its_words(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices("hook", "https://r")
    for second in range(7300):
        notices.told(Notice(f"request {second} was taken in part", "207"), float(second))
    assert [record.getMessage() for record in caplog.records] == [
        f"sink hook: request {second} was taken in part" for second in (0, 3600, 7200)
    ]


def test_what_is_remembered_and_said_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices("hook", "https://r")
    for number in range(1000):
        notices.told(Notice("text", f"kind {number}"), 1.0)
        notices.failing(Again((), "No.", scope=f"index {number}"), 60.0, 1.0)
    assert len(caplog.records) == 200
    notices.told(Notice("text", "kind 1000"), 3601.0)
    assert len(caplog.records) == 201
