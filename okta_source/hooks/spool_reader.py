"""The flow's side of the spool: reads a tenant's deliveries from a position on. Reads only, so any number of processes may."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from okta_source.hooks.frame import Frame, read_frames
from okta_source.hooks.segments import Position, is_segment, resume_at

__all__ = ["SpoolReader"]

PIECE_BYTES: Final = 256 * 1024
"""Read at once, unless a single delivery is larger."""
_SETTLED_SECONDS: Final = 1.0
"""A folder that changed this long before it was listed can't have changed within the same tick of its clock since."""


class SpoolReader:
    """One tenant's spool, while the receiver writes to it.

    What is missing or damaged is stepped over: polling brings it. A torn end is waited for in the newest segment alone.

    Args:
        folder: The tenant's folder, which need not exist yet.
        position: Where to go on.
        now: The clock that the file system uses, epoch seconds.
    """

    def __init__(self, folder: Path, position: Position, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now
        self._names: Sequence[str] = ()
        self._listed: tuple[int, float] | None = None
        self.position = position
        self.damaged = 0
        """How often something had to be stepped over."""

    def read(self) -> tuple[Frame, ...]:
        """The next deliveries, about a quarter of a megabyte of them; none where there are none, which costs two `stat`s."""
        self._list()
        while (place := resume_at(self.position, self._names)) is not None:
            self.position = place
            newest = place.segment == self._names[-1]
            frames, at_end = self._read_segment(place, newest=newest)
            if frames or newest or not at_end:
                return frames
            self.position = Position(self._names[self._names.index(place.segment) + 1])
        return ()

    def size_bytes(self) -> int:
        """Of all segments, read or not."""
        total = 0
        for name in self._names:
            try:
                total += (self._folder / name).stat().st_size
            except OSError:
                continue
        return total

    def _list(self) -> None:
        """Know the segments. They are listed before the present one is read: nothing is appended to it once there is a later one."""
        try:
            changed_ns = self._folder.stat().st_mtime_ns
            if self._listed is not None and self._listed[0] == changed_ns and self._listed[1] - changed_ns / 1e9 > _SETTLED_SECONDS:
                return
            now = self._now()
            self._names = sorted(path.name for path in self._folder.iterdir() if is_segment(path.name))
            self._listed = changed_ns, now
        except OSError:
            self._names, self._listed = (), None

    def _read_segment(self, place: Position, *, newest: bool) -> tuple[tuple[Frame, ...], bool]:
        """The frames from a position on, and whether that was all of the segment."""
        path = self._folder / place.segment
        try:
            size = path.stat().st_size
            if size == place.offset:
                return (), True
            # Cut short by somebody since: from its start, where what comes again is recognised.
            offset = place.offset if size > place.offset else 0
            with path.open("rb") as file:
                file.seek(offset)
                piece = file.read(PIECE_BYTES)
                found = read_frames(piece)
                if not found.frames and found.wanted_bytes > len(piece):
                    piece += file.read(found.wanted_bytes - len(piece))
                    found = read_frames(piece)
        except OSError:
            # Deleted in this moment, or not readable: the next look tells.
            self._listed = None
            return (), not newest
        self.damaged += found.damaged
        at_end = offset + len(piece) >= size
        torn = at_end and not newest and found.used_bytes < len(piece)
        self.damaged += torn
        used = len(piece) if torn else found.used_bytes
        self.position = Position(place.segment, offset + used)
        return found.frames, at_end
