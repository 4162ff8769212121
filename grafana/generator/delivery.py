"""Delivery: what each sink takes, how late, and what it does not take."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.board import Row, address, board, line
from grafana.generator.delivery_outbox import outbox
from grafana.generator.panels import Ask, chart, number
from grafana.generator.promql import JOB, SINK, TENANT, grown, or_zero, per, quantile, rate, selector
from grafana.generator.tables import column, listing
from grafana.generator.variables import METRICS_SOURCE, data_source, job, sink, tenant

__all__ = ["UID", "build"]

UID = "okta-delivery"

_SINKS = per("sink", "max", selector("okta_sink_info", JOB, SINK))
_LATENCY = "okta_delivery_latency_seconds_bucket"
_LATE = [(None, "green"), (300, "orange"), (1800, "red")]


def build() -> models.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Okta / Delivery",
        "Each sink: how much it takes, how late, what is tried again, and what went to the dead letters.",
        [data_source(METRICS_SOURCE, "prometheus", "Data source"), job(), tenant(), sink()],
        [_now(), _flow(), outbox(), _trouble()],
    )


def _counted(metric: str, *matchers: str, over: str = "$__rate_interval") -> str:
    return f"increase({selector(metric, JOB, SINK, *matchers)}[{over}])"


def _now() -> Row:
    letters = grown("okta_sink_events_total", JOB, SINK, TENANT, 'result="dead_letter"', over="$__range")
    failed = _counted("okta_sink_batches_total", 'result="failed"', over="$__range")
    breakers = per("sink", "sum", selector("okta_sink_breakers_open", JOB, SINK))
    success = per("sink", "max", selector("okta_sink_last_success_timestamp_seconds", JOB, SINK))
    taken = per("sink", "sum", rate("okta_sink_events_total", JOB, SINK, TENANT, 'result="delivered"'))
    asks = [
        Ask("Info", per("sink, type", "max", selector("okta_sink_info", JOB, SINK)), now=True, shape="table"),
        Ask("Events", taken, now=True, shape="table"),
        Ask("Late", quantile(0.95, "sink", _LATENCY, JOB, SINK), now=True, shape="table"),
        Ask("Success", f"1000 * {success}", now=True, shape="table"),
        Ask("Breakers", or_zero(breakers, _SINKS), now=True, shape="table"),
        Ask("Failed", per("sink", "sum", failed), now=True, shape="table"),
        Ask("Letters", or_zero(per("sink", "sum", letters), _SINKS), now=True, shape="table"),
    ]
    none_is_well = [(None, "green"), (1, "red")]
    return Row(
        "Now",
        line(
            4,
            number(
                "Delivered",
                "Events a second that sinks took; an event for two sinks counts twice.",
                "eps",
                [Ask("A", per("", "sum", taken), "{{job}}")],
                sparkline=True,
                width=6,
            ),
            number(
                "Breakers open",
                "Targets, or single indices of one, that count as down: nothing got through for a minute, and their events wait.",
                "none",
                [Ask("A", or_zero(per("", "sum", breakers), per("", "max", _SINKS)), "{{job}}")],
                steps=none_is_well,
                width=6,
            ),
            number(
                "Dead letters in this time",
                "Events that a target refused for good or did not take in time: files below `dead_letter_dir`, which "
                "`python -m flows.replay` sends again.",
                "short",
                [Ask("A", or_zero(per("", "sum", letters), per("", "max", _SINKS)), "{{job}}", now=True)],
                steps=none_is_well,
                width=6,
            ),
            number(
                "Failed batches in this time",
                "Batches that a target refused or did not answer. They are tried again for `retry_for_seconds`.",
                "short",
                [Ask("A", per("", "sum", failed), "{{job}}", now=True)],
                steps=[(None, "green"), (1, "orange")],
                width=6,
            ),
        ),
        line(
            7,
            listing(
                "Sinks",
                "One row for each sink. Latency is from `published` to delivered: 95 of 100 events were faster. A sink without events "
                "has no last success.",
                asks,
                [
                    ("sink", "Sink", column(link=("This sink", address(UID, sink="${__value.raw}")))),
                    ("type", "Type", column()),
                    ("Value #Events", "Delivered/s", column("eps")),
                    ("Value #Late", "Latency p95", column("dtdurations", steps=_LATE)),
                    ("Value #Success", "Last success", column("dateTimeFromNow")),
                    ("Value #Breakers", "Breakers open", column("none", steps=none_is_well)),
                    ("Value #Failed", "Failed batches", column("short", steps=[(None, "green"), (1, "orange")])),
                    ("Value #Letters", "Dead letters", column("short", steps=none_is_well)),
                    ("job", "Job", column()),
                ],
                hidden=["Value #Info"],
                sort="Breakers open",
                width=24,
            ),
        ),
    )


def _flow() -> Row:
    results = per("sink, result", "sum", rate("okta_sink_events_total", JOB, SINK, TENANT))
    filtered = per("sink", "sum", rate("okta_sink_filtered_total", JOB, SINK, TENANT))
    success = per("sink", "max", selector("okta_sink_last_success_timestamp_seconds", JOB, SINK))
    writes = "okta_sink_write_duration_seconds_bucket"
    quantiles = [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")]
    return Row(
        "Throughput and latency",
        line(
            8,
            chart(
                "Throughput by result",
                "Events that a sink is done with: delivered, already there (`duplicate`), or put with the dead letters.",
                "eps",
                [Ask("A", results, "{{sink}} {{result}}")],
                stacked=True,
                width=12,
            ),
            chart(
                "Delivery latency",
                "From an event's `published` to its delivery. It holds Okta's own delay, the poll interval, a backlog that is drained, and "
                "the sink.",
                "s",
                [Ask(name, quantile(share, "sink", _LATENCY, JOB, SINK), f"{{{{sink}}}} {name}") for share, name in quantiles],
                steps=[(None, "transparent"), (1800, "red")],
                width=12,
            ),
        ),
        line(
            8,
            chart(
                "Write duration",
                "How long a batch took to be sent or written.",
                "s",
                [Ask(name, quantile(share, "sink", writes, JOB, SINK), f"{{{{sink}}}} {name}") for share, name in quantiles],
                width=8,
            ),
            chart(
                "Since the last success",
                "How long ago a sink last took something. It also grows while there is nothing to send.",
                "s",
                [Ask("A", f"time() - {success}", "{{sink}}")],
                width=8,
            ),
            chart(
                "Filtered",
                "Events that a sink's own filter left out: meant, and no loss. A sink without a filter is at 0.",
                "eps",
                [Ask("A", or_zero(filtered, _SINKS), "{{sink}}")],
                width=8,
            ),
        ),
    )


def _trouble() -> Row:
    letters = grown("okta_sink_events_total", JOB, SINK, TENANT, 'result="dead_letter"')
    breakers = per("sink", "sum", selector("okta_sink_breakers_open", JOB, SINK))
    return Row(
        "Trouble",
        line(
            8,
            chart(
                "Failed batches",
                "Batches that a target refused or did not answer.",
                "short",
                [Ask("A", per("sink", "sum", _counted("okta_sink_batches_total", 'result="failed"')), "{{sink}}")],
                bars_drawn=True,
                width=6,
            ),
            chart(
                "Retries",
                "Batches that were sent again after a failure.",
                "short",
                [Ask("A", per("sink", "sum", _counted("okta_sink_retries_total")), "{{sink}}")],
                bars_drawn=True,
                width=6,
            ),
            chart(
                "Open breakers",
                "While one is open, its target's events wait in the outbox; the other sinks go on as ever.",
                "none",
                [Ask("A", or_zero(breakers, _SINKS), "{{sink}}")],
                steps=[(None, "transparent"), (1, "red")],
                width=6,
            ),
            chart(
                "Dead letters",
                "By sink, and by the tenant that they belong to.",
                "short",
                [
                    Ask("Sinks", or_zero(per("sink", "sum", letters), _SINKS), "{{sink}}"),
                    Ask("Tenants", f"topk(10, {per('sink, tenant', 'sum', letters)} > 0)", "{{sink}} {{tenant}}"),
                ],
                bars_drawn=True,
                width=6,
            ),
        ),
    )
