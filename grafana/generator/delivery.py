"""Delivery: what each sink takes, how late, and what it does not take."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.board import Row, address, board, line
from grafana.generator.delivery_outbox import outbox
from grafana.generator.panels import Ask, Steps, chart, number
from grafana.generator.promql import JOB, SINK, TENANT, age, grown, lately, or_zero, per, quantile, rate, selector, sinks_down, while_known
from grafana.generator.tables import column, listing
from grafana.generator.variables import METRICS_SOURCE, data_source, job, scrape, sink, tenant

__all__ = ["UID", "build"]

UID = "okta-delivery"

_INFO = selector("okta_sink_info", JOB, SINK)
_SINKS = per("sink", "max", _INFO)
_WRITES = "okta_sink_write_duration_seconds_bucket"
_LATENCY = "okta_delivery_latency_seconds_bucket"
_SLOW: Steps = [(None, "green"), (5, "orange"), (30, "red")]
_UP, _DOWN, _GONE = 0, 1, 2
_STATES = {_UP: ("Up", "green"), _DOWN: ("Down", "red"), _GONE: ("Gone", "dark-red")}


def build() -> models.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Okta / Delivery",
        "Each sink: how much it takes, how late, what is tried again, and what went to the dead letters.",
        [data_source(METRICS_SOURCE, "prometheus", "Data source"), job(), tenant(), sink(), scrape()],
        [_now(), _flow(), outbox(), _trouble()],
    )


def _counted(metric: str, *matchers: str, over: str = "$__rate_interval") -> str:
    return f"increase({selector(metric, JOB, SINK, *matchers)}[{over}])"


def _now() -> Row:
    letters = grown("okta_sink_events_total", JOB, SINK, TENANT, 'result="dead_letter"', over="$__range")
    failed = _counted("okta_sink_batches_total", 'result="failed"', over="$__range")
    breakers = per("sink", "max", selector("okta_sink_breakers_open", JOB, SINK))
    success = per("sink", "max", lately("okta_sink_last_success_timestamp_seconds", JOB, SINK))
    known = per("sink, type", "max", lately("okta_sink_info", JOB, SINK))
    gone = f"({_GONE - 1} + (max by (job, sink) ({known}) unless {_SINKS}))"
    left = per("sink", "max", selector("okta_sink_dead_letter_bytes", JOB, SINK))
    waiting = per("sink", "sum", selector("okta_sink_outbox_bytes", JOB, SINK))
    taken = per("sink", "sum", rate("okta_sink_events_total", JOB, SINK, TENANT, 'result="delivered"'))
    asks = [
        Ask("Info", known, now=True, shape="table"),
        Ask("State", f"({sinks_down(JOB, SINK)}) or {gone}", now=True, shape="table"),
        Ask("Events", taken, now=True, shape="table"),
        Ask("Write", quantile(0.95, "sink", _WRITES, JOB, SINK), now=True, shape="table"),
        Ask("Waiting", waiting, now=True, shape="table"),
        Ask("Late", quantile(0.95, "sink", _LATENCY, JOB, SINK), now=True, shape="table"),
        Ask("Success", f"1000 * {success} or ({_SINKS} - 1)", now=True, shape="table"),
        Ask("Breakers", f"{breakers} or ({_SINKS} - 1)", now=True, shape="table"),
        Ask("Failed", per("sink", "sum", failed), now=True, shape="table"),
        Ask("Letters", or_zero(per("sink", "sum", letters), "sink", _INFO, "$__range"), now=True, shape="table"),
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
                width=4,
            ),
            number(
                "Sinks down",
                "Sinks of which a target, or an index of it, counts as down in some process: nothing got through for a "
                "minute, and its events wait in the outbox.",
                "none",
                [Ask("A", per("", "sum", sinks_down(JOB, SINK)), "{{job}}")],
                steps=none_is_well,
                width=4,
            ),
            number(
                "In outboxes",
                "What waits to be sent, of all sinks.",
                "bytes",
                [Ask("A", per("", "sum", f"{waiting} or ({_SINKS} - 1)"), "{{job}}")],
                steps=[(None, "green"), (1e8, "orange"), (1e9, "red")],
                width=4,
            ),
            number(
                "Dead letters to replay",
                "What lies below `dead_letter_dir` and has not been sent again; `python -m flows.replay` sends it.",
                "bytes",
                [Ask("A", per("", "sum", f"{left} or ({_SINKS} - 1)"), "{{job}}")],
                steps=[(None, "green"), (1, "orange")],
                width=4,
            ),
            number(
                "Dead letters in this time",
                "Events that a target refused for good or did not take in time: files below `dead_letter_dir`, which "
                "`python -m flows.replay` sends again. What it has sent again still counts; with "
                "`--dry-run` it lists what is left.",
                "short",
                [Ask("A", while_known(or_zero(per("", "sum", letters), "", _INFO, "$__range"), _INFO), "{{job}}", now=True)],
                steps=none_is_well,
                width=4,
            ),
            number(
                "Failed batches in this time",
                "Batches that a target refused or did not answer. They are tried again for `retry_for_seconds`.",
                "short",
                [Ask("A", while_known(per("", "sum", failed), _INFO), "{{job}}", now=True)],
                steps=[(None, "green"), (1, "orange")],
                width=4,
            ),
        ),
        line(
            10,
            listing(
                "Sinks",
                "One row for each sink, the one with the most dead letters first. Gone: had metrics within the hour and has none now. "
                "Latency is from `published` to delivered, and long while a tenant drains a backlog; writing is the target's part. 95 of "
                "100 were faster.",
                asks,
                [
                    ("sink", "Sink", column(link=("This sink", address(UID, sink="${__value.raw}")))),
                    ("Value #State", "State", column("none", instead=_STATES, width=80)),
                    ("type", "Type", column(width=110)),
                    ("Value #Events", "Delivered/s", column("eps", width=100)),
                    ("Value #Write", "Write p95", column("s", steps=_SLOW, width=100)),
                    ("Value #Late", "Latency p95", column("dtdurations", width=110)),
                    ("Value #Success", "Last success", column("dateTimeFromNow", instead={0: ("never", "orange")}, width=130)),
                    ("Value #Breakers", "Breakers open", column("none", steps=none_is_well, width=110)),
                    ("Value #Failed", "Failed batches", column("short", steps=[(None, "green"), (1, "orange")], width=110)),
                    ("Value #Letters", "Dead letters", column("short", steps=none_is_well, width=110)),
                    ("Value #Waiting", "In outbox", column("bytes", steps=[(None, "green"), (1e9, "red")], width=100)),
                    ("job", "Job", column(width=120)),
                ],
                hidden=["Value #Info"],
                sort="Dead letters",
                width=24,
            ),
        ),
    )


def _flow() -> Row:
    results = per("sink, result", "sum", rate("okta_sink_events_total", JOB, SINK, TENANT))
    filtered = per("sink", "sum", rate("okta_sink_filtered_total", JOB, SINK, TENANT))
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
                width=12,
            ),
        ),
        line(
            8,
            chart(
                "Write duration",
                "How long a batch took to be sent or written.",
                "s",
                [Ask(name, quantile(share, "sink", _WRITES, JOB, SINK), f"{{{{sink}}}} {name}") for share, name in quantiles],
                steps=[(None, "transparent"), (30, "red")],
                width=8,
            ),
            chart(
                "Since the last success",
                "How long ago a sink last took something. It also grows while there is nothing to send.",
                "s",
                [Ask("A", age("sink", "okta_sink_last_success_timestamp_seconds", JOB, SINK), "{{sink}}")],
                width=8,
            ),
            chart(
                "Filtered",
                "Events that a sink's own filter left out: meant, and no loss. A sink without a filter is at 0.",
                "eps",
                [Ask("A", or_zero(filtered, "sink", _INFO), "{{sink}}")],
                width=8,
            ),
        ),
    )


def _trouble() -> Row:
    letters = grown("okta_sink_events_total", JOB, SINK, TENANT, 'result="dead_letter"')
    breakers = per("sink", "max", selector("okta_sink_breakers_open", JOB, SINK))
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
                width=5,
            ),
            chart(
                "Breakers opened",
                "How often a target, or an index of it, came to count as down, also for less than a scrape's interval.",
                "short",
                [Ask("A", per("sink", "sum", _counted("okta_sink_breaker_openings_total")), "{{sink}}")],
                bars_drawn=True,
                width=4,
            ),
            chart(
                "Retries",
                "Batches that were sent again after a failure.",
                "short",
                [Ask("A", per("sink", "sum", _counted("okta_sink_retries_total")), "{{sink}}")],
                bars_drawn=True,
                width=5,
            ),
            chart(
                "Open breakers",
                "Of the process that has the most. While one is open, its target's events wait in the outbox.",
                "none",
                [Ask("A", f"{breakers} or ({_SINKS} - 1)", "{{sink}}")],
                steps=[(None, "transparent"), (1, "red")],
                width=5,
            ),
            chart(
                "Dead letters",
                "By sink, and by the tenant that they belong to.",
                "short",
                [
                    Ask("Sinks", or_zero(per("sink", "sum", letters), "sink", _INFO), "{{sink}}"),
                    Ask("Tenants", f"topk(10, {per('sink, tenant', 'sum', letters)} > 0)", "{{sink}} {{tenant}}"),
                ],
                bars_drawn=True,
                width=5,
            ),
        ),
    )
