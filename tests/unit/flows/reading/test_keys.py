"""16 bytes for a uuid, a number for the hour."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flows.reading.keys import hour_of, hour_start, key_of


def test_a_uuid_is_its_own_bytes() -> None:
    one = uuid.uuid4()
    assert key_of(str(one)) == one.bytes


@pytest.mark.parametrize("odd", ["", "x", "not-a-uuid-of-the-usual-form-at-all!", "0" * 36, "é" * 36, "\ud800", "-" * 36, " " * 36])
def test_whatever_else_okta_may_send_has_a_key_of_its_own(odd: str) -> None:
    assert len(key_of(odd)) == 16
    assert key_of(odd) != key_of(odd + "x")


def test_an_event_on_the_hour_belongs_to_the_hour_that_begins() -> None:
    hour = datetime(2026, 5, 10, 8, tzinfo=UTC)
    number = hour_of(hour)
    assert hour_start(number) == hour
    assert hour_of(hour - timedelta(milliseconds=1)) == number - 1
    assert hour_of(hour.astimezone(timezone(timedelta(hours=5, minutes=30)))) == number
