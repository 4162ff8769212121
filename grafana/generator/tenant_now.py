"""Tenant: how it stands at this moment, in one line."""

from grafana.generator.board import Row, line
from grafana.generator.panels import Ask, number
from grafana.generator.promql import JOB, TENANT, per, selector
from grafana.generator.state import tenant_state
from grafana.generator.tables import column, listing

__all__ = ["gauge", "now"]


def gauge(metric: str) -> str:
    """A tenant's value, whichever process polls it."""
    return per("tenant", "max", selector(metric, JOB, TENANT))


def now() -> Row:
    """State, reason, lag, age, and what comes next."""
    token_seconds = f"{gauge('okta_access_token_expires_timestamp_seconds')} - time()"
    return Row(
        "Now",
        line(
            5,
            number(
                "State",
                "Failing: the last poll failed. Stale: no successful poll for three poll intervals and a minute. Starting: not asked yet.",
                "none",
                [Ask("A", tenant_state(), "{{tenant}}", now=True)],
                states=True,
                filled=True,
                width=4,
            ),
            listing(
                "Why it fails",
                "The reason of the last poll where it failed. The pipeline's log says what to change, and so does "
                "`python -m okta_source check --tenant NAME`.",
                [
                    Ask(
                        "Reason",
                        per("tenant, error_type, stage", "max", selector("okta_tenant_failing", JOB, TENANT)),
                        now=True,
                        shape="table",
                    )
                ],
                [("tenant", "Tenant", column()), ("error_type", "Reason", column()), ("stage", "Stage", column())],
                hidden=["Value", "job"],
                none="The last poll succeeded",
                width=6,
            ),
            number(
                "Lag",
                "0 after a short page; while draining, now less the newest event's `published`.",
                "dtdurations",
                [Ask("A", gauge("okta_poll_lag_seconds"), "{{tenant}}")],
                steps=[(None, "green"), (300, "orange"), (1800, "red")],
                width=3,
            ),
            number(
                "Newest event",
                "How long ago the newest event was published. A quiet organisation is no fault: judge it by the state.",
                "dtdurations",
                [Ask("A", f"time() - {gauge('okta_last_event_timestamp_seconds')}", "{{tenant}}")],
                none="none yet",
                width=3,
            ),
            number(
                "Last success",
                "How long ago a poll succeeded.",
                "dtdurations",
                [Ask("A", f"time() - {gauge('okta_last_success_timestamp_seconds')}", "{{tenant}}")],
                none="none yet",
                width=3,
            ),
            number(
                "Next poll",
                "How long until the next request is due: poll interval, back-off, or the rate limit's reset.",
                "dtdurations",
                [Ask("A", f"clamp_min({gauge('okta_next_poll_timestamp_seconds')} - time(), 0)", "{{tenant}}")],
                width=3,
            ),
            number(
                "Token ends in",
                "How long the access token is still good. It is renewed a minute before it ends. API tokens (SSWS) don't say.",
                "dtdurations",
                [Ask("A", token_seconds, "{{tenant}}")],
                steps=[(None, "red"), (30, "green")],
                none="no access token",
                width=2,
            ),
        ),
    )
