"""Which letters a replay is about, and the count of what became of them."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from flows.replay.words import Reasons
from sinks.documents import Rejected

__all__ = ["FileTally", "Tally", "is_wanted", "may_hold"]


@dataclass(slots=True)
class FileTally:
    """What became of one file's letters, those before `--since` left out.

    Attributes:
        name: The file.
        sent: How many were sent.
        failed: How many of those came back.
        unsent: How many were not sent, because the target counts as down or the run was stopped.
        unreadable: How many lines are no dead letters.
    """

    name: str
    sent: int = 0
    failed: int = 0
    unsent: int = 0
    unreadable: int = 0

    @property
    def delivered(self) -> int:
        """How many the target has now."""
        return self.sent - self.failed

    @property
    def left(self) -> int:
        """How many are still to be dealt with."""
        return self.failed + self.unsent + self.unreadable


@dataclass(slots=True)
class Tally:
    """What became of one sink's letters.

    Attributes:
        files: By file, those without letters of the wanted span left out.
        reasons: Why letters were not delivered.
        unread_files: How many files were not read to their end, because the run was stopped or the sink can't go on.
    """

    files: list[FileTally] = field(default_factory=list)
    reasons: Reasons = field(default_factory=Reasons)
    unread_files: int = 0

    def total(self, name: str) -> int:
        """The sum of one attribute over all files."""
        return sum(getattr(file, name) for file in self.files)

    @property
    def nothing_left(self) -> bool:
        """Whether all of it is delivered."""
        return not self.unread_files and not self.total("left")


def is_wanted(letter: Rejected, since: datetime | None) -> bool:
    """Whether a letter's last attempt was late enough."""
    return since is None or letter.last_attempt_at >= since


def may_hold(path: Path, since: datetime | None) -> bool:
    """Whether a file may hold letters whose last attempt was late enough, as its name says by the day."""
    try:
        day = date.fromisoformat(path.name[:10])
    except ValueError:
        return True
    return since is None or day >= since.astimezone(UTC).date()
