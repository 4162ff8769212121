"""A tenant's resumable state: what one Bytewax snapshot holds, as a plain versioned dict.

Plain values survive a refactoring; a pickled class breaks when it moves. The state is keyed by the tenant's name alone, so a rotated token,
a changed poll interval or another process never loses the place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from okta_source.polling.dedupe import Segment

__all__ = ["Cursor", "StateError", "TenantState", "moment_of", "query_fingerprint"]

VERSION = 1
# Of UTC's calendar.
_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class StateError(RuntimeError):
    """The saved state can't be read by this release: the one error that may stop the run, since going on would lose or repeat events."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to ask next.

    Attributes:
        url: The whole URL, byte for byte as Okta's `next` link gave it.
        from_link: False for a request of our own making (`since=…`).
    """

    url: str
    from_link: bool


@dataclass(frozen=True, slots=True)
class TenantState:
    """The place up to which a tenant's events have been handed to the dataflow.

    Attributes:
        cursor: The next request.
        started_at: From when on events are wanted: the first `since`, kept in case there is no event to rewind to.
        high_water: Highest `published` delivered, None before the first event.
        query: Fingerprint of the parameters that the cursor carries.
        window: Segments of the window of recent uuids.
        drained: Whether the last page was short, None where nobody knows: only metrics ask.
        forgotten_mark: The highest mark that the window has forgotten, Unix seconds; None while there is none.
        push: What `okta_source.hooks.push.PushState` holds, as a plain dict; None for a tenant that has had no push.
    """

    cursor: Cursor
    started_at: datetime
    high_water: datetime | None
    query: str
    window: Iterable[Segment] = ()
    drained: bool | None = None
    forgotten_mark: float | None = None
    push: Mapping[str, Any] | None = None

    def to_plain(self) -> dict[str, Any]:
        """The state as a dict of plain immutable values: Bytewax pickles it after the partition has moved on."""
        return {
            "version": VERSION,
            "url": self.cursor.url,
            "from_link": self.cursor.from_link,
            "started_at": self.started_at.isoformat(),
            "high_water": self.high_water.isoformat() if self.high_water else None,
            "query": self.query,
            "window": tuple(self.window),
            "drained": self.drained,
            "forgotten": self.forgotten_mark,
            "push": self.push,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "TenantState":
        """Read a snapshot.

        Raises:
            StateError: It was written by a release that this one doesn't know.
        """
        version = plain.get("version")
        if version != VERSION:
            msg = (
                f"The saved state has version {version!r}, this release reads version {VERSION}: "
                "run the release that wrote it, or start with an empty state directory and `start_from`."
            )
            raise StateError(msg)
        high_water = plain["high_water"]
        return cls(
            Cursor(plain["url"], plain["from_link"]),
            moment_of(plain["started_at"]),
            moment_of(high_water) if high_water else None,
            plain["query"],
            plain["window"],
            plain.get("drained"),  # snapshots of earlier releases don't tell
            plain["forgotten"] if "forgotten" in plain else _most_that_may_be_forgotten(plain),
            plain.get("push"),
        )


def moment_of(text: str) -> datetime:
    """A saved moment in UTC. Earlier releases took marks from events that happened at no moment of UTC's calendar: its end is meant."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _BEGINNING if moment.year == _BEGINNING.year else _END


def _most_that_may_be_forgotten(plain: Mapping[str, Any]) -> float | None:
    """Of a snapshot of an earlier release: whatever was forgotten had a mark no higher than the oldest that is left."""
    if plain["window"]:
        return float(plain["window"][0][0])
    return moment_of(plain["high_water"]).timestamp() if plain["high_water"] else None


def query_fingerprint(*parameters: str) -> str:
    """A short digest of the parameters that a cursor carries along, to notice that the configuration has changed them."""
    return blake2b("\0".join(parameters).encode(), digest_size=8).hexdigest()
