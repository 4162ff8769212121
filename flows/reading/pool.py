"""Processes that scan parts of files, each a part at a time."""

import contextlib
import multiprocessing
import os
import signal
import warnings
from collections.abc import Generator, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from flows.reading.parts import Part
from flows.reading.question import Question
from flows.reading.scan import Found, Scanner

__all__ = ["WorkerLost", "cores", "scan_all"]

_METHOD: Final = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"


class WorkerLost(Exception):  # noqa: N818 (it names what happened)
    """A process ended in the middle of its work, such as one that the kernel took for want of memory."""


def scan_all(question: Question, parts: Iterable[Part], processes: int) -> Generator[tuple[Part, Found], None, None]:
    """Scan parts, begun in their order and told as they are done.

    Args:
        question: What is looked for.
        parts: What to scan.
        processes: How many parts at once; with 1 it happens here.

    Raises:
        WorkerLost: A process ended.
    """
    if processes <= 1:
        scanner = Scanner(question)
        for part in parts:
            yield part, scanner.scan(part)
        return
    with contextlib.ExitStack() as stack:
        yield from _spread(question, iter(parts), processes, stack)


def _spread(
    question: Question, parts: Iterator[Part], processes: int, stack: contextlib.ExitStack
) -> Generator[tuple[Part, Found], None, None]:
    context = multiprocessing.get_context(_METHOD)
    busy: dict[Connection, Part] = {}
    for _ in range(processes):
        part = next(parts, None)
        if part is None:
            break
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, ours, question), daemon=True)  # type: ignore[attr-defined]
        with warnings.catch_warnings():
            # Python 3.12 warns of forks beside threads. A command has none, and these processes touch nothing that one could hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        stack.callback(_end, process, ours)
        busy[ours] = part
        ours.send(part)
    while busy:
        for connection in wait(list(busy)):
            assert isinstance(connection, Connection)  # noqa: S101 (what `wait` was given)
            try:
                found = connection.recv()
            except (EOFError, OSError):
                message = f"a process that read {busy[connection].file.path} ended; is there enough memory? --jobs 1 takes least"
                raise WorkerLost(message) from None
            done = busy.pop(connection)
            part = next(parts, None)
            if part is not None:
                busy[connection] = part
                connection.send(part)
            yield done, found


def _work(ours: Connection, others: Connection, question: Question) -> None:
    """Scan what comes until nothing does any more: also when the process at the other end has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the keyboard's signal reaches everybody; the parent decides
    others.close()
    scanner = Scanner(question)
    with contextlib.suppress(EOFError, OSError):
        while True:
            ours.send(scanner.scan(ours.recv()))
    os._exit(0)  # what was forked from the parent, such as its unwritten output, is not ours to clean up


def _end(process: Any, connection: Connection) -> None:
    connection.close()
    process.terminate()
    process.join()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
