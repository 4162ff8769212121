"""Whether a tenant is well, as one number, in PromQL alone: it needs no recording rule. Pure."""

from grafana.generator.promql import JOB, TENANT, per, selector

__all__ = ["ACTIVE", "FAILING", "STALE", "STARTING", "STATES", "SUSPICION_INTERVALS", "SUSPICION_SECONDS", "tenant_state"]

ACTIVE, STARTING, STALE, FAILING = 0, 1, 2, 3
"""The worse the higher, so that sorting shows first what needs a look."""

STATES = {ACTIVE: ("Active", "green"), STARTING: ("Starting", "blue"), STALE: ("Stale", "orange"), FAILING: ("Failing", "red")}
"""What people read, and its colour."""

SUSPICION_INTERVALS, SUSPICION_SECONDS = 3, 60
"""Stale: no successful poll for so many poll intervals and seconds. The seconds are for short intervals, where one slow answer of Okta's
(it may take 30 s) spans several."""


def tenant_state(*matchers: str) -> str:
    """The state of each tenant, by job and tenant.

    Failing: the last poll failed. Stale: no poll succeeded for too long, counted from when the process took the tenant up where none ever
    did. Starting: taken up, and not asked yet. Active: everything else, however quiet the organisation is.
    """
    where = matchers or (JOB, TENANT)
    up = per("tenant", "max", selector("okta_tenant_up", *where))
    taken_up = per("tenant", "max", selector("okta_tenant_info", *where))
    interval = per("tenant", "max", selector("okta_poll_interval_seconds", *where))
    seen = per(
        "tenant",
        "max",
        f"{selector('okta_last_success_timestamp_seconds', *where)} or {selector('okta_tenant_started_timestamp_seconds', *where)}",
    )
    stale = f"time() - {seen} > {SUSPICION_INTERVALS} * {interval} + {SUSPICION_SECONDS}"
    return (
        f"({FAILING} + ({up} == 0))\n"
        f"or ({STALE} + 0 * ({stale}))\n"
        f"or ({STARTING} + 0 * ({taken_up} unless on (job, tenant) {up}))\n"
        f"or ({ACTIVE} * {up})"
    )
