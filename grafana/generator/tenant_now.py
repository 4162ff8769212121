"""Tenant: how it stands at this moment, in one line."""

from grafana.generator.board import Row, line
from grafana.generator.panels import LATE, NEVER, Ask, number
from grafana.generator.promql import JOB, TENANT, age, ahead, lately, per, selector
from grafana.generator.state import tenant_state
from grafana.generator.tables import column, listing

__all__ = ["TOKEN_SECONDS", "gauge", "now"]

TOKEN_SECONDS = 240
"""A token that ends sooner could not be renewed twice: TokenExpiring's threshold."""


def gauge(metric: str) -> str:
    """A tenant's value, whichever process polls it."""
    return per("tenant", "max", selector(metric, JOB, TENANT))


def now() -> Row:
    """State, reason, lag, age, and what comes next."""
    not_yet = f"{gauge('okta_tenant_info')} * {NEVER}"
    success = age("tenant", "okta_last_success_timestamp_seconds", JOB, TENANT)
    event = age("tenant", "okta_last_event_timestamp_seconds", JOB, TENANT)
    token = ahead("tenant", "okta_access_token_expires_timestamp_seconds", JOB, TENANT)
    drained = ahead("tenant", "okta_drain_ends_timestamp_seconds", JOB, TENANT)
    reason = per("tenant, error_type, stage", "max", selector("okta_tenant_failing", JOB, TENANT))
    last = per("tenant", "max", lately("okta_last_success_timestamp_seconds", JOB, TENANT))
    return Row(
        "Now",
        line(
            5,
            number(
                "State",
                "Gone: had metrics within the hour and has none now. Failing: the last poll failed. Stale: no successful poll for three "
                "poll intervals and a minute. Starting: not asked yet.",
                "none",
                [Ask("A", tenant_state(), "{{tenant}}")],
                states=True,
                filled=True,
                width=3,
            ),
            listing(
                "Why it fails",
                "The reason of the last poll where it failed, and since when none has succeeded. The pipeline's log says what to change, "
                "and so does `python -m okta_source check --tenant NAME`.",
                [
                    Ask("State", tenant_state(), now=True, shape="table"),
                    Ask("Reason", reason, now=True, shape="table"),
                    Ask("Success", f"1000 * {last} or ({gauge('okta_tenant_info')} - 1)", now=True, shape="table"),
                ],
                [
                    ("tenant", "Tenant", column()),
                    ("Value #State", "State", column("none", states=True, width=80)),
                    ("error_type", "Reason", column(width=100)),
                    ("stage", "Stage", column(width=70)),
                    ("Value #Success", "Last success", column("dateTimeFromNow", instead={0: ("never", "red")}, width=120)),
                ],
                hidden=["Value #Reason", "job"],
                none="No metrics",
                width=8,
            ),
            number(
                "Lag",
                "0 after a short page; while draining, now less the newest event's `published`; while polls fail, the time since the last "
                "success at least.",
                "dtdurations",
                [Ask("A", gauge("okta_poll_lag_seconds"), "{{tenant}}")],
                steps=LATE,
                width=3,
            ),
            number(
                "Caught up in",
                "How long a drain will go on if it goes on as it has since its first page. None: nothing is drained, or the log grows as "
                "fast as it is read.",
                "dtdurations",
                [Ask("A", f"clamp_min({drained}, 0) or {not_yet}", "{{tenant}}")],
                instead={NEVER: ("none", "text")},
                width=2,
            ),
            number(
                "Newest event",
                "How long ago the newest event was published. A quiet organisation is no fault: judge it by the state.",
                "dtdurations",
                [Ask("A", f"{event} or {not_yet}", "{{tenant}}")],
                instead={NEVER: ("none yet", "blue")},
                width=2,
            ),
            number(
                "Last success",
                "How long ago a poll succeeded.",
                "dtdurations",
                [Ask("A", f"{success} or {not_yet}", "{{tenant}}")],
                instead={NEVER: ("never", "orange")},
                width=2,
            ),
            number(
                "Next poll",
                "How long until the next request is due: poll interval, back-off, or the rate limit's reset.",
                "dtdurations",
                [Ask("A", f"clamp_min({ahead('tenant', 'okta_next_poll_timestamp_seconds', JOB, TENANT)}, 0)", "{{tenant}}")],
                width=2,
            ),
            number(
                "Token ends in",
                "How long the access token is still good. It is renewed five minutes before it ends; orange where two tries have failed. "
                "API tokens (SSWS) don't say.",
                "dtdurations",
                [Ask("A", f"{token} or {not_yet}", "{{tenant}}")],
                steps=[(None, "red"), (0, "orange"), (TOKEN_SECONDS, "green")],
                instead={NEVER: ("no access token", "text")},
                width=2,
            ),
        ),
    )
