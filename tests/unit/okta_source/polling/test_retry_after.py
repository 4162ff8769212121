"""`Retry-After` in every form in which it comes, and the two copies of its reader."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import okta_source.polling.retry_after
import sinks.http.retry_after
from okta_source.polling.retry_after import http_date, retry_after_seconds
from tests.unit.okta_source.fakes import NOW, headers


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        (" 17 ", 17.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("2.", 2.0),
        ("5, 30", 30.0),
        ("Sun, 01 Mar 2026 12:00:17 GMT", 17.0),
        ("Sunday, 01-Mar-26 12:00:17 GMT", 17.0),
        ("Sun, 01 Mar 2026 12:00:17 -0000", 17.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("nan", None),
        ("5, soon", None),
        ("²", None),  # a digit to str.isdigit, none to float
        ("٣", None),
        ("1_0", None),
        ("9" * 400, None),
    ],
)
def test_what_can_be_read_is_read_and_nothing_else(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(headers(Retry_After=value), NOW.timestamp()) == seconds


def test_a_date_is_compared_with_the_servers_own_clock() -> None:
    found = headers(Retry_After="Sun, 01 Mar 2026 12:00:17 GMT", Date="Sun, 01 Mar 2026 12:00:10 GMT")
    assert retry_after_seconds(found, NOW.timestamp() + 3600.0) == 7.0


def test_a_header_that_is_not_there_asks_for_nothing() -> None:
    assert retry_after_seconds(headers(), 0.0) is None


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", "Sun, 99 Mar 2026 12:00:17 GMT", "1, 2", "²", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 01 Jan 1000 00:00:00 GMT"],
)
def test_what_is_no_date_is_none(value: str | None) -> None:
    assert http_date(value) is None


def test_a_date_without_a_zone_is_universal_time() -> None:
    assert http_date("Sun, 01 Mar 2026 12:00:17") == datetime(2026, 3, 1, 12, 0, 17, tzinfo=UTC)


def test_both_packages_read_it_alike() -> None:
    ours, theirs = (Path(module.__file__ or "") for module in (okta_source.polling.retry_after, sinks.http.retry_after))
    assert ours.read_bytes() == theirs.read_bytes()
