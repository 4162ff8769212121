"""A page of Okta's events against one archive: what is there, what isn't, hour by hour."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.audit.archive import DELETED, HOLE, NOT_HELD, UNREADABLE, Archive
from flows.reading.file_archive import ArchiveUnreadable
from flows.reading.keys import hour_of
from sinks.documents import Documents

__all__ = ["Compare", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison of a page found.

    Attributes:
        sink: The sink's name.
        tenant: The tenant's name.
        expected: Hour (since 1970) → events of the page that the sink should hold.
        missing: The events that it doesn't hold; None where it holds them all.
        repeated: Hour → further copies of events that it holds more than once, where the archive tells that event by event.
        away: Hour and reason (of `NOT_HELD`) → events whose day is not held any more, and which nobody wants repaired.
        unchecked: Hour → events that could not be compared.
        trouble: Why; empty where all were.
    """

    sink: str
    tenant: str
    expected: Mapping[int, int]
    missing: Documents | None = None
    repeated: Mapping[int, int] = field(default_factory=dict)
    away: Mapping[tuple[int, str], int] = field(default_factory=dict)
    unchecked: Mapping[int, int] = field(default_factory=dict)
    trouble: str = ""


class Compare:
    """Compares pages with one archive.

    An event counts as missing only if a second look, at the archive as it is then, does not find it either: a live flow may be writing it.

    Args:
        sink: The sink's name.
        archive: What it has delivered.
        wants_deleted: Whether days that were deleted count as missing. Closed ones never do: nobody can write there.
    """

    def __init__(self, sink: str, archive: Archive, *, wants_deleted: bool = False) -> None:
        self._sink = sink
        self._archive = archive
        self._missing = frozenset({0, DELETED, HOLE}) if wants_deleted else frozenset({0})

    def __call__(self, documents: Documents) -> Verdict:
        """Compare what the sink should hold of a page; at least one event."""
        hours = [hour_of(head.published) for head in documents.heads]
        expected = Counter(hours)
        tenant, heads = documents.tenant, documents.heads
        try:
            copies = list(self._archive.copies(tenant, heads, hours))
            absent = [at for at, count in enumerate(copies) if not count]
            if absent:
                again = self._archive.copies(tenant, [heads[at] for at in absent], [hours[at] for at in absent], again=True)
                for at, count in zip(absent, again, strict=True):
                    copies[at] = count
        except ArchiveUnreadable as error:
            return Verdict(self._sink, tenant, expected, unchecked=expected, trouble=str(error))
        missing = [at for at, count in enumerate(copies) if count in self._missing]
        repeated: Counter[int] = Counter()
        away: Counter[tuple[int, str]] = Counter()
        unchecked: Counter[int] = Counter()
        trouble = ""
        for head, hour, count in zip(heads, hours, copies, strict=True):
            if count > 1:
                repeated[hour] += count - 1
            elif count == UNREADABLE:
                unchecked[hour] += 1
                trouble = trouble or self._archive.trouble(tenant, head)
            elif count < 0 and count not in self._missing:
                away[hour, NOT_HELD[count]] += 1
        return Verdict(self._sink, tenant, expected, documents.take(missing) if missing else None, repeated, away, unchecked, trouble)
