"""From pages to sinks: the part of the wiring that every flow of events has in common.

The ids of these steps are part of the saved state and never change:

| id | step |
|---|---|
| `enrich` | tags |
| `route_NAME` | a sink's filter; only where it has one |
| `sink_NAME` | a sink, one partition a tenant |
| `dead_letters` | what Okta sent that is no event |
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Stream

from flows.pipeline.destinations import build_sink
from flows.pipeline.enrich import Enricher, to_rejected
from flows.pipeline.routing import Router
from flows.runtime.lifecycle import StopsRun, StopsRunKeyed
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.polling.event import Batch, Malformed
from sinks.config import SinkConfig
from sinks.dead_letters.sink import DeadLetterFile, DeadLetterSink
from sinks.documents import Documents

__all__ = ["deliver"]


def deliver(
    pages: Stream[Batch],
    malformed: Stream[Malformed],
    *,
    tenants: Iterable[TenantConfig],
    sinks: Mapping[str, SinkConfig],
    dead_letter_dir: Path,
    outbox_dir: Path,
    partition_names: Sequence[str],
    state_dir: Path | None,
    control: RunControl,
) -> None:
    """Tag the events, and send them to every sink that wants them.

    Args:
        pages: New events.
        malformed: What goes to the dead letters of the input.
        tenants: Whose events they may be.
        sinks: The sinks by their names.
        dead_letter_dir: Where events go that can't be delivered.
        outbox_dir: Where sinks that send keep what they have still to send; no other flow may have the same.
        partition_names: The partitions of every sink, see `flows.pipeline.destinations.build_sink`.
        state_dir: Bytewax's recovery directory, None when the run keeps no state.
        control: The run's switches.
    """
    documents = op.map("enrich", pages, Enricher({tenant.name: tenant for tenant in tenants}))
    keyed = op.map("key_by_tenant", documents, _by_tenant)
    letters = DeadLetterFile(dead_letter_dir)
    for name, config in sinks.items():
        sink = build_sink(name, config, partition_names, state_dir=state_dir, letters=letters, outbox_dir=outbox_dir, control=control)
        router = Router(name, config)
        routed = keyed if router.passes_all else op.filter_map(f"route_{name}", keyed, router.keyed)
        op.output(f"sink_{name}", routed, StopsRunKeyed(sink))
    rejected = op.map("reject", malformed, to_rejected)
    op.output("dead_letters", rejected, StopsRun(DeadLetterSink(dead_letter_dir)))


def _by_tenant(documents: Documents) -> tuple[str, Documents]:
    return documents.tenant, documents
