"""Metrics that can be trusted: of tenants that are quiet, parked, resumed and moved, and where the port is taken."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from okta_source.simulator import Faults, Organisation, RateLimit, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, scrape, wait_for

pytestmark = pytest.mark.slow

Series = dict[str, float]


def served_at(port: int) -> dict[str, str]:
    return {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port)}


def scraped(port: int) -> Series:
    """The metrics; none while the process is about to listen."""
    try:
        return scrape(port)
    except OSError:
        return {}


def of(series: Series, name: str, tenant: str) -> float | None:
    return series.get(f'{name}{{tenant="{tenant}"}}')


def tenants_in(series: Series) -> set[str]:
    """The tenants that any series names."""
    return {name.partition('tenant="')[2].partition('"')[0] for name in series if 'tenant="' in name}


def status(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "okta_source", "status", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def running(place: Workplace, ports: list[int]) -> Iterator[list[FlowProcess]]:
    """The flow as one process, or as a cluster with an endpoint for each."""
    with ExitStack() as stack:
        if len(ports) == 1:
            flows = [stack.enter_context(place.run(environment=served_at(ports[0])))]
        else:
            addresses = [f"127.0.0.1:{port}" for port in free_ports(len(ports))]
            flows = [
                stack.enter_context(place.run(process=number, addresses=addresses, environment=served_at(port)))
                for number, port in enumerate(ports)
            ]
        yield flows
        assert flows[0].stop()[0] == 0, flows[0].output()
        assert [flow.wait() for flow in flows] == [0] * len(flows)


def test_a_healthy_a_quiet_a_parked_and_a_limited_tenant(tmp_path: Path) -> None:
    healthy = Organisation("healthy", seed=1, events=120)
    quiet = Organisation("quiet", seed=2, events=0)
    parked = Organisation("parked", seed=3, events=5000, latency_seconds=0.2)
    limited = Organisation("limited", seed=4, events=5000, rate_limit=RateLimit(limit=10, window_seconds=600))
    place = Workplace(tmp_path)
    (port,) = free_ports(1)
    with Simulator([healthy, quiet, parked, limited]) as sim:
        place.add_all(sim, [healthy, quiet, limited], page_limit=50)
        place.add("parked", sim.url("parked"), parked.token, page_limit=50, display_name="Parked Ltd.", rate_limit_reserve=0.2)
        place.write()
        place.make_state()
        with running(place, [port]):
            wait_for(lambda: parked.requests_count >= 3, "pages of the tenant that is to be parked")
            parked.faults = Faults(server_error=1.0)
            wait_for(lambda: of(scraped(port), "okta_tenant_up", "parked") == 0, "its failure")
            wait_for(lambda: (of(scraped(port), "okta_rate_limit_wait_seconds_total", "limited") or 0) > 0, "a wait for the rate limit")
            wait_for(lambda: all(of(scraped(port), "okta_poll_lag_seconds", name) == 0 for name in ("healthy", "quiet")), "drained ones")
            wait_for(lambda: "okta_last_snapshot_timestamp_seconds" in scraped(port), "a snapshot")
            first, at = scrape(port), time.time()
            for name in ("parked", "limited"):
                wait_for(lambda name=name: of(scrape(port), "okta_poll_lag_seconds", name) > of(first, "okta_poll_lag_seconds", name), name)
            wait_for(lambda: has_grown(first, scrape(port), "okta_rate_limit_wait_seconds_total", "limited"), "the wait")
            seen = scrape(port)
            told = status(f"127.0.0.1:{port}", "--json")
            shown = status(f"127.0.0.1:{port}")
            parked.faults = Faults()
            parked.latency_seconds = 0.0
            wait_for(lambda: of(scrape(port), "okta_tenant_up", "parked") == 1, "its recovery", 30.0)
            healed = scrape(port)
    assert of(first, "okta_last_event_timestamp_seconds", "quiet") is None
    assert [of(seen, "okta_poll_lag_seconds", name) for name in ("healthy", "quiet")] == [0, 0]
    assert [of(seen, "okta_tenant_up", name) for name in ("healthy", "quiet", "limited", "parked")] == [1, 1, 1, 0]
    # Of events two days old, drained in order, the newest that came is hours old.
    assert (of(seen, "okta_poll_lag_seconds", "parked") or 0) > 3600
    assert 'okta_tenant_failing{error_type="server",stage="fetch",tenant="parked"}' in seen
    assert len([name for name in seen if name.startswith("okta_tenant_failing")]) == 1
    assert not any(name.startswith("okta_tenant_failing") for name in healed)
    # The reset, however often it is looked at; whole windows of the clock, so that it may be seconds away.
    reset = of(first, "okta_rate_limit_reset_timestamp_seconds", "limited")
    assert reset is not None
    assert (of(first, "okta_next_poll_timestamp_seconds", "limited") or 0) >= reset
    assert of(first, "okta_rate_limit_reserve_ratio", "parked") == 0.2
    assert f'okta_tenant_info{{display_name="Parked Ltd.",org="{sim.url("parked").partition("://")[2]}",tenant="parked"}}' in first
    assert 'okta_sink_info{sink="archive",type="file"}' in first
    assert at - 60 < first['okta_sink_last_success_timestamp_seconds{sink="archive"}'] <= at
    assert at - 60 < first["okta_last_snapshot_timestamp_seconds"] <= at
    assert any(name.startswith('okta_pipeline_info{process_id="0",version=') for name in first)
    assert_status(told, shown)


def has_grown(before: Series, after: Series, name: str, tenant: str) -> bool:
    return (of(after, name, tenant) or 0) > (of(before, name, tenant) or 0)


def assert_status(told: subprocess.CompletedProcess[str], shown: subprocess.CompletedProcess[str]) -> None:
    assert (told.returncode, shown.returncode) == (1, 1), told.stderr + shown.stderr
    document = json.loads(told.stdout)
    assert {it["tenant"]: it["state"] for it in document["tenants"]} == {
        "healthy": "Active",
        "quiet": "Active",
        "limited": "Active",
        "parked": "Failing",
    }
    (parked,) = [it for it in document["tenants"] if it["tenant"] == "parked"]
    assert (parked["error_type"], parked["stage"], parked["display_name"]) == ("server", "fetch", "Parked Ltd.")
    assert [(it["sink"], it["type"]) for it in document["sinks"]] == [("archive", "file")]
    lines = shown.stdout.splitlines()
    assert lines[1].startswith("Parked Ltd. (parked)")
    assert "Failing" in lines[1]
    assert "server (fetch), next try" in lines[1]
    assert lines[-1] == "4 tenants: 1 failing, 3 active"


def test_a_tenants_series_live_in_one_process_through_a_re_spread_and_lag_goes_on_after_a_resume(tmp_path: Path) -> None:
    organisations = [Organisation(f"org-{number}", seed=number, events=60) for number in range(5)]
    backlog = Organisation("backlog", seed=9, events=3000, rate_limit=RateLimit(limit=4, window_seconds=600))
    names = {organisation.name for organisation in organisations} | {"backlog"}
    place = Workplace(tmp_path)
    with Simulator([*organisations, backlog]) as sim:
        place.add_all(sim, [*organisations, backlog], page_limit=50)
        place.add("gone", sim.url("org-0"), organisations[0].token)
        place.write()
        place.make_state(2)
        ports = free_ports(2)
        with running(place, ports):
            wait_for(lambda: [len(tenants_in(scraped(port))) for port in ports] in ([3, 4], [4, 3]), "every tenant's series")
            wait_for(
                lambda: (
                    most(ports, "okta_rate_limit_wait_seconds_total", "backlog") > 0.5
                    and most(ports, "okta_pages_total", "backlog") == backlog.requests_count
                ),
                "a tenant that is parked in mid-drain, its pages handed over",
            )
            before = spread(ports, names | {"gone"})
        lag = max(of(series, "okta_poll_lag_seconds", "backlog") or 0 for series in before)
        backlog.faults = Faults(server_error=1.0)
        place.entries.pop()  # "gone" retires
        place.write()
        for size in (3, 1):
            ports = free_ports(size)
            with running(place, ports):
                wait_for(lambda ports=ports: sum(len(ups(scraped(port))) for port in ports) == len(names), "outcomes of all")
                after = spread(ports, names)
            (holder,) = [series for series in after if "backlog" in tenants_in(series)]
            assert of(holder, "okta_tenant_up", "backlog") == 0
            assert of(holder, "okta_last_success_timestamp_seconds", "backlog") is None
            # Not asked successfully since the restart, and yet known to be late: from the state.
            assert (of(holder, "okta_poll_lag_seconds", "backlog") or 0) > lag > 3600
            told = [name for series in after for name in series if name.startswith("okta_pipeline_info")]
            assert sorted(name.split('"')[1] for name in told) == [str(number) for number in range(size)]


def most(ports: list[int], name: str, tenant: str) -> float:
    """The value of a tenant's series, wherever the tenant is."""
    return max(of(scraped(port), name, tenant) or 0.0 for port in ports)


