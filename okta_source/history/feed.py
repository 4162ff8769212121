"""One slice's fetching: drives the pure reader on the fetch threads, with at most one request in flight and two pages ahead."""

import logging
from collections import deque

from okta_source.fetching.control import RunControl
from okta_source.history.reader import SliceReader
from okta_source.history.slices import Slice
from okta_source.history.tenant import TenantHistory
from okta_source.polling.outcome import Failure, Response
from okta_source.polling.query import okta_time
from okta_source.polling.repeats import Repeats
from okta_source.polling.step import Page, Step

__all__ = ["SliceFeed"]

_LOG = logging.getLogger(__name__)

PAGES_AHEAD = 2
_FIRST_ESTIMATE_BYTES = 1024 * 1024
_SMALLEST_ESTIMATE_BYTES = 16 * 1024
_MEMORY_NAP_SECONDS = 0.01
_NEAR_NAP_SECONDS = 0.05
_FAR_NAP_SECONDS = 0.25
# Less is the budget looking twice, not a wait.
_TOLD_WAIT_SECONDS = 0.1


class SliceFeed:
    """Pages of one slice, fetched ahead of the dataflow.

    The worker calls `poke`, `take` and `idle_seconds`; everything else happens on fetch threads. `_busy` hands the state over: only the
    worker touches it while False, only one fetch thread while True.

    Args:
        wanted: The slice.
        reader: Decides what to ask.
        tenant: What its slices share.
        control: Whether to stop.
    """

    def __init__(self, wanted: Slice, reader: SliceReader, tenant: TenantHistory, control: RunControl) -> None:
        self._slice = wanted
        self._reader = reader
        self._tenant = tenant
        self._shared = tenant.shared
        self._lanes = tenant.lanes
        self._control = control
        self._waiting: deque[tuple[Page, bool, int]] = deque()
        self._busy = False
        self._busy_since = 0.0
        self._due = 0.0
        self._estimate_bytes = _FIRST_ESTIMATE_BYTES
        self._complete = False
        self._failure: Failure | None = None
        self._repeats = Repeats()

    @property
    def in_flight(self) -> bool:
        """Whether a request is under way or queued."""
        return self._busy

    @property
    def given_up(self) -> Failure | None:
        """Why nothing more comes in this run, once every page has been taken; None otherwise."""
        if self._busy or self._waiting or self._complete:
            return None
        return self._failure or self._lanes.given_up

    def poke(self) -> None:
        """Start the next request if the slice has its turn and everything allows it."""
        if self._busy or self._complete or len(self._waiting) >= PAGES_AHEAD or not self._lanes.may_ask(self._slice):
            return
        if self._control.stopping or self._failure or self._lanes.given_up:
            return
        now = self._shared.clock()
        if now < max(self._due, self._lanes.not_before) or not self._may_start(now):
            return
        self._busy_since = now
        self._busy = True
        self._shared.pool.submit(self._run)

    def take(self) -> tuple[Page, bool] | None:
        """The next page and whether it is the slice's last, or None. The page's memory is the taker's from here on."""
        if not self._waiting:
            return None
        page, last, size_bytes = self._waiting.popleft()
        self._shared.memory.adjust(-size_bytes)
        return page, last

    def idle_seconds(self) -> float:
        """How long the worker may leave this slice alone."""
        if self._waiting:
            return 0.0
        if self._busy:
            # A fast answer is picked up within a millisecond or two, a slow one costs few wake-ups.
            return min(max((self._shared.clock() - self._busy_since) / 4.0, 0.001), 0.1)
        if self._lanes.may_ask(self._slice):
            return min(max(max(self._due, self._lanes.not_before) - self._shared.clock(), 0.001), _FAR_NAP_SECONDS)
        return _NEAR_NAP_SECONDS if self._lanes.is_near(self._slice) else _FAR_NAP_SECONDS

    def _may_start(self, now: float) -> bool:
        """Take memory and a request of the organisation's budget, or note until when there is none."""
        if not self._shared.memory.try_reserve(self._estimate_bytes):
            self._due = now + _MEMORY_NAP_SECONDS
            return False
        wait_seconds = self._tenant.try_start(now)
        if wait_seconds > 0.0:
            self._shared.memory.adjust(-self._estimate_bytes)
            self._due = now + min(wait_seconds, _FAR_NAP_SECONDS)
            return False
        return True

    def _run(self) -> None:
        try:
            while self._fetch():
                now = self._shared.clock()
                if not self._may_start(now):
                    break
                self._busy_since = now
        except Exception:  # noqa: BLE001  # a tenant must outlive a defect, and the others must not notice
            self._due = self._shared.clock() + 60.0
            _LOG.exception("%s: fetching failed in a way that is a defect of bytewax-okta; it goes on in a minute", self._tenant.label)
        finally:
            self._busy = False

    def _fetch(self) -> bool:
        """One request; memory and budget for it are taken. Returns whether the next one may follow at once on this thread."""
        reserved_bytes = self._estimate_bytes
        if self._control.stopping:
            self._tenant.not_sent()
            self._shared.memory.adjust(-reserved_bytes)
            return False
        started = self._shared.clock()
        finished = False
        try:
            outcome = self._tenant.transport.get(self._reader.cursor.url)
            ended = self._shared.clock()
            step = self._reader.receive(outcome, self._tenant.now())
            finished = True
        finally:
            if not finished:
                self._tenant.not_sent()
                self._shared.memory.adjust(-reserved_bytes)
        self._tenant.answered(outcome, step, started, ended)
        size_bytes = step.page.memory_bytes(outcome.body) if isinstance(outcome, Response) and step.page else 0
        self._shared.memory.adjust(size_bytes - reserved_bytes)
        if size_bytes:
            self._estimate_bytes = max(size_bytes, _SMALLEST_ESTIMATE_BYTES)
        # The budget itself holds everybody back after a 429.
        self._due = ended if step.block_seconds else ended + step.due_seconds
        if step.failure:
            self._report(step, step.failure, ended)
        else:
            self._repeats.succeeded(self._tenant.now())
        if step.page:
            self._waiting.append((step.page, step.drained, size_bytes))
        if step.drained:
            self._complete = True
        return (
            not step.drained
            and step.due_seconds == 0.0
            and len(self._waiting) < PAGES_AHEAD
            and not self._shared.pool.is_backed_up()
            and self._lanes.may_ask(self._slice)
        )

    def _report(self, step: Step, failure: Failure, ended: float) -> None:
        if step.exhausted:
            self._failure = failure
        given_up = self._failure is not None or self._lanes.given_up is not None
        # Neither a slice that fails alone nor the slices that meet one trouble together tell it at every try.
        own = self._repeats.failed(failure, self._tenant.now(), "given up" if given_up else "")
        before = self._tenant.repeated(failure, given_up=given_up)
        if own is None or before is None:
            return
        wait_seconds = max(self._due - ended, self._lanes.not_before - ended, self._tenant.wait_seconds())
        follow_up = (
            "given up in this run"
            if given_up
            else f"next try in {wait_seconds:.1f} s"
            if wait_seconds >= _TOLD_WAIT_SECONDS
            else "going on at once"
        )
        _LOG.warning(
            "%s, slice from %s: %s %s (%s)%s",
            self._tenant.label,
            okta_time(self._slice.since),
            failure.message,
            failure.fix,
            follow_up,
            before,
        )
