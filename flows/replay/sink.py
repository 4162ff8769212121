"""One sink's dead letters sent again: what is read, sent, written down and taken away, and in which order.

A file is claimed (see `sinks.dead_letters.claims`), read in chunks, and given back without the lines that are settled. A line is settled
when its event was delivered, or when it failed again and the new letter that says so is on the disk. So whatever ends the process, an event
is with the target, in a letter, or both; a killed process leaves the claimed file whole, and the next one sends the same chunks again,
which make the same batches.

Memory: one chunk, whatever the size of the files. The same letter twice in a chunk is sent once.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from flows.replay.stop import Stop
from flows.replay.tally import FileTally, Tally, is_wanted, may_hold
from sinks.dead_letters.claims import claim, give_back, original_name, sole_replay, take_back_claims
from sinks.dead_letters.files import Span, letter_files
from sinks.dead_letters.reader import Head, Line, head_of, read_lines, to_documents
from sinks.dead_letters.sink import DeadLetterFile
from sinks.delivery.writer import Letters
from sinks.documents import Documents, Rejected

__all__ = ["Sender", "SinkReplay"]

_CHUNK_EVENTS: Final = 20_000
_CHUNK_BYTES: Final = 32 * 1024 * 1024

_Key = tuple[str, bytes]
"""A tenant and an event: what a letter that comes back is known by."""


class Sender(Protocol):
    """What `sinks.delivery.patient.PatientWriter` does."""

    def start(self) -> None:
        """Begin."""

    def add(self, documents: Documents) -> None:
        """Take documents of one tenant."""

    def drain(self) -> None:
        """Return when each of them is delivered or among the letters."""

    def close(self) -> None:
        """End."""


class _Collector:
    """The letters that come back from a sender; it calls from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._letters: dict[_Key, Rejected] = {}

    def append(self, letters: Sequence[Rejected]) -> None:
        with self._lock:
            self._letters.update(((letter.tenant, letter.event), letter) for letter in letters)

    def take(self) -> dict[_Key, Rejected]:
        with self._lock:
            letters, self._letters = self._letters, {}
            return letters


@dataclass(slots=True)
class _Claim:
    path: Path
    dropped: list[Span] = field(default_factory=list)

    def drop(self, line: Line) -> None:
        if self.dropped and self.dropped[-1][1] == line.start:
            self.dropped[-1] = (self.dropped[-1][0], line.end)
        else:
            self.dropped.append((line.start, line.end))


@dataclass(slots=True)
class _Chunk:
    letters: list[tuple[Line, Rejected, Head]] = field(default_factory=list)
    size_bytes: int = 0

    def is_full(self) -> bool:
        return len(self.letters) >= _CHUNK_EVENTS or self.size_bytes >= _CHUNK_BYTES


