"""The Okta System Log as a Bytewax input."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeGuard

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import FixedPartitionedSource

from okta_source.auth import make_authenticator
from okta_source.auth.access_tokens import AccessTokens
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.control import RunControl
from okta_source.fetching.feed import TenantFeed
from okta_source.fetching.heartbeat import Heartbeat
from okta_source.fetching.pool import Shared
from okta_source.fetching.transport import OktaTransport, Transport
from okta_source.hooks.push import PushState, TenantPush
from okta_source.hooks.spool_reader import SpoolReader
from okta_source.http.client import HttpClient
from okta_source.metrics import TenantMetrics
from okta_source.partition import Item, RetiredPartition, TenantPartition
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import Batch, Malformed
from okta_source.polling.limits import Backoff
from okta_source.polling.poller import Poller
from okta_source.polling.query import LONGEST_OVERLAP, Query
from okta_source.polling.state import TenantState

__all__ = ["OktaOut", "OktaSource", "okta_input"]

_JITTER = random.Random()  # noqa: S311  # no cryptography; 2.5 KB, so all tenants share it


@dataclass(frozen=True)
class OktaOut:
    """The two streams of the source.

    Attributes:
        oks: One `Batch` a page that holds new events.
        errs: What Okta sent that is no event; it belongs into the dead letters.
        tenants: The names of the source's partitions, retired ones included, in the order by which Bytewax assigns them: keyed sinks must
            have the same.
    """

    oks: Stream[Batch]
    errs: Stream[Malformed]
    tenants: Sequence[str]


class OktaSource(FixedPartitionedSource[Item, Any]):
    """Polls every tenant's System Log.

    Unit of parallelism: the tenant. Delivery: every event enters the dataflow exactly once across crash, resume and rescaling, as far as
    Okta delivers it within `dedupe_window_seconds` of its repetition. A snapshot is a plain dict, see `okta_source.polling.state`.

    Args:
        tenants: The organisations to poll.
        retired: Names of tenants of earlier runs whose state is to be kept.
        dedupe_window_seconds: How far behind a tenant's newest event its uuids are remembered.
        control: Whether to stop, and whether to end after a drain.
        transport: Makes a tenant's transport; tests pass their own.
        now: The clock, UTC.
        spool_dir: Where the receiver of hooks puts deliveries; None for no push.
    """

    def __init__(
        self,
        tenants: Iterable[TenantConfig],
        *,
        retired: Iterable[str] = (),
        dedupe_window_seconds: float = 3600.0,
        control: RunControl | None = None,
        transport: Callable[[TenantConfig, TenantMetrics], Transport] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        spool_dir: Path | None = None,
    ) -> None:
        self._spool_dir = spool_dir
        self._tenants = {tenant.name: tenant for tenant in tenants}
        self._names = sorted({*self._tenants, *retired})
        self._dedupe_window_seconds = dedupe_window_seconds
        self._control = control or RunControl()
        self._transport = transport or _okta_transport
        self._now = now
        self._shared = Shared()
        self._heartbeat = Heartbeat()

    @property
    def partition_names(self) -> Sequence[str]:
        """Every tenant, retired ones included, in the order by which Bytewax assigns partitions: keyed sinks must list the same."""
        return tuple(self._names)

    def list_parts(self) -> list[str]:
        """One partition a tenant. Bytewax asks once the cluster is complete."""
        self._control.running = True
        return list(self._names)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> TenantPartition | RetiredPartition:  # noqa: ARG002
        """Build a tenant's partition anew or from its snapshot.

        Raises:
            okta_source.polling.state.StateError: The snapshot was written by an unknown release.
        """
        tenant = self._tenants.get(for_part)
        if tenant is None:
            return RetiredPartition(resume_state)
        saved = TenantState.from_plain(resume_state) if resume_state else None
        now = self._now()
        query = _query(tenant, self._dedupe_window_seconds)
        poller = Poller(
            query,
            Backoff(_JITTER),
            since=tenant.start_from.since(now),
            now=now,
            state=saved,
        )
        metrics = TenantMetrics(
            tenant.name,
            display_name=tenant.display_name,
            org=tenant.org_host,
            poll_interval_seconds=tenant.poll_interval_seconds,
            rate_limit_reserve=tenant.rate_limit_reserve,
            now=self._now,
            clock=self._shared.clock,
        )
        if saved:
            metrics.resumed(saved.high_water, drained=saved.drained)
        if poller.was_restarted:
            metrics.cursor_reset()
        feed = TenantFeed(
            label=tenant.name if tenant.display_name == tenant.name else f"{tenant.name} ({tenant.display_name})",
            tenant=tenant.name,
            poller=poller,
            transport=self._transport(tenant, metrics),
            shared=self._shared,
            org_host=tenant.org_host,
            rate_limit_reserve=tenant.rate_limit_reserve,
            metrics=metrics,
            control=self._control,
            now=self._now,
        )
        window = SeenWindow(self._dedupe_window_seconds, saved.window if saved else (), saved.forgotten_mark if saved else None)
        push = self._push(tenant, saved, window, poller.started_at, metrics)
        state = TenantState(
            poller.cursor, poller.started_at, poller.high_water, query.fingerprint(), drained=saved.drained if saved else None
        )
        return TenantPartition(tenant.name, feed, state, window, metrics, self._control, self._heartbeat, push)

    def _push(
        self, tenant: TenantConfig, saved: TenantState | None, window: SeenWindow, started_at: datetime, metrics: TenantMetrics
    ) -> TenantPush | None:
        """The tenant's push; also where it has none any more, as long as polling has still to bring what push delivered."""
        state = PushState.from_plain(saved.push) if saved and saved.push else PushState()
        hooks = tenant.hooks if self._spool_dir is not None else None
        if hooks is None and state == PushState():
            return None
        reads = hooks is not None and not self._control.until_drained
        return TenantPush(
            tenant=tenant.name,
            hosts=(tenant.org_host, *tenant.allowed_hosts),
            mode=hooks.mode if hooks is not None and reads else None,
            reader=SpoolReader(self._spool_dir / tenant.name, state.position) if self._spool_dir is not None and reads else None,
            window=window,
            window_seconds=self._dedupe_window_seconds,
            started_at=started_at,
            saved=state,
            metrics=metrics.with_hooks() if hooks is not None else None,
            now=self._now,
            clock=self._shared.clock,
        )


