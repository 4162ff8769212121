"""Which files of a file sink hold a tenant's events of a span of time: the flow's own, and those that other runs have put beside them.

Nothing but the main flow may write to the main flow's files, since it cuts them back when it resumes. So whatever else delivers to a file
sink writes beside, with a marker before the ending: beside `2026-11-22.ndjson` stand `2026-11-22.backfill.ndjson` and, for each audit that
had something to repair, `2026-11-22.audit-20261123T060000Z.ndjson`.
"""

import glob
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from sinks.file.compression import SUFFIXES, Compression
from sinks.paths import PathTemplate

__all__ = ["ArchiveFiles", "beside", "split_ending"]

_HOUR_SECONDS = 3600
_HOURS_A_DAY = 24
_ENDINGS = re.compile(r"(?P<ending>(?:\.(?!gz$|zst$)[A-Za-z][A-Za-z0-9]*)?)(?P<compression>\.gz|\.zst)?$")
# Stands in no path: the configuration takes printable characters only.
_GAP = "\0"


def beside(template: str, marker: str) -> str:
    """The template of the files beside: `data/{date}.ndjson.gz` and `audit-1` give `data/{date}.audit-1.ndjson.gz`."""
    stem, ending, compression = split_ending(template)
    return f"{stem}.{marker}{ending}{compression}"


class ArchiveFiles:
    """Finds a file sink's files.

    A file that somebody has compressed after it was written (`….ndjson.gz`) counts like the one that it was made of.

    Args:
        template: The sink's path, absolute.
        compression: The sink's compression.
        markers: What others put before the ending of their files, as globs: `backfill`, `audit-*`.
        without: The marker of files that don't count.
    """

    def __init__(self, template: str, compression: Compression, markers: Sequence[str], without: str = "") -> None:
        text = PathTemplate(template, SUFFIXES[compression]).text
        stem, ending, own_compression = split_ending(text)
        self._template = PathTemplate(stem + _GAP + ending)
        self._compressions = list(dict.fromkeys([own_compression, "", ".gz", ".zst"]))
        self._markers = markers
        self._without = f".{without}."

    def window(self, hour: int) -> range:
        """The hours (since 1970) that are read together: one where the path has `{date}` and `{hour}`, otherwise the UTC day.

        Args:
            hour: One of them.
        """
        if {"date", "hour"} <= self._template.names:
            return range(hour, hour + 1)
        first = hour - hour % _HOURS_A_DAY
        return range(first, first + _HOURS_A_DAY)

    def existing(self, tenant: str, hours: range) -> list[str]:
        """The files that are there now and may hold events of these hours; each once, the flow's own first.

        Args:
            tenant: The tenant's name.
            hours: Hours since 1970.
        """
        moments = (datetime.fromtimestamp(hour * _HOUR_SECONDS, UTC) for hour in hours)
        rendered = dict.fromkeys(self._template.render(tenant, moment) for moment in moments)
        rendered[self._template.render(tenant, None)] = None  # an event of two days ahead lies there still when its time has come
        return [found for path in rendered for found in self._found(*path.split(_GAP))]

    def _found(self, stem: str, ending: str) -> Iterator[str]:
        for compression in self._compressions:
            if Path(path := f"{stem}{ending}{compression}").is_file():
                yield path
        folder, name = Path(stem).parent, glob.escape(Path(stem).name)
        for marker, compression in product(self._markers, self._compressions):
            for found in sorted(folder.glob(f"{name}.{marker}{glob.escape(ending + compression)}")):
                if self._without == ".." or self._without not in f"{found.name}.":
                    yield str(found)


def split_ending(path: str) -> tuple[str, str, str]:
    """A path, or its template, as what stands before its ending, the ending, and that of its compression."""
    match = _ENDINGS.search(path)
    if match is None:  # the pattern matches the empty text too
        return path, "", ""
    return path[: match.start()], match["ending"], match["compression"] or ""
