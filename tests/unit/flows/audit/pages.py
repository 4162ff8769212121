"""Events, pages and archives of a test's own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from flows.audit.records import Lost
from flows.reading.file_archive import ArchiveUnreadable
from flows.reading.holdings import HourCount
from sinks.documents import DocumentHead, Documents

START = datetime(2026, 5, 10, 8, tzinfo=UTC)
HOUR = int(START.timestamp()) // 3600


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def head(number: int, hour: float = 0.5) -> Lost:
    """An event so many hours behind the start."""
    return Lost(uuid_of(number), START + timedelta(hours=hour), "user.session.start")


def page(*heads: Lost, tenant: str = "acme") -> Documents:
    return Documents(tenant, list(heads), [b'{"_okta_tenant":"acme",'] * len(heads), [b'"uuid":"%s"}' % one.uuid.encode() for one in heads])


def line(one: Lost) -> bytes:
    """As a flow archives it."""
    published = one.published.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"_okta_tenant": "acme", "uuid": one.uuid, "published": published, "eventType": one.event_type}) + b"\n"


@dataclass
class FakeArchive:
    """Holds what it is told to, and more from the second look on."""

    held: list[str]
    later: Sequence[str] = ()
    unreadable: str = ""
    hours: Mapping[int, HourCount] | None = None
    counts_exactly: bool = False
    asked: list[tuple[list[str], bool]] = field(default_factory=list)

    def copies(self, tenant: str, heads: Sequence[DocumentHead], hours: Sequence[int], *, again: bool = False) -> Sequence[int]:
        self.asked.append(([one.uuid for one in heads], again))
        if self.unreadable:
            raise ArchiveUnreadable(self.unreadable)
        there: Iterable[str] = [*self.held, *self.later] if again else self.held
        return [list(there).count(one.uuid) for one in heads]

    def trouble(self, tenant: str, head: DocumentHead) -> str:
        return self.unreadable

    def counts(self, tenant: str, hours: range) -> Mapping[int, HourCount] | None:
        if self.unreadable:
            raise ArchiveUnreadable(self.unreadable)
        return self.hours

    def notes(self) -> Sequence[str]:
        return ["a note"]
