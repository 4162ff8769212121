"""Whether a tenant is well, as one number, in PromQL alone: it needs no recording rule. Pure."""

from grafana.generator.promql import JOB, TENANT, age, lately, per, selector

__all__ = ["ACTIVE", "FAILING", "GONE", "STALE", "STARTING", "STATES", "SUSPICION_INTERVALS", "SUSPICION_SECONDS", "tenant_state"]

ACTIVE, STARTING, STALE, FAILING, GONE = 0, 1, 2, 3, 4
"""The worse the higher, so that sorting shows first what needs a look."""

STATES = {
    ACTIVE: ("Active", "green"),
    STARTING: ("Starting", "blue"),
    STALE: ("Stale", "orange"),
    FAILING: ("Failing", "red"),
    GONE: ("Gone", "dark-red"),
}
"""What people read, and its colour."""

SUSPICION_INTERVALS, SUSPICION_SECONDS = 3, 60
"""Stale: no successful poll for so many poll intervals and seconds. The seconds are for short intervals, where one slow answer of Okta's
(it may take 30 s) spans several."""


def tenant_state(*matchers: str) -> str:
    """The state of each tenant, by job and tenant.

    Gone: there were metrics of it within the hour, and there are none now: its process has ended, or it left the configuration.
    Failing: the last poll failed. Stale: no poll succeeded for too long, counted from when the process took the tenant up where none
    ever did. Starting: taken up, and not asked yet. Active (0, `up` less 1): everything else, however quiet the organisation is.
    """
    where = matchers or (JOB, TENANT)
    up = per("tenant", "max", selector("okta_tenant_up", *where))
    taken_up = per("tenant", "max", selector("okta_tenant_info", *where))
    interval = per("tenant", "max", selector("okta_poll_interval_seconds", *where))
    succeeded = age("tenant", "okta_last_success_timestamp_seconds", *where)
    seen = f"{succeeded} or {age('tenant', 'okta_tenant_started_timestamp_seconds', *where)}"
    known = per("tenant", "max", lately("okta_tenant_info", *where))
    stale = f"({seen}) > {SUSPICION_INTERVALS} * {interval} + {SUSPICION_SECONDS}"
    return (
        f"({FAILING} + ({up} == 0))\n"
        f"or ({STALE} + 0 * ({stale}))\n"
        f"or ({STARTING - 1} + ({taken_up} unless on (job, tenant) {up}))\n"
        f"or ({up} - 1)\n"
        f"or ({GONE - 1} + ({known} unless on (job, tenant) {taken_up}))"
    )
