"""Which files may hold what is asked for, told by their paths alone."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from glob import glob, has_magic
from math import inf
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple

from flows.reading.archives import Archive
from sinks.file.archive_files import split_ending

__all__ = ["ArchiveFile", "Wanted", "find_files", "in_order"]

SLACK_SECONDS: Final = 6 * 3600
"""How far beyond the span that its path says a file is still read: a file that somebody has put together or named by another clock."""

_HOUR_SECONDS: Final = 3600
_DAY_SECONDS: Final = 24 * _HOUR_SECONDS
# `other`: what Okta published at a time that can't be, see the file sink.
_DATE: Final = r"(?P<date>\d{4}-\d{2}-\d{2}|other)"
_HOUR: Final = r"(?P<hour>\d{2}|other)"
_TENANT: Final = r"(?P<tenant>[a-z0-9][a-z0-9_-]{0,62})"
_PLACEHOLDERS: Final = {"{tenant}": _TENANT, "{date}": _DATE, "{hour}": _HOUR}
_PIECES: Final = re.compile(r"(\{tenant\}|\{date\}|\{hour\})")
# Beside the flow's files stand those of backfills and repairs, and what somebody rotated or compressed later.
_MARKER: Final = r"(?:\.(?!unfinished$)[A-Za-z0-9_-]+)?"
_LATER: Final = r"(?:\.\d{1,4})?(?:\.gz|\.zst)?"
_ENDINGS: Final = re.compile(r"\.(?:ndjson|jsonl|json|log)(?:\.\d{1,4})?(?:\.gz|\.zst)?$")
_MARKED: Final = re.compile(r"\.(?:backfill|audit-[^.]*)\.")
_DATE_IN_NAME: Final = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What files are looked for.

    Attributes:
        since: The first moment, in seconds since 1970.
        until: The moment after the last.
        tenants: Only these; all where it is empty.
    """

    since: float = -inf
    until: float = inf
    tenants: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file that may hold events.

    Attributes:
        path: Where it is.
        archive: The name of its archive.
        tenant: Whose events it holds; empty where the path doesn't say.
        start, end: Between which moments they were published (seconds since 1970); infinite where the path doesn't say.
        size_bytes: How long it is now.
        is_live: Whether it is the flow's own, written in the order of arrival.
    """

    path: str
    archive: str
    tenant: str = ""
    start: float = -inf
    end: float = inf
    size_bytes: int = 0
    is_live: bool = True


def find_files(archives: Sequence[Archive], wanted: Wanted) -> tuple[list[ArchiveFile], list[str]]:
    """The files that are there now, each once, and what is wrong with paths that can't be looked at."""
    found: dict[str, ArchiveFile] = {}
    problems: list[str] = []
    for archive in archives:
        for path, known, is_live in _of_template(archive, wanted, problems) if archive.is_template else _of_path(archive, problems):
            if path in found or not _may_hold(known, wanted):
                continue
            try:
                status = os.stat(path)  # noqa: PTH116 (as below)
            except OSError as error:
                problems.append(f"{path}: {error.strerror}")
                continue
            if S_ISREG(status.st_mode):
                found[path] = ArchiveFile(path, archive.name, known.tenant, known.start, known.end, status.st_size, is_live)
    return list(found.values()), problems


def in_order(files: Sequence[ArchiveFile]) -> list[ArchiveFile]:
    """Those that may hold the newest events first."""
    return sorted(files, key=lambda file: (-file.end, file.path))


class _Known(NamedTuple):
    """What the beginning of a path says."""

    tenant: str = ""
    start: float = -inf
    end: float = inf


_Candidate = tuple[str, _Known, bool]


def _may_hold(known: _Known, wanted: Wanted) -> bool:
    in_time = known.end + SLACK_SECONDS > wanted.since and known.start - SLACK_SECONDS < wanted.until
    return in_time and (not wanted.tenants or not known.tenant or known.tenant in wanted.tenants)


def _of_template(archive: Archive, wanted: Wanted, problems: list[str]) -> Iterator[_Candidate]:
    parts = Path(archive.template).parts
    yield from _walk(parts[0], parts[1:], _Known(), wanted, problems)


def _walk(folder: str, parts: Sequence[str], known: _Known, wanted: Wanted, problems: list[str]) -> Iterator[_Candidate]:
    """Go down a template's path, into folders that may hold what is wanted only.

    With texts for paths: there may be a hundred thousand of them, and somebody waits for the first row.
    """
    part, *rest = parts
    if rest and not _PIECES.search(part):
        yield from _walk(os.path.join(folder, part), rest, known, wanted, problems)  # noqa: PTH118
        return
    pattern = _pattern(part, is_last=not rest)
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        problems.append(f"{folder}: {error.strerror}")
        return
    for name in names:
        match = pattern.fullmatch(name)
        here = None if match is None else _narrowed(known, match)
        if match is None or here is None or not _may_hold(here, wanted):
            continue
        path = os.path.join(folder, name)  # noqa: PTH118
        if rest:
            yield from _walk(path, rest, here, wanted, problems)
        else:
            yield path, here, not match["marker"]


def _pattern(part: str, *, is_last: bool) -> re.Pattern[str]:
    """What a name in the place of this part of the path looks like; a placeholder that stands there twice is the same both times."""
    stem, ending, _ = split_ending(part) if is_last else (part, "", "")
    seen: set[str] = set()
    text = ""
    for piece in _PIECES.split(stem):
        text += f"(?P={piece[1:-1]})" if piece in seen else _PLACEHOLDERS.get(piece, re.escape(piece))
        seen |= {piece} & _PLACEHOLDERS.keys()
    return re.compile(f"{text}(?P<marker>{_MARKER}){re.escape(ending)}{_LATER}" if is_last else text)


def _narrowed(known: _Known, match: re.Match[str]) -> _Known | None:
    """What the path says up to here; None where it says two things."""
    groups = match.groupdict()
    tenant, start, end = known
    found = groups.get("tenant") or ""
    if found and tenant and found != tenant:
        return None
    date, hour = groups.get("date"), groups.get("hour")
    if date and date != "other":
        first = _start_of(date)
        if first is None:
            return None
        start, end = first, first + _DAY_SECONDS
    if hour and hour != "other" and start != -inf:
        start += int(hour) * _HOUR_SECONDS - start % _DAY_SECONDS
        end = start + _HOUR_SECONDS
    return _Known(found or tenant, start, end)


@cache
def _start_of(date: str) -> float | None:
    try:
        return datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _of_path(archive: Archive, problems: list[str]) -> Iterator[_Candidate]:
    path = Path(archive.template)
    names: list[Path]
    if path.is_dir():
        names = sorted(inner for inner in path.rglob("*") if _ENDINGS.search(inner.name))
    elif path.exists():
        names = [path]
    elif has_magic(archive.template):
        names = [Path(name) for name in sorted(glob(archive.template, recursive=True))]  # noqa: PTH207 (an absolute pattern)
    else:
        names = []
    if not names:
        problems.append(f"{archive.name}: there is no such file")
    for name in names:
        dates = _DATE_IN_NAME.findall(name.name)
        start = _start_of(dates[0]) if len(dates) == 1 else None
        if start is None:
            yield str(name), _Known(), False
        else:
            yield str(name), _Known("", start, start + _DAY_SECONDS), not _MARKED.search(name.name)
