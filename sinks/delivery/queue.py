"""The batches of one sink that are not done with, in the order in which they came; those in flight keep their place. Pure.

Where order is kept each tenant has a lane, of which one batch is sent at a time, and the lanes take turns. A page is cut into batches only
as it gets its turn: of a thousand events that go one by one, whoever looks through the queue meets those that were tried and the next one.
Otherwise all tenants have one lane.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sinks.delivery.batch import Batch, size_bytes
from sinks.delivery.job import Job

__all__ = ["JobQueue"]

_OF_ALL = ""


@dataclass(slots=True, eq=False)
class _Lane:
    """Never without a batch, once it is filled.

    Attributes:
        jobs: Its batches, from the first to the last.
        pages: What is behind them, to be cut.
        uncut_bytes: How much that is.
    """

    jobs: deque[Job] = field(default_factory=deque)
    pages: deque[Iterator[Batch]] = field(default_factory=deque)
    uncut_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return self.uncut_bytes + sum(job.batch.size_bytes for job in self.jobs)

    def fill(self) -> None:
        """Cut on where the last batch was tried: behind one that fails there shall be another one to ask with."""
        while self.pages and (not self.jobs or self.jobs[-1].in_flight or self.jobs[-1].attempts):
            batch = next(self.pages[0], None)
            if batch is None:
                self.pages.popleft()
                continue
            self.uncut_bytes -= batch.size_bytes
            self.jobs.append(Job(batch))


class JobQueue:
    """Not thread-safe.

    Args:
        in_order: Whether each tenant's batches go one after another.
    """

    def __init__(self, *, in_order: bool) -> None:
        self._in_order = in_order
        # Where order is kept, lanes of which nothing was tried: alike but for their turn, so that nobody has to look through them.
        self._fresh: dict[str, _Lane] = {}
        self._tried: dict[str, _Lane] = {}
        self._successes = 0
        self._last_success: dict[str, int] = {}

    def __iter__(self) -> Iterator[Job]:
        """All batches that are cut, each tenant's from the first to the last."""
        yield from self.tried()
        for lane in self._fresh.values():
            yield from lane.jobs

    def __len__(self) -> int:
        """How many there are."""
        return sum(len(lane.jobs) for lanes in (self._fresh, self._tried) for lane in lanes.values())

    def tried(self) -> Iterator[Job]:
        """All those of which anything is known, and some others."""
        for lane in self._tried.values():
            yield from lane.jobs

    @property
    def places(self) -> int:
        """How many places they take: where order is kept a tenant has one, since only one request of it goes at a time."""
        return len(self._fresh) + len(self._tried) if self._in_order else len(self)

    def add_page(self, tenant: str, batches: Iterator[Batch], page_bytes: int) -> None:
        """Put the batches of a page of that length behind the others."""
        if not self._in_order:
            self.extend(batches)
            return
        lane = self._tried.get(tenant) or self._fresh.setdefault(tenant, _Lane())
        lane.pages.append(batches)
        lane.uncut_bytes += page_bytes
        lane.fill()
        if not lane.jobs:
            del self._fresh[tenant]

    def extend(self, batches: Iterable[Batch]) -> None:
        """Put new batches behind the others."""
        for job in map(Job, batches):
            self._tried.setdefault(self._key(job), _Lane()).jobs.append(job)

    def sends(self, job: Job) -> None:
        """It goes on its way, and the turn of its lane is over."""
        job.in_flight, job.goes_first = True, False
        self._file(self._key(job))

    def remove(self, job: Job) -> None:
        """It is done with."""
        self.replace(job, ())

    def replace(self, job: Job, rests: Sequence[Job]) -> None:
        """Put what is left of a batch in its place, so that a tenant's events keep their order."""
        key = self._key(job)
        jobs = self._tried[key].jobs if key in self._tried else self._fresh[key].jobs
        place = jobs.index(job)
        del jobs[place]
        for rest in reversed(rests):
            jobs.insert(place, rest)
        self._file(key)

    def waiting(self) -> list[Job]:
        """Those that are not in flight."""
        return [job for job in self if not job.in_flight]

    def timed(self) -> Iterator[Job]:
        """Those of them that have an end or a wait of their own, as nothing has that was never tried."""
        return (job for job in self.tried() if not job.in_flight and (job.due or job.failing_since is not None))

    def got_through(self, job: Job) -> None:
        """The target has dealt with some of it."""
        self._successes += 1
        self._last_success[job.tenant] = self._successes

    def ready(self, now: float, *, is_failing: bool = False) -> list[Job]:
        """What may be sent at a moment on the monotonic clock: where order is kept, of each tenant the first.

        Args:
            now: The moment.
            is_failing: Whether nothing gets through: then those come first of whose tenants something got through last. Where many tenants
                have an event that is too much for the target, those are likeliest to find out that it is well.
        """
        jobs: Iterable[Job] = (lane.jobs[0] for lane in self._tried.values()) if self._in_order else self.tried()
        ready = [job for job in jobs if not job.in_flight and job.due <= now]
        # Of those that are alike the first will do.
        ready += [lane.jobs[0] for lane in islice(self._fresh.values(), None if is_failing else 1)]
        if is_failing:
            ready.sort(key=lambda job: self._last_success.get(job.tenant, 0), reverse=True)
        return ready

    def held(self) -> tuple[int, int]:
        """What waits for itself, and what has to wait behind it: places and bytes."""
        if self._in_order:
            sizes = [lane.size_bytes for lane in self._tried.values() if lane.jobs[0].waits_for_itself]
        else:
            sizes = [job.batch.size_bytes for job in self.tried() if job.waits_for_itself]
        return len(sizes), sum(sizes)

    def held_of(self, tenant: str) -> tuple[float, int]:
        """What of a tenant waits for itself where batches are of many tenants: its share of them, in batches, and its bytes."""
        share, total_bytes = 0.0, 0
        for job in self.tried():
            if job.waits_for_itself:
                for part in job.batch.parts:
                    if part.tenant == tenant:
                        share += len(part) / len(job.batch)
                        total_bytes += size_bytes(part)
        return share, total_bytes

    def _key(self, job: Job) -> str:
        return job.tenant if self._in_order else _OF_ALL

    def _file(self, key: str) -> None:
        """Put a lane behind the others, now that something has changed in it; where nothing is left there is none."""
        lane = self._tried.pop(key, None) or self._fresh.pop(key)
        lane.fill()
        if lane.jobs:
            is_tried = not self._in_order or any(job.in_flight or job.attempts for job in lane.jobs)
            (self._tried if is_tried else self._fresh)[key] = lane
