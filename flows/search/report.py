"""What a search says at its end: what it found, and what it read, so that "nothing" means something."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from flows.reading.search import Tally
from flows.terminal.screen import Screen

__all__ = ["summary"]


def summary(tally: Tally, problems: Sequence[str], seconds: float, screen: Screen, *, what: str, quiet: bool = False) -> None:
    """Say it on stderr.

    Args:
        tally: What was read.
        problems: Paths that couldn't be looked at.
        seconds: How long it took.
        screen: What stderr is.
        what: `event` or `alert`.
        quiet: Only what is wrong is said.
    """
    shown = screen.writing.shown
    files = f"{tally.files:,} file{'' if tally.files == 1 else 's'}"
    read = f"{tally.lines:,} lines, {_size(tally.inflated_bytes)}"
    if tally.stored_bytes < tally.inflated_bytes * 0.9:
        read += f" ({_size(tally.stored_bytes)} stored)"
    count = tally.hits
    found = f"{count:,} {what}{'' if count == 1 else 's'} found" if count else f"no {what} found"
    span = ""
    if tally.first < tally.last:
        span = f" of {_span(tally.first, tally.last)}"
    early = "; older ones not looked for (--limit)" if tally.stopped_early else ""
    if not quiet:
        sys.stderr.write(screen.paint(f"{found} in {files}{span}: {read}, {seconds:.1f} s{early}", "dim") + "\n")
    if tally.unfinished and not quiet:
        sys.stderr.write(screen.paint(f"{tally.unfinished:,} of them still being written: read as far as whole lines go", "dim") + "\n")
    if tally.mute_lines:
        lines = "1 line was" if tally.mute_lines == 1 else f"{tally.mute_lines:,} lines were"
        sys.stderr.write(
            f"warning: {lines} written without Okta's own event and can't be searched: set raw_data = true (ocsf) "
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


def _span(first: float, last: float) -> str:
    """Whole days where the files hold days, else hours."""
    start, end = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last - 1, UTC)
    form = "%Y-%m-%d" if (last - first) % 86400 == 0 and start.hour == 0 else "%Y-%m-%d %H:%M"
    one, other = start.strftime(form), end.strftime(form)
    return one if one == other else f"{one} to {other}"
