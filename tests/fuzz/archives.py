"""Archives: what a crash, a full disk or somebody else may have made of a file, read by the audit and by the search."""

import gzip
import random
import shutil
import tempfile
import zlib
from pathlib import Path

import pytest
import zstandard

from flows.reading import parts
from flows.reading.holdings import read_window, uuid_of_line
from flows.reading.plan import ArchiveFile
from flows.reading.question import Question
from flows.reading.scan import Scanner
from sinks.event_head import read_head
from sinks.file import archive_reader
from sinks.file.archive_reader import LineReader
from sinks.file.frames import frame_starts
from tests.fuzz.bodies import event
from tests.fuzz.odd import bend_bytes, one_of, value

__all__ = ["ArchiveJudge", "make"]

_TAGS = b'{"_okta_event_type":"systemLog","_okta_tenant":"acme","_okta_org":"acme.okta.com","_okta_ingested_at":"2026-03-01T12:00:00.000Z",'
_FORMS = (b"n", b"g", b"z")
_SUFFIXES = {b"n": ".ndjson", b"g": ".ndjson.gz", b"z": ".ndjson.zst"}
_MAPPED = (
    b'{"@timestamp":"2026-03-01T11:59:00.000Z","event":{"id":"e1","original":%b},"okta":{"pipeline":{"tenant":"acme"}}}',
    b'{"class_uid":3002,"time_dt":"2026-03-01T11:59:00.000Z","metadata":{"uid":"o1"},"raw_data":%b,"unmapped":{"_okta_tenant":"acme"}}',
)
_READ_BYTES = {"_READ_BYTES": 211, "_READ_COMPRESSED_BYTES": 97, "_INFLATED_BYTES": 151}
_CUT_BYTES = {"_PLAIN_BYTES": 800, "_COMPRESSED_BYTES": 400, "_FRAME_SHARE": 1}
_HOURS = range(-20_000_000, 80_000_000)


def make(rng: random.Random) -> bytes:
    """A letter for the compression, and a file."""
    lines = b""
    frames = []
    form = one_of(rng, _FORMS)
    for _ in range(1 + int(rng.random() * 3)):
        lines = b"".join(_line(rng) + b"\n" for _ in range(int(rng.random() * 4)))
        if rng.random() < 0.1:
            lines = bend_bytes(rng, lines)
        frames.append(gzip.compress(lines, 1) if form == b"g" else zstandard.compress(lines, 1) if form == b"z" else lines)
    data = b"".join(frames)
    while rng.random() < 0.15:
        data = bend_bytes(rng, data)
    return form + data


def _line(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.75:
        return _TAGS + event(rng)[1:].replace(b"\n", b" ")
    if kind < 0.9:
        return one_of(rng, _MAPPED) % value(rng).replace(b"\n", b" ")
    return value(rng).replace(b"\n", b" ")


class ArchiveJudge:
    """Reads one file after the other."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")  # a million files are nothing for a disk
        self._folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self._scanner = Scanner(Question())
        self._patched = pytest.MonkeyPatch()
        # Files of kilobytes are read and cut as those of gigabytes are.
        for module, sizes in ((archive_reader, _READ_BYTES), (parts, _CUT_BYTES)):
            for name, size_bytes in sizes.items():
                self._patched.setattr(module, name, size_bytes)

    def judge(self, data: bytes) -> str:
        """Read a file in every way there is.

        Returns:
            What came of it.

        Raises:
            AssertionError: Something didn't hold.
        """
        form, content = data[:1], data[1:]
        path = self._folder / f"2026-03-01{_SUFFIXES.get(form, '.ndjson')}"
        path.write_bytes(content)
        reader = LineReader(str(path))
        text = b"".join(reader.blocks())
        assert text[-1:] in (b"", b"\n")
        self._assert_all(form, content, text, reader)
        if form == b"z":
            starts, end = frame_starts(str(path))
            assert starts == sorted(set(starts))
            assert end <= len(content)
        lines = text.split(b"\n")[:-1]
        for line in lines:
            self._assert_read_alike(line)
        holdings = read_window([str(path)], _HOURS)
        assert sum(holdings.count(hour).events for hour in holdings.packed) <= len(lines)
        assert all(note.isprintable() for note in holdings.notes), holdings.notes
        file = ArchiveFile(path=str(path), archive="archive", tenant="acme", size_bytes=len(content))
        pieces = parts.parts_of(file)
        if not reader.damage:
            readers = [LineReader(str(path), part.start, part.end, part.before) for part in sorted(pieces, key=lambda part: part.start)]
            assert b"".join(block for each in readers for block in each.blocks()) == text, "each line is in one part"
        for part in pieces:
            found = self._scanner.scan(part)
            assert found.bad_lines + found.mute_lines + len(found.hits) <= max(found.lines, len(lines))
            assert not found.problem
        return "damage" if reader.damage else "unfinished" if reader.unfinished else "whole"

    def close(self) -> None:
        """Delete the file."""
        self._patched.undo()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _assert_all(self, form: bytes, content: bytes, text: bytes, reader: LineReader) -> None:
        """Every whole line is there, as far as the file can be read at all."""
        if form == b"g":
            whole, sound = _gunzipped(content)
        elif form == b"z":
            return
        else:
            whole, sound = content, True
        if sound:
            assert text == whole[: whole.rfind(b"\n") + 1], "each line, byte for byte"
            assert not reader.damage
        else:
            assert whole.startswith(text) or text.startswith(whole[: whole.rfind(b"\n") + 1])

    def _assert_read_alike(self, line: bytes) -> None:
        """What one reader takes for an event, all of them take for the same."""
        try:
            line.decode()
            uuid = read_head(line).uuid
        except ValueError:
            return
        assert uuid_of_line(line) == uuid, line[:300]


def _gunzipped(data: bytes) -> tuple[bytes, bool]:
    """All members by the standard library, and whether they are all whole."""
    pieces = []
    while data:
        member = zlib.decompressobj(31)
        try:
            pieces.append(member.decompress(data))
        except zlib.error:
            return b"".join(pieces), False
        if not member.eof:
            return b"".join(pieces), False
        data = member.unused_data
    return b"".join(pieces), True
