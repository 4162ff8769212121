"""A real Prometheus watches a real cluster: what it scrapes, what the dashboards find, and who is called when something breaks.

The tests run in their order on one cluster, each from a pipeline that is well to one that is well again; the last one kills it.
"""

import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
import requests
import yaml

from grafana.generator.expected_empty import EXPECTED_EMPTY
from grafana.generator.metrics import BYTEWAX, PROMETHEUS
from grafana.generator.promql import metric_names
from grafana.generator.reading import Json, panels, queries
from okta_source.simulator import Organisation, RateLimit, Simulator
from tests.e2e.harness import FlowProcess, Workplace, free_ports, wait_for
from tests.integration.prometheus import RULES, PrometheusServer, faster, prometheus_available, promtool
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.search_server import FakeSearch

pytestmark = pytest.mark.slow

FASTER = 30.0
"""By this the times of the rules are divided: five minutes are ten seconds."""
DASHBOARDS = sorted(RULES.parent.glob("dashboards*/*.json"))
TENANTS = ("healthy", "quiet", "revoked", "limited")
WINDOW_SECONDS = 6.0

# In no state of this cluster is there anything to count or to tell.
NOT_HERE = {
    "okta_access_token_expires_timestamp_seconds": "no tenant signs in with OAuth",
    "okta_drain_ends_timestamp_seconds": "nothing is drained",
    "okta_mapping_errors_total": "no sink wants another format than raw",
    "okta_sink_dead_letter_bytes": "no event went to the dead letters",
    "okta_sink_outbox_oldest_timestamp_seconds": "nothing waits in an outbox",
}
NOT_CONFIGURED = ("okta_hook_", "okta_detection_")
# What Grafana puts in for its variables; `All` of the others is any value.
# A rate's interval is four scrapes, whatever their interval is: the least that Grafana makes of a target's own interval.
VARIABLES = {"__rate_interval": "4s", "__interval": "1s", "__range": "1m"}
RED = {"red", "dark-red"}


class Watched:
    """A cluster of two processes, what it talks to, and the Prometheus that scrapes it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        organisations = [
            Organisation("healthy", seed=1, events=300, rate_per_second=10.0),
            Organisation("quiet", seed=2, events=3),
            Organisation("revoked", seed=3, events=20, rate_per_second=1.0),
            Organisation("limited", seed=4, events=20, rate_per_second=1.0, rate_limit=RateLimit(20, WINDOW_SECONDS)),
        ]
        self.simulator = stack.enter_context(Simulator(organisations))
        self.receiver = stack.enter_context(Receiver())
        search = stack.enter_context(FakeSearch())
        self.ports = free_ports(2)
        self.place = Workplace(
            folder / "work",
            sinks={
                "hook": f'type = "webhook"\nurl = "{self.receiver.url}"\nretry_for_seconds = {60 / FASTER}',
                "search": f'type = "elasticsearch"\nhosts = ["{search.url}"]\ntarget = "okta"\ncategories = ["authentication"]',
            },
        )
        for name in TENANTS:
            self.place.add(name, self.simulator.url(name), self[name].token, display_name=name.title())
        self.place.write()
        self.place.make_state()
        addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
        self.processes: list[FlowProcess] = []
        for number, port in enumerate(self.ports):
            environment = {"BYTEWAX_DATAFLOW_API_ENABLED": "1", "BYTEWAX_DATAFLOW_API_PORT": str(port), "NO_PROXY": "*"}
            process = self.place.run(process=number, addresses=addresses, snapshot_seconds=1, environment=environment)
            self.processes.append(stack.enter_context(process))
        wait_for(self._is_served, "the metrics of both processes")
        self.prometheus = stack.enter_context(PrometheusServer(folder / "prometheus", self._config(), rules()))
        self.prometheus.wait_for(self.is_well, "a cluster that is well")

    def __getitem__(self, name: str) -> Organisation:
        return self.simulator[name]

    def org(self, name: str) -> str:
        """The host by which alerts call an organisation."""
        return self.simulator.url(name).partition("://")[2]

    def is_well(self) -> bool:
        """Whether every tenant is polled, every sink has taken events, and no alert is firing or about to."""
        prometheus = self.prometheus
        return (
            {sample.labels["tenant"] for sample in prometheus.query("okta_tenant_up == 1")} == set(TENANTS)
            and len(prometheus.query("group by (sink) (okta_sink_last_success_timestamp_seconds)")) == 3
            and not prometheus.query("okta_sink_breakers_open > 0")
            and not prometheus.alerts()
        )

    def expect(self, alert: str, about: str, *besides: tuple[str, str]) -> None:
        """Wait until an alert is firing; no others may be but those named besides."""
        expected = {(alert, about), *besides}

        def is_firing() -> bool:
            firing = self.prometheus.alerts()
            assert firing <= expected, firing - expected
            return (alert, about) in firing

        self.prometheus.wait_for(is_firing, f"{alert} of {about or 'the pipeline'}")
        assert self.prometheus.alerts() == expected

    def exposition(self) -> list[str]:
        """What both processes serve, each line once."""
        lines: dict[str, None] = {}
        for port in self.ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                lines |= dict.fromkeys(answer.read().decode().splitlines())
        return list(lines)

    def _is_served(self) -> bool:
        try:
            return bool(self.exposition())
        except OSError:
            return False

    def _config(self) -> dict[str, Any]:
        """Our prometheus.yml with this cluster's ports and a test's intervals."""
        config: dict[str, Any] = yaml.safe_load((RULES / "prometheus.yml").read_text())
        config["global"] = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "1s")
        config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in self.ports]}]
        return config


class OtherClient:
    """Somebody else who asks an organisation for logs, as fast as its rate limit lets him."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/api/v1/logs?limit=1"
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment is not for loopback
        self._session.headers["Authorization"] = f"SSWS {token}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._session.get(self._url, timeout=10).status_code == 429:
                self._ended.wait(0.05)
        self._session.close()


