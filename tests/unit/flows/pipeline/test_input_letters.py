"""What is no event becomes a dead letter as it is, within a tenant's budget of a day."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from flows.pipeline.input_letters import BYTES_A_DAY, LETTERS_A_DAY, InputLetters
from okta_source.metrics import TENANTS, TenantMetrics
from okta_source.polling.event import Malformed
from sinks.documents import Rejected

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def malformed(tenant: str = "acme", raw: bytes = b"1") -> Malformed:
    return Malformed(tenant, "not an event", raw, 200, 1, NOON, NOON)


def test_a_letter_says_what_is_known_and_holds_the_bytes_as_they_came() -> None:
    first, last = NOON - timedelta(minutes=5), NOON
    letter = InputLetters()(Malformed("acme", "not an event", b"\xff", 200, 10, first, last, "u", "yesterday"))
    assert letter == Rejected("acme", "input", "not an event", 200, 10, first, last, "u", "yesterday", "raw", b"\xff")


@pytest.mark.parametrize(("raw", "kept"), [(b"1", LETTERS_A_DAY), (b"x" * (BYTES_A_DAY // 4), 4)], ids=["letters", "bytes"])
def test_beyond_the_days_budget_they_are_counted_and_told_once(raw: bytes, kept: int, caplog: pytest.LogCaptureFixture) -> None:
    now = [NOON]
    letters = InputLetters(lambda: now[0])
    metrics = TenantMetrics("flooded")
    try:
        results = [letters(malformed("flooded", raw)) for _ in range(kept + 3)]
        assert [letter is not None for letter in results] == [True] * kept + [False] * 3
        assert metrics.counts.letters_dropped == 3
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        assert "flooded" in caplog.text
        assert letters(malformed("other", raw)) is not None  # nobody else's budget
        now[0] += timedelta(hours=12)
        assert letters(malformed("flooded", raw)) is not None
    finally:
        del TENANTS["flooded"]
