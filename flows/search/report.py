"""What a search says at its end: what it found, and what it read, so that "nothing" means something."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from flows.reading.search import Tally
from flows.terminal.screen import Screen

__all__ = ["summary"]


def summary(tally: Tally, count: int, problems: Sequence[str], seconds: float, screen: Screen, *, what: str) -> None:
    """Say it on stderr.

    Args:
        tally: What was read.
        count: How many hits there are.
        problems: Paths that couldn't be looked at.
        seconds: How long it took.
        screen: What stderr is.
        what: `event` or `alert`.
    """
    shown = screen.writing.shown
    files = f"{tally.files:,} file{'' if tally.files == 1 else 's'}"
    read = f"{tally.lines:,} lines, {_size(tally.inflated_bytes)}"
    if tally.stored_bytes < tally.inflated_bytes * 0.9:
        read += f" ({_size(tally.stored_bytes)} stored)"
    found = f"{count:,} {what}{'' if count == 1 else 's'} found" if count else f"no {what} found"
    span = ""
    if tally.first < tally.last:
        span = f" of {_day(tally.first)} to {_day(tally.last - 1)}"
    early = "; older ones were not looked for (--limit)" if tally.stopped_early else ""
    sys.stderr.write(screen.paint(f"{found} in {files}{span}: {read}, {seconds:.1f} s{early}", "dim") + "\n")
    if tally.unfinished:
        sys.stderr.write(screen.paint(f"{tally.unfinished:,} of them still being written: read as far as whole lines go", "dim") + "\n")
    if tally.mute_lines:
        sys.stderr.write(
            f"warning: {tally.mute_lines:,} lines were written without Okta's own event and can't be searched: set raw_data = true (ocsf) "
            "or event_original = true (ecs) on the sink, or search a sink whose format is raw\n"
        )
    for note in (*tally.notes, *problems):
        sys.stderr.write(f"warning: {shown(note)}\n")


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
