"""One organisation's trouble is its own: the others' events arrive on time, and it recovers by itself once it is mended."""

import itertools
import logging
import re
import signal
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from okta_source.simulator import Faults, Organisation, RequestRecord, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, scrape, wait_for
from tests.e2e.traps.rig import poll, series
from tests.unit.okta_source.wire import certificate

pytestmark = pytest.mark.slow

UNKNOWN = "something.invalid"
HEALTHY = ("acme", "globex")
BROKEN = ("mistyped", "revoked", "captive")


class Fleet:
    """Two healthy organisations and three in trouble: an unknown host, a wrong token, and HTML with status 200."""

    def __init__(self, folder: Path) -> None:
        self.organisations = {name: Organisation(name, seed=seed, events=300) for seed, name in enumerate((*HEALTHY, "revoked", "captive"))}
        self["captive"].faults = Faults(html=1.0)
        self.simulator = Simulator(list(self.organisations.values()))
        self.place = Workplace(folder)

    def __getitem__(self, name: str) -> Organisation:
        return self.organisations[name]

    def write(self, unknown_url: str = f"https://{UNKNOWN}", **keys: object) -> None:
        self.place.add_all(self.simulator, self.organisations.values(), page_limit=50)
        self.place.add("mistyped", unknown_url, "00sim-mistyped", page_limit=50, display_name="Mistyped Ltd.", **keys)
        self.place.token("revoked", "00revoked")
        self.place.write()

    def mend_token_and_proxy(self) -> None:
        self.place.token("revoked", self["revoked"].token)
        self["captive"].faults = Faults()

    def complete(self, *names: str) -> bool:
        return all(self.place.count(name) == len(self[name]) for name in names)


def assert_polled_at_its_interval(requests: Iterable[RequestRecord]) -> None:
    """A drain, and then a request a second."""
    times = [request.at for request in requests]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps, "it was never polled again"
    assert all(0.3 < gap < 5.0 for gap in gaps), gaps


def warnings_of(name: str, log: str) -> list[str]:
    return [line for line in log.splitlines() if f"WARNING {name}" in line]


def failures_of(name: str, metrics: dict[str, float]) -> float:
    return sum(value for series, value in metrics.items() if series.startswith("okta_errors_total{") and f'tenant="{name}"' in series)


def test_three_tenants_in_trouble_beside_two_healthy_ones(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    (port,) = free_ports(1)
    environment = {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port), "NO_PROXY": "*"}
    with fleet.simulator:
        fleet.write()
        fleet.place.make_state()
        with fleet.place.run(environment=environment) as flow:
            wait_for(lambda: fleet.complete(*HEALTHY), "the backlog of the healthy ones", 20.0)
            counts = {name: fleet[name].requests_count for name in HEALTHY}
            for _ in range(3):
                started = time.monotonic()
                for name in HEALTHY:
                    fleet[name].append(20)
                wait_for(lambda: fleet.complete(*HEALTHY), "new events of the healthy ones", 10.0)
                assert time.monotonic() - started < 3.0
            wait_for(lambda: all(failures_of(name, scrape(port)) > 1 for name in BROKEN), "a second failure of each broken one", 10.0)
            for name in HEALTHY:
                assert_polled_at_its_interval(fleet[name].requests[counts[name] :])
            assert_told(flow, scrape(port))
            fleet.mend_token_and_proxy()
            wait_for(lambda: fleet.complete("revoked", "captive"), "the mended ones", 30.0)
            metrics = scrape(port)
            code, _ = flow.stop(signal.SIGTERM)
            assert code == 0, flow.output()
    assert [metrics[f'okta_tenant_up{{tenant="{name}"}}'] for name in ("revoked", "captive", "mistyped")] == [1, 1, 0]
    for name in ("revoked", "captive"):
        assert f"{name}: polling succeeds again" in flow.output()
        fleet.place.judge(fleet[name])
    for name in HEALTHY:
        fleet.place.judge(fleet[name])


