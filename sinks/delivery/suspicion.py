"""Whose fault a failed request is: the target's, or that of an event in it. Pure.

A firewall that answers 403 to one user agent, a server that hangs over one event, or a receiver that can't read one, look at first just
like a target that is down; and a target that answers 400 because its clock is wrong looks like one that can't read. So others are asked:

- After a failure that may be either's, another batch goes at once, without waiting. If that fails too, the target is down: nothing is
  halved, everything waits. If it gets through, the failed batch has a *strike*.
- With a second strike a batch is halved, and so are the halves that fail again, while others get through between.
- The one event that is left is tried twice in a row (of a receiver that refuses every second request it gets through then), and again
  once others have got through: with the second strike it is a dead letter, with the fourth where a firewall, a hang or a reset is why.
- Where no other batch is at hand, the batch's first event is asked with. Where order is kept that waits for a third failure, unless the
  receiver said that it did not take the batch: the same events shall come under the same id.
- Where order is kept and the first event itself is what fails, the one behind it is asked with, after it has failed several times in a
  row: order is worth less than an event that blocks its tenant for ever, and it changes only if the event gets through after all.
- An event that already has a strike, and behind which there is nobody to ask, ends after several more failures.

An answer that can only be the target's (429, 401, a connection that is refused, …) is nobody's strike.
"""

import random
from collections import deque
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from sinks.delivery.backoff import backoff_seconds
from sinks.delivery.job import Attempt, Job
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.queue import JobQueue
from sinks.delivery.target import Again, Blame

__all__ = ["Suspicion"]

_STRIKES = 2
_STRIKES_OF_DOUBTFUL_EVENT = 4
_SPLIT_AFTER: MappingProxyType[Blame, int] = MappingProxyType({"content": 1, "doubtful": 3})
_PASS_OVER_AFTER: MappingProxyType[Blame, int] = MappingProxyType({"content": 2, "doubtful": 4})
_END_ALONE_AFTER: MappingProxyType[Blame, int] = MappingProxyType({"content": 4, "doubtful": 6})
_SHORTEST_TIMEOUT_SECONDS = 1.0
_TIMES_THE_SLOWEST = 10.0
_DURATIONS_REMEMBERED = 16