class SinkReplay:
    """Sends one sink's letters again.

    Args:
        sink_name: The sink's name.
        folder: Its folder of dead letters.
        letters: Where those go that fail again.
        make_sender: Makes what delivers documents of a format, and gives letters back.
        stop: Whether the run is to end.
        since: Only letters whose last attempt was then or later.
    """

    def __init__(
        self,
        sink_name: str,
        folder: Path,
        letters: DeadLetterFile,
        make_sender: Callable[[str, Letters], Sender],
        stop: Stop,
        since: datetime | None = None,
    ) -> None:
        self._sink_name = sink_name
        self._folder = folder
        self._letters = letters
        self._make_sender = make_sender
        self._stop = stop
        self._since = since
        self._senders: dict[str, tuple[Sender, _Collector]] = {}
        self.tally = Tally()

    def run(self, on_read: Callable[[int], None], on_file: Callable[[FileTally], None], on_problem: Callable[[str], None]) -> None:
        """Send what there is now; what others write meanwhile is left alone.

        Args:
            on_read: Told of each chunk: how many bytes of the files are done with.
            on_file: Told when a file is done with.
            on_problem: Told of lines that stay because they are no dead letters.

        Raises:
            ReplayUnderWay: Somebody else sends this sink's letters again.
            SinkStopped: Letters that failed again can't be written. Those stay where they were.
            SecretUnavailable: A credential can't be read.
            OSError: The operating system refuses.
        """
        with sole_replay(self._folder):
            take_back_claims(self._folder)
            waiting: list[_Claim] = []
            try:
                # All of them before anything is sent: what fails again is written to a file that this run doesn't read.
                for path in letter_files(self._folder):
                    if may_hold(path, self._since) and (claimed := claim(path)) is not None:
                        waiting.append(_Claim(claimed))  # noqa: PERF401 (one by one: those before a failure are given back)
                while waiting and not self._stop.requested:
                    read_to_the_end = False
                    try:
                        read_to_the_end = self._send_file(waiting[0], on_read, on_problem)
                    finally:
                        self.tally.unread_files += not read_to_the_end
                        done = waiting.pop(0)
                        give_back(done.path, done.dropped)
                    file = self.tally.files[-1]
                    if file.sent or file.left:
                        on_file(file)
                    else:
                        self.tally.files.pop()
            finally:
                self.tally.unread_files += len(waiting)
                for sender, _ in self._senders.values():
                    sender.close()
                for unread in waiting:
                    give_back(unread.path, [])

    def _send_file(self, claimed: _Claim, on_read: Callable[[int], None], on_problem: Callable[[str], None]) -> bool:
        tally = FileTally(original_name(claimed.path))
        self.tally.files.append(tally)
        chunk = _Chunk()
        position = 0
        for line, letter, head in self._wanted(claimed.path, tally, on_problem):
            chunk.letters.append((line, letter, head))
            chunk.size_bytes += line.end - line.start
            if chunk.is_full():
                self._send_chunk(chunk, claimed, tally)
                chunk = _Chunk()
                on_read(line.end - position)
                position = line.end
        if self._stop.requested:
            return False
        self._send_chunk(chunk, claimed, tally)
        on_read(max(0, claimed.path.stat().st_size - position))
        return True

    def _wanted(self, path: Path, tally: FileTally, on_problem: Callable[[str], None]) -> Iterator[tuple[Line, Rejected, Head]]:
        for line in read_lines(path):
            if self._stop.requested:
                return
            problem = line.problem
            if line.letter is not None:
                if not is_wanted(line.letter, self._since):
                    continue
                try:
                    yield line, line.letter, head_of(line.letter)
                    continue
                except ValueError as error:
                    problem = str(error)
            tally.unreadable += 1
            on_problem(f"{self._sink_name}/{tally.name}: line {line.number} can't be sent and stays: {problem}")

    def _send_chunk(self, chunk: _Chunk, claimed: _Claim, tally: FileTally) -> None:
        if not chunk.letters:
            return
        came_back = self._deliver(chunk)
        again: list[tuple[Line, Rejected]] = []
        for line, letter, _ in chunk.letters:
            returned = came_back.get((letter.format, (letter.tenant, letter.event)))
            if returned is None:
                tally.sent += 1
                claimed.drop(line)
            elif self._stop.requested or not returned.attempts:
                # As if it had not been tried: so it keeps its place, and its batch.
                tally.unsent += 1
                self.tally.reasons.add(returned)
            else:
                tally.sent += 1
                tally.failed += 1
                self.tally.reasons.add(returned)
                attempts = letter.attempts + returned.attempts
                again.append((line, replace(returned, attempts=attempts, first_attempt_at=letter.first_attempt_at)))
        self._letters.append([letter for _, letter in again])
        for line, _ in again:
            claimed.drop(line)

    def _deliver(self, chunk: _Chunk) -> dict[tuple[str, _Key], Rejected]:
        """Send a chunk; returns what came back, by format, tenant and event."""
        # By tenant, so that a tenant's events share batches although the file has them between those of others.
        pages: dict[tuple[str, str], dict[bytes, Head]] = {}
        for _, letter, head in chunk.letters:
            pages.setdefault((letter.format, letter.tenant), {}).setdefault(letter.event, head)
        for (document_format, tenant), events in pages.items():
            self._sender(document_format).add(to_documents(tenant, [(head, event) for event, head in events.items()]))
        came_back: dict[tuple[str, _Key], Rejected] = {}
        for document_format in {document_format for document_format, _ in pages}:
            sender, collector = self._senders[document_format]
            sender.drain()
            came_back |= {(document_format, key): letter for key, letter in collector.take().items()}
        return came_back

    def _sender(self, document_format: str) -> Sender:
        if document_format not in self._senders:
            collector = _Collector()
            sender = self._make_sender(document_format, collector)
            self._senders[document_format] = sender, collector
            sender.start()
        return self._senders[document_format][0]