def rules() -> dict[str, Any]:
    """Our rule files, faster."""
    names = ("recording.rules.yml", "alerts.rules.yml")
    return {name: faster(yaml.safe_load((RULES / name).read_text()), FASTER) for name in names}


def filled_in(expr: str, variables: list[str]) -> str:
    """A panel's query as Grafana sends it with `All` chosen everywhere."""
    values = {**dict.fromkeys(variables, ".+"), **VARIABLES}
    return re.sub(r"\$\{?([A-Za-z_]\w*)(?::\w+)?\}?", lambda found: values[found[1]], expr)


def now_panels() -> list[tuple[Json, Json]]:
    """What says how it is now, each with its dashboard. What happened in the time that is shown stays true."""
    return [
        (dashboard, panel)
        for dashboard in (json.loads(path.read_text()) for path in DASHBOARDS)
        for panel in panels(dashboard)
        if panel["type"] in ("stat", "table") and any("expr" in target for target in panel["targets"])
    ]


def what_it_says(prometheus: PrometheusServer, dashboard: Json, panel: Json) -> set[str]:
    """The colours in which a panel shows what it knows; none where it knows nothing."""
    variables = [variable["name"] for variable in dashboard["templating"]["list"]]
    config, renamed = panel["fieldConfig"], {}
    for each in panel.get("transformations", []):
        renamed |= each["options"].get("renameByName", {})
    colors = set()
    for target in panel["targets"]:
        if target["expr"].startswith("max by (job, alertname"):  # each row is an alert that fires
            colors |= {"red"} if prometheus.query(filled_in(target["expr"], variables)) else set()
            continue
        shown = target["legendFormat"] if panel["type"] == "stat" else renamed.get(f"Value #{target['refId']}")
        own = [entry for each in config.get("overrides", []) if each["matcher"]["options"] == shown for entry in each["properties"]]
        looks = config["defaults"] | {entry["id"]: entry["value"] for entry in own}
        if panel["type"] == "table" and not {"mappings", "thresholds"} & {entry["id"] for entry in own}:
            colors |= {"plain"} if prometheus.query(filled_in(target["expr"], variables)) else set()
            continue
        for sample in prometheus.query(filled_in(target["expr"], variables)):
            words = [each["options"] for each in looks.get("mappings") or [] if each["type"] == "value"]
            said = [options[f"{sample.value:g}"]["color"] for options in words if f"{sample.value:g}" in options]
            steps = [step["color"] for step in looks["thresholds"]["steps"] if step["value"] is None or step["value"] <= sample.value]
            colors.add(said[0] if said else steps[-1])
    return colors


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    if reason := prometheus_available():
        pytest.skip(reason)
    with ExitStack() as stack:
        yield Watched(tmp_path_factory.mktemp("watched"), stack)


