"""Which files a saved state and its journal know, and whether the sink's path makes them: looked at before a run begins."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sinks.file.journal import Journal
from sinks.file.repair import size_of
from sinks.paths import PathTemplate

__all__ = ["KnownFile", "known_files", "targets"]


class KnownFile(NamedTuple):
    """A file that a resume would bring back to a size.

    Attributes:
        path: Where it is, or was.
        known_bytes: Its size as of the snapshot, `sinks.file.journal.ABSENT` for one that wasn't there.
        made: Whether the sink's path makes it; one that it doesn't belongs to another path than the sink has now, or to another place.
        earlier: Whether an earlier release remembered it, by its absolute path.
    """

    path: str
    known_bytes: int
    made: bool
    earlier: bool

    @property
    def holds_more(self) -> bool:
        """Whether there is now more in it than the snapshot knows of."""
        return size_of(self.path) > self.known_bytes


def targets(files: Mapping[str, int], bases: Mapping[str, int]) -> dict[str, int]:
    """The sizes that a resume brings files back to.

    A base below the state's size: the file had been moved away, and what is there is newer.

    Args:
        files: What the snapshot says, by key.
        bases: What the journal says.
    """
    return {key: min(sizes[key] for sizes in (files, bases) if key in sizes) for key in {**files, **bases}}


def known_files(template: PathTemplate, tenant: str, state: Mapping[str, Any], journal_path: Path) -> Iterator[KnownFile]:
    """The files of one tenant.

    Args:
        template: The sink's present path.
        tenant: The tenant.
        state: Its snapshot, of this release or an earlier one.
        journal_path: Its journal, which need not be there.

    Raises:
        JournalDamaged: The journal can't be understood.
        OSError: It can't be read.
    """
    journal = Journal(journal_path, template.key_of)
    earlier = journal.outdated or state.get("version") == 1
    files = {template.key_of(path): size for path, size in state.get("files", {}).items()}
    for key, size in targets(files, journal.bases(state.get("snapshot", 0))).items():
        yield KnownFile(template.path_of(key), size, template.makes(tenant, key), earlier)
