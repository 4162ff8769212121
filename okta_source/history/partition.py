"""The Bytewax partitions of a bounded read: one a slice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bytewax.inputs import StatefulSourcePartition

from okta_source.fetching.control import RunControl
from okta_source.history.counts import HourCounts, HourTally, hour_of
from okta_source.history.feed import SliceFeed
from okta_source.history.slices import Slice
from okta_source.history.state import SliceState
from okta_source.history.tenant import TenantHistory
from okta_source.polling.dedupe import SeenWindow
from okta_source.polling.event import Batch, Head, Malformed
from okta_source.polling.step import Page

__all__ = ["DonePartition", "Item", "SliceDone", "SlicePartition"]

_POLL = "poll"
_STOPPING_NAP_SECONDS = 0.005
_NOTHING: "list[Item]" = []


@dataclass(frozen=True, slots=True)
class SliceDone:
    """A slice is complete; comes once, behind its last page.

    Attributes:
        slice: The slice.
        hours: What it has brought by full UTC hour, hours without any event left out.
    """

    slice: Slice
    hours: Mapping[datetime, HourCounts]


Item = Batch | Malformed | SliceDone


class SlicePartition(StatefulSourcePartition[Item, dict[str, Any] | None]):
    """One slice's events, in the order of `published`.

    Unit of parallelism: the slice. A snapshot holds the place behind the last page that was handed to the dataflow (never what was merely
    fetched), the counts and the window of seen uuids, so every event that Okta returns for the slice enters the dataflow exactly once
    across crash and resume.

    Args:
        wanted: The slice.
        feed: Its pages.
        state: Where the dataflow stands.
        is_new: Whether nothing has been handed over yet.
        window: The uuids that it has seen.
        tally: Its counts.
        tenant: What the tenant's slices share.
        control: Whether to stop.
    """

    def __init__(
        self,
        wanted: Slice,
        feed: SliceFeed,
        state: SliceState,
        window: SeenWindow,
        tally: HourTally,
        tenant: TenantHistory,
        control: RunControl,
        *,
        is_new: bool,
    ) -> None:
        self._slice = wanted
        self._feed = feed
        self._state = state
        self._is_new = is_new
        self._window = window
        self._tally = tally
        self._tenant = tenant
        self._control = control

    def next_batch(self) -> list[Item]:
        """At most one page, without waiting.

        Raises:
            StopIteration: The slice is complete or given up, or the run is to stop.
        """
        if self._state.done:
            raise StopIteration
        in_flight = self._feed.in_flight  # looked at first: a page comes before its request ends
        taken = self._feed.take()
        if taken is None:
            if self._control.stopping:
                if in_flight and not self._control.grace_is_over():
                    return _NOTHING
                raise StopIteration
            failure = self._feed.given_up
            if failure:
                self._tenant.ledger.gave_up(self._slice, failure)
                self._tenant.finished(self._slice)
                raise StopIteration
            self._feed.poke()
            return _NOTHING
        self._feed.poke()
        page, last = taken
        return self._deliver(page, last=last)

    def next_awake(self) -> datetime | None:
        """Soon while a page is expected, never more than a quarter of a second ahead, which would hold a second worker's epochs up."""
        nap_seconds = _STOPPING_NAP_SECONDS if self._control.stopping else self._feed.idle_seconds()
        return datetime.now(UTC) + timedelta(seconds=nap_seconds)  # Bytewax compares with its own clock, so this one isn't passed in

    def snapshot(self) -> dict[str, Any] | None:
        """The place behind the last page handed over; nothing at all before the first."""
        if self._is_new:
            return None
        state = self._state
        window = () if state.done else self._window.segments()
        return SliceState(state.cursor, state.high_water, state.done, state.query, self._tally.plain(), window).to_plain()

    def close(self) -> None:
        """Give the tenant's connections back with its last slice."""
        self._tenant.finished(self._slice)

    def _deliver(self, page: Page, *, last: bool) -> list[Item]:
        self._is_new = False
        heads, bodies = self._within(page)
        items: list[Item] = list(page.malformed)
        for malformed in page.malformed:
            self._tally.malformed(self._hour_of(malformed))
        received = len(heads)
        if heads and page.high_water:
            published = [head.published for head in heads]
            fresh = self._window.admit([head.uuid for head in heads], page.high_water.timestamp())
            self._tally.add(published, fresh)
            if fresh is not None:
                heads, bodies = [heads[index] for index in fresh], [bodies[index] for index in fresh]
            if heads:
                items.append(Batch(self._slice.tenant, _POLL, page.received_at, heads, bodies))
        counts = HourCounts(received + len(page.malformed), len(heads), received - len(heads), len(page.malformed))
        self._tenant.ledger.page(self._slice, counts)
        self._tenant.handed_over(counts.received, counts.duplicate, counts.malformed)
        self._state = SliceState(page.cursor, page.high_water, last, self._state.query)
        if last:
            self._tenant.ledger.done(self._slice)
            self._tenant.finished(self._slice)
            items.append(SliceDone(self._slice, self._tally.hours()))
        return items

    def _within(self, page: Page) -> tuple[list[Head], list[memoryview]]:
        """What belongs to the slice: the query reaches a millisecond further on both sides."""
        heads, bodies = list(page.sliced.heads), list(page.sliced.bodies)
        since, until = self._slice.since, self._slice.until
        published = [head.published for head in heads]
        if not heads or (since <= min(published) and max(published) < until):
            return heads, bodies
        inside = [index for index, head in enumerate(heads) if since <= head.published < until]
        return [heads[index] for index in inside], [bodies[index] for index in inside]

    def _hour_of(self, malformed: Malformed) -> datetime:
        """The hour that something without a usable `published` is counted in: its own if it has one within the slice, else the first."""
        try:
            published = datetime.fromisoformat(malformed.published or "")
        except ValueError:
            return hour_of(self._slice.since)
        if published.tzinfo is None or not self._slice.since <= published < self._slice.until:
            return hour_of(self._slice.since)
        return hour_of(published)


class DonePartition(StatefulSourcePartition[Item, Any]):
    """A slice that was complete before this run: ends at once and asks nothing.

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
