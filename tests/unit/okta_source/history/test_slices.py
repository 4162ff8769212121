from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest

from okta_source.history.slices import MOST_SLICES, Slice, bounded_query, cut, cut_by, slice_hours
from okta_source.polling.query import Query

START = datetime(2026, 8, 3, 10, 17, 5, 123_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("span", [timedelta(milliseconds=1), HOUR, 5 * HOUR, timedelta(days=7), timedelta(days=90)])
@pytest.mark.parametrize("tenants", [1, 7, 300])
def test_slices_cover_the_span_of_each_tenant_without_gap_or_overlap(span: timedelta, tenants: int) -> None:
    names = [f"t{number}" for number in range(tenants)]
    slices = cut(names, START, START + span)
    assert len(slices) <= max(MOST_SLICES, tenants)
    assert list(slices) == sorted(slices, key=lambda wanted: (wanted.since, wanted.tenant))
    for name in names:
        own = [wanted for wanted in slices if wanted.tenant == name]
        assert (own[0].since, own[-1].until) == (START, START + span)
        assert all(before.until == after.since for before, after in pairwise(own))
        assert all(wanted.since < wanted.until for wanted in own)


@pytest.mark.parametrize(("tenants", "days", "hours"), [(1, 1, 1), (1, 7, 1), (1, 90, 3), (2, 90, 6), (10, 90, 24), (1000, 90, 2162)])
def test_slices_are_as_short_as_their_number_allows(tenants: int, days: int, hours: int) -> None:
    assert slice_hours(tenants, START, START + timedelta(days=days)) == hours


def test_inner_bounds_are_aligned() -> None:
    slices = cut_by(["acme"], START, START + timedelta(days=1), 6)
    assert [wanted.since.hour for wanted in slices[1:]] == [12, 18, 0, 6]
    assert all(wanted.since.minute == wanted.since.second == wanted.since.microsecond == 0 for wanted in slices[1:])


def test_more_tenants_than_slices_have_one_each() -> None:
    assert len(cut([f"t{number}" for number in range(50)], START, START + timedelta(days=30), most=20)) == 50


def test_an_empty_span_has_no_slices() -> None:
    assert cut(["acme"], START, START) == ()


def test_a_slice_is_named_by_tenant_and_span() -> None:
    assert Slice("acme", START, START + HOUR).key == "acme/2026-08-03T10:17:05.123Z/2026-08-03T11:17:05.123Z"


def test_the_query_reaches_a_millisecond_further_on_both_sides() -> None:
    url = bounded_query(Query("acme", "https://acme.okta.com", filter='eventType eq "a"'), Slice("acme", START, START + HOUR), START)
    assert parse_qs(urlsplit(url).query) == {
        "since": ["2026-08-03T10:17:05.122Z"],
        "until": ["2026-08-03T11:17:05.124Z"],
        "sortOrder": ["ASCENDING"],
        "limit": ["1000"],
        "filter": ['eventType eq "a"'],
    }
