"""What a backfill is to fetch, and what its state directory holds of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.backfill.plan import PLAN_FILE, Asked, Plan, PlanRefused, load_plan, make_plan, save_plan
from okta_source.config.tenant import TenantConfig

NOW = datetime(2026, 8, 3, 10, 17, 5, 123_456, tzinfo=UTC)
WHOLE = NOW.replace(microsecond=123_000)


def tenant(name: str, **settings: Any) -> TenantConfig:
    return TenantConfig.model_validate({"name": name, "org_url": name, "auth": {"method": "ssws", "token_env": "UNUSED"}, **settings})


TENANTS = (tenant("acme"), tenant("globex"))


def plan(*asked: Any, now: datetime = NOW) -> Plan:
    return make_plan(Asked(*asked), TENANTS, now)[0]


def test_by_default_all_that_okta_keeps_of_every_tenant() -> None:
    found, warnings = make_plan(Asked(), TENANTS, NOW)
    assert (found.since, found.until, found.tenants) == (WHOLE - timedelta(days=90), WHOLE, ("acme", "globex"))
    assert warnings == []
    assert {wanted.tenant for wanted in found.slices()} == {"acme", "globex"}


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("7d", "1d", (WHOLE - timedelta(days=7), WHOLE - timedelta(days=1))),
        ("2026-08-01", "2026-08-02T00:00:00+02:00", (datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 1, 22, tzinfo=UTC))),
        ("24h", "now", (WHOLE - timedelta(hours=24), WHOLE)),
    ],
)
def test_look_backs_and_times(since: str, until: str, expected: tuple[datetime, datetime]) -> None:
    found = plan(since, until)
    assert (found.since, found.until) == expected


@pytest.mark.parametrize("since", ["91d", "200d", "2020-01-01", "999999999d"])
def test_what_okta_no_longer_has_is_told_and_left_out(since: str) -> None:
    found, warnings = make_plan(Asked(since), TENANTS, NOW)
    assert found.since == WHOLE - timedelta(days=90)
    assert "Okta keeps events for 90 days" in warnings[0]


def test_an_end_that_lies_ahead_is_now() -> None:
    found, warnings = make_plan(Asked("7d", "2027-01-01"), TENANTS, NOW)
    assert found.until == WHOLE
    assert "until lies ahead" in warnings[0]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked("yesterday"), "since: 'yesterday' is not allowed; allowed: now, a look-back"),
        (Asked("7d", "x"), "until: 'x' is not allowed"),
        (Asked("1d", "7d"), "must be before until"),
        (Asked("now"), "must be before until"),
        (Asked("7d", None, ("acme", "initech")), "unknown tenants: initech; known: acme, globex"),
        (Asked("7d", None, ()), "no tenant is named"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: Asked, message: str) -> None:
    with pytest.raises(PlanRefused, match=message):
        make_plan(asked, TENANTS, NOW)


def test_a_resume_with_the_same_look_back_continues_the_same_span(tmp_path: Path) -> None:
    made = plan("7d", "1h", ("globex",))
    save_plan(tmp_path, made)
    for asked in (Asked("7d", "1h", ("globex",)), Asked(), Asked("7d")):
        assert load_plan(tmp_path, asked, TENANTS) == made


def test_without_a_plan_there_is_none(tmp_path: Path) -> None:
    assert load_plan(tmp_path, Asked("7d"), TENANTS) is None


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked("8d"), r"since 8d \(planned: 7d\)"),
        (Asked("7d", "2h"), r"until 2h \(planned: now\)"),
        (Asked("7d", None, ("globex",)), r"tenants globex \(planned: acme, globex\)"),
    ],
)
def test_another_span_needs_another_state_directory(tmp_path: Path, asked: Asked, message: str) -> None:
    save_plan(tmp_path, plan("7d"))
    with pytest.raises(PlanRefused, match=message):
        load_plan(tmp_path, asked, TENANTS)


def test_what_the_configuration_has_changed_since_is_noticed(tmp_path: Path) -> None:
    save_plan(tmp_path, plan("7d"))
    with pytest.raises(PlanRefused, match="doesn't name any more: globex"):
        load_plan(tmp_path, Asked(), TENANTS[:1])
    with pytest.raises(PlanRefused, match="filter or q of acme"):
        load_plan(tmp_path, Asked(), (tenant("acme", filter='eventType eq "a"'), TENANTS[1]))
    assert load_plan(tmp_path, Asked(), (tenant("acme", page_limit=10), TENANTS[1]))


@pytest.mark.parametrize("damage", ["", "{", '{"since":1}'])
def test_a_damaged_plan_is_told(tmp_path: Path, damage: str) -> None:
    (tmp_path / PLAN_FILE).write_text(damage)
    with pytest.raises(PlanRefused, match="can't be read"):
        load_plan(tmp_path, Asked(), TENANTS)


def test_a_plan_of_another_release_is_told(tmp_path: Path) -> None:
    save_plan(tmp_path, plan("7d"))
    path = tmp_path / PLAN_FILE
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(PlanRefused, match="has version 2"):
        load_plan(tmp_path, Asked(), TENANTS)
