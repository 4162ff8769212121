"""A target in memory that does as it is told, and pages to give it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sinks.delivery.batch import Batch
from sinks.delivery.target import Again, Outcome
from sinks.documents import Documents, Rejected

EPOCH = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Head:
    uuid: str
    published: datetime = EPOCH
    event_type: str = "user.session.start"


def make_page(tenant: str, uuids: Sequence[str], size_bytes: int = 0) -> Documents:
    """A page of events with these uuids, each padded to a size."""
    prefix = b'{"_okta_tenant":"%s",' % tenant.encode()
    bodies = [memoryview(b'"uuid":"%s","pad":"' % uuid.encode() + b"x" * max(0, size_bytes - 40) + b'"}') for uuid in uuids]
    return Documents(
        tenant, [Head(uuid, EPOCH + timedelta(seconds=number)) for number, uuid in enumerate(uuids)], [prefix] * len(uuids), bodies
    )


def uuids(batch: Batch) -> list[str]:
    return [part.heads[index].uuid for part, index in batch.locate()]


def take_all(batch: Batch) -> Outcome:
    return Outcome(delivered=range(len(batch)))


def fail_all(batch: Batch, **details: object) -> Outcome:
    return Outcome(again=[Again(range(len(batch)), "It is down.", "Start it.", **details)])  # type: ignore[arg-type]


class ScriptedTarget:
    """Answers each batch as `answer` says; remembers what it was sent and, of that, what it took."""

    address = "http://search:9200"

    def __init__(self, answer: Callable[[Batch], Outcome] = take_all, scope_of: Callable[[str], str] | None = None) -> None:
        self.answer = answer
        self.scope_of = scope_of
        self.ready: Again | None = None
        self.sent: list[list[str]] = []
        self.taken: list[str] = []
        self.timeouts: list[float] = []
        self.closed = False
        self.changed = threading.Condition()

    def prepare(self, timeout_seconds: float) -> Again | None:
        return self.ready

    def send(self, batch: Batch, timeout_seconds: float) -> Outcome:
        names = uuids(batch)
        with self.changed:
            self.sent.append(names)
            self.timeouts.append(timeout_seconds)
            self.changed.notify_all()
        outcome = self.answer(batch)
        with self.changed:
            self.taken += [names[position] for position in outcome.delivered]
            self.changed.notify_all()
        return outcome

    def scopes(self, batch: Batch) -> Sequence[str] | None:
        return None if self.scope_of is None else [self.scope_of(uuid) for uuid in uuids(batch)]

    def close(self) -> None:
        self.closed = True

    def wait_until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 10), "waited in vain"


class CollectedLetters:
    """Dead letters in memory."""

    def __init__(self) -> None:
        self.letters: list[Rejected] = []
        self.error: Exception | None = None

    def append(self, letters: Sequence[Rejected]) -> None:
        if self.error:
            raise self.error
        self.letters += letters

    def remove(self, letters: Sequence[Rejected]) -> int:
        before = len(self.letters)
        self.letters = [letter for letter in self.letters if letter not in letters]
        return before - len(self.letters)

    @property
    def uuids(self) -> list[str | None]:
        return [letter.uuid for letter in self.letters]
