"""The Bytewax partitions of the source: one a tenant, and a placeholder for each tenant that the configuration no longer names."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bytewax.inputs import StatefulSourcePartition

from okta_source.fetching.control import RunControl
from okta_source.fetching.feed import TenantFeed
from okta_source.fetching.heartbeat import Heartbeat
from okta_source.hooks.push import TenantPush
from okta_source.metrics import PROCESS, TenantMetrics
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import Batch, Head, Malformed
from okta_source.polling.state import TenantState
from okta_source.polling.step import Page

__all__ = ["Item", "RetiredPartition", "TenantPartition"]

Item = Batch | Malformed
_POLL = "poll"
_STOPPING_NAP_SECONDS = 0.005
# As for the sinks, which put such events into one file or index: Okta keeps events for 90 days, and none comes from tomorrow.
_LONGEST_AGO, _FURTHEST_AHEAD = timedelta(days=366), timedelta(days=2)


class TenantPartition(StatefulSourcePartition[Item, dict[str, Any]]):
    """One tenant's events, in Okta's order of persistence.

    Unit of parallelism: the tenant. A snapshot holds the place behind the last page that was handed to the dataflow (never what was merely
    fetched), the high-water mark and the window of seen uuids, so every event enters the dataflow exactly once across crash and resume.
    With push it holds the position in the spool too, and the uuids that push has delivered and polling has still to bring.

    Args:
        tenant: The tenant's name.
        feed: Its pages.
        state: Where the dataflow stands.
        window: The uuids that it has seen.
        metrics: The tenant's series.
        control: Whether to stop.
        heartbeat: Lets the partitions of this process sleep for longer, all but one.
        push: The tenant's push; None where it has none and never had.
    """

    def __init__(
        self,
        tenant: str,
        feed: TenantFeed,
        state: TenantState,
        window: SeenWindow,
        metrics: TenantMetrics,
        control: RunControl,
        heartbeat: Heartbeat | None = None,
        push: TenantPush | None = None,
    ) -> None:
        self._tenant = tenant
        self._feed = feed
        self._state = state
        self._window = window
        self._metrics = metrics
        self._control = control
        self._heartbeat = heartbeat or Heartbeat()
        self._push = push

    def next_batch(self) -> list[Item]:
        """At most one page, and what push has brought, without waiting.

        Raises:
            StopIteration: The run is to stop, or runs until drained and this tenant is.
        """
        if self._feed.rests() and self._push is None and not self._control.stopping:
            return []  # nearly always: a thousand tenants are woken two thousand times a second
        pushed = self._pushed()
        in_flight = self._feed.in_flight  # looked at first: a page comes before its request ends
        taken = self._feed.take()
        if taken is None:
            if self._control.stopping:
                if pushed or (in_flight and not self._control.grace_is_over()):
                    return pushed
                raise StopIteration
            if self._feed.finished:
                raise StopIteration
            self._feed.poke()
            return pushed
        self._feed.poke()
        page, drained = taken
        return pushed + self._deliver(page, drained=drained)

    def next_awake(self) -> datetime | None:
        """Soon while a page is expected, never far ahead: the real due time is the feed's own."""
        if self._control.stopping:
            # Bytewax compares with its own clock, so this one isn't passed in.
            return datetime.now(UTC) + timedelta(seconds=_STOPPING_NAP_SECONDS)
        idle_seconds = self._feed.idle_seconds()
        if self._push is not None and (until_look := self._push.nap_seconds()) is not None:
            idle_seconds = min(idle_seconds, until_look)
        return self._heartbeat.awake_at(idle_seconds, patient=self._feed.is_patient)

    def snapshot(self) -> dict[str, Any]:
        """The place behind the last page handed over."""
        PROCESS.snapshotted()
        push = self._push.state().to_plain() if self._push is not None else None
        window = self._window
        return replace(self._state, window=window.segments(), forgotten_mark=window.forgotten_mark, push=push).to_plain()

    def close(self) -> None:
        """Give the connection back."""
        self._feed.close()

    def _pushed(self) -> list[Item]:
        """What push has brought, and a poll where it wants one."""
        push = self._push
        if push is None or self._control.stopping:
            return []
        items = push.look()
        if push.wants_poll and self._feed.wake():
            push.polls()
        self._metrics.malformed(sum(isinstance(item, Malformed) for item in items))
        return items

    def _deliver(self, page: Page, *, drained: bool) -> list[Item]:
        metrics = self._metrics
        heads, bodies = page.sliced.heads, page.sliced.bodies
        items: list[Item] = list(page.malformed)
        metrics.page(page.sliced.events, len(items), page.high_water, drained=drained)
        if heads and page.high_water:
            fresh = self._window.admit([head.uuid for head in heads], page.high_water.timestamp())
            if fresh is not None:
                metrics.duplicates(len(heads) - len(fresh))
                heads, bodies = [heads[index] for index in fresh], [bodies[index] for index in fresh]
            if heads and self._push is not None:
                fresh = self._push.polled(heads, bodies)
                if fresh is not None:
                    metrics.duplicates(len(heads) - len(fresh))
                    heads, bodies = [heads[index] for index in fresh], [bodies[index] for index in fresh]
            if heads:
                self._count_unlikely(page, heads)
                items.append(Batch(self._tenant, _POLL, page.received_at, heads, bodies))
        if self._push is not None:
            self._push.page_done(page.high_water, received_at=page.received_at, drained=drained)
        if drained:
            self._window.rest()
        state = self._state
        self._state = TenantState(page.cursor, state.started_at, page.high_water, state.query, drained=drained)
        return items

    def _count_unlikely(self, page: Page, heads: Sequence[Head]) -> None:
        first, last = page.received_at - _LONGEST_AGO, page.received_at + _FURTHEST_AHEAD
        oldest, newest = page.sliced.oldest, page.sliced.newest
        if oldest and newest and (oldest < first or newest > last):
            self._metrics.unlikely_times(sum(not first <= head.published <= last for head in heads))


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
