"""Traps 13 to 16: a cursor, a parameter or a time that Okta refuses, and a configuration that has changed."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from okta_source.polling.state import Cursor, TenantState, query_fingerprint
from okta_source.simulator import Faults, Organisation, RequestRecord, Scripted, Simulator
from tests.e2e.harness import Workplace
from tests.e2e.traps.rig import ByHand, drain, event, growth, quick_backoff, series, tenant, uuids, workplace


def since(request: RequestRecord) -> datetime:
    """The `since` of a request that has no cursor."""
    assert request.cursor is None, request.target
    return datetime.fromisoformat(parse_qs(urlsplit(request.target).query)["since"][0])


@pytest.mark.parametrize("status", [400, 404, 410])
def test_trap_13_a_refused_cursor_restarts_behind_the_newest_event(tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture) -> None:
    # 200 s of the hour's events lie in the overlap of 300 s and come a second time.
    organisation = Organisation("acme", events=720, span_seconds=3600)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=100)
        drain(place)
        newest = max(datetime.fromisoformat(orjson.loads(line)["published"]) for line in place.lines("acme"))
        organisation.append(30)
        before = organisation.requests_count
        organisation.script(Scripted(status=status))
        overlap = sum(
            datetime.fromisoformat(orjson.loads(e)["published"]) >= newest - timedelta(seconds=290) for e in organisation.persisted()
        )
        resets = series("okta_cursor_resets_total", tenant="acme")
        with caplog.at_level(logging.WARNING):
            assert drain(place) == {}
        assert series("okta_cursor_resets_total", tenant="acme") == resets + 1
        assert organisation.requests[before].cursor
        assert since(organisation.requests[before + 1]) == newest - timedelta(minutes=5)
        # It fell back by an overlap, not to the beginning, and what came again was removed.
        assert 30 < overlap < 200
        assert sum(request.events for request in organisation.requests[before:]) < 200
        place.judge(organisation)
    told = [record.getMessage() for record in caplog.records if "cursor" in record.getMessage()]
    assert any("acme" in text and str(status) in text and "restarts" in text for text in told), told


def test_trap_13_a_cursor_that_is_refused_again_and_again_backs_off(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=40, faults=Faults(cursor_expired=1.0))
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=10)
        with ByHand(acme) as source:
            for _ in range(60):
                source.settle()
                source.clock.advance(1.0)
            # No peer does better than a request a second here; Okta's quota would be gone in a minute or two.
            assert organisation.requests_count < 30
            organisation.faults = Faults()
            source.clock.advance(300.0)
            source.settle()
            organisation.append(1)
            source.clock.advance(10.0)
            assert uuids(source.settle()) == organisation.uuids()[-1:]


REFUSALS = [
    ('filter = "eventType eqq \\"user.session.start\\""', None, "eqq"),
    ("", Scripted(status=400), "E0000001"),
]


@pytest.mark.parametrize(("keys", "script", "said"), REFUSALS)
def test_trap_14_a_400_by_configuration_is_a_visible_failure_of_that_tenant_alone(
    tmp_path: Path, keys: str, script: Scripted | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, right = Organisation("wrong", events=20), Organisation("right", seed=2, events=2000)
    if script:
        wrong.script(*[script] * 10)
    with Simulator([wrong, right]) as sim:
        place = Workplace(tmp_path)
        place.add_all(sim, [wrong, right], page_limit=50)
        if keys:
            place.entries[0] = place.entries[0].replace("[tenants.auth]", f"{keys}\n[tenants.auth]")
        place.write()
        errors = series("okta_errors_total", tenant="wrong", error_type="bad_request", stage="fetch")
        with quick_backoff(), caplog.at_level(logging.WARNING):
            undrained = drain(place)
        place.judge(right)
    assert list(undrained) == ["wrong"]
    assert undrained["wrong"].error_type == "bad_request"
    assert said in undrained["wrong"].message
    assert "filter" in undrained["wrong"].fix
    assert place.lines("wrong") == []
    assert series("okta_tenant_up", tenant="wrong") == 0
    assert series("okta_tenant_up", tenant="right") == 1
    assert series("okta_errors_total", tenant="wrong", error_type="bad_request", stage="fetch") == errors + 5
    assert any(record.getMessage().startswith("wrong: ") and said in record.getMessage() for record in caplog.records)
    assert not any(record.getMessage().startswith("right: ") for record in caplog.records)


def test_trap_15_a_look_back_beyond_retention_is_cut_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    organisation = Organisation("acme", events=40)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, start_from="200d")
        with caplog.at_level(logging.WARNING):
            assert drain(place) == {}
        place.judge(organisation)
    assert [request.events for request in organisation.requests] == [len(organisation.uuids()), 0]
    assert datetime.now(UTC) - since(organisation.requests[0]) < timedelta(days=90, minutes=1)
    assert "Okta keeps them for 90 days" in caplog.text
    assert "acme" in caplog.text


def test_trap_15_a_saved_start_that_has_grown_too_old_meanwhile(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=10)
    long_ago = datetime.now(UTC) - timedelta(days=200)
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation)
        fingerprint = query_fingerprint("", "", "1000")
        url = f"{sim.url('acme')}/api/v1/logs?since={long_ago:%Y-%m-%dT%H:%M:%S.000Z}&limit=1000"
        saved = TenantState(Cursor(url, from_link=False), long_ago, None, fingerprint).to_plain()
        with ByHand(acme, states={"acme": saved}) as source:
            assert uuids(source.settle()) == organisation.uuids()
    assert [request.events for request in organisation.requests] == [len(organisation.uuids()), 0]


FAILURES = 'eventType eq "user.authentication.failed"'


def test_trap_16_a_changed_filter_is_not_overruled_by_the_saved_cursor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = datetime.now(UTC)
    organisation = Organisation("acme")
    organisation.append([event(number, now - timedelta(seconds=60 - number)) for number in range(20)])
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=10)
        drain(place)
        started = [event(100 + number, now) for number in range(5)]
        failed = [event(200 + number, now, eventType="user.authentication.failed") for number in range(5)]
        organisation.append(started + failed)
        changed = Workplace(tmp_path)
        changed.add("acme", sim.url("acme"), organisation.token, page_limit=10, filter=FAILURES)
        changed.write()
        before = organisation.requests_count
        with growth("okta_cursor_resets_total", 1, tenant="acme"), caplog.at_level(logging.WARNING):
            assert drain(changed) == {}
        first = organisation.requests[before]
        assert parse_qs(urlsplit(first.target).query)["filter"] == [FAILURES]
        assert since(first) > now - timedelta(minutes=7)
        assert "filter, q or page_limit have changed" in caplog.text
        # Unchanged, the next run goes on from the cursor.
        drain(changed)
        assert organisation.requests[-1].cursor
    lines = [orjson.loads(line) for line in place.lines("acme")]
    assert [line["eventType"] for line in lines[20:]] == ["user.authentication.failed"] * 5
    assert len(lines) == 25


@pytest.mark.parametrize("change", [{"page_limit": 7}, {"q": "session"}])
def test_trap_16_other_parameters_that_a_cursor_carries(tmp_path: Path, change: dict[str, object]) -> None:
    organisation = Organisation("acme", events=50, span_seconds=200)
    with Simulator([organisation]) as sim:
        keys = {"page_limit": 10}
        with ByHand(tenant(tmp_path, sim.url("acme"), organisation, **keys)) as source:
            source.settle()
            states = source.snapshots()
        before = organisation.requests_count
        with ByHand(tenant(tmp_path, sim.url("acme"), organisation, **{**keys, **change}), states=states) as source:
            again = uuids(source.settle())
        assert again == [], "what comes again is removed"
    asked = parse_qs(urlsplit(organisation.requests[before].target).query)
    name, value = next(iter(change.items()))
    assert asked["limit" if name == "page_limit" else name] == [str(value)]
