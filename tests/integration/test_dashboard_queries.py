"""Prometheus itself judges the dashboards' PromQL: its syntax, and what it says of a fleet in every state."""

import json
import re
from pathlib import Path

import pytest
import yaml

from grafana.generator.__main__ import FOLDER
from grafana.generator.fleet import headroom
from grafana.generator.promql import grown
from grafana.generator.reading import annotations, queries
from grafana.generator.state import ACTIVE, FAILING, GONE, STALE, STARTING, tenant_state
from tests.integration.prometheus import promtool, promtool_available


@pytest.fixture(autouse=True)
def _promtool() -> None:
    if reason := promtool_available():
        pytest.skip(reason)


def filled_in(expression: str) -> str:
    """An expression as Prometheus gets it with `All` for every variable."""
    return re.sub(r"\$__\w+", "5m", expression).replace("$", ".+").replace('".+1"', '"$1"').replace(".+job", ".+").replace(".+tenant", ".+")


def rules(folder: Path, expressions: dict[str, str]) -> Path:
    path = folder / "rules.yml"
    found = [{"record": name, "expr": expression} for name, expression in expressions.items()]
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": found}]}))
    return path


def test_every_query_is_promql(tmp_path: Path) -> None:
    boards = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("dashboards*/*.json"))]
    every = [expr for board in boards for expr in (*(query.expr for query in queries(board)), *annotations(board).values())]
    expressions = {f"query:{number}": re.sub(r"\$__\w+", "5m", expr) for number, expr in enumerate(every)}
    code, told = promtool("check", "rules", str(rules(tmp_path, expressions)))
    assert code == 0, told
    assert f"SUCCESS: {len(every)} rules found" in told
    code, told = promtool("check", "rules", str(rules(tmp_path, expressions | {"query:0": "max by (job (up)"})))
    assert code != 0


def series(tenant: str, instance: str = "a:3030", **metrics: str) -> list[dict[str, str]]:
    """A tenant's series, each a value a minute."""
    labels = f'job="j", instance="{instance}", tenant="{tenant}"'
    return [{"series": f"okta_{name}{{{labels}}}", "values": values} for name, values in metrics.items()]


def polled(
    tenant: str, instance: str = "a:3030", *, up: str = "", success: str = "", interval: str = "10x60", started: str = "0x60"
) -> list[dict[str, str]]:
    """The series that a process has of a tenant that it polls, but for those that are empty. Of the information, only that it is there."""
    shown = {
        "poll_interval_seconds": interval,
        "tenant_started_timestamp_seconds": started,
        "tenant_up": up,
        "last_success_timestamp_seconds": success,
    }
    return [
        {
            "series": f'okta_tenant_info{{job="j", instance="{instance}", tenant="{tenant}", display_name="{tenant}", org="o"}}',
            "values": interval,
        },
        *series(tenant, instance, **{name: values for name, values in shown.items() if values}),
    ]


FLEET = [
    # A quiet organisation: polled each 10 s without an event.
    *polled("quiet", up="1x60", success="0+60x60"),
    # Its last success is old, and it isn't failing either: its requests hang.
    *polled("hanging", up="1x60", success="0+60x20 1200x40"),
    # Polled once an hour: its last success may be three hours old.
    *polled("hourly", up="1x60", success="0x60", interval="3600x60"),
    *polled("failing", up="0x60", success="0x60"),
    # Taken up, and never asked since; and taken up a minute ago.
    *polled("stuck"),
    *polled("new", interval="_x58 10 10", started="_x58 3540 3540"),
    # It was with another process, where it failed.
    *polled("moved", "a:3030", up="0x40 stale", success="0x40 stale", interval="10x40 stale", started="0x40 stale"),
    *polled("moved", "b:3030", up="_x40 1x20", success="_x40 2460+60x20", interval="_x40 10x20", started="_x40 2460x20"),
    # Its process was killed half an hour ago.
    *polled("gone", up="1x30 stale", success="0+60x30 stale", interval="10x30 stale", started="0x30 stale"),
    # 30 of 120 requests left, of which 12 are reserved; and one that Okta refused for too many at once, with a limit of 0.
    *series("quiet", rate_limit_limit="120x60", rate_limit_remaining="30x60", rate_limit_reserve_ratio="0.1x60"),
    *series("failing", rate_limit_limit="0x60", rate_limit_remaining="0x60", rate_limit_reserve_ratio="0.1x60"),
]


def test_a_fleet_in_every_state(tmp_path: Path) -> None:
    states = {"quiet": ACTIVE, "hourly": ACTIVE, "moved": ACTIVE, "hanging": STALE, "stuck": STALE, "failing": FAILING, "new": STARTING}
    states["gone"] = GONE
    letters = 'sink="s", result="dead_letter"'
    counted = [
        {"series": f'okta_sink_events_total{{job="j", instance="a:3030", tenant="born", {letters}}}', "values": "_x58 500 500"},
        {"series": f'okta_sink_events_total{{job="j", instance="a:3030", tenant="old", {letters}}}', "values": "7x60"},
    ]
    letters_of = f"sum by (tenant) ({grown('okta_sink_events_total', over='5m')})"
    test = {
        "rule_files": [str(rules(tmp_path, {"unused": "vector(1)"}))],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [*FLEET, *counted],
                "promql_expr_test": [
                    {
                        "expr": tenant_state('job="j"'),
                        "eval_time": "1h",
                        "exp_samples": [{"labels": f'{{job="j", tenant="{tenant}"}}', "value": state} for tenant, state in states.items()],
                    },
                    {
                        "expr": filled_in(headroom()),
                        "eval_time": "1h",
                        "exp_samples": [{"labels": '{job="j", tenant="quiet"}', "value": 0.15}],
                    },
                    {
                        "expr": letters_of,
                        "eval_time": "1h",
                        "exp_samples": [{"labels": '{tenant="born"}', "value": 500}, {"labels": '{tenant="old"}', "value": 0}],
                    },
                ],
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(test))
    code, told = promtool("test", "rules", str(path))
    assert code == 0, told
