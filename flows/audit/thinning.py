"""Takes out of the files beside a flow's own what those hold already.

A flow's own files are never touched: it cuts them back to sizes that it remembers. What a backfill or an audit's repair has put beside them
belongs to nobody once that has ended, and may be written anew without the copies.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.reading.holdings import uuid_of_line
from flows.reading.keys import key_of
from sinks.durable import sync_directory
from sinks.file.archive_reader import LineReader
from sinks.file.compression import Compression, new_encoder

__all__ = ["Thinned", "thin"]

_QUIET_SECONDS: Final = 60.0
_COMPRESSIONS: Final[dict[str, Compression]] = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True, slots=True)
class Thinned:
    """What became of a file.

    Attributes:
        path: The file.
        copies: Lines of it that the files before it hold already.
        left: Why it was left as it was, although there are some; empty where nothing speaks against it.
    """

    path: str
    copies: int
    left: str = ""


def thin(own: Sequence[str], beside: Sequence[str], *, dry_run: bool, now: Callable[[], float] = time.time) -> Iterator[Thinned]:
    """Take copies out of the files of one window of time.

    Args:
        own: The flow's own files, which are only read.
        beside: Those that others have put there; of two that hold the same, the first keeps it.
        dry_run: Whether to change nothing.
        now: Epoch seconds.

    Yields:
        Each file beside that holds copies.

    Raises:
        OSError: A file can't be read or written.
    """
    seen: set[bytes] = set()
    for path in own:
        seen.update(key for key in map(_key, _lines(LineReader(path))) if key)
    for path in beside:
        reader = LineReader(path)
        before = Path(path).stat()
        mine = set(seen)
        copies = 0
        for line in _lines(reader):
            key = _key(line)
            copies += key in mine
            if key:
                mine.add(key)
        if copies:
            left = reader.damage or ("it ends in the middle of a line or frame" if reader.unfinished else "")
            if not left and now() - before.st_mtime < _QUIET_SECONDS:
                left = "it was written less than a minute ago: wait for the end of whatever writes it"
            if not left and not dry_run:
                _write_without(path, seen, before)
            yield Thinned(path, copies, left)
        seen = mine


def _write_without(path: str, seen: Iterable[bytes], before: os.stat_result) -> None:
    """Write a file anew without copies, durably: whatever happens, there is the old one or the new one."""
    place = Path(path)
    compression = _COMPRESSIONS.get(place.suffix, "none")
    temporary = place.with_name(f".{place.name}.mend")
    gone = set(seen)
    encoder = new_encoder(compression)
    kept = 0
    try:
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), before.st_mode & 0o7777)
            for line in _lines(LineReader(path)):
                key = _key(line)
                if key in gone:
                    continue
                if key:
                    gone.add(key)
                kept += 1
                file.write(encoder.compress(line) if encoder else line)
            if encoder:
                file.write(encoder.flush())
            file.flush()
            os.fsync(file.fileno())
        after = place.stat()
        if (after.st_ino, after.st_size, after.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
            message = "it has changed meanwhile"
            raise OSError(0, message, path)
        if kept:
            temporary.replace(place)
        else:
            place.unlink()
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(place.parent)


def _lines(reader: LineReader) -> Iterator[bytes]:
    for block in reader.blocks():
        yield from block.splitlines(keepends=True)


def _key(line: bytes) -> bytes | None:
    uuid = uuid_of_line(line)
    return key_of(uuid) if uuid else None
