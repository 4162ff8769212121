"""Detections: which rules speak, of whom, and whether they have room and time."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.board import Row, board, line
from grafana.generator.panels import Ask, bars, chart, number
from grafana.generator.promql import JOB, TENANT, grown, or_zero, per, rate, selector, while_known
from grafana.generator.variables import METRICS_SOURCE, data_source, job, scrape, tenant

__all__ = ["UID", "build"]

UID = "okta-detections"

_ALERTS = "okta_detection_alerts_total"
_INFO = selector("okta_tenant_info", JOB, TENANT)
_LEVELS = {"critical": "dark-red", "high": "red", "medium": "orange", "low": "blue", "informational": "gray"}


def build() -> models.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Okta / Detections",
        "Alerts by rule, tenant and level; what rules match and remember, what they had no room for, and what they cost.",
        [data_source(METRICS_SOURCE, "prometheus", "Data source"), job(), tenant(), scrape()],
        [_alerts(), _rules()],
    )


def _alerts() -> Row:
    in_time = grown(_ALERTS, JOB, TENANT, over="$__range")
    each = grown(_ALERTS, JOB, TENANT)
    grave = grown(_ALERTS, JOB, TENANT, 'level=~"high|critical"', over="$__range")
    return Row(
        "Alerts",
        line(
            5,
            number(
                "Alerts in this time",
                "Alerts that rules gave, whatever the sinks made of them.",
                "short",
                [Ask("A", while_known(or_zero(per("", "sum", in_time), "", _INFO, "$__range"), _INFO), "{{job}}", now=True)],
                width=6,
            ),
            number(
                "High and critical in this time",
                "What somebody should have looked at.",
                "short",
                [Ask("A", while_known(or_zero(per("", "sum", grave), "", _INFO, "$__range"), _INFO), "{{job}}", now=True)],
                steps=[(None, "green"), (1, "red")],
                width=6,
            ),
            bars(
                "Loudest rules",
                "Alerts in this time by rule.",
                "short",
                Ask("A", per("rule", "sum", in_time), "{{rule}}", now=True),
                width=12,
            ),
        ),
        line(
            8,
            chart(
                "Alerts by level",
                "Alerts in each interval.",
                "short",
                [Ask("A", per("level", "sum", each), "{{level}}")],
                stacked=True,
                bars_drawn=True,
                colors=_LEVELS,
                width=12,
            ),
            chart(
                "Alerts by tenant",
                "Alerts in each interval.",
                "short",
                [Ask("A", or_zero(per("tenant", "sum", each), "tenant", _INFO), "{{tenant}}")],
                stacked=True,
                bars_drawn=True,
                width=12,
            ),
        ),
    )


def _rules() -> Row:
    return Row(
        "Rules",
        line(
            8,
            chart(
                "Matches by rule",
                "Events a second that a rule matches, and how often a correlation is fulfilled: most of it is no alert.",
                "eps",
                [Ask("A", per("rule", "sum", rate("okta_detection_matches_total", JOB)), "{{rule}}")],
                width=8,
            ),
            chart(
                "Groups by rule",
                "What correlations keep in memory and in snapshots. A tenant and rule has room for 100,000; what comes beyond is refused.",
                "short",
                [Ask("A", per("rule", "sum", selector("okta_detection_groups", JOB)), "{{rule}}")],
                width=8,
            ),
            chart(
                "CPU for detections",
                "Seconds of CPU a second, of all processes.",
                "percentunit",
                [Ask("A", per("", "sum", rate("okta_detection_seconds_total", JOB)), "{{job}}")],
                width=8,
            ),
        ),
        line(
            7,
            chart(
                "Refused and without a group",
                "Refused: a correlation had no room, so an attack in it may go unseen. Without a group: the event lacks the field that "
                "tells groups apart, and takes no part.",
                "short",
                [
                    Ask("Refused", or_zero(per("", "sum", grown("okta_detection_refused_total", JOB)), "", _INFO), "refused"),
                    Ask("Ungrouped", or_zero(per("", "sum", grown("okta_detection_ungrouped_total", JOB)), "", _INFO), "without a group"),
                ],
                bars_drawn=True,
                width=12,
            ),
            chart(
                "Late",
                "Matches so late that the window around them may have been forgotten in part; and lists that could not be read again.",
                "short",
                [
                    Ask(
                        "Late",
                        or_zero(per("tenant", "sum", grown("okta_detection_late_total", JOB, TENANT)), "tenant", _INFO),
                        "{{tenant}} late",
                    ),
                    Ask("Lists", per("", "sum", grown("okta_detection_list_errors_total", JOB)), "lists"),
                ],
                bars_drawn=True,
                width=12,
            ),
        ),
    )