@pytest.fixture
def trouble(watched: Watched) -> Iterator[Watched]:
    """One tenant whose token is revoked and one whose rate limit another client spends, beside a healthy and a quiet one."""
    revoked, limited = watched["revoked"], watched["limited"]
    with OtherClient(watched.simulator.url("limited"), limited.token):
        watched.expect("RateLimitExhausted", watched.org("limited"))
        token, revoked.token = revoked.token, "00another"
        watched.expect("TenantAuthFailing", "revoked", ("RateLimitExhausted", watched.org("limited")))
        yield watched
    revoked.token = token
    watched.prometheus.wait_for(watched.is_well, "the end of both alerts")


def test_a_revoked_token_and_a_limit_spent_by_another_client_and_what_dashboards_show_meanwhile(trouble: Watched) -> None:
    prometheus = trouble.prometheus
    read: set[str] = set()
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text())
        variables = [variable["name"] for variable in dashboard["templating"]["list"]]
        for query in queries(dashboard):
            read |= metric_names(query.expr)
            if (query.uid, query.title, query.ref_id) not in EXPECTED_EMPTY:
                expr = filled_in(query.expr, variables)
                # A machine under load may have missed one of the four scrapes.
                prometheus.wait_for(lambda expr=expr: bool(prometheus.query(expr)), f"{query.title} ({query.ref_id}): {expr}")
    written = [rule for content in rules().values() for group in content["groups"] for rule in group["rules"]]
    read |= {name for rule in written for name in metric_names(rule["expr"])} - {rule.get("record") for rule in written}
    missing = {name for name in (read | BYTEWAX | PROMETHEUS) - prometheus.names() if not name.startswith(NOT_CONFIGURED)}
    assert missing - NOT_HERE.keys() == set()
    assert {sample.labels["tenant"]: sample.labels["error_type"] for sample in prometheus.query("okta_tenant_failing")} == {
        "revoked": "auth",
        "limited": "rate_limited",
    }


def test_the_cluster_is_scraped_without_a_complaint(watched: Watched) -> None:
    targets = watched.prometheus.get("/api/v1/targets")["activeTargets"]
    assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")] * 2
    complaints = [line for line in watched.prometheus.log().splitlines() if "level=info" not in line]
    assert complaints == []
    assert not {name for name in watched.prometheus.names() if name.startswith(("bytewax_partd_write", "otel_", "target_"))}
    ours = "\n".join(line for line in watched.exposition() if re.match(r"(# (HELP|TYPE) )?okta_", line))
    assert promtool("check", "metrics", text=ours + "\n") == (0, "")


def test_a_sink_that_is_down(watched: Watched) -> None:
    watched.receiver.down()
    watched.expect("BreakerOpen", "hook")
    watched.receiver.up()
    watched.prometheus.wait_for(watched.is_well, "the end of the alert")


def test_a_process_that_is_killed_and_its_cluster_with_it(watched: Watched) -> None:
    watched.processes[0].kill()
    watched.expect("MetricsEndpointDown", "")
    # Until what looks back five minutes, which are ten seconds here, has forgotten what was.
    forgotten = "absent_over_time(okta_tenant_up[12s])"
    watched.prometheus.wait_for(lambda: bool(watched.prometheus.query(forgotten)), "the past to be forgotten")
    assert watched.prometheus.alerts() == {("MetricsEndpointDown", "")}
    told = {(dashboard["uid"], panel["title"]): what_it_says(watched.prometheus, dashboard, panel) for dashboard, panel in now_panels()}
    assert {key: colors for key, colors in told.items() if colors and not colors & RED} == {}
    assert [key for key, colors in told.items() if colors & RED]
    assert watched.prometheus.ever_fired() <= {
        ("TenantAuthFailing", "revoked"),
        ("RateLimitExhausted", watched.org("limited")),
        ("BreakerOpen", "hook"),
        ("MetricsEndpointDown", ""),
    }
