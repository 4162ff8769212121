"""Whose fault a failed request is: the target's, or that of an event in it. Pure.

A firewall that answers 403 to one user agent, a server that hangs over one event, or a receiver that can't read one, look at first just
like a target that is down; and a target that answers 400 because its clock is wrong looks like one that can't read. So others are asked:

- After a failure that may be either's, another batch goes at once, without waiting. If that fails too, the target is down: nothing is
  halved, everything waits. If it gets through, the failed batch has a *strike*.
- With a second strike a batch is halved, and so are the halves that fail again, while others get through between.
- The one event that is left is tried twice in a row, and again once others have got through: with the fifth strike it is a dead letter
  (as part of a halved batch it has one already, as has an event that others got past when it was sent alone for the first time).
  While batches get through that had failed just so, chance is at work (one of two servers refuses), and many more strikes are needed.
- An event that others got past when it was sent alone, or that alone is left of its batch and fails as that did, is at its end too when
  it has failed several times more and nobody else has anything to send. Of any other nobody knows then: it waits.
- Where no other batch is at hand, one event of the batch is asked with. The batch stays whole unless that gets through, and where order is
  kept it is asked seldom: the same events shall come under the same id.
- Where order is kept and the first event itself is what fails, one behind it is asked with: order is worth less than an event that blocks
  its tenant for ever, and it changes only if that one gets through after all.
- In both cases a failure that took long is made sure of first, by a quick attempt: the target may have come back meanwhile.

An answer that can only be the target's (429, 401, a connection that is refused, …) is believed once. When a batch has it again, others are
asked; and when they have got through for the fourth time, what an event may bring about (502, …) is as doubtful as any other, though many
more strikes are needed: a server that is overloaded refuses by chance.
"""

import random
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Literal

from sinks.delivery.backoff import rest_seconds
from sinks.delivery.batch import Batch
from sinks.delivery.job import Attempt, Job
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.queue import JobQueue
from sinks.delivery.target import WHOLE_TARGET, Again, Blame

__all__ = ["Suspicion"]

