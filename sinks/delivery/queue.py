"""The batches of one sink that are not done with, in the order in which they came; those in flight keep their place. Pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from sinks.delivery.batch import Batch, size_bytes
from sinks.delivery.job import Job
from sinks.delivery.target import WHOLE_TARGET

__all__ = ["JobQueue"]


class JobQueue:
    """Not thread-safe.

    Args:
        in_order: Whether each tenant's batches go one after another.
    """

    def __init__(self, *, in_order: bool) -> None:
        self._in_order = in_order
        self._jobs: deque[Job] = deque()

    def __iter__(self) -> Iterator[Job]:
        """From the first to the last."""
        return iter(self._jobs)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._jobs)

    def extend(self, batches: Iterable[Batch]) -> None:
        """Put new batches behind the others."""
        self._jobs.extend(map(Job, batches))

    def remove(self, job: Job) -> None:
        """It is done with."""
        self._jobs.remove(job)

    def replace(self, job: Job, rests: Sequence[Job]) -> None:
        """Put what is left of a batch in its place, so that a tenant's events keep their order."""
        place = self._jobs.index(job)
        del self._jobs[place]
        for rest in reversed(rests):
            self._jobs.insert(place, rest)

    def waiting(self) -> list[Job]:
        """Those that are not in flight."""
        return [job for job in self._jobs if not job.in_flight]

    def ready(self, now: float) -> list[Job]:
        """What may be sent at a moment on the monotonic clock: where order is kept, of each tenant the first."""
        ready = []
        busy: set[str] = set()
        for job in self._jobs:
            if self._in_order:
                if job.tenant in busy:
                    continue
                busy.add(job.tenant)
            if not job.in_flight and job.due <= now:
                ready.append(job)
        return ready

    def held(self, tenant: str | None = None) -> tuple[int, int]:
        """What waits because an index by itself takes nothing: batches, and the bytes of one tenant in them, or of all."""
        held = [job for job in self._jobs if job.last is not None and job.last.scope != WHOLE_TARGET]
        return len(held), sum(size_bytes(part) for job in held for part in job.batch.parts if tenant in (None, part.tenant))
