"""Traps 30 and 31: a tenant's place is kept under its name, whatever its secret or its subdomain."""

from pathlib import Path

import orjson
import pytest

from flows.configuration.settings import ConfigurationError, load
from flows.runtime.recovery import known_state_keys
from okta_source.simulator import Faults, Organisation, Simulator
from tests.e2e.harness import Workplace, wait_for
from tests.e2e.traps.rig import all_names_lead_here, drain, growth, poll, series, workplace
from tests.unit.okta_source.wire import certificate

INPUT_STEP = "system_log.okta"


def test_trap_30_a_token_rotated_between_two_runs_keeps_the_cursor(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=100, token="00first")
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20)
        drain(place)
        organisation.token = "00second"
        place.token("acme", "00second\n")
        organisation.append(30)
        before = organisation.requests_count
        with growth("okta_events_received_total", 30, tenant="acme"):
            assert drain(place) == {}
    assert organisation.requests[before].cursor
    assert {request.headers["authorization"] for request in organisation.requests[before:]} == {"SSWS 00second"}
    assert known_state_keys(place.state, INPUT_STEP) == ["acme"]
    place.judge(organisation)


def test_trap_30_a_token_rotated_while_polling_needs_no_restart(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=50, token="00first")
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20)
        refreshes = series("okta_token_refreshes_total", tenant="acme")
        up: list[float] = []

        def rotate_and_wait() -> bool:
            statuses = [request.status for request in organisation.requests]
            if statuses.count(200) >= 4 and organisation.token == "00first":
                organisation.token = "00second"
                organisation.append(30)
            if 401 in statuses and not up:
                wait_for(lambda: series("okta_tenant_up", tenant="acme") == 0, "the tenant to be shown as down", 5.0)
                up.append(0)
                place.token("acme", "00second")
            return len(place.lines("acme")) == 80 if up else False

        poll(place, rotate_and_wait, "the events after the rotation")
    assert series("okta_tenant_up", tenant="acme") == 1
    assert series("okta_token_refreshes_total", tenant="acme") == refreshes + 1
    statuses = [request.status for request in organisation.requests]
    before = statuses.index(401)
    assert statuses[:before] == [200] * before
    assert statuses.count(401) == 1
    assert organisation.requests[before + 1].target == organisation.requests[before].target, "the cursor is kept"
    place.judge(organisation)


def test_trap_31_production_and_preview_of_one_subdomain_are_two_tenants(tmp_path: Path) -> None:
    production, preview = (Organisation("acme", seed=seed, events=120) for seed in (1, 2))
    authority, context = certificate(tmp_path, "acme.okta.com", "acme.oktapreview.com")
    with Simulator([production], ssl_context=context) as first, Simulator([preview], ssl_context=context) as second:
        place = Workplace(tmp_path)
        for name, sim, domain in (("acme", first, "okta.com"), ("acme-preview", second, "oktapreview.com")):
            place.add(name, f"https://acme.{domain}:{sim.url('acme').rpartition(':')[2]}", "00sim-acme", page_limit=20)
            place.entries[-1] += f'\n[tenants.tls]\nca_file = "{authority}"'
        place.write()
        with all_names_lead_here():
            assert drain(place) == {}
            for organisation in (production, preview):
                organisation.append(15)
            before = production.requests_count, preview.requests_count
            assert drain(place) == {}
        # Each went on from its own cursor.
        assert [production.requests[before[0]].status, preview.requests[before[1]].status] == [200, 200]
        assert all(organisation.requests[count].cursor for organisation, count in zip((production, preview), before, strict=True))
    place.judge(production, "acme")
    place.judge(preview, "acme-preview")
    assert known_state_keys(place.state, INPUT_STEP) == ["acme", "acme-preview"]
    assert orjson.loads(place.lines("acme-preview")[0])["_okta_org"].startswith("acme.oktapreview.com:")


def test_trap_31_neither_waits_for_the_other(tmp_path: Path) -> None:
    # The same subdomain and token, and one of the two out of order: no shared lock, cursor or back-off.
    sick, well = Organisation("acme", seed=1, events=50, faults=Faults(server_error=1.0)), Organisation("acme", seed=2, events=50)
    with Simulator([sick]) as first, Simulator([well]) as second:
        place = Workplace(tmp_path)
        place.add("acme", first.url("acme"), sick.token)
        place.add("acme-preview", second.url("acme"), well.token)
        place.write()
        poll(place, lambda: well.requests_count >= 3 and sick.requests_count >= 1, "polls of the healthy one")
    place.judge(well, "acme-preview")
    assert place.lines("acme") == []


def test_trap_31_one_name_for_two_organisations_is_refused(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.add("acme", "https://acme.okta.com", "00a")
    place.add("acme", "https://acme.oktapreview.com", "00b")
    place.write()
    with pytest.raises(ConfigurationError, match=r"tenants\[1\].name"):
        load(place.config, {})
