"""Whether a drain has come to its end. Pure.

Okta's `next` link never ends, so the end of what there is has to be inferred. A page shorter than was asked for is one sign of it, and not
enough: whatever stands in between may make every page short, a gateway that allows 100 events where 1,000 are asked for, or a filter for
each page. So a second sign is wanted: an empty page, or events that have just happened. Without it the link is followed, which costs one
request more and finds an empty page where the end had been there.

It must not spin either, where a log itself is hours late and hands out a few old events with every page: what doesn't catch up is asked for
less and less often, down to once an interval.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from okta_source.polling.event import SlicedPage
from okta_source.polling.outcome import Failure

__all__ = ["DrainEnd", "PageEnd"]

_FRESH_INTERVALS = 3.0
_LEAST_FRESH_SECONDS = 60.0
"""Okta persists events within seconds, as a rule: with short intervals a minute spares most polls a second request."""
_MOST_FRESH_SECONDS = 900.0
_FIRST_PAUSE_SECONDS = 0.25
_CATCHING_UP = 2.0
"""So much faster than time itself must the newest event move, or nothing is caught up with."""
_LEAST_CLAMPED = 10
"""Two short pages of one size, if it isn't just a few events, are the work of something that cuts them."""
_LATE_PAUSES = 10


@dataclass(frozen=True, slots=True)
class PageEnd:
    """What stands behind a page.

    Attributes:
        ended: Nothing more, as far as two signs can tell.
        pause_seconds: How long to wait before its link is followed.
        late: Why nobody should wait for an end: the log is behind and doesn't catch up.
    """

    ended: bool
    pause_seconds: float = 0.0
    late: Failure | None = None


class DrainEnd:
    """Looks at one tenant's pages for the end of what there is.

    Args:
        interval_seconds: From one poll to the next.
    """

    def __init__(self, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        fresh_seconds = min(max(_FRESH_INTERVALS * interval_seconds, _LEAST_FRESH_SECONDS), _MOST_FRESH_SECONDS)
        self._fresh = timedelta(seconds=fresh_seconds)
        self._pauses = 0
        self._last_events = 0
        self._last_newest: datetime | None = None
        self._last_at: datetime | None = None

    def judge(self, page: SlicedPage, limit: int, newest: datetime | None, *, okta_now: datetime, leads_on: bool) -> PageEnd:
        """Judge a page.

        Args:
            page: The page.
            limit: How many events it could have had.
            newest: The highest `published` of its events; None where it has none.
            okta_now: The organisation's time: `published` is dated by its clock, and ours may be wrong.
            leads_on: Whether its link names another page than this one.
        """
        latest_fresh = okta_now + self._fresh
        if newest is not None and newest > latest_fresh:
            # What is dated ahead proves nothing.
            newest = max((head.published for head in page.heads if head.published <= latest_fresh), default=None)
        end = self._judge(page.events, limit, newest, okta_now, leads_on=leads_on)
        self._pauses = self._pauses + 1 if end.pause_seconds else 0
        self._last_events = page.events
        self._last_at = okta_now
        if newest is not None:
            self._last_newest = max(newest, self._last_newest) if self._last_newest else newest
        return end

    def _judge(self, events: int, limit: int, newest: datetime | None, okta_now: datetime, *, leads_on: bool) -> PageEnd:
        if events >= limit:
            return PageEnd(ended=False)
        if not events or (newest is not None and okta_now - newest <= self._fresh):
            return PageEnd(ended=True)
        rise = self._rise(newest)
        if not leads_on and not rise:
            return PageEnd(ended=True)  # it has been asked for again, and nothing newer came
        clamped = _LEAST_CLAMPED <= events == self._last_events
        if clamped or self._last_at is None or rise > _CATCHING_UP * (okta_now - self._last_at):
            return PageEnd(ended=False)
        pause_seconds = min(self._interval_seconds, _FIRST_PAUSE_SECONDS * 2.0 ** min(self._pauses, 30))
        late = _late(newest, okta_now) if self._pauses >= _LATE_PAUSES else None
        return PageEnd(ended=False, pause_seconds=pause_seconds, late=late)

    def _rise(self, newest: datetime | None) -> timedelta:
        """By how much the newest event is newer than any before."""
        if newest is None:
            return timedelta()
        return timedelta.max if self._last_newest is None else max(newest - self._last_newest, timedelta())


def _late(newest: datetime | None, okta_now: datetime) -> Failure:
    behind = f" that are {(okta_now - newest).total_seconds() / 3600.0:.1f} h old" if newest else ""
    return Failure(
        "timeout",
        "fetch",
        f"Page after page brings a few events{behind}, and none that is new: the organisation's log is behind, or something on the way "
        "holds events back.",
        "What has come is delivered; run it again later, or let the pipeline run on.",
        "200",
    )
