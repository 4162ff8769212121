"""All files of some archives: which there are, and the lines that come into any of them."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from flows.reading.archives import Archive
from flows.reading.plan import ArchiveFile, Wanted, find_files
from flows.tail.follower import Follower
from sinks.paths import PathTemplate

__all__ = ["Watcher"]

_LOOK_SECONDS: Final = 0.4
_LOOK_SHARE: Final = 20  # looking for files takes a twentieth of the time at most
_RECENT_SECONDS: Final = 48 * 3600
_MOST_OPEN: Final = 512


class Watcher:
    """Watches archives.

    Of files that are days old only the size is watched, until it changes: nobody needs a thousand open files.

    Args:
        archives: What to watch.
        tenants: Only their files; all where it is empty.
        names: The tenants that there may be, for whose new files it is looked often.
        clock: Seconds that only grow.
    """

    def __init__(
        self, archives: Sequence[Archive], tenants: frozenset[str], names: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._archives = archives
        self._wanted = Wanted(tenants=tenants)
        self._templates = [PathTemplate(archive.template) for archive in archives if archive.is_template]
        self._names = names
        self._clock = clock
        self._followers: dict[str, Follower] = {}
        self._tenants: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._next_look = 0.0
        self.problems: list[str] = []
        self.files = self._begin()

    @property
    def followed(self) -> int:
        """How many files are open."""
        return len(self._followers)

    def recent(self) -> list[ArchiveFile]:
        """The files that may hold the newest of what was there at the start."""
        newest = max((file.end for file in self.files if file.start > float("-inf")), default=0.0)
        return [file for file in self.files if file.end > newest - _RECENT_SECONDS]

    def lines(self) -> list[tuple[str, bytes]]:
        """What has come since the last call: the tenant that the path names, and the line."""
        if self._clock() >= self._next_look:
            self._look()
        found = []
        for path, follower in list(self._followers.items()):
            try:
                lines = follower.lines()
            except OSError as error:
                self.problems.append(f"{path}: {error.strerror}")
                follower.close()
                del self._followers[path]
                continue
            found += [(self._tenants.get(path, ""), line) for line in lines]
        return found

    def close(self) -> None:
        """Give all files back."""
        for follower in self._followers.values():
            follower.close()

    def _begin(self) -> list[ArchiveFile]:
        files, self.problems = find_files(self._archives, self._wanted)
        self._sizes = {file.path: file.size_bytes for file in files}
        self.files = files
        for file in self.recent():
            if len(self._followers) < _MOST_OPEN:
                self._follow(file, file.size_bytes)
        return files

    def _look(self) -> None:
        started = self._clock()
        for file in find_files(self._archives, self._wanted)[0]:
            before = self._sizes.get(file.path, 0)
            if file.path not in self._followers and file.size_bytes != before:
                self._follow(file, min(before, file.size_bytes))
            self._sizes[file.path] = file.size_bytes
        self._close_idle()
        self._next_look = self._clock() + max(_LOOK_SECONDS, _LOOK_SHARE * (self._clock() - started))

    def _follow(self, file: ArchiveFile, skip_bytes: int) -> None:
        try:
            self._followers[file.path] = Follower(file.path, skip_bytes)
        except OSError as error:
            self.problems.append(f"{file.path}: {error.strerror}")
            return
        self._tenants[file.path] = file.tenant

    def _close_idle(self) -> None:
        """Of too many open files give back those that have been open longest, unless they are today's."""
        if len(self._followers) <= _MOST_OPEN:
            return
        now = datetime.now(UTC)
        current = {template.render(name, now) for template in self._templates for name in self._names}
        for path in [path for path in self._followers if path not in current][: len(self._followers) - _MOST_OPEN]:
            follower = self._followers.pop(path)
            self._sizes[path] = follower.position
            follower.close()
