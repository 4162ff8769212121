"""What Prometheus' alerts say, where the rules beside these dashboards are loaded: the first answer to "is anything wrong?"."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.panels import Ask, number
from grafana.generator.promql import JOB, per
from grafana.generator.tables import column, listing

__all__ = ["firing", "firing_count"]

_RUNBOOK = "https://github.com/bytewax-okta/bytewax-okta/blob/main/grafana/RUNBOOK.md#${__value.raw}"
_SEVERITIES = {"critical": ("critical", "red"), "warning": ("warning", "orange"), "info": ("info", "blue")}
_FIRING = f'ALERTS{{alertstate="firing", {JOB}}}'
# A threshold of the recording rules: where it is, the rules are evaluated, and that no alert is there means that none fires.
_EVALUATED = "(count(okta:lag_high_threshold_seconds) - 1)"


def firing_count(*, width: int) -> models.Panel:
    """How many alerts fire, as a tile."""
    return number(
        "Firing alerts",
        "Alerts of `grafana/prometheus/alerts.rules.yml` that fire now; the table below has them.",
        "none",
        [Ask("A", f"count({_FIRING}) or {_EVALUATED}", "firing")],
        steps=[(None, "green"), (1, "red")],
        filled=True,
        none="No rules",
        width=width,
    )


def firing(*, width: int) -> models.Panel:
    """Which alerts fire, of whom, since when, and what to do."""
    about = "alertname, severity, tenant, org, sink, rule"
    since = f"1000 * (ALERTS_FOR_STATE{{{JOB}}} and ignoring (alertstate) {_FIRING})"
    return listing(
        "What is wrong",
        "Alerts that fire now, the gravest first, since when, and of whom. An alert's name leads to its section of the runbook.",
        [Ask("Since", per(about, "max", since), now=True, shape="table")],
        [
            ("alertname", "Alert", column(link=("Runbook", _RUNBOOK), width=190)),
            ("severity", "Severity", column(instead=_SEVERITIES, width=90)),
            ("Value", "Since", column("dateTimeFromNow", width=130)),
            ("tenant", "Tenant", column(width=140)),
            ("sink", "Sink", column(width=110)),
            ("org", "Organisation", column()),
            ("rule", "Rule", column(width=110)),
            ("job", "Job", column(width=110)),
        ],
        sort="Severity",
        least_first=True,
        none="No alert fires",
        width=width,
    )
