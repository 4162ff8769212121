"""A batch on its way: how often and when it was tried, what speaks against it, and the dead letters that it may become."""

from dataclasses import dataclass
from datetime import datetime

from sinks.delivery.batch import Batch
from sinks.delivery.target import Again
from sinks.documents import Rejected

__all__ = ["Attempt", "Job"]

_OVERDUE_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class Job:
    """A batch that is not delivered yet. Monotonic moments are in seconds.

    Attributes:
        batch: The events.
        attempts: How often it was sent.
        first_attempt_at: When it was first sent; None if never.
        last_attempt_at: When it was last sent; None if never.
        failing_since: When the first of its failed attempts began, on the monotonic clock.
        due: When it may be sent next, on the monotonic clock.
        last: Why its last attempt failed.
        in_flight: Whether it is being sent.
        strikes: How often it failed while others got through.
        failures: How often it has failed since its last strike.
        doubt: Its failure of which nobody knows yet whether it is the target's or the batch's own.
        doubted_since: When the attempt of that failure began.
        is_sure: Whether that attempt took no longer than moments, so that the target is now what it was then.
        charge: Why the batch failed that it is a part of.
        excuses: How often others got through after it failed in a way that can only be the target's.
        goes_first: Whether it is to be tried again before any other.
        part_of: Of an event that was sent to ask whether the target is well: its batch, which stays in the queue, and its position there.
    """

    batch: Batch
    attempts: int = 0
    first_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    failing_since: float | None = None
    due: float = 0.0
    last: Again | None = None
    in_flight: bool = False
    strikes: int = 0
    failures: int = 0
    doubt: Again | None = None
    doubted_since: float = 0.0
    is_sure: bool = False
    charge: Again | None = None
    excuses: int = 0
    goes_first: bool = False
    part_of: "tuple[Job, int] | None" = None

    @property
    def tenant(self) -> str:
        """The tenant of the first event, which is that of all where a sink keeps order."""
        return self.batch.parts[0].tenant

    @property
    def waits_for_itself(self) -> bool:
        """Whether it is under suspicion, or was told to wait although others got through; what waits for the whole target is not."""
        is_suspected = self.strikes > 0 or (self.doubt is not None and self.doubt.blame != "target")
        return is_suspected or self.due > 0.0

    @property
    def is_charged_again(self) -> bool:
        """Whether it fails as the batch did that it is a part of."""
        one, other = self.charge, self.doubt
        return one is not None and other is not None and (one.status, one.error_type) == (other.status, other.error_type)

    def rest(self, batch: Batch) -> "Job":
        """A job for some of the events, with the same past."""
        return Job(batch, self.attempts, self.first_attempt_at, self.last_attempt_at, self.failing_since)

    def letters(self, sink: str, document_format: str, reason: str, status: int | None, now: datetime) -> list[Rejected]:
        """The dead letters of all its events, in order."""
        return [
            Rejected(
                tenant=part.tenant,
                sink=sink,
                reason=reason,
                status=status,
                attempts=self.attempts,
                first_attempt_at=self.first_attempt_at or now,
                last_attempt_at=self.last_attempt_at or now,
                uuid=part.heads[index].uuid,
                published=part.heads[index].published,
                format=document_format,
                event=part.document(index),
            )
            for part, index in self.batch.locate()
        ]


@dataclass(slots=True, eq=False)
class Attempt:
    """One sending of a job.

    Attributes:
        job: What is sent.
        began: When, on the monotonic clock.
        began_at: When, by the calendar.
        timeout_seconds: How long it may take.
    """

    job: Job
    began: float
    began_at: datetime
    timeout_seconds: float

    @property
    def overdue(self) -> float:
        """When it is given up although its thread still waits: for a resolver that hangs, or a server that trickles."""
        return self.began + self.timeout_seconds + _OVERDUE_SECONDS