def okta_input(step_id: str, flow: Dataflow, source: OktaSource) -> OktaOut:
    """Add the source to a dataflow.

    Args:
        step_id: Id of the input step; part of the saved state, so it must never change.
        flow: The dataflow.
        source: What to poll.

    Returns:
        Pages of new events, and what goes to the dead letters.
    """
    items = op.input(step_id, flow, source)
    branches = op.branch(f"{step_id}_malformed", items, _is_batch)
    malformed: Stream[Malformed] = branches.falses  # type: ignore[assignment]  # a TypeGuard narrows only the first stream
    return OktaOut(branches.trues, malformed, source.partition_names)


def _is_batch(item: Item) -> TypeGuard[Batch]:
    return isinstance(item, Batch)


def _query(tenant: TenantConfig, dedupe_window_seconds: float) -> Query:
    return Query(
        tenant=tenant.name,
        org_url=tenant.org_url,
        allowed_hosts=tenant.allowed_hosts,
        page_limit=tenant.page_limit,
        filter=tenant.filter,
        q=tenant.q,
        poll_interval_seconds=tenant.poll_interval_seconds,
        overlap=min(LONGEST_OVERLAP, timedelta(seconds=dedupe_window_seconds / 2)),
    )


def _okta_transport(tenant: TenantConfig, metrics: TenantMetrics) -> Transport:
    http = HttpClient(tenant)
    authenticator = make_authenticator(tenant, http, metrics.token_refreshed, metrics.error)
    if isinstance(authenticator, AccessTokens):
        metrics.follow_token(authenticator.seconds_left)
    return OktaTransport(http, authenticator, metrics.request)
