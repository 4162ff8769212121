"""The resumable state: plain values, versioned, and the same after a round trip."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from okta_source.polling.state import Cursor, StateError, TenantState, query_fingerprint

WINDOW = ((1772366400.123, b"0123456789abcdef", ()), (1772366401.0, b"fedcba9876543210" * 2, ("odd", "é")))
STATE = TenantState(
    cursor=Cursor("https://acme.okta.com/api/v1/logs?after=a%2Bb%2fc%3D", from_link=True),
    started_at=datetime(2026, 2, 1, tzinfo=UTC),
    high_water=datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC),
    query=query_fingerprint("", "", "1000"),
    window=WINDOW,
    drained=False,
)


@pytest.mark.parametrize("high_water", [STATE.high_water, None])
def test_a_round_trip_changes_nothing(high_water: datetime | None) -> None:
    state = TenantState(STATE.cursor, STATE.started_at, high_water, STATE.query, WINDOW)
    assert TenantState.from_plain(pickle.loads(pickle.dumps(state.to_plain()))) == state  # noqa: S301


def test_it_holds_plain_values_only_so_that_no_class_can_break_it() -> None:
    plain = STATE.to_plain()
    assert plain == {
        "version": 1,
        "url": "https://acme.okta.com/api/v1/logs?after=a%2Bb%2fc%3D",
        "from_link": True,
        "started_at": "2026-02-01T00:00:00+00:00",
        "high_water": "2026-03-01T12:00:00.123000+00:00",
        "query": STATE.query,
        "window": WINDOW,
        "drained": False,
        "forgotten": None,
        "push": None,
    }
    assert b"okta_source" not in pickle.dumps(plain)


def test_a_snapshot_of_a_release_that_did_not_tell_whether_it_was_drained_is_read() -> None:
    plain = STATE.to_plain()
    del plain["drained"]
    assert TenantState.from_plain(plain) == replace(STATE, drained=None)


def test_a_snapshot_of_a_release_without_push_says_what_it_may_have_forgotten() -> None:
    plain = STATE.to_plain()
    del plain["forgotten"], plain["push"]
    assert TenantState.from_plain(plain) == replace(STATE, forgotten_mark=WINDOW[0][0])
    assert TenantState.from_plain(plain | {"window": ()}) == replace(STATE, window=(), forgotten_mark=STATE.high_water.timestamp())  # type: ignore[union-attr]
    assert TenantState.from_plain(plain | {"window": (), "high_water": None}).forgotten_mark is None


def test_what_was_forgotten_and_what_push_left_open_come_back() -> None:
    state = replace(STATE, forgotten_mark=1772366300.5, push={"spool": ("a.hooks", 5), "hooked": ()})
    assert TenantState.from_plain(pickle.loads(pickle.dumps(state.to_plain()))) == state  # noqa: S301


def test_times_come_back_in_utc() -> None:
    east = timezone(timedelta(hours=5))
    state = TenantState(STATE.cursor, datetime(2026, 2, 1, 5, tzinfo=east), datetime(2026, 3, 1, 17, tzinfo=east), "q")
    again = TenantState.from_plain(state.to_plain())
    assert again.started_at.tzinfo is UTC
    assert again.high_water == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_version_stops_the_run_and_says_what_to_do(version: object) -> None:
    with pytest.raises(StateError, match=r"release that wrote it.*start_from") as caught:
        TenantState.from_plain(STATE.to_plain() | {"version": version})
    assert repr(version) in str(caught.value)


def test_a_state_without_a_version_is_unknown_too() -> None:
    with pytest.raises(StateError):
        TenantState.from_plain({"url": "x"})


def test_the_fingerprint_tells_parameters_apart() -> None:
    variants = {
        query_fingerprint(*parameters)
        for parameters in (("", "", "1000"), ("a", "", "1000"), ("", "a", "1000"), ("", "", "100"), ("a", "b", "1"), ("ab", "", "1"))
    }
    assert len(variants) == 6
    assert query_fingerprint("é", "", "1") == query_fingerprint("é", "", "1")


@pytest.mark.parametrize(("saved", "year"), [("0001-01-01T00:00:00+14:00", 1), ("9999-12-31T23:59:59-01:00", 9999)])
def test_a_mark_of_earlier_releases_that_is_no_moment_in_utc_is_read_as_the_end_of_the_calendar(saved: str, year: int) -> None:
    state = TenantState.from_plain(STATE.to_plain() | {"high_water": saved})
    assert state.high_water is not None
    assert (state.high_water.year, state.high_water.utcoffset()) == (year, timedelta(0))
