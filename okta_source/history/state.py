"""A slice's resumable state: what one Bytewax snapshot holds, as a plain versioned dict. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from okta_source.polling.dedupe import Segment
from okta_source.polling.state import Cursor, StateError, moment_of

__all__ = ["SliceState"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class SliceState:
    """The place up to which a slice's events have been handed to the dataflow.

    Attributes:
        cursor: The next request.
        high_water: Highest `published` delivered, None before the first event.
        done: Whether the slice is complete; then only its counts matter.
        query: Fingerprint of the parameters that the cursor carries.
        hours: Counts by hour, see `okta_source.history.counts`.
        window: Segments of the window of seen uuids.
    """

    cursor: Cursor
    high_water: datetime | None
    done: bool
    query: str
    hours: Iterable[Sequence[Any]] = ()
    window: Iterable[Segment] = ()

    def to_plain(self) -> dict[str, Any]:
        """The state as a dict of plain immutable values."""
        return {
            "version": VERSION,
            "url": self.cursor.url,
            "from_link": self.cursor.from_link,
            "high_water": self.high_water.isoformat() if self.high_water else None,
            "done": self.done,
            "query": self.query,
            "hours": tuple(self.hours),
            "window": tuple(self.window),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "SliceState":
        """Read a snapshot.

        Raises:
            StateError: It was written by a release that this one doesn't know.
        """
        version = plain.get("version")
        if version != VERSION:
            msg = (
                f"The saved state of a slice has version {version!r}, this release reads version {VERSION}: "
                "run the release that wrote it, or start anew with an empty state directory."
            )
            raise StateError(msg)
        high_water = plain["high_water"]
        return cls(
            Cursor(plain["url"], plain["from_link"]),
            moment_of(high_water) if high_water else None,
            plain["done"],
            plain["query"],
            plain["hours"],
            plain["window"],
        )
