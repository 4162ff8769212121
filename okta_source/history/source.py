"""A bounded span of the System Log as a Bytewax input."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import FixedPartitionedSource

from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.fetching.pool import Shared
from okta_source.fetching.transport import Transport
from okta_source.history.connections import okta_connections
from okta_source.history.counts import HourTally
from okta_source.history.feed import SliceFeed
from okta_source.history.ledger import Ledger
from okta_source.history.partition import DonePartition, Item, SliceDone, SlicePartition
from okta_source.history.reader import SliceReader
from okta_source.history.slices import Slice
from okta_source.history.state import SliceState
from okta_source.history.tenant import TenantHistory
from okta_source.metrics import TenantMetrics
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import Batch, Malformed

__all__ = ["HistoryOut", "HistorySource", "history_input"]

# Pages come in the order of `published`, and a restart goes back a minute: what has to be remembered is not much.
_REMEMBERED_SECONDS = 600.0
# A drain ends with a short page of its own, and after a busy interval takes another.
_REQUESTS_PER_POLL = 2.0


@dataclass(frozen=True)
class HistoryOut:
    """The streams of the source.

    Attributes:
        pages: One `Batch` a page that holds new events.
        malformed: What Okta sent that is no event; it belongs into the dead letters.
        done: Each slice that is complete, behind its last page.
    """

    pages: Stream[Batch]
    malformed: Stream[Malformed]
    done: Stream[SliceDone]


class HistorySource(FixedPartitionedSource[Item, Any]):
    """Reads slices of the System Log by bounded requests.

    Unit of parallelism: the slice; several of a tenant are in flight at once, the oldest first. Delivery: every event that Okta returns for
    a slice enters the dataflow exactly once across crash and resume. What Okta persists after the slice was read is not part of it. A
    snapshot is a plain dict, see `okta_source.history.state`. One process is enough for any rate that Okta allows, and more than one would
    not know of each other's requests.

    Args:
        tenants: The organisations that have slices.
        slices: What to read; slices of one tenant must not overlap.
        polled: The tenants that a live flow may poll at the same time: room is left for it on the organisations that are read here.
        budget_share: Of what the reserve leaves of each window, how much may be spent.
        control: Whether to stop.
        ledger: The books; by default its own.
        transport: Makes a tenant's connections, for any number of threads; tests pass their own.
        now: The clock, UTC.
        shared: Threads, memory and budgets; tests pass their own.

    Raises:
        ValueError: A slice's tenant is not among the tenants.
    """

    def __init__(
        self,
        tenants: Iterable[TenantConfig],
        slices: Sequence[Slice],
        *,
        polled: Iterable[TenantConfig] = (),
        budget_share: float = 1.0,
        control: RunControl | None = None,
        ledger: Ledger | None = None,
        transport: Callable[[TenantConfig, TenantMetrics], Transport] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        shared: Shared | None = None,
    ) -> None:
        self._configs = {tenant.name: tenant for tenant in tenants}
        self._slices = {wanted.key: wanted for wanted in slices}
        self._names = sorted({wanted.tenant for wanted in slices})
        unknown = [name for name in self._names if name not in self._configs]
        if unknown:
            msg = f"slices of tenants that are not configured: {', '.join(unknown)}"
            raise ValueError(msg)
        self._polled = tuple(polled)
        self._budget_share = budget_share
        self._control = control or RunControl()
        self._ledger = ledger or Ledger(slices)
        self._transport = transport or okta_connections
        self._now = now
        self._shared = shared or Shared()
        self._tenants: dict[str, TenantHistory] = {}
        self._lock = threading.Lock()

    @property
    def tenant_names(self) -> Sequence[str]:
        """The tenants that have slices, sorted: what keyed sinks list."""
        return tuple(self._names)

    def list_parts(self) -> list[str]:
        """One partition a slice."""
        self._control.running = True
        return list(self._slices)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> SlicePartition | DonePartition:  # noqa: ARG002
        """Build a slice's partition anew or from its snapshot.

        Raises:
            okta_source.polling.state.StateError: The snapshot was written by an unknown release.
        """
        wanted = self._slices[for_part]
        saved = SliceState.from_plain(resume_state) if resume_state else None
        tally = HourTally(saved.hours if saved else ())
        self._ledger.resumed(wanted, tally, done=saved is not None and saved.done)
        if saved and saved.done:
            return DonePartition(resume_state)
        tenant = self._tenant(wanted.tenant)
        reader = SliceReader(tenant.query, wanted, tenant.backoff, now=self._now(), state=saved)
        if reader.was_restarted:
            tenant.restarted()
        tenant.lanes.add(wanted)
        feed = SliceFeed(wanted, reader, tenant, self._control)
        window = SeenWindow(_REMEMBERED_SECONDS, saved.window if saved else ())
        state = SliceState(reader.cursor, reader.high_water, done=False, query=tenant.query.fingerprint())
        return SlicePartition(wanted, feed, state, window, tally, tenant, self._control, is_new=saved is None)

    def _tenant(self, name: str) -> TenantHistory:
        with self._lock:
            if name not in self._tenants:
                config = self._configs[name]
                metrics = TenantMetrics(
                    name,
                    display_name=config.display_name,
                    org=config.org_host,
                    poll_interval_seconds=config.poll_interval_seconds,
                    rate_limit_reserve=config.rate_limit_reserve,
                    now=self._now,
                    clock=self._shared.clock,
                )
                beside = (tenant for tenant in self._polled if tenant.org_host == config.org_host)
                self._tenants[name] = TenantHistory(
                    config,
                    shared=self._shared,
                    ledger=self._ledger,
                    metrics=metrics,
                    transport=self._transport(config, metrics),
                    others_per_second=sum(_REQUESTS_PER_POLL / tenant.poll_interval_seconds for tenant in beside),
                    budget_share=self._budget_share,
                    now=self._now,
                )
            return self._tenants[name]


def history_input(step_id: str, flow: Dataflow, source: HistorySource) -> HistoryOut:
    """Add the source to a dataflow.

    Args:
        step_id: Id of the input step; part of the saved state, so it must never change.
        flow: The dataflow.
        source: What to read.

    Returns:
        Pages of new events, what goes to the dead letters, and the slices that are complete.
    """
    items = op.input(step_id, flow, source)
    pages = op.branch(f"{step_id}_pages", items, _is_batch)
    rest = op.branch(f"{step_id}_done", pages.falses, _is_done)
    return HistoryOut(pages.trues, rest.falses, rest.trues)  # type: ignore[arg-type]  # a TypeGuard narrows only the first stream


def _is_batch(item: Item) -> TypeGuard[Batch]:
    return isinstance(item, Batch)


def _is_done(item: Item) -> TypeGuard[SliceDone]:
    return isinstance(item, SliceDone)
