"""Tenant: one organisation from request to delivery."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.board import Row, address, board, line
from grafana.generator.panels import Ask, chart, heat
from grafana.generator.promql import JOB, TENANT, age, ahead, grown, or_zero, per, quantile, rate, selector
from grafana.generator.tenant_hooks import hooks
from grafana.generator.tenant_now import TOKEN_SECONDS, gauge, now
from grafana.generator.variables import METRICS_SOURCE, data_source, job, one_tenant, scrape

__all__ = ["UID", "build"]

UID = "okta-tenant"

_INFO = selector("okta_tenant_info", JOB, TENANT)


def build() -> models.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Okta / Tenant",
        "One organisation: what is asked of Okta, what comes back, what the rate limit leaves, and where its events go.",
        [data_source(METRICS_SOURCE, "prometheus", "Data source"), job(), one_tenant(), scrape()],
        [now(), _requests(), _events(), _limits(), _trouble(), _delivery(), hooks()],
    )


def _counter(metric: str) -> str:
    return per("tenant", "sum", rate(metric, JOB, TENANT))


def _increase(metric: str) -> str:
    return f"increase({selector(metric, JOB, TENANT)}[$__rate_interval])"


def _requests() -> Row:
    codes = per("tenant, code", "sum", rate("okta_requests_total", JOB, TENANT))
    buckets = "okta_request_duration_seconds_bucket"
    return Row(
        "Requests",
        line(
            8,
            chart(
                "Requests by status",
                "Requests for logs. 429: other clients have spent the rate limit. 401 and 403: see the state's reason. `error`: no answer.",
                "reqps",
                [Ask("A", codes, "{{tenant}} {{code}}")],
                stacked=True,
                width=6,
            ),
            chart(
                "Pages per second",
                "Pages handed to the dataflow, empty ones included.",
                "cps",
                [Ask("A", _counter("okta_pages_total"), "{{tenant}}")],
                width=6,
            ),
            heat(
                "Request latency",
                "From a request to the last byte of its answer: how many took how long. Okta gives up a query after 30 s.",
                "s",
                Ask("A", f"sum by (le) ({_increase(buckets)})", "{{le}}", shape="heatmap"),
                width=6,
            ),
            chart(
                "Request latency quantiles",
                "From a request to the last byte of its answer.",
                "s",
                [
                    Ask("p50", quantile(0.5, "tenant", buckets, JOB, TENANT), "{{tenant}} p50"),
                    Ask("p99", quantile(0.99, "tenant", buckets, JOB, TENANT), "{{tenant}} p99"),
                ],
                steps=[(None, "transparent"), (30, "red")],
                width=6,
            ),
        ),
    )


def _events() -> Row:
    return Row(
        "Events",
        line(
            8,
            chart(
                "Events received",
                "What Okta sent; of that, what had been seen before and was dropped, what is no event (in the dead letters, or beyond "
                "the day's budget of them only counted), what claims to have happened over a year ago or days ahead, and what could not "
                "be mapped to ECS or OCSF and is delivered raw.",
                "eps",
                [
                    Ask("Received", _counter("okta_events_received_total"), "{{tenant}} received"),
                    Ask("Duplicate", _counter("okta_events_duplicate_total"), "{{tenant}} duplicate"),
                    Ask("Malformed", _counter("okta_events_malformed_total"), "{{tenant}} malformed"),
                    Ask("Not kept", _counter("okta_input_letters_dropped_total"), "{{tenant}} malformed and not kept"),
                    Ask("Unlikely", _counter("okta_events_unlikely_time_total"), "{{tenant}} of unlikely times"),
                    Ask("Unmapped", _counter("okta_mapping_errors_total"), "{{tenant}} not mapped"),
                ],
                width=8,
            ),
            chart(
                "Lag and age",
                "Lag: 0 once drained; while polls fail, the time since the last success at least. Age: "
                "how long ago the newest event was published, which also grows while the organisation is quiet.",
                "s",
                [
                    Ask("Lag", gauge("okta_poll_lag_seconds"), "{{tenant}} lag"),
                    Ask("Age", age("tenant", "okta_last_event_timestamp_seconds", JOB, TENANT), "{{tenant}} newest event"),
                ],
                width=8,
            ),
            chart(
                "Cursor resets",
                "Restarts from five minutes before the newest event, because Okta refused the cursor. Nothing is lost, and what comes "
                "again is dropped; often, it costs requests.",
                "short",
                [Ask("A", per("tenant", "sum", _increase("okta_cursor_resets_total")), "{{tenant}}")],
                bars_drawn=True,
                width=8,
            ),
        ),
    )


def _limits() -> Row:
    reserve = f"{gauge('okta_rate_limit_reserve_ratio')} * {gauge('okta_rate_limit_limit')}"
    return Row(
        "Rate limit",
        line(
            8,
            chart(
                "Rate-limit budget",
                "Requests that the organisation's window still allows, as the last answer said, and what is kept for its other clients: at "
                "that line the tenant waits for the reset.",
                "short",
                [
                    Ask("Limit", gauge("okta_rate_limit_limit"), "{{tenant}} limit"),
                    Ask("Remaining", gauge("okta_rate_limit_remaining"), "{{tenant}} remaining"),
                    Ask("Reserve", reserve, "{{tenant}} reserve"),
                ],
                width=12,
            ),
            chart(
                "Waiting",
                "The share of time that the tenant waited for its organisation's reset. 1 is all of it.",
                "percentunit",
                [Ask("A", _counter("okta_rate_limit_wait_seconds_total"), "{{tenant}}")],
                width=6,
            ),
            chart(
                "Until the reset",
                "How long until the window ends that the last answer told of, by the organisation's clock; 0 once it has ended.",
                "s",
                [
                    Ask(
                        "A",
                        f"clamp_min({ahead('tenant', 'okta_rate_limit_reset_timestamp_seconds', JOB, TENANT)}, 0)",
                        "{{tenant}}",
                    )
                ],
                width=6,
            ),
        ),
    )


def _trouble() -> Row:
    failed = grown("okta_errors_total", JOB, TENANT)
    errors = per("tenant, error_type, stage", "sum", failed)
    return Row(
        "Trouble and tokens",
        line(
            8,
            chart(
                "Errors by type and stage",
                "Failed polls and deliveries. Those of stage `token` include renewals that failed while the old token was still good.",
                "short",
                [
                    Ask("All", or_zero(per("tenant", "sum", failed), "tenant", _INFO), "{{tenant}} all"),
                    Ask("Types", errors, "{{tenant}} {{error_type}} ({{stage}})"),
                ],
                bars_drawn=True,
                width=10,
            ),
            chart(
                "Token refreshes",
                "Access tokens that were fetched: one for each lifetime and process. An API token (SSWS) needs none.",
                "short",
                [Ask("A", per("tenant", "sum", _increase("okta_token_refreshes_total")), "{{tenant}}")],
                bars_drawn=True,
                width=7,
            ),
            chart(
                "Life left in the access token",
                "It falls to five minutes, and starts anew. Below 0 the tenant has no token that Okta would take.",
                "s",
                [Ask("A", ahead("tenant", "okta_access_token_expires_timestamp_seconds", JOB, TENANT), "{{tenant}}")],
                least=None,
                steps=[(None, "red"), (0, "orange"), (TOKEN_SECONDS, "transparent")],
                width=7,
            ),
        ),
        line(
            6,
            chart(
                "Clock",
                "How far the clock of the machine that polls is ahead of the organisation's; negative behind. The log speaks of a minute.",
                "s",
                [Ask("A", gauge("okta_clock_skew_seconds"), "{{tenant}}")],
                least=None,
                width=24,
            ),
        ),
    )


def _delivery() -> Row:
    delivered = per("tenant, sink, result", "sum", rate("okta_sink_events_total", JOB, TENANT))
    everything = selector("okta_sink_events_total", JOB, TENANT)
    filtered = or_zero(per("tenant, sink", "sum", rate("okta_sink_filtered_total", JOB, TENANT)), "tenant, sink", everything)
    letters = per("tenant, sink", "sum", grown("okta_sink_events_total", JOB, TENANT, 'result="dead_letter"'))
    panel = chart(
        "Delivered by sink",
        "Events that a sink is done with: delivered, already there (`duplicate`), or put with the dead letters.",
        "eps",
        [Ask("A", delivered, "{{tenant}} {{sink}} {{result}}")],
        width=10,
    )
    panel.links = [models.DashboardLink(title="Delivery", type_val=models.DashboardLinkType.LINK, url=address("okta-delivery"))]
    return Row(
        "Delivery",
        line(
            8,
            panel,
            chart(
                "Filtered by sink",
                "Events that a sink's own filter left out: meant, and no loss.",
                "eps",
                [Ask("A", filtered, "{{tenant}} {{sink}}")],
                width=7,
            ),
            chart(
                "Dead letters by sink",
                "Events that a target refused for good, or did not take in time. `python -m flows.replay` sends them again.",
                "short",
                [
                    Ask("All", or_zero(per("tenant", "sum", letters), "tenant", _INFO), "{{tenant}} all"),
                    Ask("Sinks", letters, "{{tenant}} {{sink}}"),
                ],
                bars_drawn=True,
                width=7,
            ),
        ),
    )
