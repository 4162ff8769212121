"""What a replay shows: what there is to send, how it goes, and what became of it."""

import contextlib
from collections.abc import Generator, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from prometheus_client import REGISTRY
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from flows.replay.sink import SinkReplay
from flows.replay.tally import FileTally, Tally, is_wanted, may_hold
from flows.replay.words import Reasons, shown
from sinks.dead_letters.claims import original_name
from sinks.dead_letters.files import SUFFIX, letter_files
from sinks.dead_letters.reader import read_lines

__all__ = ["already_there", "count_lines", "listing", "run_with_progress", "summary"]

_REASONS_SHOWN = 3
_PROBLEMS_SHOWN = 3
_NO_LETTER = "(no dead letter: stays where it is)"
_BLOCK_BYTES = 1 << 20


def listing(folders: Mapping[str, Path], since: datetime | None) -> Table:
    """How many letters there are by sink, tenant, day and reason; reads every file that may hold some.

    Raises:
        OSError: The operating system refuses.
    """
    table = Table(title="dead letters", title_justify="left")
    for heading in ("sink", "tenant", "day", "reason"):
        table.add_column(heading, overflow="fold")
    table.add_column("letters", justify="right")
    for sink, folder in folders.items():
        groups: dict[tuple[str, str], Reasons] = {}
        unreadable: dict[str, int] = {}
        for path in letter_files(folder):
            with contextlib.suppress(FileNotFoundError):  # a flow takes out what it delivers after all
                if may_hold(path, since):
                    _count(path, since, groups, unreadable)
        for tenant, day in sorted(groups):
            for reason, count in groups[tenant, day].most_common():
                table.add_row(sink, Text(tenant), day, Text(reason), f"{count:,}")
        for name, count in sorted(unreadable.items()):
            table.add_row(sink, "", name, _NO_LETTER, f"{count:,}")
    return table


def summary(tallies: Mapping[str, Tally], duplicates: Mapping[str, int]) -> Table:
    """What became of the letters of each sink.

    Args:
        tallies: The sinks that had letters.
        duplicates: How many of a sink's events were there already.
    """
    table = Table(title="sent again", title_justify="left")
    table.add_column("sink")
    for heading in ("sent", "delivered", "already there", "failed again", "left"):
        table.add_column(heading, justify="right")
    table.add_column("why", overflow="fold")
    for sink, tally in tallies.items():
        known = min(duplicates.get(sink, 0), tally.total("delivered"))
        figures = (tally.total("sent"), tally.total("delivered") - known, known, tally.total("failed"), tally.total("left"))
        table.add_row(sink, *(f"{figure:,}" for figure in figures), Text(_why(tally)))
    return table


def run_with_progress(name: str, replay: SinkReplay, folder: Path, err: Console) -> None:
    """Run a replay: with a bar on a terminal, elsewhere with a line for each file.

    Raises:
        Exception: What the replay raises.
    """
    told = _Told(err)
    if not err.is_terminal:
        replay.run(_nothing, lambda file: err.print(Text(_line(name, file)), soft_wrap=True), told.problem)
        told.rest()
        return
    total = 0
    for path in letter_files(folder):
        with contextlib.suppress(FileNotFoundError):  # a flow takes out what it delivers after all
            total += path.stat().st_size
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(name, total=total)
        replay.run(
            lambda done_bytes: progress.advance(task, done_bytes),
            lambda file: progress.console.print(Text(_line(name, file)), soft_wrap=True),
            told.problem,
        )
    told.rest()


@contextlib.contextmanager
def already_there(sink: str, duplicates: dict[str, int]) -> Generator[None, None, None]:
    """Count the events that the target had already, as the sink's own metrics do."""
    before = _duplicates(sink)
    try:
        yield
    finally:
        duplicates[sink] = _duplicates(sink) - before


def count_lines(folder: Path) -> int:
    """How many lines the files of a folder have."""
    count = 0
    for path in letter_files(folder):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                count += block.count(b"\n")
    return count


class _Told:
    """Says what is wrong with lines, but not with all of a million."""

    def __init__(self, err: Console) -> None:
        self._err = err
        self._count = 0

    def problem(self, text: str) -> None:
        self._count += 1
        if self._count <= _PROBLEMS_SHOWN:
            self._err.print(Text(shown(text)), soft_wrap=True)

    def rest(self) -> None:
        if self._count > _PROBLEMS_SHOWN:
            self._err.print(f"… and {self._count - _PROBLEMS_SHOWN:,} more lines like these", soft_wrap=True)


def _count(path: Path, since: datetime | None, groups: dict[tuple[str, str], Reasons], unreadable: dict[str, int]) -> None:
    for line in read_lines(path):
        if line.letter is None:
            name = original_name(path).removesuffix(SUFFIX)
            unreadable[name] = unreadable.get(name, 0) + 1
        elif is_wanted(line.letter, since):
            key = shown(line.letter.tenant), line.letter.last_attempt_at.date().isoformat()
            groups.setdefault(key, Reasons()).add(line.letter)


def _line(sink: str, file: FileTally) -> str:
    parts: Iterable[tuple[int, str]] = (
        (file.failed, "failed again"),
        (file.unsent, "not sent"),
        (file.unreadable, "no dead letters"),
    )
    rest = "".join(f", {count:,} {what}" for count, what in parts if count)
    return f"{sink}/{file.name}: {file.sent:,} sent, {file.delivered:,} delivered{rest}"


def _why(tally: Tally) -> str:
    reasons = [f"{count:,} of: {reason}" for reason, count in tally.reasons.most_common(_REASONS_SHOWN)]
    if tally.total("unreadable"):
        reasons.append(f"{tally.total('unreadable'):,} of: {_NO_LETTER}")
    if tally.unread_files:
        reasons.append(f"{tally.unread_files:,} file(s) not read to the end")
    return "\n".join(reasons)


def _duplicates(sink: str) -> int:
    families = REGISTRY.restricted_registry(["okta_sink_events_total"]).collect()
    wanted = {"sink": sink, "result": "duplicate"}
    samples = (sample for family in families for sample in family.samples if sample.name == "okta_sink_events_total")
    return int(sum(sample.value for sample in samples if wanted.items() <= sample.labels.items()))


def _nothing(_done_bytes: int) -> None:
    pass