def ups(series: Series) -> list[str]:
    return [name for name in series if name.startswith("okta_tenant_up")]


def spread(ports: list[int], names: set[str]) -> list[Series]:
    """Scrape every process, and assert that each tenant's series are in exactly one and no other tenant has any."""
    found = [scrape(port) for port in ports]
    assert sorted(name for series in found for name in tenants_in(series)) == sorted(names)
    return found


def test_a_busy_port_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=10)
    place = Workplace(tmp_path)
    with Simulator([organisation]) as sim, socket.socket() as theirs:
        theirs.bind(("127.0.0.1", 0))
        theirs.listen()
        port = theirs.getsockname()[1]
        place.add_all(sim, [organisation])
        place.write()
        flow = place.run(recover=False, environment=served_at(port))
        assert flow.wait() == 2
    assert f"Port {port} can't be had for the metrics (Address already in use)" in flow.output()
    assert "BYTEWAX_DATAFLOW_API_PORT" in flow.output()
    assert "Traceback" not in flow.output()
    assert organisation.requests_count == 0


def test_a_working_directory_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    organisation = Organisation("acme", seed=1, events=10)
    place = Workplace(tmp_path)
    (port,) = free_ports(1)
    with Simulator([organisation]) as sim:
        place.add_all(sim, [organisation])
        place.write()
        command = [sys.executable, "-m", "bytewax.run", f"flows.system_log:get_flow('{place.config}', until_drained=True)"]
        # Nobody may make a file in /proc, not even root.
        run = subprocess.run(
            command, cwd="/proc", env={**os.environ, **served_at(port)}, capture_output=True, text=True, check=False, timeout=60
        )
    assert run.returncode == 0, run.stderr
    place.judge(organisation)
