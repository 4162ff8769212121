"""Deletes files of a file sink that have grown older than they are to be kept.

A file's age is that of the date (and hour) in its path, never what the file system says: a file may be copied, compressed or restored. With
it go those that others have put beside (a backfill's, an audit's repairs) or made of it (compressed later). What a date can't be read
from, such as `other`, stays.
"""

import glob
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sinks.file.archive_files import split_ending

__all__ = ["Keeper"]

_LOG = logging.getLogger(__name__)
_SWEEP_SECONDS: Final = 600.0
_PLACEHOLDER: Final = re.compile(r"\{(tenant|date|hour)\}")
_GLOBS: Final = {"date": "????-??-??", "hour": "??"}
_FORMS: Final = {"date": r"\d{4}-\d{2}-\d{2}", "hour": r"\d{2}"}
_MADE_OF_IT: Final = r"(?:\.gz|\.zst)?(?:\.unfinished)?"


class Keeper:
    """Looks after one sink's files.

    Args:
        sink_name: For the log.
        template: The sink's path, absolute, with a date in it and the ending of its compression.
        tenants: Whose files are looked at; those of others are never touched.
        keep: How long files are kept.
        markers: What others put before the ending of files beside, as globs: `backfill`, `audit-*`.
        clock: The present, with a time zone.
    """

    def __init__(
        self,
        sink_name: str,
        template: str,
        tenants: Sequence[str],
        keep: timedelta,
        *,
        markers: Sequence[str] = (),
        clock: Callable[[], datetime],
    ) -> None:
        self._sink = sink_name
        self._tenants = tenants
        self._keep = keep
        self._clock = clock
        self._stem, self._ending, _ = split_ending(template)
        self._beside = "|".join(re.escape(marker).replace(r"\*", "[^./]*") for marker in markers)
        self._started = False

    def start(self) -> None:
        """Sweep now and every ten minutes, on a thread that ends with the process; once."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._sweep_for_ever, name=f"okta-keep-{self._sink}", daemon=True).start()

    def sweep(self) -> None:
        """Delete what is too old, with a line for each file."""
        for tenant in self._tenants:
            pattern = self._pattern(tenant)
            for path in self._candidates(tenant):
                match = pattern.fullmatch(path)
                if match and self._is_over(match):
                    self._delete(path, tenant)

    def has_expired(self, tenant: str, path: str) -> bool:
        """Whether a file is one that a sweep deletes, or has deleted."""
        match = self._pattern(tenant).fullmatch(path)
        return match is not None and self._is_over(match)

    def _sweep_for_ever(self) -> None:
        while True:
            try:
                self.sweep()
            except OSError as error:
                _LOG.warning("sink %s: its files could not be looked through for old ones: %s", self._sink, error)
            time.sleep(_SWEEP_SECONDS)

    def _candidates(self, tenant: str) -> list[str]:
        values = {"tenant": glob.escape(tenant), **_GLOBS}
        pieces = _PLACEHOLDER.split(self._stem)
        pattern = "".join(values[piece] if number % 2 else glob.escape(piece) for number, piece in enumerate(pieces))
        return sorted(glob.glob(f"{pattern}*", include_hidden=True))  # noqa: PTH207  # a pattern, absolute

    def _pattern(self, tenant: str) -> re.Pattern[str]:
        seen: set[str] = set()

        def value(name: str) -> str:
            if name == "tenant":
                return re.escape(tenant)
            if name in seen:
                return f"(?P={name})"
            seen.add(name)
            return f"(?P<{name}>{_FORMS[name]})"

        pieces = _PLACEHOLDER.split(self._stem)
        stem = "".join(value(piece) if number % 2 else re.escape(piece) for number, piece in enumerate(pieces))
        beside = rf"(?:\.(?:{self._beside}))?" if self._beside else ""
        return re.compile(stem + beside + re.escape(self._ending) + _MADE_OF_IT)

    def _is_over(self, match: re.Match[str]) -> bool:
        """Whether the last moment that the path stands for is older than what is kept."""
        values = match.groupdict()
        try:
            begin = datetime.strptime(f"{values['date']} {values.get('hour', '00')}", "%Y-%m-%d %H").replace(tzinfo=UTC)
        except ValueError:
            return False
        length = timedelta(hours=1) if "hour" in values else timedelta(days=1)
        return begin + length <= self._clock() - self._keep

    def _delete(self, path: str, tenant: str) -> None:
        try:
            Path(path).unlink()
        except FileNotFoundError:
            return  # another process of the cluster was first
        except OSError as error:
            _LOG.warning("sink %s: %s is older than %s and can't be deleted: %s", self._sink, path, _words(self._keep), error.strerror)
            return
        _LOG.info("sink %s: deleted %s, older than %s", self._sink, path, _words(self._keep))
        with suppress(OSError):  # something else is in it
            for folder in self._emptied(path, tenant):
                folder.rmdir()

    def _emptied(self, path: str, tenant: str) -> Iterator[Path]:
        """The folders that are named after the date: nothing else will ever be in them."""
        template, folder = Path(self._stem.replace("{tenant}", tenant)).parent, Path(path).parent
        while "{" in str(template):
            yield folder
            template, folder = template.parent, folder.parent


def _words(keep: timedelta) -> str:
    hours = int(keep.total_seconds()) // 3600
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
