"""What became of each event, kept until it is written down: the books of one sink's deliveries."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sinks.delivery.batch import Batch
from sinks.delivery.job import Job
from sinks.delivery.target import Again, Outcome
from sinks.documents import Rejected

__all__ = ["Ledger", "Settled"]


@dataclass(slots=True)
class Settled:
    """What is to be written down before the events count as done with.

    Attributes:
        delivered: Events that the target has now.
        duplicates: Events that it had already.
        dropped: Events that it took and did not keep.
        letters: Dead letters to be written.
        done: All events that are done with once all that is written.
        failures: Tenants and the kind of failure, for each failed attempt.
        retries: How many batches will be sent again.
    """

    delivered: list[Batch] = field(default_factory=list)
    duplicates: list[Batch] = field(default_factory=list)
    dropped: list[Batch] = field(default_factory=list)
    letters: list[Rejected] = field(default_factory=list)
    done: list[Batch] = field(default_factory=list)
    failures: list[tuple[Iterable[str], str]] = field(default_factory=list)
    retries: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything to write down."""
        return bool(self.done or self.failures or self.retries)


class Ledger:
    """Counts what comes in and what became of it.

    Args:
        sink_name: The sink's name, for the letters.
        document_format: The format of the documents.

    Attributes:
        pending_events: Events that are not done with.
        pending_bytes: Their bytes.
    """

    def __init__(self, sink_name: str, document_format: str) -> None:
        self.pending_events = self.pending_bytes = 0
        self._sink = sink_name
        self._format = document_format
        self._settled = Settled()

    def came(self, events: int, size_bytes: int) -> None:
        """So much came in."""
        self.pending_events += events
        self.pending_bytes += size_bytes

    def took(self, batch: Batch, outcome: Outcome) -> Batch:
        """The target took some events, or had them; returns those."""
        settled = self._settled
        for positions, those in (
            (outcome.delivered, settled.delivered),
            (outcome.duplicates, settled.duplicates),
            (outcome.dropped, settled.dropped),
        ):
            taken = batch.take(positions)
            if taken.parts:
                those.append(taken)
                settled.done.append(taken)
        if not outcome.duplicates:
            return batch.take(outcome.delivered)
        return batch.take(sorted({*outcome.delivered, *outcome.duplicates}))

    def failed(self, batch: Batch, again: Again) -> None:
        """An attempt at these events failed."""
        self._settled.failures.append(({part.tenant for part in batch.parts}, again.error_type))

    def retried(self) -> None:
        """A batch will be sent again."""
        self._settled.retries += 1

    def letters(self, job: Job, reason: str, status: int | None, at: datetime) -> None:
        """A job's events become dead letters."""
        self._settled.letters += job.letters(self._sink, self._format, reason, status, at)
        self._settled.done.append(job.batch)

    def take_settled(self) -> Settled:
        """What is to be written down now; `confirm` it once it is."""
        settled, self._settled = self._settled, Settled()
        return settled

    def confirm(self, settled: Settled) -> None:
        """It is written down: its events are done with."""
        self.pending_events -= sum(map(len, settled.done))
        self.pending_bytes -= sum(batch.size_bytes for batch in settled.done)
