"""What a sink does next: which batch is sent when, what becomes of it, and when a target counts as down. Pure: no socket, thread or clock.

Every event that is added ends in one of three places: the target, known to be there already, or the dead letters. Nothing is dropped, and
an event counts as done with only when the ledger is told that what became of it is written down.

| a target … | its events … |
|---|---|
| takes or knows them | are delivered |
| refuses some for good | become dead letters, the others are delivered |
| refuses a batch for what some of it may be | are sent in halves, down to the one that it is about |
| fails | are sent again after a back-off, or after the time that the target asks for |
| has failed for `retry_for_seconds` | go to the dead letters (or end the run), and so does what comes after, until a probe gets through |

A failure that names an index concerns that index alone: its events wait, and then go to the dead letters, while the others are delivered.

A probe sends events again that are with the dead letters already, so that nothing waits for it; what it delivers is taken out of them.
"""

import random
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from sinks.delivery.assembly import Assembly
from sinks.delivery.backoff import backoff_seconds
from sinks.delivery.breaker import Breakers
from sinks.delivery.job import Attempt, Job
from sinks.delivery.ledger import Ledger
from sinks.delivery.notices import Notices, sentence
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import WHOLE_TARGET, Again, Outcome, Refused, Target, failed
from sinks.documents import Documents

__all__ = ["Delivery"]

_SHORTEST_TIMEOUT_SECONDS = 0.05
_STOPPED = Again((), "The run was stopped before the target took it.")


