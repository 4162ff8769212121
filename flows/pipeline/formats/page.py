"""A page of raw documents that remembers what it looks like in other formats, so that each is made once however many sinks want it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.pipeline.formats.event import Event, read_event
from sinks.documents import Documents

__all__ = ["Forms", "Page", "Read", "Unmapped", "to_page"]

Read = tuple[bytes, Event]
"""An event's bytes, and the event cut into its members."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Why an event can't be mapped."""

    reason: str


class Forms:
    """What has been made of a page's events so far, by their places in it.

    Args:
        events: How many there are.
        several: Whether more than one format is made of them, so that it pays to keep the events as they were read.
    """

    __slots__ = ("_bodies", "_events", "_read")

    def __init__(self, events: int, *, several: bool) -> None:
        self._events = events
        self._bodies: dict[str, list[bytes | Unmapped | None]] = {}
        self._read: list[Read | None] | None = [None] * events if several else None

    def bodies(self, document_format: str) -> list[bytes | Unmapped | None]:
        """The bodies in a format, None for what has not been made yet; to be filled in."""
        bodies = self._bodies.get(document_format)
        if bodies is None:
            bodies = self._bodies[document_format] = [None] * self._events
        return bodies

    def read(self, place: int, body: bytes | memoryview) -> Read:
        """An event, read.

        Raises:
            msgspec.DecodeError: It can't be read.
            RecursionError: It is nested too deep.
        """
        read = self._read[place] if self._read is not None else None
        if read is None:
            text = b"".join((b"{", body))
            read = text, read_event(text)
            if self._read is not None:
                self._read[place] = read
        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Documents):
    """Raw documents, all of a page or those of it that a sink wants.

    Attributes:
        forms: What has been made of the whole page.
        places: Where each document is in the whole page.
    """

    forms: Forms
    places: Sequence[int]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the raw documents: what was made of them stays in its process."""
        return Documents.__reduce__(self)

    def take(self, indices: Sequence[int]) -> "Page":
        """The documents at these positions, in this order."""
        taken = Documents.take(self, indices)
        return Page(
            taken.tenant,
            taken.heads,
            taken.prefixes,
            taken.bodies,
            taken.origin,
            forms=self.forms,
            places=[self.places[index] for index in indices],
        )


def to_page(documents: Documents, *, several: bool) -> Page:
    """A page that remembers.

    Args:
        documents: Raw documents.
        several: Whether more than one format will be made of them.
    """
    count = len(documents)
    forms = Forms(count, several=several)
    return Page(documents.tenant, documents.heads, documents.prefixes, documents.bodies, forms=forms, places=range(count))
