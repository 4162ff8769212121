"""What waits in the outboxes of sinks that send: how much, and since when."""

from grafana.generator.board import Row, line
from grafana.generator.panels import Ask, chart
from grafana.generator.promql import JOB, SINK, TENANT, age, per, selector

__all__ = ["outbox"]

_ALERTED_BYTES = 1_000_000_000
_ALERTED_SECONDS = 900


def outbox() -> Row:
    """The row of the Delivery dashboard."""
    size = per("sink", "sum", selector("okta_sink_outbox_bytes", JOB, SINK))
    oldest = age("sink", "okta_sink_outbox_oldest_timestamp_seconds", JOB, SINK, aggregation="max")
    events = selector("okta_sink_events_total", JOB, SINK, TENANT, 'result="dropped"')
    dropped = per("sink", "sum", f"increase({events}[$__rate_interval])")
    return Row(
        "Outbox",
        line(
            8,
            chart(
                "Waiting in the outbox",
                "What a sink has still to send, on the disk below `outbox_dir`. It grows while the target is away or slower than what "
                "comes in, and nothing else waits for it.",
                "bytes",
                [Ask("A", size, "{{sink}}")],
                steps=[(None, "transparent"), (_ALERTED_BYTES, "red")],
                width=8,
            ),
            chart(
                "Oldest event in the outbox",
                "For how long the oldest of them has waited; nothing where nothing waits. After `retry_for_seconds` it would go to the "
                "dead letters.",
                "s",
                [Ask("A", oldest, "{{sink}}")],
                steps=[(None, "transparent"), (_ALERTED_SECONDS, "red")],
                width=8,
            ),
            chart(
                "Taken and not kept",
                "Events that a search server took and did not keep, because an ingest pipeline there drops them.",
                "short",
                [Ask("A", dropped, "{{sink}}")],
                bars_drawn=True,
                width=8,
            ),
        ),
    )