class Delivery:
    """The deliveries of one sink. Not thread-safe: whoever calls it holds a lock.

    Moments called `now` are seconds on a monotonic clock, those called `at` are points in time with a time zone.

    Args:
        sink_name: The sink's name, for letters and messages.
        target: Asked for its address and scopes only.
        policy: How to deliver.
        document_format: The format of the documents.
        rng: For the jitter of waits.

    Attributes:
        ledger: What became of the events: what is to be written down, and what is pending.
        abandoned: Attempts that were given up while their threads still waited.
        exhausted: Why the run must end, where that is the policy; empty while it need not.
    """

    def __init__(self, sink_name: str, target: Target, policy: DeliveryPolicy, document_format: str, rng: random.Random) -> None:
        self.ledger = Ledger(sink_name, document_format)
        self.abandoned = 0
        self.exhausted = ""
        self._gave_up = False
        self._target = target
        self._policy = policy
        self._rng = rng
        self._notices = Notices(sink_name, target.address)
        self._assembly = Assembly(policy)
        self._breakers = Breakers(policy.retry_for_seconds, rng, self._notices)
        # In the order in which they came; those in flight keep their place.
        self._queue: deque[Job] = deque()
        self._in_flight: list[Attempt] = []

    @property
    def queued_batches(self) -> int:
        """Batches that are not done with."""
        return len(self._queue)

    @property
    def open_breakers(self) -> int:
        """How many scopes, the whole target or an index, count as down."""
        return self._breakers.open_count

    @property
    def is_failing(self) -> bool:
        """Whether nothing has got through since the last failure, or the run is ending and events had to be given up."""
        return self._gave_up or self._breakers[WHOLE_TARGET].failing_since is not None

    @property
    def waiting_since(self) -> float:
        """When the oldest attempt that is under way began, on the monotonic clock; infinity where there is none."""
        return min((attempt.began for attempt in self._in_flight if attempt.probe is None), default=float("inf"))

    def add(self, documents: Documents, now: float) -> None:
        """Take a page."""
        self.ledger.came(documents)
        self._queue.extend(map(Job, self._assembly.add(documents, now)))

    def flush(self) -> None:
        """Wait no longer for others to fill a batch."""
        self._queue.extend(map(Job, self._assembly.flush()))

    def next(self, now: float, at: datetime) -> Attempt | None:
        """The next thing to send, if anything is to be sent now.

        What has run out of time, or whose target is down, becomes letters on the way: see the ledger.
        """
        self.expire(now, at)
        probe = self._breakers.next_probe(now)
        if probe is not None:
            scope, job = probe
            return self._begin(Attempt(job, now, at, self._policy.request_timeout_seconds, scope))
        sending = sum(attempt.probe is None for attempt in self._in_flight)
        if sending >= self._policy.max_in_flight or self._breakers[WHOLE_TARGET].resting_until > now or self.exhausted:
            return None
        if self._assembly.due <= now:
            self.flush()
        ready = self._next_job(now)
        if ready is None:
            return None
        ready.in_flight = True
        left_seconds = min(self._policy.request_timeout_seconds, self._policy.retry_for_seconds, self._ends(ready) - now)
        return self._begin(Attempt(ready, now, at, max(_SHORTEST_TIMEOUT_SECONDS, left_seconds)))

    def next_moment(self, now: float) -> float:
        """When `next` may have something new to say although nobody calls: in the future on the monotonic clock, or infinity.

        Moments that have passed don't count: what they allowed is done, or waits for another attempt to end.
        """
        moments = [self._assembly.due, *self._breakers.moments(), *(attempt.overdue for attempt in self._in_flight)]
        for job in self._waiting():
            moments += [self._ends(job), job.due]
        return min((moment for moment in moments if moment > now), default=float("inf"))

    def done(self, attempt: Attempt, outcome: Outcome, now: float, at: datetime) -> bool:
        """An attempt has ended.

        Returns:
            False when it had been given up before, because it took too long: its outcome counts no more.
        """
        if attempt not in self._in_flight:
            return False
        self._in_flight.remove(attempt)
        if attempt.probe is not None:
            self._probed(attempt, attempt.probe, outcome, now)
            return True
        job = attempt.job
        job.in_flight = False
        job.attempts += 1
        job.first_attempt_at = job.first_attempt_at or attempt.began_at
        job.last_attempt_at = attempt.began_at
        place = self._queue.index(job)
        del self._queue[place]
        rests = self._split(job, outcome.split, outcome, at) if outcome.split else self._divide(attempt, outcome, now, at)
        # In the job's place, so that a tenant's events keep their order.
        for rest in reversed(rests):
            self._queue.insert(place, rest)
        self.expire(now, at)
        return True

    def expire(self, now: float, at: datetime) -> None:
        """Give up what has run out of time: attempts without an end, windows without a success, and events of targets that are down."""
        for attempt in [attempt for attempt in self._in_flight if attempt.overdue <= now]:
            self.abandoned += 1
            reason = f"{self._target.address} did not answer within {attempt.timeout_seconds:.3g} s."
            self.done(attempt, failed(attempt.job.batch, reason, error_type="timeout"), now, at)
        if self._policy.on_exhausted == "stop":
            if self._breakers.ended_windows(now) or any(self._ends(job) <= now for job in self._waiting()):
                self.exhausted = self.exhausted or self._last_failure()
            return
        self._breakers.open_where_time_is_up(now)
        whole = self._breakers[WHOLE_TARGET]
        if whole.is_open:
            self.flush()
            for job in self._waiting():
                self._give_up(job, whole.last or _STOPPED, WHOLE_TARGET, at)
            return
        for job in self._waiting():
            if self._ends(job) <= now:
                last = job.last or _STOPPED
                self._give_up(job, last, last.scope, at)
            elif self._breakers.indices_are_down:
                self._give_up_down_indices(job, at)

    def give_up(self, at: datetime) -> None:
        """Put everything with the dead letters, what is in flight included, since the run must end; or say why it ends without."""
        self.flush()
        if self._policy.on_exhausted == "stop":
            if self._queue:
                self.exhausted = self.exhausted or self._last_failure()
            return
        self._in_flight = [attempt for attempt in self._in_flight if attempt.probe is not None]
        self._gave_up = self._gave_up or bool(self._queue)
        for job in list(self._queue):
            again = job.last or self._breakers[WHOLE_TARGET].last
            reason = f"{_STOPPED.reason} {again.reason}" if again else _STOPPED.reason
            self._queue.remove(job)
            self.ledger.letters(job, reason, again.status if again else None, at)

    def _begin(self, attempt: Attempt) -> Attempt:
        self._in_flight.append(attempt)
        return attempt

    def _waiting(self) -> list[Job]:
        return [job for job in self._queue if not job.in_flight]

    def _next_job(self, now: float) -> Job | None:
        if not self._policy.in_order:
            # What was tried least goes first, so that events which keep failing by themselves hold up no others.
            return min((job for job in self._waiting() if job.due <= now), key=lambda job: job.attempts, default=None)
        busy: set[str] = set()
        for job in self._queue:
            if job.tenant not in busy and not job.in_flight and job.due <= now:
                return job
            busy.add(job.tenant)
        return None

    def _ends(self, job: Job) -> float:
        """When a job's time is up: its own, or that of the whole target, which nothing reaches."""
        own = float("inf") if job.failing_since is None else job.failing_since + self._policy.retry_for_seconds
        return min(own, self._breakers[WHOLE_TARGET].window_ends(self._policy.retry_for_seconds))

    def _divide(self, attempt: Attempt, outcome: Outcome, now: float, at: datetime) -> list[Job]:
        """Settle what an attempt settled; returns jobs for the rest."""
        job = attempt.job
        reached = bool(outcome.delivered or outcome.duplicates or outcome.refused)
        taken = self.ledger.took(job.batch, outcome)
        if taken.parts and self._breakers.indices_are_failing:
            for scope in set(self._target.scopes(taken) or ()):
                self._breakers.succeeded(scope)
        if reached:
            self._breakers.succeeded(WHOLE_TARGET)
        for refused in outcome.refused:
            self.ledger.letters(job.rest(job.batch.take([refused.position])), refused.reason, refused.status, at)
        if outcome.refused:
            self._notices.refused(outcome.refused)
        rests = []
        for again in outcome.again:
            rest = job.rest(job.batch.take(again.positions))
            if again.at_once:
                rests.append(rest)
                continue
            rest.last = again
            rest.failing_since = attempt.began if job.failing_since is None else job.failing_since
            rests.append(rest)
            self.ledger.failed(rest.batch, again)
            self.ledger.retried()
            if not reached or again.scope != WHOLE_TARGET:
                self._breakers.failed(again, attempt.began, now)
            # Where some of it got through the target is not down: these events wait, and are tried for their own time.
            if reached or again.scope != WHOLE_TARGET:
                rest.due = now + max(backoff_seconds(rest.attempts, self._rng), again.after_seconds or 0.0)
        return rests

    def _split(self, job: Job, refused: Refused, outcome: Outcome, at: datetime) -> list[Job]:
        if len(job.batch) == 1:
            self.ledger.letters(job, refused.reason, refused.status, at)
            self._notices.refused([refused])
            self._breakers.succeeded(WHOLE_TARGET)
            return []
        if outcome.too_large:
            limit_bytes = self._assembly.too_large(job.batch.size_bytes)
            if limit_bytes is not None:
                self._notices.too_large(job.batch.size_bytes, limit_bytes)
        return [job.rest(half) for half in job.batch.halves()]

    def _probed(self, attempt: Attempt, scope: str, outcome: Outcome, now: float) -> None:
        breaker = self._breakers[scope]
        if not breaker.is_open:
            return  # something else got through meanwhile
        # An index that is blocked shows that the target as a whole answers.
        again = next((again for again in outcome.again if again.scope in (scope, WHOLE_TARGET)), None)
        if again is not None and not outcome.delivered and not outcome.duplicates:
            self.ledger.failed(attempt.job.batch, again)
            self._breakers.probe_failed(scope, again, now)
            return
        self.ledger.recovered(attempt.job.batch, outcome, breaker.probe_letters)
        self._breakers.succeeded(scope)

    def _give_up(self, job: Job, again: Again, scope: str, at: datetime) -> None:
        """A failing target's events become letters, and the next probe of it."""
        if job in self._queue:
            self._queue.remove(job)
        reason = again.reason if job.attempts else f"Not sent, since the target is down: {again.reason}"
        letters = self.ledger.letters(job, reason, again.status, at)
        if self._breakers[scope].is_open:
            self._breakers.probe_with(scope, job, letters)

    def _give_up_down_indices(self, job: Job, at: datetime) -> None:
        scopes: Sequence[str] = self._target.scopes(job.batch) or ()
        down = sorted({scope for scope in scopes if self._breakers[scope].is_open})
        if not down:
            return
        batch = job.batch
        kept = [position for position, scope in enumerate(scopes) if scope not in down]
        for index in down:
            rest = job.rest(batch.take([position for position, scope in enumerate(scopes) if scope == index]))
            self._give_up(rest, self._breakers[index].last or _STOPPED, index, at)
        job.batch = batch.take(kept)
        if not kept:
            self._queue.remove(job)

    def _last_failure(self) -> str:
        lasts = [self._breakers[WHOLE_TARGET].last, *(job.last for job in self._queue)]
        return sentence(next((again for again in lasts if again is not None), _STOPPED))
