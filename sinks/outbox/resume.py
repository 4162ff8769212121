"""Where an outbox goes on: from what a snapshot says of it, and from what its folder holds."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinks.file.repair import cut_back
from sinks.outbox.segments import gap_end, read_position, segments_in, whole_end

__all__ = ["Standing", "resumed"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Offsets in bytes.

    Attributes:
        segments: The segments by the offset at which each begins.
        end: Behind the last page.
        done: Behind this nothing is done with yet.
        covered: Up to here a snapshot knows what was written.
        told: Up to here a snapshot knows what is done with.
    """

    segments: tuple[tuple[int, Path], ...]
    end: int
    done: int
    covered: int
    told: int


def resumed(folder: Path, tenant: str, outbox: str, state: dict[str, Any] | None) -> Standing:
    """Cut off what comes again, and find where to go on; what is missing is told.

    Args:
        folder: The tenant's.
        tenant: The tenant's name.
        outbox: Which outbox this is, see `owner`.
        state: The snapshot; None where there is none.

    Raises:
        OSError: The operating system refuses.
    """
    known = _own(folder, tenant, outbox, state)
    segments = list(segments_in(folder))
    if known is not None:
        end = int(known["end"])
        for start, path in segments:
            cut_back(str(path), max(-1, end - start) if start < end else -1)
        segments = list(segments_in(folder))
    else:
        # Without a snapshot nothing says what will come again: all is kept that is whole, and a page may go out twice.
        end = whole_end(segments) if segments else read_position(folder)
    told = int(known["done"]) if known is not None else 0
    position = max(read_position(folder), told)
    first = segments[0][0] if segments else end
    done = min(max(position, first), end)
    there = sum(path.stat().st_size for _, path in segments)
    if (segments and there != end - first) or (known is not None and position < done):
        _LOG.error(
            "outbox %s: events that were still to be sent are missing, %d bytes of them. Was outbox_dir moved, or does another host "
            "have them? Put the folder back, and start again; python -m flows.audit finds what a search index lacks.",
            folder,
            max(end - first - there, done - position),
        )
        done = min(max(done, gap_end(segments, end)), end)
    return Standing(tuple(segments), end, done, end if known is not None else 0, told)


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
