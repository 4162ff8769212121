"""Where an outbox goes on: from what a snapshot says of it, and from what its folder holds."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinks.file.journal import ABSENT
from sinks.file.repair import cut_back
from sinks.outbox.damage import put_aside
from sinks.outbox.position import Position
from sinks.outbox.segments import begins_frame, missing_between, segments_in, whole_end

__all__ = ["Standing", "resumed"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Offsets in bytes.

    Attributes:
        segments: The segments by the offset at which each begins.
        end: Behind the last page.
        done: Behind this nothing is done with yet.
        told: Up to here a snapshot knows what is done with.
    """

    segments: tuple[tuple[int, Path], ...]
    end: int
    done: int
    told: int


def resumed(folder: Path, position: Position, tenant: str, outbox: str, state: dict[str, Any] | None) -> Standing:
    """Cut off what comes again, and find where to go on; what is missing is told.

    Args:
        folder: The tenant's.
        position: The one in it.
        tenant: The tenant's name.
        outbox: Which outbox this is, see `owner`.
        state: The snapshot; None where there is none.

    Raises:
        OSError: The operating system refuses.
    """
    known = _own(folder, tenant, outbox, state)
    segments = list(segments_in(folder))
    stored = position.read()
    if known is not None:
        end = int(known["end"])
        for start, path in segments:
            cut_back(str(path), max(ABSENT, end - start) if start < end else ABSENT)
    else:
        # Without a snapshot nothing says what will come again: all is kept that is whole, and a page may go out twice.
        end = _whole_end(folder, tenant, segments) if segments else stored
    if stored > end:
        # Before anything else gets the offsets that were cut off: it would count as done with.
        position.store(end, sync=True)
    segments = _kept(folder)
    first = segments[0][0] if segments else end
    told = int(known["done"]) if known is not None else 0
    done = _done(segments, min(stored, end), told)
    if known is None:
        # A power cut may have lost the position: what was deleted was done with.
        done = max(done, first)
    missing = missing_between(segments, done, end)
    if missing:
        _LOG.error(
            "outbox %s: events that were still to be sent are missing, %d bytes of them. Was outbox_dir moved, or does another host "
            "have them? Put the folder back, and start again; python -m flows.audit finds what a search index lacks.",
            folder,
            missing,
        )
    return Standing(tuple(segments), end, max(done, first), told)


def _whole_end(folder: Path, tenant: str, segments: Sequence[tuple[int, Path]]) -> int:
    end, damaged = whole_end(segments)
    if damaged:
        put_aside(folder, tenant, end, damaged)
    start, path = segments[-1]
    cut_back(str(path), end - start)
    return end


def _kept(folder: Path) -> list[tuple[int, Path]]:
    """The segments with something in them: the next one may begin where an empty one does, and they would be one file."""
    kept = []
    for start, path in segments_in(folder):
        if path.stat().st_size:
            kept.append((start, path))
        else:
            cut_back(str(path), ABSENT)
    return kept


def _done(segments: Sequence[tuple[int, Path]], stored: int, told: int) -> int:
    """Behind which offset nothing is done with, by what was stored of it and by what the snapshot says."""
    for start, path in segments:
        if start < stored < start + path.stat().st_size and not begins_frame(path, stored - start):
            # Earlier releases left it as it was when pages were cut off, and others lie there now.
            return max(told, segments[0][0])
    return max(stored, told)


def _own(folder: Path, tenant: str, outbox: str, state: dict[str, Any] | None) -> dict[str, Any] | None:
    """The snapshot, where it is one of this outbox."""
    known = state if state and state.get("version") == 2 else None
    if known is None or known["outbox"] == outbox:
        return known
    if known["done"] < known["end"]:
        _LOG.warning(
            "outbox %s: tenant %s comes from another outbox, which held %d bytes that were still to be sent. Its host sends them, "
            "or the run that has that outbox_dir; nothing of it is here.",
            folder,
            tenant,
            known["end"] - known["done"],
        )
    return None
