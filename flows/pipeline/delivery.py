"""From pages to sinks: the part of the wiring that every flow of events has in common.

The ids of these steps are part of the saved state and never change:

| id | step |
|---|---|
| `enrich` | tags |
| `route_NAME` | a sink's filter; only where it has one |
| `route_alerts_NAME` | the same for alerts; only where the sink takes them |
| `format_NAME` | a sink's format; only where it is not raw |
| `sink_NAME` | a sink, one partition a tenant |
| `dead_letters` | what Okta sent that is no event |
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream

from flows.pipeline.destinations import build_sink, label_keys
from flows.pipeline.enrich import Enricher
from flows.pipeline.formatting import Formats
from flows.pipeline.input_letters import InputLetters
from flows.pipeline.routing import AlertRouter, Router
from flows.runtime.stops_run import StopsRun, StopsRunKeyed
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.polling.event import Batch, Malformed
from sinks.config import SinkConfig
from sinks.dead_letters.sink import DeadLetterFile, DeadLetterSink
from sinks.dead_letters.waiting import watch_letters
from sinks.documents import Documents

__all__ = ["deliver"]

_Narrow = Callable[[tuple[str, Documents]], tuple[str, Documents] | None]


def deliver(
    pages: Stream[Batch],
    malformed: Stream[Malformed],
    *,
    tenants: Iterable[TenantConfig],
    sinks: Mapping[str, SinkConfig],
    ocsf_version: str,
    dead_letter_dir: Path,
    outbox_dir: Path,
    partition_names: Sequence[str],
    state_dir: Path | None,
    control: RunControl,
    alerts: KeyedStream[Documents] | None = None,
    leave_out: Mapping[str, _Narrow] | None = None,
) -> None:
    """Tag the events, and send them to every sink that wants them.

    Args:
        pages: New events.
        malformed: What goes to the dead letters of the input.
        tenants: Whose events they may be.
        sinks: The sinks by their names.
        ocsf_version: What documents in format ocsf claim.
        dead_letter_dir: Where events go that can't be delivered.
        outbox_dir: Where sinks that send keep what they have still to send; no other flow may have the same.
        partition_names: The partitions of every sink, see `flows.pipeline.destinations.build_sink`.
        state_dir: Bytewax's recovery directory, None when the run keeps no state.
        control: The run's switches.
        alerts: Alerts by tenant, for the sinks that take them; None where nothing is detected, so that sinks of alerts alone get nothing.
        leave_out: By sink, what takes out of a page what need not go there; such a sink has a step `leave_out_NAME`.
    """
    formats = Formats(sinks, ocsf_version)
    documents = op.map("enrich", pages, Enricher({tenant.name: tenant for tenant in tenants}))
    keyed = op.map("key_by_tenant", documents, formats.page_by_tenant if formats.any else _by_tenant)
    letters = DeadLetterFile(dead_letter_dir)
    watch_letters(dead_letter_dir)
    for name, config in sinks.items():
        routed = _routed(name, config, keyed, alerts)
        if routed is not None:
            if leave_out and name in leave_out:
                routed = op.filter_map(f"leave_out_{name}", routed, leave_out[name])
            sink = build_sink(
                name,
                config,
                partition_names,
                state_dir=state_dir,
                letters=letters,
                outbox_dir=outbox_dir,
                control=control,
                labels=label_keys(tenants),
            )
            formatter = formats.formatter(name)
            formatted = routed if formatter is None else op.map(f"format_{name}", routed, formatter.keyed)
            op.output(f"sink_{name}", formatted, StopsRunKeyed(sink))
    rejected = op.filter_map("reject", malformed, InputLetters())
    op.output("dead_letters", rejected, StopsRun(DeadLetterSink(dead_letter_dir)))


def _routed(
    name: str, config: SinkConfig, events: KeyedStream[Documents], alerts: KeyedStream[Documents] | None
) -> KeyedStream[Documents] | None:
    """What a sink gets of events and alerts; None where it can get nothing."""
    streams: list[KeyedStream[Documents]] = []
    if "events" in config.kinds:
        router = Router(name, config)
        streams.append(events if router.passes_all else op.filter_map(f"route_{name}", events, router.keyed))
    if "alerts" in config.kinds and alerts is not None:
        streams.append(op.filter_map(f"route_alerts_{name}", alerts, AlertRouter(name, config).keyed))
    if not streams:
        return None
    return streams[0] if len(streams) == 1 else op.merge(f"kinds_{name}", *streams)


def _by_tenant(documents: Documents) -> tuple[str, Documents]:
    return documents.tenant, documents
