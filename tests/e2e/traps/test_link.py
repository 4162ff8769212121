"""Traps 17 to 19: the next link is found in every form, goes back byte for byte, and carries the credential nowhere else."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from okta_source.simulator import Organisation, Request, Scripted, Simulator
from okta_source.simulator.links import FORMS
from tests.e2e.harness import Workplace
from tests.e2e.traps.rig import ByHand, drain, quick_backoff, series, tenant, uuids, workplace
from tests.unit.okta_source.wire import reply, serving


def test_trap_17_every_form_of_the_link_header_drains_to_the_end(tmp_path: Path) -> None:
    organisations = [Organisation(form.replace("_", "-"), seed=seed, events=95, link_form=form) for seed, form in enumerate(FORMS)]
    with Simulator(organisations) as sim:
        place = Workplace(tmp_path)
        place.add_all(sim, organisations, page_limit=10)
        place.write()
        assert drain(place) == {}
    for organisation in organisations:
        place.judge(organisation)
        assert organisation.requests_count == 11, organisation.name  # the last page is short and hours old: one more


NEXT = "http://HOST/api/v1/logs?after=2&limit=1"
HEADERS = [
    f'<{NEXT}>; rel="next"',
    f"<{NEXT}>;rel=next",
    f"<{NEXT}> ; REL=NEXT",
    f'<{NEXT}>; title="a, b; rel=self"; rel="next"',
    f"<{NEXT}>; rel=\"last next\"; title*=UTF-8'en'log",
    f'<http://HOST/api/v1/logs?q=a,b;rel=next>; rel="self",<{NEXT}>; rel="next"',
    f'<http://HOST/x>; rel="prev", <{NEXT}>; type="application/json"; rel="next", <http://HOST/y>; rel="self"',
    f'<http://HOST/x>; title="\\"next\\""; rel=self, <{NEXT}>; rel=next',
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_trap_17_forms_that_a_proxy_or_another_release_may_send(tmp_path: Path, header: str) -> None:
    organisation = Organisation("acme", events=3)

    def page(request: Request) -> Scripted:
        host = request.headers["host"]
        return Scripted(fallthrough=True, headers={"Link": header.replace("HOST", host)})

    organisation.script(page, Scripted(body=b"[]"))
    with Simulator([organisation]) as sim, ByHand(tenant(tmp_path, sim.url("acme"), organisation, page_limit=1)) as source:
        source.settle()
    assert organisation.requests[1].target == "/api/v1/logs?after=2&limit=1"


def test_trap_18_an_encoded_cursor_comes_back_as_it_was_given_across_restarts(tmp_path: Path) -> None:
    # This organisation refuses a cursor that was decoded, re-encoded or otherwise tidied up.
    organisation = Organisation("acme", events=100, cursor_form="encoded")
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=9)
        drain(place)
        organisation.append(20)
        drain(place)
    place.judge(organisation)
    assert all(request.status == 200 for request in organisation.requests)
    assert any("%2B%2B%2F%2F" in request.target for request in organisation.requests)


@pytest.mark.parametrize(
    "query",
    ["after=a%2Bb%2Fc%3D", "after=a%2bb%2fc%3d", "after=a+b/c=,d;e:f@g!$'()*~", "limit=1&after=%7E%41&&filter=", "after=a%20b%25|^"],
)
def test_trap_18_the_target_is_sent_byte_for_byte(tmp_path: Path, query: str) -> None:
    organisation = Organisation("acme", events=1)
    first = lambda request: Scripted(fallthrough=True, next_url=f"{request.base_url}/api/v1/logs?{query}")  # noqa: E731
    organisation.script(first, Scripted(body=b"[]"), Scripted(body=b"[]"))
    with Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation, page_limit=1)
        with ByHand(acme) as source:
            source.ask()
            source.ask()
            states = source.snapshots()
        assert states["acme"]["url"] == f"{sim.url('acme')}/api/v1/logs?{query}"
        with ByHand(acme, states=states) as source:
            source.settle()
    assert organisation.requests[1].target == f"/api/v1/logs?{query}"
    assert organisation.requests[-1].target == f"/api/v1/logs?{query}"


FOREIGN: list[Callable[[str, str], str]] = [
    lambda evil, acme: f"http://{evil}/api/v1/logs?after=1",
    lambda evil, acme: f"http://{evil}/?http://{acme}/api/v1/logs",
    lambda evil, acme: f"http://{evil}/http://{acme}/api/v1/logs",
    lambda evil, acme: f"http://{evil}#http://{acme}/api/v1/logs",
    lambda evil, acme: f"http://{acme}@{evil}/api/v1/logs",
    lambda evil, acme: f"http://user@{acme}/api/v1/logs",
    lambda evil, acme: f"http://{evil}\\@{acme}/api/v1/logs",
    lambda evil, acme: f"//{evil}/api/v1/logs",
    lambda evil, acme: f"https://{acme}/api/v1/logs",
    lambda evil, acme: f"ftp://{acme}/api/v1/logs",
    lambda evil, acme: "file:///etc/passwd",
    lambda evil, acme: f"http://{acme.partition(':')[0]}/api/v1/logs",
    lambda evil, acme: f"http://{acme}.evil.invalid/api/v1/logs",
    lambda evil, acme: f"http://localhost:{acme.partition(':')[2]}/api/v1/logs",
    lambda evil, acme: f"http://{evil}/api/v1/logs http://{acme}",
    lambda evil, acme: "/api/v1/logs?after=1",
]


@pytest.mark.parametrize("link", FOREIGN, ids=range(len(FOREIGN)))
def test_trap_19_a_foreign_next_link_gets_neither_a_request_nor_the_credential(
    tmp_path: Path, link: Callable[[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    organisation = Organisation("acme", events=30)
    with serving(reply()) as stranger, Simulator([organisation]) as sim:
        acme = sim.url("acme").partition("://")[2]
        organisation.script(Scripted(fallthrough=True, next_url=link(f"127.0.0.1:{stranger.port}", acme)))
        errors = series("okta_errors_total", tenant="acme", error_type="foreign_link", stage="fetch")
        config = tenant(tmp_path, sim.url("acme"), organisation, page_limit=10)
        with ByHand(config) as source, caplog.at_level(logging.WARNING):
            received = uuids(source.settle())
            assert organisation.requests_count == 1
            assert received == organisation.uuids()[:10], "the page itself is good"
            # Once the organisation names itself again, polling goes on where it was.
            source.clock.advance(2.0)
            received += uuids(source.settle())
        assert stranger.connections == 0
    assert series("okta_errors_total", tenant="acme", error_type="foreign_link", stage="fetch") == errors + 1
    assert "was not followed and the credential was not sent" in caplog.text
    assert organisation.token not in caplog.text
    assert received == organisation.uuids()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_trap_19_redirects_are_not_followed(tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture) -> None:
    organisation = Organisation("acme", events=5)
    with serving(reply()) as stranger, Simulator([organisation]) as sim:
        elsewhere = f"{stranger.url}/api/v1/logs"
        organisation.script(Scripted(status=status, headers={"Location": elsewhere}, body=b"[]"))
        with ByHand(tenant(tmp_path, sim.url("acme"), organisation)) as source, caplog.at_level(logging.WARNING):
            assert source.settle() == []
            assert "Redirects are not followed" in caplog.text
            assert elsewhere in caplog.text
            source.clock.advance(2.0)
            assert uuids(source.settle()) == organisation.uuids()
        assert stranger.connections == 0


def test_trap_19_a_saved_cursor_of_another_host_is_given_up(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=5)
    with serving(reply()) as stranger, Simulator([organisation]) as sim:
        acme = tenant(tmp_path, sim.url("acme"), organisation)
        with ByHand(acme) as source:
            source.settle()
            states = source.snapshots()
        states["acme"]["url"] = f"{stranger.url}/api/v1/logs?after=1"
        with ByHand(acme, states=states) as source:
            assert uuids(source.settle()) == []
        assert stranger.connections == 0
    assert organisation.requests[-1].status == 200


def test_trap_19_an_allowed_host_is_followed_and_only_that_one(tmp_path: Path) -> None:
    # One organisation, two addresses, as with a custom domain: the log is the same, the links name the other one.
    now = datetime.now(UTC)
    own, custom = (Organisation("acme", events=30, now=now) for _ in range(2))
    with serving(reply()) as stranger, Simulator([own]) as sim, Simulator([custom]) as custom_sim:
        own.public_url = custom_sim.url("acme")
        host = custom_sim.url("acme").partition("://")[2]
        custom.script(Scripted(fallthrough=True), Scripted(fallthrough=True, next_url=f"{stranger.url}/api/v1/logs"))
        with ByHand(tenant(tmp_path, sim.url("acme"), own, page_limit=10, allowed_hosts=[host])) as source:
            received = uuids(source.settle())
        assert stranger.connections == 0
    assert own.requests_count == 1
    assert custom.requests[0].headers["authorization"] == f"SSWS {own.token}"
    assert custom.requests_count == 2
    assert len(received) == 30


def test_trap_19_end_to_end_a_hostile_organisation_harms_neither_its_credential_nor_its_neighbour(tmp_path: Path) -> None:
    hostile, healthy = Organisation("hostile", events=20), Organisation("healthy", seed=2, events=200)
    with serving(reply()) as stranger, Simulator([hostile, healthy]) as sim:
        hostile.script(
            Scripted(fallthrough=True, next_url=f"{stranger.url}/?{sim.url('hostile')}"),
            Scripted(status=302, headers={"Location": stranger.url}),
        )
        place = Workplace(tmp_path)
        place.add_all(sim, [hostile, healthy], page_limit=10)
        place.write()
        with quick_backoff():
            assert drain(place) == {}
        assert stranger.connections == 0
    place.judge(hostile)
    place.judge(healthy)
    assert f"127.0.0.1:{stranger.port}" not in b"".join(path.read_bytes() for path in place.state.glob("*.sqlite3")).decode("latin-1")
    assert orjson.loads(place.lines("hostile")[0])["_okta_tenant"] == "hostile"
