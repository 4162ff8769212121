"""Finds the hits in a part of a file: bytes are looked for in blocks of some hundred kilobytes, only lines that hold them are decoded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import nlargest
from operator import itemgetter
from typing import Final

import msgspec

from flows.pipeline.scim.needles import HIDDEN, Conjunct
from flows.pipeline.scim.predicate import moment
from flows.reading.parts import Part
from flows.reading.question import Asker, Hit, NotAnEvent, NotSearchable, Question
from sinks.file.archive_reader import LineReader

__all__ = ["Found", "Scanner"]

_TOLD_LINES: Final = 5
_RAW_START: Final = b'{"_okta_'
_OPENING, _CLOSING = b"{"[0], b"}"[0]
_AT: Final = itemgetter(0)


class _Arrival(msgspec.Struct):
    ingested_at: str = msgspec.field(name="_okta_ingested_at", default="")


_ARRIVAL: Final = msgspec.json.Decoder(_Arrival)


@dataclass(slots=True)
class Found:
    """What a part holds.

    Attributes:
        hits: The hits, newest first, each event once; no more than the question's limit.
        lines: How many lines there are.
        inflated_bytes: How long they are.
        bad_lines: How many of them hold no event.
        told_lines: The numbers of the first of them, within the part.
        mute_lines: How many are of a format that can't be asked.
        damage: Why the rest can't be read.
        unfinished: Whether the part ends in half a line or an open frame.
        first_arrival: When the part's first event arrived, in seconds since 1970; None where that isn't known.
        problem: Why the file couldn't be read at all.
    """

    hits: list[Hit] = field(default_factory=list)
    lines: int = 0
    inflated_bytes: int = 0
    bad_lines: int = 0
    told_lines: list[int] = field(default_factory=list)
    mute_lines: int = 0
    damage: str = ""
    unfinished: bool = False
    first_arrival: float | None = None
    problem: str = ""


class Scanner:
    """Answers a question, part by part.

    Args:
        question: What is looked for.
    """

    def __init__(self, question: Question) -> None:
        self._limit = question.limit
        self._asker = Asker(question)
        self._conjuncts = {quoted: self._asker.conjuncts(quoted=quoted) for quoted in (True, False)}
        self._unordered = True

    def scan(self, part: Part) -> Found:
        """Read a part. A file that has gone meanwhile holds nothing; what can't be read is told in what is returned."""
        reader = LineReader(part.file.path, part.start, part.end, part.before)
        found = Found()
        hits: dict[str, Hit] = {}
        try:
            for block in reader.blocks():
                if not found.lines:
                    found.first_arrival = _arrival(block)
                self._scan_block(block, part.file.tenant, found, hits)
                if self._limit is not None and len(hits) > 2 * self._limit:
                    hits = {hit.key: hit for hit in nlargest(self._limit, hits.values(), key=_AT)}
        except FileNotFoundError:
            pass
        except OSError as error:
            found.problem = f"{part.file.path}: {error.strerror or type(error).__name__}"
        found.hits = sorted(hits.values(), key=_AT, reverse=True)[: self._limit]
        found.damage, found.unfinished = reader.damage, reader.unfinished
        return found

    def _scan_block(self, block: bytes, tenant: str, found: Found, hits: dict[str, Hit]) -> None:
        odd, all_raw, count = _look(block)
        before = found.lines
        found.lines += count
        found.inflated_bytes += len(block)
        for number, start, end in odd:
            self._odd(block[start:end], before + number, found)
        for start, end in self._candidates(block, all_raw=all_raw):
            line = block[start:end]
            try:
                hit = self._asker.ask(line, tenant)
            except NotAnEvent:
                if line[:1] == b"{" and line[-1:] == b"}":  # the others are counted already
                    self._bad(before + block.count(b"\n", 0, start) + 1, found)
                continue
            except NotSearchable:
                found.mute_lines += 1
                continue
            if hit is not None:
                hits.setdefault(hit.key, hit)

    def _odd(self, line: bytes, number: int, found: Found) -> None:
        """A line that isn't from brace to brace: of blanks around an object, or nothing, or no event."""
        text = line.strip()
        if not text:
            found.lines -= 1
        elif not (text.startswith(b"{") and text.endswith(b"}")):
            self._bad(number, found)

    def _bad(self, number: int, found: Found) -> None:
        found.bad_lines += 1
        if len(found.told_lines) < _TOLD_LINES:
            found.told_lines.append(number)

    def _candidates(self, block: bytes, *, all_raw: bool) -> Iterator[tuple[int, int]]:
        """Where the lines are that may be hits."""
        conjuncts = self._conjuncts[all_raw]
        if not conjuncts:
            yield from _every_line(block)
            return
        folded = block.lower() if any(needle.folded for conjunct in conjuncts for needle in conjunct) else b""
        driver, *others = self._ordered(conjuncts, block, folded)
        spans = dict(_lines_with(driver, block, folded))
        hidden = {start: end for match in HIDDEN.finditer(block) for start, end in (_line_at(block, match.start()),)}
        if len(spans) > 0 and others:
            spans = {start: end for start, end in spans.items() if all(_holds(other, block, folded, start, end) for other in others)}
        yield from sorted({**spans, **hidden}.items())

    def _ordered(self, conjuncts: list[Conjunct], block: bytes, folded: bytes) -> list[Conjunct]:
        """The conjunct that the fewest lines meet first, as the first block tells it."""
        if len(conjuncts) > 1 and self._unordered:
            self._unordered = False
            for several in self._conjuncts.values():
                several.sort(key=lambda conjunct: sum(1 for _ in _lines_with(conjunct, block, folded)))
        return conjuncts


def _look(block: bytes) -> tuple[list[tuple[int, int, int]], bool, int]:
    """Walk through the lines: those that aren't from brace to brace, whether all are raw events, and how many there are."""
    odd: list[tuple[int, int, int]] = []
    all_raw, count, start = True, 0, 0
    find, begins = block.find, block.startswith
    while (end := find(b"\n", start)) >= 0:
        count += 1
        if start == end or block[start] != _OPENING or block[end - 1] != _CLOSING:
            odd.append((count, start, end))
        if all_raw and not begins(_RAW_START, start):
            all_raw = False
        start = end + 1
    return odd, all_raw, count


def _every_line(block: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while (end := block.find(b"\n", start)) >= 0:
        if end > start:
            yield start, end
        start = end + 1


def _lines_with(conjunct: Conjunct, block: bytes, folded: bytes) -> Iterator[tuple[int, int]]:
    """The lines that hold one of the needles; a line with two of them may come twice."""
    for needle in conjunct:
        text = folded if needle.folded else block
        find, data, place = text.find, needle.data, 0
        while (at := find(data, place)) >= 0:
            start, place = _line_at(block, at)
            yield start, place


def _line_at(block: bytes, place: int) -> tuple[int, int]:
    return block.rfind(b"\n", 0, place) + 1, block.find(b"\n", place)


def _holds(conjunct: Conjunct, block: bytes, folded: bytes, start: int, end: int) -> bool:
    return any((folded if needle.folded else block).find(needle.data, start, end) >= 0 for needle in conjunct)


def _arrival(block: bytes) -> float | None:
    """When the first event of a block arrived."""
    try:
        when = moment(_ARRIVAL.decode(block[: block.find(b"\n")]).ingested_at)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return when.timestamp() if when else None
