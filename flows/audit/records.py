"""What an audit notes down of each page, as lines of a file a tenant: exactly once across crashes, since the file sink writes them.

| line | means |
|---|---|
| `{"sink","hour","events","missing","repeated"}` | so many events of a page belong to that hour; `missing` of them were not there |
| `{"sink","hour","events","trouble"}` | they could not be compared |
| `{"sink","hour","away","why"}` | of those of the first kind: their day is not held any more |
| `{"sink","lost","published","type"}` | one that was missing, by its uuid |
| `{"slice","malformed"}` | a span of time is complete |
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from flows.audit.compare import Verdict
from flows.reading.keys import hour_of
from okta_source.history import SliceDone
from sinks.documents import DocumentHead, Documents, rfc3339

__all__ = ["Lost", "Record", "read_records", "records_of", "slice_record"]


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """A line, of any of the kinds."""

    sink: str = ""
    hour: int = 0
    events: int = 0
    missing: int = 0
    repeated: int = 0
    trouble: str = ""
    away: int = 0
    why: str = ""
    lost: str = ""
    published: datetime | None = None
    type: str = ""
    slice: str = ""
    malformed: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """An event that was missing; has what sinks look at.

    Attributes:
        uuid: Okta's id of it.
        published: When it happened.
        event_type: What happened.
    """

    uuid: str
    published: datetime
    event_type: str


def records_of(verdict: Verdict, now: datetime) -> Documents:
    """A page's lines, ready for a file sink."""
    missing: Counter[int] = Counter()
    lines: list[Record] = []
    heads: Iterable[DocumentHead] = verdict.missing.heads if verdict.missing else ()
    for head in heads:
        missing[hour_of(head.published)] += 1
        lines.append(Record(sink=verdict.sink, lost=head.uuid, published=head.published.astimezone(UTC), type=head.event_type))
    for hour, events in verdict.expected.items():
        unchecked = verdict.unchecked.get(hour, 0)
        if events > unchecked:
            lines.append(Record(verdict.sink, hour, events - unchecked, missing[hour], verdict.repeated.get(hour, 0)))
        if unchecked:
            lines.append(Record(verdict.sink, hour, unchecked, trouble=verdict.trouble))
    lines += [Record(verdict.sink, hour, away=events, why=why) for (hour, why), events in verdict.away.items()]
    return _documents(verdict.tenant, lines, now)


def slice_record(done: SliceDone, now: datetime) -> Documents:
    """The line of a span that is complete."""
    malformed = sum(counts.malformed for counts in done.hours.values())
    return _documents(done.slice.tenant, [Record(slice=done.slice.key, malformed=malformed)], now)


def read_records(folder: Path, tenant: str) -> Iterator[Record]:
    """A tenant's lines in their order; none where nothing was noted yet.

    Raises:
        OSError: They can't be read.
    """
    try:
        with (folder / f"{tenant}.ndjson").open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield _RECORD.decode(line)
    except FileNotFoundError:
        return


_RECORD = msgspec.json.Decoder(Record)


def _documents(tenant: str, lines: list[Record], now: datetime) -> Documents:
    # A file sink asks each document when it happened, for its path and its metrics: these happen now.
    bodies = [msgspec.json.encode(line)[1:] for line in lines]
    return Documents(tenant, [Lost(rfc3339(now), now, "audit")] * len(lines), [b"{"] * len(lines), bodies)
