"""What an audit compares Okta's events with: the contract, whatever kind of archive it is."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from flows.reading.file_archive import DELETED
from flows.reading.holdings import HourCount
from sinks.documents import DocumentHead

__all__ = ["CLOSED", "DELETED", "HOLE", "NOT_HELD", "UNREADABLE", "Archive"]

CLOSED: Final = -1
HOLE: Final = -3
UNREADABLE: Final = -4
NOT_HELD: Final = {CLOSED: "closed", DELETED: "deleted", HOLE: "hole"}
"""Why an event isn't held (any more), although the archive is well: its day's index is closed; isn't there and is older than every one that
is, so that a policy has deleted it; isn't there between others that are."""


class Archive(Protocol):
    """What one sink has delivered."""

    @property
    def counts_exactly(self) -> bool:
        """Whether an hour's count can be relied on; an index may know the tags only as text that nobody can search."""
        ...

    def copies(self, tenant: str, heads: Sequence[DocumentHead], hours: Sequence[int], *, again: bool = False) -> Sequence[int]:
        """Say of each event how often it is there.

        Args:
            tenant: Whose they are.
            heads: The events.
            hours: The hour of each.
            again: Whether they were found missing before, so that what was known of the archive is looked up anew.

        Returns:
            0 for an event that isn't there; more than 1 only where the archive tells it by the event, not by the hour. One of `NOT_HELD`
            where its day isn't there; `UNREADABLE` where the part of the archive that it belongs to can't be asked, see `trouble`.

        Raises:
            ArchiveUnreadable: Nothing of it can be asked.
        """
        ...

    def trouble(self, tenant: str, head: DocumentHead) -> str:
        """Why the part of the archive that an event belongs to can't be asked; empty where it can."""
        ...

    def counts(self, tenant: str, hours: range) -> Mapping[int, HourCount] | None:
        """What it holds in these hours, whoever put it there; None where that can't be told.

        Raises:
            ArchiveUnreadable: It can't be asked.
        """
        ...

    def notes(self) -> Sequence[str]:
        """What was found to be wrong with it, for people."""
        ...