def assert_told(flow: FlowProcess, metrics: dict[str, float]) -> None:
    """Logs and metrics say whose trouble it is, what it is and what to do."""
    log = flow.output()
    told: dict[str, tuple[str, str, str, str]] = {
        "revoked": ("Okta answered 401 (E0000011: Invalid token provided)", "Security > API > Tokens", "auth", "fetch"),
        "mistyped": (f"The host of https://{UNKNOWN} can't be resolved", "Check org_url", "dns", "fetch"),
        "captive": ("the body is HTML or XML, not JSON", "look at what stands between here and Okta", "decode", "decode"),
    }
    for name, (why, fix, error_type, stage) in told.items():
        (warning,) = warnings_of(name, log)  # once, however often it was so
        assert why in warning
        assert fix in warning
        assert "next try in" in warning
        assert metrics[f'okta_tenant_up{{tenant="{name}"}}'] == 0
        assert metrics[f'okta_errors_total{{error_type="{error_type}",stage="{stage}",tenant="{name}"}}'] >= 2
    assert "Mistyped Ltd." in warnings_of("mistyped", log)[0]
    for name in HEALTHY:
        assert warnings_of(name, log) == []
        assert metrics[f'okta_tenant_up{{tenant="{name}"}}'] == 1
        assert metrics[f'okta_events_received_total{{tenant="{name}"}}'] == 360
    assert not any(name.startswith("okta_errors_total") and f'tenant="{healthy}"' in name for name in metrics for healthy in HEALTHY)


def test_a_host_that_becomes_known_is_polled_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    known = False
    resolve = socket.getaddrinfo

    def lookup(host: str, *args: Any, **keys: Any) -> Any:
        if host == UNKNOWN:
            if not known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            host = "127.0.0.1"
        return resolve(host, *args, **keys)

    def healed() -> bool:
        nonlocal known
        known = known or series("okta_errors_total", tenant="mistyped", error_type="dns", stage="fetch") > failures
        return fleet.place.count("mistyped") == 100

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setenv("NO_PROXY", "*")
    failures = series("okta_errors_total", tenant="mistyped", error_type="dns", stage="fetch")
    authority, context = certificate(tmp_path, UNKNOWN)
    late = Organisation("mistyped", seed=9, events=100)
    fleet = Fleet(tmp_path)
    with fleet.simulator, Simulator([late], ssl_context=context) as sim, caplog.at_level(logging.INFO):
        fleet.write(f"https://{UNKNOWN}:{sim.url('mistyped').rpartition(':')[2]}")
        fleet.place.entries[-1] += f'\n[tenants.tls]\nca_file = "{authority}"'
        fleet.place.write()
        poll(fleet.place, healed, "the host that became known")
    assert "mistyped (Mistyped Ltd.): polling succeeds again" in caplog.text
    assert series("okta_tenant_up", tenant="mistyped") == 1
    fleet.place.judge(late)


def test_a_run_until_drained_names_exactly_the_tenants_that_could_not_be(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    with fleet.simulator:
        fleet.write()
        fleet.place.make_state()
        with fleet.place.run(until_drained=True, environment={"NO_PROXY": "*"}) as flow:
            assert flow.wait() == 1, flow.output()
        told = re.findall(r"ERROR (.*) could not be drained: (.*)", flow.output())
        assert [name for name, _ in told] == ["captive", "Mistyped Ltd.", "revoked"]
        assert all(cause.endswith(".") for _, cause in told)
        for name in HEALTHY:
            fleet.place.judge(fleet[name])
        # Mended, the next run brings what was missing and nothing twice.
        fleet.mend_token_and_proxy()
        fleet.place.entries.pop()
        fleet.place.write()
        assert fleet.place.drain().process.returncode == 0
    for organisation in fleet.organisations.values():
        fleet.place.judge(organisation)
