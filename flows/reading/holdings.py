"""The uuids that an archive's files hold in one window of time, 16 bytes each and by hour."""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec

from flows.reading.keys import KEY_BYTES, hour_of, key_of
from sinks.event_head import NOT_JSON, read_head
from sinks.file.archive_reader import LineReader

__all__ = ["HourCount", "Signature", "WindowHoldings", "read_window", "signature_of", "uuid_of_line"]

Signature = tuple[tuple[str, int, int, int], ...]
"""Path, inode, size in bytes and time of the last change (ns) of each file: as long as it stays the same, so does what they hold."""

_TOLD_LINES: Final = 5


class _Line(msgspec.Struct, gc=False):
    """What an audit needs of an archived event, in any format; everything else is skipped."""

    uuid: str = ""
    published: str = ""
    event: msgspec.Raw = msgspec.Raw()
    timestamp: str = msgspec.field(name="@timestamp", default="")
    metadata: msgspec.Raw = msgspec.Raw()
    time_dt: str = ""


class _EcsEvent(msgspec.Struct, gc=False):
    id: str


class _OcsfMetadata(msgspec.Struct, gc=False):
    uid: str


_LINES = msgspec.json.Decoder(_Line)
_ECS_EVENT = msgspec.json.Decoder(_EcsEvent)
_OCSF_METADATA = msgspec.json.Decoder(_OcsfMetadata)
_MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]
_USUAL_LENGTH: Final = len("2024-05-01T09:30:00.000Z")


@dataclass(frozen=True, slots=True)
class HourCount:
    """What an archive holds of one hour.

    Attributes:
        events: Lines.
        distinct: Different uuids among them.
    """

    events: int = 0
    distinct: int = 0


@dataclass(slots=True)
class WindowHoldings:
    """What the files of one window hold.

    Attributes:
        signature: The files as they were when they were read.
        packed: Hour → the uuids of its lines, 16 bytes each, in no order that matters.
        notes: What is wrong with the files, for people.
    """

    signature: Signature
    packed: dict[int, bytearray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def keys(self, hour: int) -> set[bytes]:
        """The different uuids of an hour."""
        return {key for (key,) in struct.iter_unpack(f"{KEY_BYTES}s", self.packed.get(hour, b""))}

    def repeated(self, hour: int) -> dict[bytes, int]:
        """The uuids that are there more than once, and how often."""
        counted = Counter(key for (key,) in struct.iter_unpack(f"{KEY_BYTES}s", self.packed.get(hour, b"")))
        return {key: count for key, count in counted.items() if count > 1}

    def count(self, hour: int) -> HourCount:
        """How much there is of an hour."""
        return HourCount(len(self.packed.get(hour, b"")) // KEY_BYTES, len(self.keys(hour)))


def signature_of(paths: Iterable[str]) -> Signature:
    """The files as they are now; one that has gone meanwhile is left out."""
    entries = []
    for path in paths:
        try:
            status = Path(path).stat()
        except FileNotFoundError:
            continue
        entries.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(entries)


def read_window(paths: Sequence[str], hours: range) -> WindowHoldings:
    """Read files and keep the uuids of the hours that are asked for.

    Files that are being written are read as far as they can be. Lines that hold no event are told and passed over.

    Args:
        paths: The files.
        hours: The hours since 1970 whose events are kept; files may hold others.

    Raises:
        OSError: A file can't be read.
    """
    # Taken first: what is appended while they are read changes the next one, and the files are read again.
    holdings = WindowHoldings(signature_of(paths))
    for path in paths:
        _read_file(path, hours, holdings)
    return holdings


def _read_file(path: str, hours: range, holdings: WindowHoldings) -> None:
    reader = LineReader(path)
    hour_by_text: dict[str, int | None] = {}
    line_number = damaged = 0
    told: list[int] = []
    try:
        for block in reader.blocks():
            try:
                lines: list[_Line | None] = list(_LINES.decode_lines(block))
            except NOT_JSON:
                lines = [_line(text) for text in block.splitlines() if text.strip()]
            for line in lines:
                line_number += 1
                uuid, published = ("", "") if line is None else (line.uuid, line.published)
                if line is not None and not (uuid and published):
                    uuid, published = _mapped(line)
                hour = _hour(published, hour_by_text) if uuid else None
                if hour is None:
                    damaged += 1
                    told += [line_number] if len(told) < _TOLD_LINES else []
                elif hour in hours:
                    holdings.packed.setdefault(hour, bytearray()).extend(key_of(uuid))
    except FileNotFoundError:
        return  # moved away since it was found; then its events are missing, which the comparison will say
    if damaged:
        more = ", …" if damaged > len(told) else ""
        holdings.notes.append(f"{path}: {damaged:,} lines are no events (line {', '.join(map(str, told))}{more})")
    if reader.damage:
        holdings.notes.append(f"{path}: {reader.damage}; what follows there counts as missing")


def uuid_of_line(text: bytes) -> str:
    """The uuid of an archived event, in any format; empty for a line that is none."""
    line = _line(text)
    return "" if line is None else line.uuid or _mapped(line)[0]


def _mapped(line: _Line) -> tuple[str, str]:
    """The uuid and `published` of an event in format ecs or ocsf; empty where they aren't there."""
    try:
        if line.event and line.timestamp:
            return _ECS_EVENT.decode(line.event).id, line.timestamp
        if line.metadata and line.time_dt:
            return _OCSF_METADATA.decode(line.metadata).uid, line.time_dt
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return "", ""


def _line(text: bytes) -> _Line | None:
    try:
        return _LINES.decode(text)
    except NOT_JSON:
        pass  # half an emoji; or a member of Okta's own that only has the name of another format's, such as `@timestamp`
    try:
        head = read_head(text)
    except ValueError:
        return None
    return _Line(head.uuid, head.published.isoformat())


def _hour(published: str, known: dict[str, int | None]) -> int | None:
    """The hour of a `published` as Okta writes it; an hour's texts differ behind their 13th character only."""
    if len(published) != _USUAL_LENGTH or published[-1] != "Z":
        return _parsed_hour(published)
    text = published[:13]
    if text not in known:
        if len(known) > 10_000:
            known.clear()
        known[text] = _parsed_hour(published)
    return known[text]


def _parsed_hour(published: str) -> int | None:
    try:
        # By the parser that the source reads it with, which takes other forms than the standard library's.
        return hour_of(msgspec.convert(published, _MOMENT))
    except msgspec.ValidationError:
        return None
