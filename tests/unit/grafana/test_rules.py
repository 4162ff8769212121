"""Recording rules and alerts: complete, explained, tested, and over metrics that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.generator.promql import metric_names
from tests.integration.prometheus import faster
from tests.integration.prometheus.scrapes import TROUBLES
from tests.known_metrics import known_metrics

GRAFANA = Path(__file__).parents[3] / "grafana"
PROJECT = "https://github.com/bytewax-okta/bytewax-okta"
SEVERITIES = {
    "TenantDown": "critical",
    "TenantAuthFailing": "critical",
    "TenantStale": "critical",
    "LagHigh": "critical",
    "LagGrowing": "warning",
    "RateLimitExhausted": "warning",
    "RateLimitedByUs": "warning",
    "CursorReset": "info",
    "MalformedEvents": "warning",
    "DetectionsLate": "info",
    "DetectionsRefused": "warning",
    "HookUnconfirmed": "warning",
    "HookSilent": "warning",
    "SinkFailing": "warning",
    "DeadLettersGrowing": "warning",
    "BreakerOpen": "critical",
    "OutboxOld": "warning",
    "OutboxGrowing": "warning",
    "NoSnapshots": "critical",
    "MetricsEndpointDown": "critical",
    "TokenExpiring": "warning",
}


def load(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((GRAFANA / "prometheus" / path).read_text("utf-8"))
    return found


def rules(path: str) -> list[dict[str, Any]]:
    return [rule for group in load(path)["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.rules.yml")}
RECORDED = {rule["record"]: rule["expr"] for rule in rules("recording.rules.yml")}
TESTS = [test for path in sorted((GRAFANA / "prometheus" / "tests").glob("*.yml")) for test in load(f"tests/{path.name}")["tests"]]
RUNBOOK = (GRAFANA / "RUNBOOK.md").read_text("utf-8")


def test_these_are_all() -> None:
    assert {name: alert["labels"]["severity"] for name, alert in ALERTS.items()} == SEVERITIES


@pytest.mark.parametrize("name", SEVERITIES)
def test_an_alert_says_whom_it_is_about_and_where_to_read_on(name: str) -> None:
    annotations = ALERTS[name]["annotations"]
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    about = (
        "$labels.sink" if name in {"SinkFailing", "BreakerOpen", "DeadLettersGrowing", "OutboxOld", "OutboxGrowing"} else "$labels.tenant"
    )
    about = {"RateLimitExhausted": "$labels.org", "RateLimitedByUs": "$labels.org"}.get(name, about)
    about = {"DetectionsRefused": "$labels.rule"}.get(name, about)
    about = {"NoSnapshots": "$labels.job", "MetricsEndpointDown": "$labels.job"}.get(name, about)
    assert about in annotations["description"]
    assert "$labels" in annotations["summary"]
    assert annotations["runbook_url"] == f"{PROJECT}/blob/main/grafana/RUNBOOK.md#{name.lower()}"


@pytest.mark.parametrize("name", SEVERITIES)
def test_the_runbook_has_it(name: str) -> None:
    section = re.search(rf"^## {name}\n\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section
    assert section[1].startswith(f"*{SEVERITIES[name]}")
    if name == "LagGrowing":
        assert "**See, do, verify**: as for [LagHigh](#laghigh)" in section[1]
        return
    assert [f"- **{word}**" in section[1] for word in ("See", "Do", "Verify")] == [True] * 3


def test_links_of_the_runbook_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", RUNBOOK, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= headings


def test_panels_that_the_runbook_names_exist() -> None:
    titles = {
        title for path in (GRAFANA / "dashboards").glob("*.json") for title in re.findall(r'"title": "([^"]+)"', path.read_text("utf-8"))
    }
    seen = "\n".join(re.findall(r"^- \*\*See\*\*: (.*)$", RUNBOOK, re.MULTILINE))
    dashboards_part = re.findall(r'\*(?:Tenant|Fleet|Delivery|Engine)\*, ((?:"[^"]+"(?:, | and )?)+)', seen)
    named = {title for part in dashboards_part for title in re.findall(r'"([^"]+)"', part)}
    assert len(named) > 10
    assert named <= titles


@pytest.mark.parametrize("name", SEVERITIES)
def test_an_alert_fires_in_a_test_and_stays_silent_in_another(name: str) -> None:
    checks = [check for test in TESTS for check in test.get("alert_rule_test", []) if check["alertname"] == name]
    assert [alert for check in checks for alert in check.get("exp_alerts", [])]
    assert [check for check in checks if not check.get("exp_alerts")]
    # Beside the moments before and after: a whole test in which it might fire and doesn't.
    fires_in = {
        test["name"]
        for test in TESTS
        for check in test.get("alert_rule_test", [])
        if check["alertname"] == name and check.get("exp_alerts")
    }
    watched = [test for test in TESTS if any("max_over_time(ALERTS" in check["expr"] for check in test.get("promql_expr_test", []))]
    assert [test["name"] for test in watched if test["name"] not in fires_in and name not in str(test["promql_expr_test"])]


def test_firing_alerts_are_compared_with_all_that_they_say() -> None:
    alerts = [alert for test in TESTS for check in test.get("alert_rule_test", []) for alert in check.get("exp_alerts", [])]
    assert all(alert["exp_annotations"].keys() == {"summary", "description", "runbook_url"} for alert in alerts)


def test_tests_run_after_all_rules_in_their_order() -> None:
    order = [group["name"] for path in ("recording.rules.yml", "alerts.rules.yml") for group in load(path)["groups"]]
    assert len(set(order)) == len(order)
    for path in (GRAFANA / "prometheus" / "tests").glob("*.yml"):
        assert load(f"tests/{path.name}")["group_eval_order"] == order


def test_no_rule_compares_a_timestamp_with_the_clock() -> None:
    """A sample is as old as the last scrape: `timestamp(x) - x` is an age, `time() - x` is one and up to a scrape interval more."""
    exprs = {**RECORDED, **{name: alert["expr"] for name, alert in ALERTS.items()}}
    assert [name for name, expr in exprs.items() if re.search(r"\btime\s*\(\s*\)", expr)] == []


def test_every_alert_has_a_trouble_at_each_scrape_interval() -> None:
    assert {trouble.alert for trouble in TROUBLES.values()} - {""} == SEVERITIES.keys()


def test_every_metric_exists() -> None:
    exprs = [*RECORDED.values(), *(alert["expr"] for alert in ALERTS.values())]
    queried = [found for alert in ALERTS.values() for found in re.findall(r'query \(?"?\(?printf \\?"([^"{]+)', str(alert["annotations"]))]
    read = {name for expr in [*exprs, *queried] for name in metric_names(expr)}
    assert read - RECORDED.keys() <= known_metrics()
    assert RECORDED.keys() <= read


def test_series_of_the_tests_exist() -> None:
    """A test over a name that nothing has would show nothing."""
    series = {entry["series"].partition("{")[0] for test in TESTS for entry in test["input_series"]}
    assert series <= known_metrics()


def test_prometheus_drops_what_bytewax_sends_twice() -> None:
    config = load("prometheus.yml")
    assert config["rule_files"] == ["recording.rules.yml", "alerts.rules.yml"]
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "bytewax-okta"
    (drop,) = job["metric_relabel_configs"]
    assert (drop["source_labels"], drop["action"]) == (["__name__"], "drop")
    dropped = re.compile(drop["regex"])
    assert all(dropped.fullmatch(f"bytewax_partd_write_duration_seconds{suffix}") for suffix in ("_bucket", "_count", "_sum"))
    assert not [name for name in known_metrics() if dropped.fullmatch(name)]


def test_all_times_of_the_rules_can_run_faster() -> None:
    rule = {"record": "okta:some_threshold_seconds", "expr": "vector(90)"}
    alert = {"alert": "Some", "expr": "rate(a[5m]) > 3 * (b15m offset 1h) and vector(60)", "for": "1m", "labels": {}}
    (group,) = faster({"groups": [{"name": "g", "rules": [rule, alert]}]}, 30.0)["groups"]
    assert group["rules"] == [
        {**rule, "expr": "vector(3)"},
        {**alert, "expr": "rate(a[10000ms]) > 3 * (b15m offset 120000ms) and vector(60)", "for": "2000ms"},
    ]
