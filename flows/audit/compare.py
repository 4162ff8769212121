"""A page of Okta's events against one archive: what is there, what isn't, hour by hour."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.audit.archive import Archive, ArchiveUnreadable
from flows.audit.keys import hour_of
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
        trouble: Why the page could not be compared; empty where it was.
    """

    sink: str
    tenant: str
    expected: Mapping[int, int]
    missing: Documents | None = None
    repeated: Mapping[int, int] = field(default_factory=dict)
    trouble: str = ""


class Compare:
    """Compares pages with one archive.

    An event counts as missing only if a second look, at the archive as it is then, does not find it either: a live flow may be writing it.

    Args:
        sink: The sink's name.
        archive: What it has delivered.
    """

    def __init__(self, sink: str, archive: Archive) -> None:
        self._sink = sink
        self._archive = archive

    def __call__(self, documents: Documents) -> Verdict:
        """Compare what the sink should hold of a page; at least one event."""
        hours = [hour_of(head.published) for head in documents.heads]
        expected = Counter(hours)
        tenant, heads = documents.tenant, documents.heads
        try:
            copies = self._archive.copies(tenant, heads, hours)
            absent = [at for at, count in enumerate(copies) if not count]
            if absent:
                again = self._archive.copies(tenant, [heads[at] for at in absent], [hours[at] for at in absent], again=True)
                absent = [at for at, count in zip(absent, again, strict=True) if not count]
        except ArchiveUnreadable as error:
            return Verdict(self._sink, tenant, expected, trouble=str(error))
        repeated: Counter[int] = Counter()
        for hour, count in zip(hours, copies, strict=True):
            if count > 1:
                repeated[hour] += count - 1
        return Verdict(self._sink, tenant, expected, documents.take(absent) if absent else None, repeated)