_STRIKES = 2
_STRIKES_OF_EVENT = 5
_STRIKES_OF_EVENT_BY_CHANCE = 64
_END_ALONE_AFTER: MappingProxyType[Blame, int] = MappingProxyType({"content": 4, "doubtful": 6})
_CHANCE_SECONDS = 180.0
_EXCUSES = 4
_NO_EVENTS_DOING = ("auth", "connection", "dns", "rate_limited", "tls")
_ASK_AFTER: MappingProxyType[Blame, int] = MappingProxyType({"content": 1, "doubtful": 3, "target": 16})
_ASK_EVERY = 16
_SHORTEST_TIMEOUT_SECONDS = 1.0
_TIMES_THE_SLOWEST = 10.0
_TIMES_THE_SCALED = 3.0
_SHARE_WHERE_NOTHING_IS_KNOWN = 0.1
_SUCCESSES_REMEMBERED = 32


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
        self._chance_until = float("-inf")
        self._successes: deque[tuple[int, float]] = deque(maxlen=_SUCCESSES_REMEMBERED)
        """Events and seconds of the latest."""
        self._is_asking = False
        self._suspect: Job | None = None
        """Who failed just now, and was not asked with."""
        self._asked: Job | None = None
        self._asks_on = False
        """Whether what was asked with shares the fate of the batch in question, so that one that never failed may still say more."""
        self._asked_in_vain: Counter[Job] = Counter()
        """On behalf of whom, and how often, since anything got through."""

    def failed(self, attempt: Attempt, again: Again, now: float) -> Literal["batch", "nobody", "target"]:
        """A whole request failed; returns of whom that speaks.

        Returns:
            The batch when others that went later have got through, so that it has a strike: see `verdict`. Nobody when it goes again at
            once, or others were answered meanwhile. Otherwise, for the time being, the target.
        """
        job = attempt.job
        was_asked, self._asked = job is self._asked, None
        is_second_look = was_asked and job.doubt is not None
        job.failing_since = attempt.began if job.failing_since is None else job.failing_since
        job.failures += not is_second_look
        is_believed = _is_excused(job, again)
        if len(job.batch) == 1 and job.failures == 1 and not was_asked and not is_believed and again.after_seconds is None:
            job.goes_first, job.due = True, now
            return "nobody"
        job.doubt, job.doubted_since = again, attempt.began
        job.is_sure = is_second_look or now - attempt.began <= _SHORTEST_TIMEOUT_SECONDS
        if again.blame == "target" and not job.excuses and job.failures < 2:
            self._is_asking = False
            return "target"
        if self._alive_at > attempt.began:
            return "batch"
        self._suspect = job if is_second_look or not was_asked else None
        self._is_asking = self._suspect is not None or self._asks_on
        return "nobody" if self._answered_at > attempt.began else "target"

    def alive(self, attempt: Attempt, queue: Iterable[Job], now: float) -> list[Job]:
        """An attempt got through; returns whoever has a strike by it."""
        job = attempt.job
        if job.doubt is None and job.last is not None and job.last.scope == WHOLE_TARGET:
            # It failed while others did not, and gets through as it is: that was chance, and not an event in it.
            self._chance_until = now + _CHANCE_SECONDS
        self._is_asking, self._suspect, self._asked = False, None, None
        self._asked_in_vain.clear()
        self._alive_at = max(self._alive_at, attempt.began)
        self._answered_at = now
        self._successes.append((len(job.batch), now - attempt.began))
        job.doubt = None
        return [job for job in queue if job.doubt is not None and not job.in_flight and job.doubted_since < attempt.began]

    def verdict(self, job: Job, now: float) -> list[Job] | None:
        """What becomes of a batch that failed while others got through.

        Returns:
            None when it is sent again as it is; otherwise what is left of it: its halves, or of one event nothing.
        """
        again, job.doubt, job.failures = job.doubt, None, 0
        is_single = len(job.batch) == 1
        asked_seconds = again.after_seconds if again else None
        is_excused = again is not None and _is_excused(job, again)
        job.excuses = min(_EXCUSES, job.excuses + is_excused)
        # Alone, an event starts with what a part of a batch starts with.
        job.strikes = job.strikes if is_excused else max(job.strikes, _STRIKES - 1 if is_single else 0) + 1
        is_chance = now <= self._chance_until or (again is not None and again.blame == "target")
        needed = _STRIKES if not is_single else _STRIKES_OF_EVENT_BY_CHANCE if is_chance else _STRIKES_OF_EVENT
        if is_excused or job.strikes < needed:
            failures = job.excuses if is_excused else job.strikes
            has_rest = is_excused or is_single or asked_seconds
            job.due = job.doubted_since + rest_seconds(failures, asked_seconds, self._rng) if has_rest else now
            return None
        return [] if is_single else self.halves(job)

    def halves(self, job: Job) -> list[Job]:
        """A batch in two, of which nobody knows which one is at fault."""
        return [_suspect(job, half, job.excuses) for half in job.batch.halves()]

    def ends_alone(self, job: Job, queue: JobQueue, now: float) -> bool:
        """Whether an event that others got past by itself has failed again for long, and there is nobody left to ask with."""
        if len(job.batch) > 1 or job.doubt is None or now <= self._chance_until:
            return False
        if job.strikes < _STRIKES and (len(queue) > 1 or not job.is_charged_again):
            return False  # an outage may have begun while its batch was halved; hardly one that looks the same, and behind all the others
        is_long = job.failures >= _END_ALONE_AFTER.get(job.doubt.blame, _STRIKES_OF_EVENT_BY_CHANCE)
        return is_long and all(len(other.batch) == 1 and other.strikes for other in queue)

    def is_alive_since(self, began: float | None) -> bool:
        """Whether others have got through since then."""
        return began is not None and self._alive_at > began

    def answered(self, job: Job, queue: JobQueue, *, is_dealt_with: bool) -> None:
        """An event that was asked with has an answer: it leaves its batch if something became of it, and otherwise never left it."""
        if job.part_of is None:
            return
        (whole, position), job.part_of = job.part_of, None
        whole.in_flight = False
        if is_dealt_with:
            sides = (whole.batch.take(range(position)), whole.batch.take(range(position + 1, len(whole.batch))))
            excuses = whole.excuses + (whole.doubt is not None and whole.doubt.blame == "target")
            before, after = ([_suspect(whole, side, excuses)] if side.parts else [] for side in sides)
            if position == 1:
                # It was asked with before, in vain, and so it has failed alone.
                before[0].strikes += 1
            queue.replace(whole, [*before, job, *after])

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
        other = min((job for job in ready if job.doubt is None), key=lambda job: job.attempts, default=None)
        is_fresh = other is not None
        if self._suspect is not None and not is_fresh and not fresh_only and self._suspect in ready:
            other = self._one_of_its_row(self._suspect, queue)
        # Later its failure says no more that the target is down: whoever comes then may ask, but none that has to wait behind it.
        self._suspect = None
        if other is not None:
            self._is_asking, self._asked, self._asks_on = False, other, not is_fresh
        return other

    def timeout_seconds(self, job: Job) -> float:
        """How long an attempt may take: under suspicion not nearly as long, where others are answered in no time."""
        limit = self._policy.request_timeout_seconds
        # Once more for as long as any, if it takes nobody's place.
        is_last_chance = len(job.batch) == 1 and job.strikes == _STRIKES_OF_EVENT - 1 and self._policy.max_in_flight > 1
        if (is_last_chance and not job.goes_first) or not (job.strikes or job.goes_first or job is self._asked):
            return limit
        return min(limit, max(_SHORTEST_TIMEOUT_SECONDS, self._usual_seconds(len(job.batch))))

    def _usual_seconds(self, events: int) -> float:
        """What so many events have taken lately, with room to spare; more than any took where only fewer went."""
        if not self._successes:
            return _SHARE_WHERE_NOTHING_IS_KNOWN * self._policy.request_timeout_seconds
        nearest = min((count for count, _ in self._successes if count >= events), default=0)
        return max(
            seconds * max(_TIMES_THE_SLOWEST, _TIMES_THE_SCALED * events / count)
            for count, seconds in self._successes
            if count <= 2 * nearest or not nearest
        )

    def _is_asked_past(self, job: Job) -> bool:
        if job.doubt is None:
            return False
        is_single = len(job.batch) == 1
        if job.strikes:
            return job.failures > is_single
        first = _ASK_AFTER[job.doubt.blame] + is_single
        is_free = not self._policy.in_order and job.doubt.blame != "target"
        return is_free or job.failures in (first, 2 * first, 4 * first) or job.failures % _ASK_EVERY == 0

    def _one_of_its_row(self, suspect: Job, queue: JobQueue) -> Job | None:
        """One event of the batch or of those behind it, each time the next; or the batch once more, quickly, if it took long to fail."""
        if not self._is_asked_past(suspect):
            return None
        row = [job for job in queue if job is suspect or (self._policy.in_order and job.tenant == suspect.tenant)]
        if len(suspect.batch) == 1:
            row.remove(suspect)
        if not row or not suspect.is_sure:
            return suspect if row else None
        # From the first one again after the last one, so that none that came meanwhile is skipped.
        number = self._asked_in_vain[suspect] if self._asked_in_vain[suspect] < sum(len(job.batch) for job in row) else 0
        self._asked_in_vain[suspect] = number + 1
        for job in row:
            if number < len(job.batch):
                break
            number -= len(job.batch)
        if len(job.batch) == 1:
            return job
        event = job.rest(job.batch.take([number]))
        event.part_of, event.excuses = (job, number), suspect.excuses
        job.in_flight = True
        return event


def _is_excused(job: Job, again: Again) -> bool:
    """Whether a failure is the target's as far as is known, although others get through."""
    return again.blame == "target" and (job.excuses < _EXCUSES or again.error_type in _NO_EVENTS_DOING)


def _suspect(whole: Job, batch: Batch, excuses: int) -> Job:
    """A part of a batch that one of its events speaks against."""
    part = whole.rest(batch)
    part.strikes, part.excuses, part.charge = _STRIKES - 1, excuses, whole.charge or whole.last
    return part
