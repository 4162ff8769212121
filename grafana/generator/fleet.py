"""Fleet: which organisations are connected, how fresh their events are, what the rate limit leaves."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.alerting import firing, firing_count
from grafana.generator.board import Row, address, board, line
from grafana.generator.panels import LATE, Ask, Steps, bars, chart, number
from grafana.generator.promql import JOB, TENANT, grown, lately, or_zero, per, rate, selector, sinks_down
from grafana.generator.state import ACTIVE, FAILING, GONE, STALE, STARTING, STATES, tenant_state
from grafana.generator.tables import column, listing
from grafana.generator.variables import METRICS_SOURCE, data_source, job, scrape, tenant

__all__ = ["UID", "build", "headroom"]

UID = "okta-fleet"
_TENANT_UID = "okta-tenant"

_TILES = 200
_SERIES = 20
_REFUSED = 'code="429"'
_INFO = per("tenant, display_name, org", "max", selector("okta_tenant_info", JOB, TENANT))
_LATELY = per("tenant, display_name, org", "max", lately("okta_tenant_info", JOB, TENANT))
# One for each tenant, gone or not, whatever a restart under another name leaves for a moment: two would fail every join.
_ONE_INFO = f"topk by (job, tenant) (1, {_INFO} or ({_LATELY} unless on (job, tenant) {_INFO}))"
_NAMED = f"* on (job, tenant) group_left (display_name) {_ONE_INFO}"
_BY_ORGANISATION = f"* on (job, tenant) group_left (org) {_ONE_INFO}"
_TO_TENANT = ("This tenant", address(_TENANT_UID, tenant="${__field.labels.tenant}"))
_ROW_TO_TENANT = ("This tenant", address(_TENANT_UID, tenant="${__value.raw}"))


def headroom() -> str:
    """What is left of the rate limit above the reserve, as a share of the limit, by job and tenant."""
    # Okta says 0 where it refuses for too many requests at once.
    limit = per("tenant", "max", f"{selector('okta_rate_limit_limit', JOB, TENANT)} > 0")
    remaining = per("tenant", "max", selector("okta_rate_limit_remaining", JOB, TENANT))
    reserve = per("tenant", "max", selector("okta_rate_limit_reserve_ratio", JOB, TENANT))
    return f"clamp_min({remaining} / {limit} - {reserve}, 0)"


def build() -> models.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Okta / Fleet",
        "Every organisation at a glance: connected or not and why, how late, how much, and what the rate limit leaves.",
        [data_source(METRICS_SOURCE, "prometheus", "Data source"), job(), tenant(), scrape()],
        [_now(), _tenants(), _flow(), _limits()],
        since="now-1h",
    )


def _counted(state: int) -> Ask:
    name, _ = STATES[state]
    return Ask(name, f"sum(({tenant_state()}) == bool {state})", name, now=True)


def _now() -> Row:
    trouble: dict[str, Steps] = {name: [(None, "green"), (1, color)] for name, color in (STATES[GONE], STATES[FAILING], STATES[STALE])}
    calm: dict[str, Steps] = {name: [(None, color)] for name, color in (STATES[STARTING], STATES[ACTIVE])}
    events = per("", "sum", rate("okta_events_received_total", JOB, TENANT))
    lag = f"max({selector('okta_poll_lag_seconds', JOB, TENANT)})"
    up = selector("up", JOB)
    return Row(
        "Now",
        line(
            4,
            firing_count(width=3),
            number(
                "Tenants by state",
                "Gone: had metrics within the hour and has none now. Failing: the last poll failed. Stale: no successful poll "
                "for three poll intervals and a minute. Starting: taken up and "
                "not asked yet. Active: everything else; a quiet organisation is active.",
                "none",
                [_counted(GONE), _counted(FAILING), _counted(STALE), _counted(STARTING), _counted(ACTIVE)],
                colors=trouble | calm,
                width=9,
            ),
            number(
                "Processes down",
                "Processes of the pipeline whose metrics Prometheus can't fetch. Their tenants are gone below.",
                "none",
                [Ask("A", f"sum({up} == bool 0)", "down")],
                steps=[(None, "green"), (1, "red")],
                width=3,
            ),
            number(
                "Sinks down",
                "Sinks that count as down in some process: targets, or indices of one, whose events wait in the outbox.",
                "none",
                [Ask("A", f"sum({sinks_down(JOB)})", "down")],
                steps=[(None, "green"), (1, "red")],
                link=("Delivery", address("okta-delivery")),
                width=3,
            ),
            number(
                "Greatest lag",
                "How far the slowest tenant is behind: 0 once drained; while it drains, now less the newest event's `published`; while it "
                "fails, the time since its last success at least.",
                "dtdurations",
                [Ask("A", lag, "lag")],
                steps=LATE,
                width=3,
            ),
            number(
                "Least headroom",
                "What is left of the tightest organisation's rate limit above the reserve, as a share of the limit. At 0 its "
                "tenants wait for the window's reset.",
                "percentunit",
                [Ask("A", f"min({headroom()} {_BY_ORGANISATION})", "headroom")],
                steps=[(None, "red"), (0.05, "orange"), (0.2, "green")],
                width=3,
            ),
        ),
        line(
            6,
            firing(width=18),
            number(
                "Events received",
                "Events a second that Okta sent, all chosen tenants together.",
                "eps",
                [Ask("A", events, "{{job}}")],
                sparkline=True,
                width=6,
            ),
        ),
    )


def _tenants() -> Row:
    reason = per("tenant, error_type, stage", "max", selector("okta_tenant_failing", JOB, TENANT))
    last = per("tenant", "max", lately("okta_last_success_timestamp_seconds", JOB, TENANT))
    asks = [
        Ask("State", tenant_state(), now=True, shape="table"),
        Ask("Info", _ONE_INFO, now=True, shape="table"),
        Ask("Reason", reason, now=True, shape="table"),
        Ask("Lag", per("tenant", "max", selector("okta_poll_lag_seconds", JOB, TENANT)), now=True, shape="table"),
        Ask("Events", per("tenant", "sum", rate("okta_events_received_total", JOB, TENANT)), now=True, shape="table"),
        Ask("Success", f"1000 * {last}", now=True, shape="table"),
        Ask("Headroom", headroom(), now=True, shape="table"),
    ]
    return Row(
        "Tenants",
        line(
            8,
            number(
                "Tenants",
                f"A tile for each tenant, the worst first; of more than {_TILES} the {_TILES} worst, and all of them in the table below. "
                "A click leads to the tenant.",
                "none",
                [Ask("A", f"sort_desc(topk({_TILES}, ({tenant_state()}) {_NAMED}))", "{{display_name}}", now=True)],
                states=True,
                filled=True,
                link=_TO_TENANT,
                none="No tenant: is a process of the pipeline scraped?",
                width=24,
            ),
        ),
        line(
            12,
            listing(
                "All tenants",
                "One row for each tenant. Reason and stage are those of the last poll where it failed; headroom is what is left of "
                "the rate limit above the reserve. Columns can be filtered; a tenant's name leads to its dashboard.",
                asks,
                [
                    ("tenant", "Tenant", column(link=_ROW_TO_TENANT, width=140)),
                    ("display_name", "Name", column(width=160)),
                    ("org", "Organisation", column()),
                    ("Value #State", "State", column("none", states=True, width=100)),
                    ("error_type", "Reason", column(width=110)),
                    ("stage", "Stage", column(width=90)),
                    ("Value #Lag", "Lag", column("dtdurations", steps=LATE, width=110)),
                    ("Value #Events", "Events/s", column("eps", width=90)),
                    ("Value #Success", "Last success", column("dateTimeFromNow", width=130)),
                    (
                        "Value #Headroom",
                        "Headroom",
                        column("percentunit", steps=[(None, "red"), (0.05, "orange"), (0.2, "green")], width=100),
                    ),
                    ("job", "Job", column(width=130)),
                ],
                hidden=["Value #Info", "Value #Reason"],
                sort="State",
                width=24,
            ),
        ),
    )


def _flow() -> Row:
    received = per("tenant", "sum", rate("okta_events_received_total", JOB, TENANT))
    lag = per("tenant", "max", selector("okta_poll_lag_seconds", JOB, TENANT))
    total = per("tenant", "sum", f"increase({selector('okta_events_received_total', JOB, TENANT)}[$__range])")
    return Row(
        "Events",
        line(
            9,
            chart(
                "Events per second",
                f"What Okta sent, before deduplication, of the {_SERIES} busiest tenants of each moment.",
                "eps",
                [Ask("A", f"topk({_SERIES}, {received})", "{{tenant}}")],
                stacked=True,
                width=9,
            ),
            chart(
                "Lag",
                f"How far behind the {_SERIES} slowest tenants are. It rises while a backlog is drained; if it keeps rising, Okta's rate "
                "limit or the sinks are slower than the organisation's events.",
                "s",
                [Ask("A", f"topk({_SERIES}, {lag})", "{{tenant}}")],
                steps=[(None, "transparent"), (3600, "red")],
                width=9,
            ),
            bars(
                "Top talkers",
                "The tenants with the most events in the time that is shown.",
                "short",
                Ask("A", f"topk(10, {total})", "{{tenant}}", now=True),
                link=_TO_TENANT,
                width=6,
            ),
        ),
    )


def _limits() -> Row:
    organisation = f"min by (job, org) ({headroom()} {_BY_ORGANISATION})"
    refused = grown("okta_requests_total", JOB, TENANT, _REFUSED)
    waiting = per("tenant", "sum", rate("okta_rate_limit_wait_seconds_total", JOB, TENANT))
    return Row(
        "Rate limit",
        line(
            9,
            chart(
                "Headroom by organisation",
                f"What is left of the rate limit above the reserve, as a share of the limit: the {_SERIES} tightest. Tenants of one "
                "organisation share it. At 0 they wait; what other clients of the organisation use counts too.",
                "percentunit",
                [Ask("A", f"bottomk({_SERIES}, {organisation})", "{{org}}")],
                least=None,
                most=1,
                steps=[(None, "red"), (0.05, "transparent")],
                width=8,
            ),
            chart(
                "Waiting for the rate limit",
                f"The share of time that tenants waited for their organisation's reset: the {_SERIES} most patient. 1 is all of it.",
                "percentunit",
                [Ask("A", f"topk({_SERIES}, {waiting})", "{{tenant}}")],
                width=8,
            ),
            chart(
                "Requests refused with 429",
                "Okta's refusals: in all, and the tenants that got them. The pipeline keeps below the limit by itself, so other clients of "
                "the organisation have spent it.",
                "short",
                [
                    Ask("All", or_zero(per("", "sum", refused), "", selector("okta_tenant_info", JOB, TENANT)), "all"),
                    Ask("Tenants", f"topk(10, {per('tenant', 'sum', refused)} > 0)", "{{tenant}}"),
                ],
                bars_drawn=True,
                colors={"all": "gray"},
                width=8,
            ),
        ),
    )
