"""What is said of a sink, and how often."""

import pytest

from sinks.delivery.notices import Notices
from sinks.delivery.target import Again, Notice, Refused


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


@pytest.mark.parametrize("reason", ["request {:08x} is none", "document 3f2a1b00-77aa-11ee-9c6d-{:012x}: no ip", "{}", "line {}"])
def test_a_refusal_is_said_once_a_minute_whichever_event_it_names(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    notices = Notices("hook", "https://r")
    for number in range(1000):
        notices.refused([Refused(0, reason.format(number), 400)], 1.0 + number / 100)
    notices.refused([Refused(0, reason.format(1000), 400)], 61.0)
    assert len(caplog.records) == 2
    assert "refused 1000 event(s)" in caplog.records[1].getMessage()


def test_refusals_of_two_kinds_in_turn_are_said_once_a_minute_each(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices("hook", "https://r")
    for number in range(1000):
        notices.refused([Refused(0, ("no ip", "no date")[number % 2], 400)], 1.0 + number / 100)
    assert len(caplog.records) == 2
