"""The hits of archives, newest first, each event once, as soon as it is certain that nothing newer comes.

Files are read from the newest span of time to the oldest, and a file from its end. What has been read holds everything newer than some
moment: nothing that a file's path dates after it is unread, and of what the flow itself wrote the unread lines arrived before the read
ones, so they were published before them too, give or take a minute between Okta's clock and ours.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import groupby
from math import inf
from typing import Final

from flows.reading.parts import Part, parts_of
from flows.reading.plan import ArchiveFile, in_order
from flows.reading.pool import scan_all
from flows.reading.question import Hit, Question
from flows.reading.scan import Found

__all__ = ["Search", "Tally"]

_CLOCKS_DIFFER_SECONDS: Final = 60.0
_WORTH_A_PROCESS_BYTES: Final = {".gz": 1 << 20, ".zst": 1 << 20}
_WORTH_A_PROCESS_PLAIN_BYTES: Final = 16 << 20
_NOTES: Final = 20


@dataclass(slots=True)
class Tally:
    """What was read.

    Attributes:
        hits: How many hits were given out.
        files: How many files; of the last of them maybe not all, where the limit was reached.
        lines: How many lines.
        stored_bytes: How long the files are.
        inflated_bytes: How long their lines are.
        bad_lines: How many lines hold no event.
        mute_lines: How many are of a format that can't be asked.
        unfinished: How many files end in half a line or an open frame.
        first: The first moment that the files' paths name, of those that were read; infinite where there is none.
        last: The last.
        notes: What is wrong with files, for people.
        stopped_early: Whether the limit was reached before everything was read.
    """

    hits: int = 0
    files: int = 0
    lines: int = 0
    stored_bytes: int = 0
    inflated_bytes: int = 0
    bad_lines: int = 0
    mute_lines: int = 0
    unfinished: int = 0
    first: float = inf
    last: float = -inf
    notes: list[str] = field(default_factory=list)
    stopped_early: bool = False


class Search:
    """One search.

    Args:
        question: What is looked for; its limit is the search's.
        files: Where.
        processes: How many at once.

    Attributes:
        tally: What was read so far.
    """

    def __init__(self, question: Question, files: Sequence[ArchiveFile], processes: int = 1) -> None:
        self.tally = Tally()
        self._question = question
        self._processes = processes
        self._parts: dict[str, list[Part]] = {}
        self._found: dict[str, dict[int, Found]] = {}
        self._files = in_order(files)
        self._seen: set[str] = set()

    def hits(self) -> Generator[Hit, None, None]:
        """The hits, newest first.

        Raises:
            WorkerLost: A process ended.
        """
        limit = self._question.limit
        pending: list[tuple[float, int, Hit]] = []
        counter = 0
        for bound, hits in self._read():
            for hit in hits:
                if hit.key not in self._seen:
                    self._seen.add(hit.key)
                    counter += 1
                    heappush(pending, (-hit.at, counter, hit))
            while pending and -pending[0][0] >= bound:
                self.tally.hits += 1
                yield heappop(pending)[2]
                if self.tally.hits == limit:
                    self.tally.stopped_early = True
                    return

    def all_hits(self) -> Generator[Hit, None, None]:
        """The hits in any order, as soon as they are found: for what counts them."""
        for _, hits in self._read():
            for hit in hits:
                if hit.key not in self._seen:
                    self._seen.add(hit.key)
                    self.tally.hits += 1
                    yield hit

    def _read(self) -> Generator[tuple[float, list[Hit]], None, None]:
        """The hits of each part as it is done, and the moment up to which nothing unread can reach."""
        windows = [(end, list(files)) for end, files in groupby(self._files, key=lambda file: file.end)]
        position = {file.path: number for number, (_, files) in enumerate(windows) for file in files}
        bounds: list[dict[str, float]] = [{file.path: file.end for file in files} for _, files in windows]
        current = 0
        scanned = scan_all(self._question, self._all_parts(windows), self._jobs())
        try:
            for part, found in scanned:
                path = part.file.path
                self._count(part, found)
                here = bounds[position[path]]
                if len(self._found[path]) == len(self._parts[path]):
                    self._finish(path)
                    del here[path]
                else:
                    here[path] = min(part.file.end, self._bound(part.file))
                while current < len(bounds) and not bounds[current]:
                    current += 1
                yield max(bounds[current].values()) if current < len(bounds) else -inf, found.hits
                found.hits = []
        finally:
            scanned.close()
        yield -inf, []

    def _jobs(self) -> int:
        worth = sum(
            file.size_bytes / _WORTH_A_PROCESS_BYTES.get(file.path[file.path.rfind(".") :], _WORTH_A_PROCESS_PLAIN_BYTES)
            for file in self._files
        )
        return max(1, min(self._processes, int(worth)))

    def _all_parts(self, windows: Iterable[tuple[float, list[ArchiveFile]]]) -> Generator[Part, None, None]:
        """The parts in the order in which they are read: a window's files side by side, each from its end."""
        for _, files in windows:
            parts = []
            for file in files:
                try:
                    cut = parts_of(file)
                except OSError:
                    cut = [Part(file)]  # whoever scans it tells what is wrong
                self._parts[file.path] = cut
                self._found[file.path] = {}
                parts += cut
            yield from sorted(parts, key=lambda part: part.number)

    def _bound(self, file: ArchiveFile) -> float:
        """Up to which moment the unread lines of a file may have been published."""
        if not file.is_live:
            return inf
        bound = inf
        for number in range(len(self._parts[file.path])):
            found = self._found[file.path].get(number)
            if found is None:
                break
            if found.first_arrival is not None:
                bound = found.first_arrival + _CLOCKS_DIFFER_SECONDS
        return bound

    def _count(self, part: Part, found: Found) -> None:
        tally, file = self.tally, part.file
        if not self._found[file.path]:
            tally.files += 1
            if file.start > -inf:
                tally.first, tally.last = min(tally.first, file.start), max(tally.last, file.end)
        tally.stored_bytes += (file.size_bytes if part.end is None else part.end) - part.start
        tally.lines += found.lines
        tally.inflated_bytes += found.inflated_bytes
        tally.bad_lines += found.bad_lines
        tally.mute_lines += found.mute_lines
        self._found[file.path][part.number] = found

    def _finish(self, path: str) -> None:
        """A file is read whole: tell what is wrong with it."""
        found = self._found.pop(path)
        del self._parts[path]
        self.tally.unfinished += any(one.unfinished for one in found.values())
        told: list[int] = []
        before = bad = 0
        for number in sorted(found, reverse=True):
            told += [before + line for line in found[number].told_lines]
            before += found[number].lines
            bad += found[number].bad_lines
            self._note(found[number].problem)
            self._note(f"{path}: {found[number].damage}; what follows there was not searched" if found[number].damage else "")
        if bad:
            shown = ", ".join(f"{line:,}" for line in told[:5]) + (", …" if bad > len(told[:5]) else "")
            self._note(f"{path}: {bad:,} line{'s' if bad > 1 else ''} can't be read: line {shown}")

    def _note(self, text: str) -> None:
        if text and len(self.tally.notes) < _NOTES:
            self.tally.notes.append(text)
