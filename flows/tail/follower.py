"""One file that somebody is writing: its new lines as they come, whatever happens to it meanwhile.

| what happens | what is done |
|---|---|
| it grows | what is new is read, up to the last whole line |
| a compressed frame is open | it is inflated as far as it goes |
| it is cut back, as a flow that resumes does, and grows again | reading goes on from the last place that is still as it was |
| it is moved or replaced, as logrotate does | the old one is read to its end, then the new one from its start |

A flow that resumes after a crash writes what it had written once more: who shows the lines knows such events by their uuids.
"""

import os
from collections import deque
from pathlib import Path
from typing import Any, Final

import zstandard
from isal import isal_zlib

from sinks.file.frames import frame_starts

__all__ = ["Follower"]

_READ_BYTES: Final = 1 << 20
_LONGEST_LINE_BYTES: Final = 64 << 20
_MARK_BYTES: Final = 64
_MARKS: Final = 256
_GZIP_WINDOW_BITS: Final = 31
_NOT_READABLE: Final[Any] = (zstandard.ZstdError, isal_zlib.error)


class Follower:
    """Follows the file at a path.

    Args:
        path: Where it is, or will be.
        skip_bytes: How much of it is old: reading begins with the first line that is not all within it.

    Attributes:
        path: Where it is.
        rewound: How often the file was found cut back or rewritten.
    """

    def __init__(self, path: str, skip_bytes: int = 0) -> None:
        self.path = path
        self.rewound = 0
        self._compression = Path(path).suffix if path.endswith((".gz", ".zst")) else ""
        self._fd = -1
        self._identity = (0, 0)
        self._position = 0
        self._last = b""
        self._rest = b""
        self._decoder: Any = None
        # Places to go back to: an offset where a line, or a frame, begins, and the bytes in front of it.
        self._marks: deque[tuple[int, bytes]] = deque(maxlen=_MARKS)
        if skip_bytes and self._open():
            self._skip(skip_bytes)

    @property
    def position(self) -> int:
        """Up to where the file has been read."""
        return self._position

    def lines(self) -> list[bytes]:
        """The whole lines that have come since the last call, without their ends."""
        found: list[bytes] = []
        if self._fd < 0 and not self._open():
            return found
        if not self._is_as_it_was():
            self._rewind()
        while data := self._read():
            found += self._split(data)
        if self._was_replaced():
            self._close()
            if self._open():
                while data := self._read():
                    found += self._split(data)
        return found

    def close(self) -> None:
        """Give the file back."""
        self._close()

    def _open(self) -> bool:
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        status = os.fstat(self._fd)
        self._identity = (status.st_dev, status.st_ino)
        self._marks.clear()
        self._go_to(0)
        return True

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _go_to(self, position: int) -> None:
        self._position = position
        self._last = self._before(position)
        self._rest = b""
        self._decoder = None
        self._mark(position)

    def _mark(self, position: int) -> None:
        """Remember a place where a line or a frame begins."""
        if not self._marks or self._marks[-1][0] < position:
            self._marks.append((position, self._before(position)))

    def _before(self, position: int) -> bytes:
        size = min(_MARK_BYTES, position)
        return os.pread(self._fd, size, position - size)

    def _skip(self, skip_bytes: int) -> None:
        """Pass over what is old. Of an open frame the lines are old as far as it can be inflated."""
        size = min(skip_bytes, os.fstat(self._fd).st_size)
        if self._compression == ".zst":
            starts, end = frame_starts(self.path)
            self._go_to(max((place for place in (*starts, end) if place <= size), default=0))
        elif not self._compression:
            self._go_to(self._end_of_line_before(size))
            return
        while self._position < size and (data := self._read(size - self._position)):
            self._split(data)

    def _end_of_line_before(self, size: int) -> int:
        end = size
        while end > 0:
            start = max(0, end - _READ_BYTES)
            place = os.pread(self._fd, end - start, start).rfind(b"\n")
            if place >= 0:
                return start + place + 1
            end = start
        return 0

    def _is_as_it_was(self) -> bool:
        """Whether what was read is still there: a flow that resumes cuts its files back, and may have written again since."""
        if os.fstat(self._fd).st_size < self._position:
            return False
        return self._before(self._position) == self._last

    def _rewind(self) -> None:
        """Go back to the last place that is as it was."""
        self.rewound += 1
        size = os.fstat(self._fd).st_size
        while self._marks:
            position, before = self._marks[-1]
            if position <= size and os.pread(self._fd, len(before), position - len(before)) == before:
                self._go_to(position)
                return
            self._marks.pop()
        self._go_to(0)

    def _was_replaced(self) -> bool:
        try:
            status = os.stat(self.path)  # noqa: PTH116 (Path.stat costs twice as much, and this is for each file, four times a second)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) != self._identity

    def _read(self, most: int = _READ_BYTES) -> bytes:
        """What is new, as it is stored."""
        data = os.pread(self._fd, min(most, _READ_BYTES), self._position)
        self._position += len(data)
        self._last = (self._last + data)[-_MARK_BYTES:]
        return data

    def _split(self, data: bytes) -> list[bytes]:
        """The whole lines of what was read."""
        text = self._inflate(data) if self._compression else self._rest + data
        *lines, self._rest = text.split(b"\n")
        if len(self._rest) > _LONGEST_LINE_BYTES:
            self._rest = b""
        if not self._compression and lines:
            self._mark(self._position - len(self._rest))
        return [line for line in lines if line]

    def _inflate(self, data: bytes) -> bytes:
        """What was left of the last line, and what the new bytes inflate to."""
        text = self._rest
        while data:
            if self._decoder is None:
                self._decoder = _new_decoder(self._compression)
            try:
                text += self._decoder.decompress(data)
            except _NOT_READABLE:
                self._decoder = None  # damaged: go on where the next frame may begin, with what comes next
                break
            data = b""
            if self._decoder.eof:
                data = self._decoder.unused_data
                self._decoder = None
                if text.endswith(b"\n") or not text:
                    self._mark(self._position - len(data))
        return text


def _new_decoder(compression: str) -> Any:
    return zstandard.ZstdDecompressor().decompressobj() if compression == ".zst" else isal_zlib.decompressobj(_GZIP_WINDOW_BITS)
