"""Tenant: push beside polling. Empty for an organisation without hooks; the receiver is a job of its own to Prometheus."""

from grafana.generator.board import Row, line
from grafana.generator.panels import Ask, chart
from grafana.generator.promql import JOB, TENANT, grown, per, quantile, rate, selector

__all__ = ["hooks"]


def hooks() -> Row:
    """Deliveries, what became of their events, how late they are, and what doesn't add up."""
    return Row(
        "Push",
        line(
            8,
            chart(
                "Deliveries by answer",
                "What the receiver answered: accepted is in the spool; unauthorized had another secret; what was too_large, overloaded or "
                "failed comes by polling. Connections that the receiver holds open belong to all tenants.",
                "reqps",
                [
                    Ask("A", per("tenant, result", "sum", rate("okta_hook_requests_total", JOB, TENANT)), "{{tenant}} {{result}}"),
                    Ask("B", per("instance", "max", selector("okta_hook_connections", JOB)), "connections of {{instance}}"),
                ],
                width=6,
            ),
            chart(
                "Pushed events",
                "delivered: went on (merge). woke: made the tenant poll (wake). duplicate: known already. too_old and doubtful: left to "
                "polling. malformed: dead letters.",
                "eps",
                [Ask("A", per("tenant, result", "sum", rate("okta_hook_events_total", JOB, TENANT)), "{{tenant}} {{result}}")],
                width=6,
            ),
            chart(
                "Delay of push",
                "From an event's `published` to its delivery. Okta collects for some ten seconds and promises nothing.",
                "s",
                [
                    Ask("p50", quantile(0.5, "tenant", "okta_hook_delay_seconds_bucket", JOB, TENANT), "{{tenant}} p50"),
                    Ask("p99", quantile(0.99, "tenant", "okta_hook_delay_seconds_bucket", JOB, TENANT), "{{tenant}} p99"),
                ],
                width=6,
            ),
            chart(
                "Missed and unconfirmed",
                "Missed: polling brought an event whose hook has not come in five minutes. Failures: Okta's own log of them. Unconfirmed: "
                "push brought what polling never did: forged, or made up by the console's Preview.",
                "short",
                [
                    Ask("Missed", per("tenant", "sum", grown("okta_hook_missed_total", JOB, TENANT)), "{{tenant}} missed"),
                    Ask("Failures", per("tenant", "sum", grown("okta_hook_delivery_failures_total", JOB, TENANT)), "{{tenant}} failures"),
                    Ask("Unconfirmed", per("tenant", "sum", grown("okta_hook_unconfirmed_total", JOB, TENANT)), "{{tenant}} unconfirmed"),
                ],
                bars_drawn=True,
                width=4,
            ),
            chart(
                "Spool",
                "Size of the tenant's spool, read or not; bounded by `hooks.keep_hours` and `hooks.keep_megabytes`.",
                "bytes",
                [Ask("A", per("tenant", "max", selector("okta_hook_spool_bytes", JOB, TENANT)), "{{tenant}}")],
                width=2,
            ),
        ),
    )