class Suspicion:
    """What speaks against the batches of one sink.

    Args:
        policy: How the sink delivers.
        rng: For the jitter of waits.
    """

    def __init__(self, policy: DeliveryPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng
        self._alive_at = float("-inf")
        """When the latest attempt began that got through."""
        self._answered_at = float("-inf")
        self._durations: deque[float] = deque(maxlen=_DURATIONS_REMEMBERED)
        self._is_asking = False
        self._asked: Job | None = None

    def is_alive_since(self, began: float) -> bool:
        """Whether an answer to others has come since then."""
        return self._answered_at > began

    def failed(self, attempt: Attempt, again: Again, now: float) -> bool:
        """A whole request failed.

        Returns:
            Whether others that went later have got through, so that it has a strike: see `verdict`.
        """
        job = attempt.job
        was_asked, self._asked = job is self._asked, None
        job.failing_since = attempt.began if job.failing_since is None else job.failing_since
        if again.blame == "target":
            self._is_asking = False
            return False
        job.failures += 1
        if len(job.batch) == 1 and job.strikes and job.failures == 1 and again.error_type != "timeout":
            job.goes_first, job.due = True, now
            return False
        job.doubt, job.doubted_since = again, attempt.began
        if self._alive_at > attempt.began:
            return True
        self._is_asking = not was_asked
        return False

    def alive(self, attempt: Attempt, queue: Iterable[Job], now: float) -> list[Job]:
        """An attempt got through; returns whoever has a strike by it."""
        self._is_asking, self._asked = False, None
        self._alive_at = max(self._alive_at, attempt.began)
        self._answered_at = now
        self._durations.append(now - attempt.began)
        attempt.job.doubt = None
        return [job for job in queue if job.doubt is not None and not job.in_flight and job.doubted_since < attempt.began]

    def verdict(self, job: Job, now: float) -> list[Job] | None:
        """What becomes of a batch that failed while others got through.

        Returns:
            None when it is sent again as it is; otherwise what is left of it: its halves, or of one event nothing.
        """
        blame: Blame = job.doubt.blame if job.doubt else "content"
        job.doubt = None
        job.failures = 0
        job.strikes += 1
        is_single = len(job.batch) == 1
        if job.strikes < (_STRIKES_OF_DOUBTFUL_EVENT if is_single and blame == "doubtful" else _STRIKES):
            job.due = now + (backoff_seconds(job.strikes, self._rng) if is_single and blame == "doubtful" else 0.0)
            return None
        if is_single:
            return []
        return self.halves(job)

    def halves(self, job: Job) -> list[Job]:
        """A batch in two, of which nobody knows which one is at fault."""
        halves = [job.rest(half) for half in job.batch.halves()]
        for half in halves:
            half.strikes = _STRIKES - 1
        return halves

    def ends_alone(self, job: Job) -> bool:
        """Whether an event that has failed again is at its end although there is nobody to ask with."""
        return len(job.batch) == 1 and job.strikes > 0 and job.doubt is not None and job.failures >= _END_ALONE_AFTER[job.doubt.blame]

    def has_other(self, queue: Iterable[Job], job: Job) -> bool:
        """Whether there is another batch to ask with, now or soon."""
        return any(other is not job and (other.in_flight or _may_ask(other)) for other in queue)

    def choose(self, queue: JobQueue, ready: Sequence[Job]) -> Job | None:
        """What to send next, of what may be sent."""
        asked = self.question(queue, ready)
        if asked is not None:
            return asked
        examined = sum(job.in_flight and job.strikes > 0 for job in queue.tried())
        # What hangs shall not take the place of what doesn't; and what was tried least goes first, so that it holds up no others.
        has_room = examined < max(1, self._policy.max_in_flight // 2)
        is_asking = self._asked is not None and self._asked.in_flight
        return min(
            (job for job in ready if (not job.strikes or has_room) and not (is_asking and job.doubt is not None)),
            key=lambda job: job.attempts,
            default=None,
        )

    def question(self, queue: JobQueue, ready: Sequence[Job], *, fresh_only: bool = False) -> Job | None:
        """What to send although the target rests: the very same event a second time, or another batch that asks whether it is well.

        Args:
            queue: All that there is.
            ready: What may be sent.
            fresh_only: Whether only batches that never failed may ask, since one that did is being sent.
        """
        first = next((job for job in ready if job.goes_first), None)
        if first is not None or not self._is_asking:
            return first
        other = self._other(queue, ready, fresh_only=fresh_only)
        if other is not None:
            self._is_asking, self._asked = False, other
        return other

    def timeout_seconds(self, job: Job) -> float:
        """How long an attempt may take: under suspicion not nearly as long, where others are answered in no time."""
        limit = self._policy.request_timeout_seconds
        is_last_chance = len(job.batch) == 1 and job.strikes >= _STRIKES
        if not self._durations or is_last_chance or not (job.strikes or job is self._asked):
            return limit
        return min(limit, max(_SHORTEST_TIMEOUT_SECONDS, _TIMES_THE_SLOWEST * max(self._durations)))

    def _other(self, queue: JobQueue, ready: Sequence[Job], *, fresh_only: bool) -> Job | None:
        fresh = min((job for job in ready if job.doubt is None), key=lambda job: job.attempts, default=None)
        if fresh is not None or fresh_only:
            return fresh
        for job in ready:
            if len(job.batch) > 1 and job.doubt is not None and (
                job.strikes or not self._policy.in_order or job.failures >= _SPLIT_AFTER[job.doubt.blame]
            ):  # fmt: skip
                return _first_of(job, queue)
        for job in ready if self._policy.in_order else ():
            if job.doubt is not None and job.failures >= (2 if job.strikes else _PASS_OVER_AFTER[job.doubt.blame]):
                behind = next((other for other in queue if other.tenant == job.tenant and _may_ask(other) and other is not job), None)
                if behind is not None:
                    return _first_of(behind, queue)
        return None


def _may_ask(job: Job) -> bool:
    """Whether there is an event in it that was never tried alone."""
    return not job.in_flight and (job.doubt is None or len(job.batch) > 1)


def _first_of(job: Job, queue: JobQueue) -> Job:
    """The first event of a batch as a batch of its own, in front of the rest."""
    if len(job.batch) == 1:
        return job
    first = job.rest(job.batch.take([0]))
    job.batch = job.batch.take(range(1, len(job.batch)))
    first.strikes = min(job.strikes, _STRIKES - 1)
    if len(job.batch) == 1:
        # What speaks against two events does not speak against one that was never tried alone.
        job.doubt, job.failures, job.strikes = None, 0, first.strikes
    queue.put_before(job, first)
    return first
