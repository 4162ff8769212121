"""Standard streams that take any text and outlive their reader.

A report is printed when the work is done and its result decided. That nobody reads it to its end (`| head -1`), that the streams were
closed before the program began (`>&-`), that the terminal's encoding lacks a letter of somebody's name: none of it is an error, and none
may change the exit code. A disk that is full is one: it is told at the end, and makes exit 1 of exit 0.
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

__all__ = ["nobody_reads", "output_failure", "run_command", "tolerate_any_output", "write_utf8"]

EXIT_UNWRITTEN: Final = 1
_DESCRIPTORS: Final = (0, 1, 2)


class _Tolerant(io.FileIO):
    """A descriptor's bytes; what can't be written any more is dropped, and why is remembered."""

    def __init__(self, descriptor: int, *, tells: bool) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._tells = tells
        self.gone = False
        self.failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        if not self.gone:
            try:
                written = super().write(data)
            except BrokenPipeError:
                self.gone = True
                if self._tells:
                    raise
            except OSError as error:
                self.gone = True
                self.failure = error
            else:
                # None: a pipe that doesn't block and is full, which its other side will read; the buffer tries again.
                return written if written is not None else 0
        return memoryview(data).nbytes


def tolerate_any_output(*, ends_with_reader: bool = False) -> None:
    """Put tolerant streams in the place of this process's own. Streams that somebody else has put there stay.

    To be called first of all: a descriptor that was closed goes to /dev/null, or the next file that is opened would get its number and
    then everything that is printed.

    Args:
        ends_with_reader: Whether the first write that nobody reads raises `BrokenPipeError`, once: for a command that is of use only as
            long as somebody reads it.
    """
    for descriptor in _DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123  # for life
    sys.stdout = _tolerant(sys.stdout, 1, tells=ends_with_reader)
    sys.stderr = _tolerant(sys.stderr, 2, tells=False)


def nobody_reads() -> bool:
    """Whether stdout's reader has gone: the end for a command that would print for ever."""
    raw = _raw(sys.stdout)
    return raw is not None and raw.gone


def output_failure() -> str:
    """Write out what is still in the buffers, and say why something could not be written; nothing where all was, or where nobody reads."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError):  # closed by somebody
            stream.flush()
    failures = [raw.failure for raw in (_raw(sys.stdout), _raw(sys.stderr)) if raw is not None and raw.failure is not None]
    return f"the output can't be written: {failures[0].strerror}" if failures else ""


def write_utf8(text: str) -> None:
    """Print text as UTF-8, whatever the terminal's encoding is: JSON knows no other. Half a character becomes its escape."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def run_command(main: Callable[[], int], *, ends_with_reader: bool = False) -> int:
    """Run a program's main function on tolerant streams.

    Args:
        main: Returns the exit code.
        ends_with_reader: As for `tolerate_any_output`.

    Returns:
        The exit code; 1 instead of 0 where the output could not be written.
    """
    tolerate_any_output(ends_with_reader=ends_with_reader)
    code = main()
    failure = output_failure()
    if failure:
        sys.stderr.write(f"{failure}\n")
        return code or EXIT_UNWRITTEN
    return code


def _tolerant(stream: TextIO | None, descriptor: int, *, tells: bool) -> TextIO:
    raw = _Tolerant(descriptor, tells=tells)
    if stream is None:
        return _over(raw, "utf-8", line_buffering=False)
    # No subclass: that is somebody's own, such as a test's.
    if type(stream) is not io.TextIOWrapper or _raw(stream) is not None or stream.fileno() != descriptor:
        return stream
    stream.flush()
    return _over(raw, stream.encoding, line_buffering=stream.line_buffering or stream.write_through)


def _over(raw: _Tolerant, encoding: str, *, line_buffering: bool) -> TextIO:
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=line_buffering)


def _raw(stream: TextIO) -> _Tolerant | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Tolerant) else None
