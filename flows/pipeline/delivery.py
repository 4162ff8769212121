"""From pages to sinks: the part of the wiring that every flow of events has in common.

The ids of these steps are part of the saved state and never change:

| id | step |
|---|---|
| `enrich` | tags |
| `route_NAME` | a sink's filter; only where it has one |
| `sink_NAME` | a sink, one partition a tenant |
| `dead_letters` | what Okta sent that is no event |
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Stream

from flows.pipeline.destinations import build_sink
from flows.pipeline.enrich import Enricher
from flows.pipeline.input_letters import InputLetters
from flows.pipeline.routing import Router
from flows.runtime.lifecycle import StopsRun, StopsRunKeyed
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.polling.event import Batch, Malformed
from sinks.config import SinkConfig
from sinks.dead_letters.sink import DeadLetterFile, DeadLetterSink
from sinks.documents import Documents

__all__ = ["deliver"]

_Narrow = Callable[[tuple[str, Documents]], tuple[str, Documents] | None]


def deliver(
    pages: Stream[Batch],
    malformed: Stream[Malformed],
    *,
    tenants: Iterable[TenantConfig],
    sinks: Mapping[str, SinkConfig],
    dead_letter_dir: Path,
    partition_names: Sequence[str],
    state_dir: Path | None,
    control: RunControl,
    leave_out: Mapping[str, _Narrow] | None = None,
) -> None:
    """Tag the events, and send them to every sink that wants them.

    Args:
        pages: New events.
        malformed: What goes to the dead letters of the input.
        tenants: Whose events they may be.
        sinks: The sinks by their names.
        dead_letter_dir: Where events go that can't be delivered.
        partition_names: The partitions of every sink, see `flows.pipeline.destinations.build_sink`.
        state_dir: Bytewax's recovery directory, None when the run keeps no state.
        control: The run's switches.
        leave_out: By sink, what takes out of a page what need not go there; such a sink has a step `leave_out_NAME`.
    """
    documents = op.map("enrich", pages, Enricher({tenant.name: tenant for tenant in tenants}))
    keyed = op.map("key_by_tenant", documents, _by_tenant)
    letters = DeadLetterFile(dead_letter_dir)
    for name, config in sinks.items():
        sink = build_sink(name, config, partition_names, state_dir=state_dir, letters=letters, stop_deadline=control.delivery_deadline)
        router = Router(name, config)
        routed = keyed if router.passes_all else op.filter_map(f"route_{name}", keyed, router.keyed)
        if leave_out and name in leave_out:
            routed = op.filter_map(f"leave_out_{name}", routed, leave_out[name])
        op.output(f"sink_{name}", routed, StopsRunKeyed(sink))
    rejected = op.filter_map("reject", malformed, InputLetters())
    op.output("dead_letters", rejected, StopsRun(DeadLetterSink(dead_letter_dir)))


def _by_tenant(documents: Documents) -> tuple[str, Documents]:
    return documents.tenant, documents
