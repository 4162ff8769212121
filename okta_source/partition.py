"""The Bytewax partitions of the source: one a tenant, and a placeholder for each tenant that the configuration no longer names."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bytewax.inputs import StatefulSourcePartition

from okta_source.control import RunControl
from okta_source.dedupe import SeenWindow
from okta_source.event import Batch, Malformed
from okta_source.feed import TenantFeed
from okta_source.metrics import TenantMetrics
from okta_source.state import TenantState
from okta_source.step import Page

__all__ = ["Item", "RetiredPartition", "TenantPartition"]

Item = Batch | Malformed
_POLL = "poll"
# With two or more workers, one partition that names a far `next_awake` stalls the whole cluster's epochs (Bytewax 0.21.1).
_LONGEST_NAP_SECONDS = 0.25
_STOPPING_NAP_SECONDS = 0.005


class TenantPartition(StatefulSourcePartition[Item, dict[str, Any]]):
    """One tenant's events, in Okta's order of persistence.

    Unit of parallelism: the tenant. A snapshot holds the place behind the last page that was handed to the dataflow (never what was merely
    fetched), the high-water mark and the window of seen uuids, so every event enters the dataflow exactly once across crash and resume.

    Args:
        tenant: The tenant's name.
        feed: Its pages.
        state: Where the dataflow stands.
        window: The uuids that it has seen.
        metrics: The tenant's series.
        control: Whether to stop.
        now: The clock, UTC.
    """

    def __init__(
        self,
        tenant: str,
        feed: TenantFeed,
        state: TenantState,
        window: SeenWindow,
        metrics: TenantMetrics,
        control: RunControl,
        now: Callable[[], datetime],
    ) -> None:
        self._tenant = tenant
        self._feed = feed
        self._state = state
        self._window = window
        self._metrics = metrics
        self._control = control
        self._now = now

    def next_batch(self) -> list[Item]:
        """At most one page, without waiting.

        Raises:
            StopIteration: The run is to stop, or runs until drained and this tenant is.
        """
        in_flight = self._feed.in_flight  # looked at first: a page comes before its request ends
        taken = self._feed.take()
        if taken is None:
            if self._control.stopping:
                if in_flight and not self._control.grace_is_over():
                    return []
                raise StopIteration
            if self._feed.finished:
                raise StopIteration
            self._feed.poke()
            return []
        self._feed.poke()
        page, drained = taken
        return self._deliver(page, drained=drained)

    def next_awake(self) -> datetime | None:
        """Soon while a page is expected, never more than a quarter of a second ahead: the real due time is the feed's own."""
        nap_seconds = _STOPPING_NAP_SECONDS if self._control.stopping else min(self._feed.idle_seconds(), _LONGEST_NAP_SECONDS)
        # Bytewax compares with its own clock, so this one isn't passed in.
        return datetime.now(UTC) + timedelta(seconds=nap_seconds)

    def snapshot(self) -> dict[str, Any]:
        """The place behind the last page handed over."""
        state = self._state
        return TenantState(state.cursor, state.started_at, state.high_water, state.query, self._window.segments()).to_plain()

    def close(self) -> None:
        """Give the connection back."""
        self._feed.close()

    def _deliver(self, page: Page, *, drained: bool) -> list[Item]:
        metrics = self._metrics
        heads, bodies = page.sliced.heads, page.sliced.bodies
        metrics.pages.inc()
        items: list[Item] = list(page.malformed)
        if items:
            metrics.events_malformed.inc(len(items))
        if page.sliced.events:
            metrics.events_received.inc(page.sliced.events)
        if heads and page.high_water:
            fresh = self._window.admit([head.uuid for head in heads], page.high_water.timestamp())
            if fresh is not None:
                metrics.events_duplicate.inc(len(heads) - len(fresh))
                heads, bodies = [heads[index] for index in fresh], [bodies[index] for index in fresh]
            if heads:
                items.append(Batch(self._tenant, _POLL, page.received_at, heads, bodies))
            metrics.last_event(page.high_water.timestamp())
        if drained:
            metrics.poll_lag_seconds.set(0.0)
        elif page.high_water:
            metrics.poll_lag_seconds.set(max((self._now() - page.high_water).total_seconds(), 0.0))
        state = self._state
        self._state = TenantState(page.cursor, state.started_at, page.high_water, state.query)
        return items


class RetiredPartition(StatefulSourcePartition[Item, Any]):
    """Holds the state of a tenant that the configuration no longer names, so that it resumes where it stopped if it comes back.

    Bytewax panics when it resumes with state of a partition that nobody lists.

    Args:
        state: Its last snapshot.
    """

    def __init__(self, state: Any) -> None:
        self._state = state

    def next_batch(self) -> list[Item]:
        """Nothing.

        Raises:
            StopIteration: Always.
        """
        raise StopIteration

    def snapshot(self) -> Any:
        """The state as it was."""
        return self._state
