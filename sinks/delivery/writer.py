"""The threads that deliver: between whoever hands pages over and a target, which may take its time.

Delivery: at least once: an attempt that times out may have had its effect all the same. What became of an event is written down, as a dead
letter or with whoever keeps it until then, before it counts as done with.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from sinks.delivery.batch import Batch, size_bytes
from sinks.delivery.core import Delivery
from sinks.delivery.job import Attempt
from sinks.delivery.ledger import Settled
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.room import Room
from sinks.delivery.target import Again, Outcome, Refused, Target
from sinks.documents import Documents, Rejected
from sinks.errors import SinkStopped
from sinks.metrics import BatchResult, EventResult, SinkMetrics

__all__ = ["Letters", "Writer"]

_LOG = logging.getLogger(__name__)


class Letters(Protocol):
    """Where dead letters go."""

    def append(self, letters: Sequence[Rejected]) -> None:
        """Write letters, durably.

        Raises:
            SinkStopped: They can't be written.
        """
        ...


class Writer:
    """Delivers one sink's events from daemon threads; shared by all tenants of a process.

    Args:
        sink_name: The sink's name.
        target: Where events go.
        policy: How to deliver.
        letters: Where those go that can't be delivered.
        document_format: The format of the documents, for the letters.
        on_failure: Told of each failed attempt: the tenants and the kind of failure.
        on_done: Told of events that are done with; called from several threads, without a lock.
        on_stopped: Told why the sink can't go on, once; called from a thread of the writer's.
        clock: The present, with a time zone.
    """

    def __init__(
        self,
        sink_name: str,
        target: Target,
        policy: DeliveryPolicy,
        letters: Letters,
        *,
        document_format: str,
        on_failure: Callable[[Iterable[str], str], None] = lambda _tenants, _error_type: None,
        on_done: Callable[[Sequence[Batch]], None] = lambda _done: None,
        on_stopped: Callable[[SinkStopped], None] = lambda _error: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sink = sink_name
        self._target = target
        self._policy = policy
        self._letters = letters
        self._on_failure = on_failure
        self._on_done = on_done
        self._on_stopped = on_stopped
        self._clock = clock
        self._metrics = SinkMetrics(sink_name)
        self._metrics.open_breakers(0)
        self._delivery = Delivery(sink_name, target, policy, document_format, random.Random())  # noqa: S311 (jitter is no secret)
        self._room = Room(policy, self._delivery.queue, self._delivery.ledger)
        self._changed = threading.Condition()
        self._error: SinkStopped | None = None
        self._closed = False
        self._replaced = 0

    @property
    def is_failing(self) -> bool:
        """Whether nothing has got through since the last failure."""
        return self._delivery.is_failing

    @property
    def has_stopped(self) -> bool:
        """Whether the sink can't go on."""
        return self._error is not None

    def start(self) -> None:
        """Start the threads, and get the target ready, so that what is wrong with it is known before the first event."""
        self._spawn(self._prepare)
        # One more than requests in flight, for writing dead letters while all others wait for answers.
        for _ in range(self._policy.max_in_flight + 1):
            self._spawn(self._deliver)

    def offer(self, documents: Documents) -> bool:
        """Hand over a page where there is room for it; returns whether there was.

        Raises:
            SinkStopped: The sink can't go on.
        """
        with self._changed:
            self.raise_if_stopped()
            longest_bytes = self._room.longest_page_bytes()
            if longest_bytes < float("inf") and size_bytes(documents) > longest_bytes:
                return False
            self._delivery.add(documents, time.monotonic())
            self._changed.notify_all()
            return True

    def is_held(self, tenant: str) -> bool:
        """Whether enough of a tenant waits for itself: more of it would only take the room of others."""
        with self._changed:
            return self._room.has_enough_of(tenant)

    def wait_for_room(self, timeout_seconds: float) -> bool:
        """Wait until there is room for a short page, or the writer is closed; returns whether there is room."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or self._room.longest_page_bytes() > 0, timeout_seconds) and not self._closed

    def longest_page_bytes(self) -> float:
        """How long a page may be that is offered now; infinite where that doesn't matter."""
        with self._changed:
            return self._room.longest_page_bytes()

    def flush(self) -> None:
        """Send what there is, without waiting for others to fill a batch."""
        with self._changed:
            self._delivery.flush()
            self._changed.notify_all()

    def raise_if_stopped(self) -> None:
        """Say that the sink can't go on.

        Raises:
            SinkStopped: It can't.
        """
        with self._changed:
            if self._error is not None:
                raise self._error
            if self._delivery.exhausted:
                raise self._exhausted()

    def stop(self, error: SinkStopped) -> None:
        """The sink can't go on, whoever found that out."""
        with self._changed:
            is_news, self._error = self._error is None, self._error or error
            self._changed.notify_all()
        if is_news:
            self._on_stopped(error)

    def close(self) -> None:
        """End the threads that are idle; those that wait for an answer are left behind, and their answers count no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._target.close()

    def _exhausted(self) -> SinkStopped:
        why = self._delivery.exhausted
        message = (
            f"sink {self._sink!r} stopped the run: {why} Nothing could be delivered to {self._target.address} for "
            f'{self._policy.retry_for_seconds:g} s, and on_exhausted is "stop". Start the run again once that is mended; nothing is lost: '
            "what was not delivered is in the sink's outbox, and the next run sends it."
        )
        return SinkStopped(message, sink=self._sink, path=self._target.address, reason=why)

    # -- on the threads

    def _spawn(self, work: Callable[[], None]) -> None:
        # Daemons: a thread that waits for a hanging target must not keep the process.
        threading.Thread(target=work, name=f"okta-sink-{self._sink}", daemon=True).start()

    def _replace_stuck_threads(self) -> None:
        while self._replaced < self._delivery.abandoned:
            self._replaced += 1
            self._spawn(self._deliver)

    def _prepare(self) -> None:
        again = self._ready(self._policy.request_timeout_seconds)
        if again is not None:
            _LOG.warning("sink %s: %s %s It is tried again with the first events.", self._sink, again.reason, again.fix)

    def _deliver(self) -> None:
        while True:
            with self._changed:
                attempt, settled = self._next()
                exhausted = self._exhausted() if self._delivery.exhausted and self._error is None else None
            if exhausted is not None:
                self.stop(exhausted)
            if attempt is None and not settled:
                return
            self._write_down(settled)
            if attempt is None:
                continue
            began = time.monotonic()
            outcome = self._attempt(attempt)
            seconds = time.monotonic() - began
            with self._changed:
                counts = not self._closed and self._delivery.done(attempt, outcome, time.monotonic(), self._clock())
                settled = self._delivery.ledger.take_settled()
            self._metrics.batch(_result(outcome), seconds)
            self._write_down(settled)
            if not counts:
                return  # it took so long that another thread has taken its place

    def _next(self) -> tuple[Attempt | None, Settled]:
        """Wait for something to send or to write down; neither when the writer is closed, or can't go on."""
        while not self._closed and self._error is None:
            now = time.monotonic()
            attempt = self._delivery.next(now, self._clock())
            self._metrics.open_breakers(self._delivery.down_count)
            settled = self._delivery.ledger.take_settled()
            if attempt is not None or settled:
                return attempt, settled
            if self._delivery.exhausted:
                self._changed.notify_all()
                break
            self._replace_stuck_threads()
            moment = self._delivery.next_moment(now)
            self._changed.wait(None if moment == float("inf") else max(0.0, moment - now))
        return None, Settled()

    def _attempt(self, attempt: Attempt) -> Outcome:
        began = time.monotonic()
        again = self._ready(attempt.timeout_seconds)
        if again is not None:
            return Outcome(again=[replace(again, positions=range(len(attempt.job.batch)), blame="target")])
        try:
            return self._target.send(attempt.job.batch, max(0.05, attempt.timeout_seconds - (time.monotonic() - began)))
        except Exception as error:  # noqa: BLE001
            # A target reports failures as values, so this is an event that it can't even encode: halves find out which one.
            _LOG.exception("sink %s: a batch of %d events could not be sent", self._sink, len(attempt.job.batch))
            return Outcome(split=Refused(0, f"It could not be sent: {type(error).__name__}: {error}"), unsendable=True)

    def _ready(self, timeout_seconds: float) -> Again | None:
        try:
            return self._target.prepare(timeout_seconds)
        except Exception as error:  # noqa: BLE001
            _LOG.exception("sink %s: the target could not be prepared", self._sink)
            return Again((), f"The target could not be prepared: {type(error).__name__}: {error}.")

    def _write_down(self, settled: Settled) -> None:
        if not settled:
            return
        if settled.letters and (self._closed or self._error is not None):
            return  # those events are sent again by the next run, which writes the letters that are due then
        try:
            if settled.letters:
                self._letters.append(settled.letters)
        except SinkStopped as error:
            self.stop(error)
            return
        self._count(settled)
        with self._changed:
            self._delivery.ledger.confirm(settled)
            self._metrics.open_breakers(self._delivery.down_count)
            self._changed.notify_all()
        if settled.done:
            # Last: whoever is told finds the room that it leaves.
            self._on_done(settled.done)

    def _count(self, settled: Settled) -> None:
        now = self._clock()
        taken: list[tuple[EventResult, list[Batch]]] = [
            ("delivered", settled.delivered),
            ("duplicate", settled.duplicates),
            ("dropped", settled.dropped),
        ]
        for result, batches in taken:
            for part in (part for batch in batches for part in batch.parts):
                self._metrics.events(part.tenant, result, len(part))
                if result == "delivered":
                    self._metrics.latency(part.heads, now)
        for tenants, error_type in settled.failures:
            self._on_failure(tenants, error_type)
        for _ in range(settled.retries):
            self._metrics.retry()


def _result(outcome: Outcome) -> BatchResult:
    """Whether a request did what it was for: nothing of it has to be sent again, and not all of it was refused."""
    is_through = (outcome.delivered or outcome.duplicates or outcome.dropped) and not outcome.again and not outcome.split
    return "delivered" if is_through else "failed"
