"""What a sink does next: which batch is sent when, and what becomes of it. Pure: no socket, thread or clock.

Every event that is added ends in one of three places: the target, known to be there already, or the dead letters. Nothing is dropped, and
an event counts as done with only when the ledger is told that what became of it is written down.

| a target … | its events … |
|---|---|
| takes or knows them | are delivered |
| refuses some by name, for good | become dead letters, the others are delivered |
| fails, while nothing else gets through either | wait, and one request at a time asks whether it is well again |
| fails for one batch, while others get through | are sent again, then in halves, down to the event that it is about: a dead letter |
| has failed for `retry_for_seconds` | go to the dead letters (or end the run), and so does what comes after, until something gets through |

A failure that names an index concerns that index alone: its events wait while the others are delivered.
`sinks.delivery.suspicion` has the rules by which a batch comes to be blamed.
"""

import random
from datetime import datetime

from sinks.delivery.assembly import Assembly
from sinks.delivery.batch import size_bytes
from sinks.delivery.health import Healths
from sinks.delivery.job import Attempt, Job
from sinks.delivery.ledger import Ledger
from sinks.delivery.notices import Notices, sentence
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.queue import JobQueue
from sinks.delivery.suspicion import Suspicion
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
        queue: What is not done with; for reading.
        abandoned: Attempts that were given up while their threads still waited.
        exhausted: Why the run must end, where that is the policy; empty while it need not.
    """

    def __init__(self, sink_name: str, target: Target, policy: DeliveryPolicy, document_format: str, rng: random.Random) -> None:
        self.ledger = Ledger(sink_name, document_format)
        self.queue = JobQueue(in_order=policy.in_order)
        self.abandoned = 0
        self.exhausted = ""
        self._target = target
        self._policy = policy
        self._notices = Notices(sink_name, target.address)
        self._assembly = Assembly(policy)
        self._healths = Healths(policy.retry_for_seconds, rng, self._notices, rest_is_life=policy.rest_is_life)
        self._suspicion = Suspicion(policy, rng)
        self._gave_up = False
        self._in_flight: list[Attempt] = []

    @property
    def down_count(self) -> int:
        """How many scopes, the whole target or an index, count as down."""
        return self._healths.down_count

    @property
    def is_failing(self) -> bool:
        """Whether nothing has got through since the last failure."""
        return self._healths[WHOLE_TARGET].failing_since is not None

    def add(self, documents: Documents, now: float) -> None:
        """Take a page."""
        length_bytes = size_bytes(documents)
        self.ledger.came(len(documents), length_bytes)
        self.queue.add_page(documents.tenant, self._assembly.add(documents, length_bytes, now), length_bytes)

    def flush(self) -> None:
        """Wait no longer for others to fill a batch."""
        self.queue.extend(self._assembly.flush())

    def next(self, now: float, at: datetime) -> Attempt | None:
        """The next thing to send, if anything is to be sent now. What has run out of time becomes letters on the way: see the ledger."""
        self.expire(now, at)
        if self._assembly.due <= now:
            self.flush()
        job = self._choose(now)
        if job is None:
            return None
        left_seconds = min(self._suspicion.timeout_seconds(job), self._policy.retry_for_seconds, self._ends(job, now) - now)
        self.queue.sends(job)
        attempt = Attempt(job, now, at, max(_SHORTEST_TIMEOUT_SECONDS, left_seconds))
        self._in_flight.append(attempt)
        return attempt

    def next_moment(self, now: float) -> float:
        """When `next` may have something new to say although nobody calls: in the future on the monotonic clock, or infinity.

        Moments that have passed don't count: what they allowed is done, or waits for another attempt to end.
        """
        moments = [self._assembly.due, *self._healths.moments(), *(attempt.overdue for attempt in self._in_flight)]
        for job in self.queue.timed():
            moments += [self._own_end(job), job.due]
        return min((moment for moment in moments if moment > now), default=float("inf"))

    def done(self, attempt: Attempt, outcome: Outcome, now: float, at: datetime) -> bool:
        """An attempt has ended.

        Returns:
            False when it had been given up before, because it took too long: its outcome counts no more.
        """
        if attempt not in self._in_flight:
            return False
        self._in_flight.remove(attempt)
        job = attempt.job
        job.in_flight = False
        job.attempts += 1
        job.first_attempt_at = job.first_attempt_at or attempt.began_at
        job.last_attempt_at = attempt.began_at
        whole = outcome.whole_failure(len(job.batch))
        self._suspicion.answered(job, self.queue, is_dealt_with=whole is None or outcome.unsendable)
        # What is too large ends where smaller ones got through, and otherwise waits: a proxy may refuse everything for a while.
        is_cut = outcome.too_large and (len(job.batch) > 1 or self._suspicion.is_alive_since(job.failing_since))
        if outcome.split is not None and (outcome.unsendable or is_cut):
            job.failing_since = attempt.began if job.failing_since is None else job.failing_since
            self._cut(job, outcome, outcome.split, now, at)
        elif whole is not None:
            self._failed(attempt, whole, now, at)
        else:
            self.queue.replace(job, self._divide(attempt, outcome, now, at))
        self.expire(now, at)
        return True

    def expire(self, now: float, at: datetime) -> None:
        """Give up what has run out of time: attempts without an end, and events of a target that was tried for long enough."""
        for attempt in [attempt for attempt in self._in_flight if attempt.overdue <= now]:
            self.abandoned += 1
            reason = f"{self._target.address} did not answer within {attempt.timeout_seconds:.3g} s."
            self.done(attempt, failed(attempt.job.batch, reason, error_type="timeout", blame="doubtful"), now, at)
        if self._healths.indices_are_failing:
            self._healths.forget_all_but({job.last.scope for job in self.queue if job.last is not None})
        self._healths.tell_who_is_down(now)
        whole = self._healths[WHOLE_TARGET]
        whole_is_over = whole.patience_ends(self._policy.retry_for_seconds) <= now
        # Where its time is up one batch is tried after each rest, and the others are not.
        all_are_over = whole_is_over and whole.resting_until > now
        over = self.queue.waiting() if all_are_over else [job for job in self.queue.timed() if self._own_end(job) <= now]
        if self._policy.on_exhausted == "stop":
            if over or whole_is_over:
                self.exhausted = self.exhausted or self._last_failure()
            return
        if over and not self._gave_up:
            self._gave_up = True
            last = whole.last if whole_is_over and whole.last else over[0].last or _STOPPED
            self._notices.given_up(WHOLE_TARGET if whole_is_over else last.scope, last, self._policy.retry_for_seconds)
        while over:
            for job in over:
                last = (whole.last if whole_is_over else job.last) or _STOPPED
                self.queue.remove(job)
                reason = last.reason if job.attempts else f"Not sent, since the target is down: {last.reason}"
                self.ledger.letters(job, reason, last.status, at)
            # What was behind them is cut only now.
            over = self.queue.waiting() if all_are_over else []

    def give_up(self, at: datetime) -> None:
        """Put everything with the dead letters, what is in flight included, since whoever waits for it must end."""
        self.flush()
        self._in_flight.clear()
        while job := next(iter(self.queue), None):
            again = job.last or self._healths[WHOLE_TARGET].last
            reason = f"{_STOPPED.reason} {again.reason}" if again else _STOPPED.reason
            self.queue.remove(job)
            self.ledger.letters(job, reason, again.status if again else None, at)

    def _choose(self, now: float) -> Job | None:
        if self.exhausted or len(self._in_flight) >= self._policy.max_in_flight:
            return None
        health = self._healths[WHOLE_TARGET]
        ready = self.queue.ready(now, is_failing=health.failures > 0)
        if not health.failures:
            return self._suspicion.choose(self.queue, ready)
        # While nothing gets through, one request at a time is enough to find out when it does; one under suspicion finds out nothing.
        if any(attempt.job.doubt is None for attempt in self._in_flight):
            return None
        if self._in_flight or health.resting_until > now:
            return self._suspicion.question(self.queue, ready, fresh_only=bool(self._in_flight))
        return self._suspicion.choose(self.queue, ready)

    def _own_end(self, job: Job) -> float:
        return float("inf") if job.failing_since is None else job.failing_since + self._policy.retry_for_seconds

    def _ends(self, job: Job, now: float) -> float:
        """When a job's time is up: its own, or that of the whole target, unless it is tried although that is over."""
        whole = self._healths[WHOLE_TARGET].patience_ends(self._policy.retry_for_seconds)
        return min(self._own_end(job), whole if whole > now else float("inf"))

    def _failed(self, attempt: Attempt, again: Again, now: float, at: datetime) -> None:
        """A whole request failed: of whom that speaks remains to be seen."""
        job = attempt.job
        job.last = again
        self.ledger.failed(job.batch, again)
        self.ledger.retried()
        speaks_of = self._suspicion.failed(attempt, again, now)
        if speaks_of == "batch":
            self._act_on([job], now, at)
            return
        if again.after_seconds is not None and self._policy.rest_is_life:
            job.failing_since = None
        if speaks_of == "target":
            self._healths.failed(again, attempt.began, now)
        if self._suspicion.ends_alone(job, self.queue, now):
            self._end(job, Refused(0, again.reason, again.status), now, at)

    def _act_on(self, struck: list[Job], now: float, at: datetime) -> None:
        """Halve what others have got past, or end it where one event is left."""
        for job in struck:
            rests = self._suspicion.verdict(job, now)
            if rests is None:
                continue
            if rests:
                self.queue.replace(job, rests)
            else:
                last = job.last or _STOPPED
                self._end(job, Refused(0, last.reason, last.status), now, at)

    def _end(self, job: Job, refused: Refused, now: float, at: datetime) -> None:
        self.queue.remove(job)
        self.ledger.letters(job, refused.reason, refused.status, at)
        self._notices.refused([refused], now)

    def _alive(self, attempt: Attempt, now: float, at: datetime) -> None:
        """The target as a whole has answered as it should."""
        self._gave_up = False
        self._healths.succeeded(WHOLE_TARGET)
        self.queue.got_through(attempt.job)
        self._act_on(self._suspicion.alive(attempt, self.queue.tried(), now), now, at)

    def _divide(self, attempt: Attempt, outcome: Outcome, now: float, at: datetime) -> list[Job]:
        """Settle what an attempt settled; returns jobs for the rest."""
        job = attempt.job
        taken = self.ledger.took(job.batch, outcome)
        if taken.parts and self._healths.indices_are_failing:
            for scope in set(self._target.scopes(taken) or ()):
                self._healths.succeeded(scope)
        self._alive(attempt, now, at)
        for refused in outcome.refused:
            self.ledger.letters(job.rest(job.batch.take([refused.position])), refused.reason, refused.status, at)
        if outcome.refused:
            self._notices.refused(outcome.refused, now)
        if outcome.notice:
            self._notices.told(outcome.notice, now)
        rests = []
        for again in outcome.again:
            rest = job.rest(job.batch.take(again.positions))
            rests.append(rest)
            if again.at_once:
                continue
            rest.last = again
            rest.failing_since = attempt.began if job.failing_since is None else job.failing_since
            self.ledger.failed(rest.batch, again)
            self.ledger.retried()
            if again.scope != WHOLE_TARGET:
                self._healths.failed(again, attempt.began, now)
            # Some of it got through, so the target is not down: these events wait, and are tried for their own time.
            rest.due = now + self._healths.rest_seconds(again, rest.attempts)
        return rests

    def _cut(self, job: Job, outcome: Outcome, refused: Refused, now: float, at: datetime) -> None:
        """Halve at once what is too large, or can't even be sent; end it where one event is left."""
        if len(job.batch) == 1:
            self._end(job, refused, now, at)
            return
        if outcome.too_large:
            limit_bytes = self._assembly.too_large(job.batch.size_bytes)
            if limit_bytes is not None:
                self._notices.too_large(job.batch.size_bytes, limit_bytes)
        self.queue.replace(job, self._suspicion.halves(job))

    def _last_failure(self) -> str:
        lasts = [self._healths[WHOLE_TARGET].last, *(job.last for job in self.queue)]
        return sentence(next((again for again in lasts if again is not None), _STOPPED))
