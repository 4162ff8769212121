"""What an audit is to do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.audit.plan import Asked, AuditRefused, Plan, load_or_make, make_plan
from flows.configuration.settings import Settings, load

NOW = datetime(2026, 5, 10, 11, 38, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    tenants = "\n".join(
        f'[[tenants]]\nname = "{name}"\norg_url = "http://127.0.0.1:1"\n[tenants.auth]\nmethod = "ssws"\ntoken_env = "TOKEN"\n'
        for name in ("acme", "globex")
    )
    sinks = (
        '[sinks.archive]\ntype = "file"\npath = "{tenant}/{date}.ndjson"\n'
        '[sinks.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:1"\n'
        '[sinks.search]\ntype = "elasticsearch"\nhosts = ["http://127.0.0.1:1"]\ntarget = "okta"\n'
    )
    path = tmp_path / "okta.toml"
    path.write_text(f"{tenants}\n{sinks}")
    return load(path, {"TOKEN": "x"})


def plan_of(settings: Settings, now: datetime = NOW, **asked: object) -> Plan:
    return make_plan(Asked(**asked), settings, now)[0]  # type: ignore[arg-type]


def test_by_default_the_24_whole_hours_that_ended_an_hour_ago_or_earlier(settings: Settings) -> None:
    plan, words = make_plan(Asked(), settings, NOW)
    assert (plan.since, plan.until) == (datetime(2026, 5, 9, 10, tzinfo=UTC), datetime(2026, 5, 10, 10, tzinfo=UTC))
    assert plan.tenants == ("acme", "globex")
    assert plan.sinks == ("archive", "search")
    assert len(plan.hours) == 24
    assert not plan.repair
    assert plan.budget == 0.05
    assert words == ["sink hook: a webhook can't be audited, since nobody can ask its receiver what it holds"]
    assert [(one.tenant, one.since, one.until) for one in plan.slices()] == [(t, plan.since, plan.until) for t in ("acme", "globex")]


@pytest.mark.parametrize("until", ["59m", "1s", "2026-05-10T10:38:13Z", "2026-05-11"])
def test_what_okta_may_still_be_adding_to_is_refused(settings: Settings, until: str) -> None:
    with pytest.raises(AuditRefused, match="less than an hour ago"):
        plan_of(settings, until=until)


def test_exactly_an_hour_ago_is_allowed(settings: Settings) -> None:
    assert plan_of(settings, now=NOW.replace(minute=0, second=0), until="1h").until == datetime(2026, 5, 10, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"since": "65m", "until": "62m"}, "leaves no whole hour"),
        ({"since": "2h", "until": "3h"}, "leaves no whole hour"),
        ({"since": "yesterday"}, "'yesterday' is not allowed; allowed: a look-back"),
        ({"until": "soon"}, "until: 'soon'"),
        ({"tenants": ("initech",)}, "there is no tenant 'initech' in .*okta.toml; there are: acme, globex"),
        ({"sinks": ("other",)}, "there is no sink 'other'"),
        ({"sinks": ("hook",)}, "none that can be audited"),
        ({"budget": 0.0}, "budget: 0 is not allowed"),
        ({"budget": 1.1}, "budget: 1.1"),
        ({"budget": float("nan")}, "budget: nan"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_can(settings: Settings, asked: dict[str, object], words: str) -> None:
    with pytest.raises(AuditRefused, match=words):
        plan_of(settings, **asked)


def test_some_tenants_and_sinks_in_the_configuration_s_order(settings: Settings) -> None:
    plan = plan_of(settings, tenants=("globex", "acme"), sinks=("search",))
    assert (plan.tenants, plan.sinks) == (("acme", "globex"), ("search",))


def test_okta_keeps_ninety_days(settings: Settings) -> None:
    plan, words = make_plan(Asked(since="400d", tenants=("acme",)), settings, NOW)
    assert NOW - timedelta(days=90) < plan.since < NOW - timedelta(days=89)
    assert "90 days" in " ".join(words)
    assert plan_of(settings, since="999999999d").since == plan.since
    # A slice a UTC day, the first and the last shorter.
    assert {(one.until - one.since) / timedelta(hours=1) for one in plan.slices()[1:-1]} == {24.0}


def test_few_slices_for_many_tenants(settings: Settings) -> None:
    tenants = tuple(settings.tenants[0].model_copy(update={"name": f"t{number}"}) for number in range(900))
    many = Settings(settings.pipeline, tenants, settings.sinks, settings.hooks, None, settings.path, ())
    plan = plan_of(many, since="30d")
    assert len(plan.slices()) <= 1000


def test_a_resumed_audit_goes_on_with_the_same_span(settings: Settings, tmp_path: Path) -> None:
    first, _ = load_or_make(tmp_path / "audit", Asked(repair=True), settings, NOW)
    second, words = load_or_make(tmp_path / "audit", Asked(repair=True), settings, NOW + timedelta(hours=9))
    assert second == first
    assert second.marker == "audit-20260510T113812Z"
    assert "going on" in words[0]


@pytest.mark.parametrize("asked", [{"since": "26h"}, {"until": "2h"}, {"repair": True}, {"tenants": ("acme",)}, {"sinks": ("search",)}])
def test_another_audit_does_not_go_on_with_its_state(settings: Settings, tmp_path: Path, asked: dict[str, object]) -> None:
    load_or_make(tmp_path / "audit", Asked(), settings, NOW)
    with pytest.raises(AuditRefused, match=r"holds another audit, with .*give the same options"):
        load_or_make(tmp_path / "audit", Asked(**asked), settings, NOW)  # type: ignore[arg-type]


def test_a_sink_that_is_gone_ends_the_audit(settings: Settings, tmp_path: Path) -> None:
    load_or_make(tmp_path / "audit", Asked(), settings, NOW)
    without = Settings(settings.pipeline, settings.tenants, {"archive": settings.sinks["archive"]}, settings.hooks, None, settings.path, ())
    with pytest.raises(AuditRefused, match="not all of which are configured any more"):
        load_or_make(tmp_path / "audit", Asked(), without, NOW)


def test_a_plan_that_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(AuditRefused, match="another state directory"):
        load_or_make(tmp_path, Asked(), settings, NOW)
