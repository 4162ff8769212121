"""The window of recent uuids: part of a tenant's resumable state, so that nothing is delivered twice across rewinds and restarts.

The window is in the order of arrival, not of `published`: an event that Okta persisted late is remembered like any other. In memory it is a
set of the uuids as they came; in the saved state a uuid takes 16 bytes, and a whole page is packed in one call.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

__all__ = ["SeenWindow", "Segment"]

Segment = tuple[float, bytes, tuple[str, ...]]
"""High-water mark in seconds since the epoch, canonical uuids of 16 bytes each, and those that are not canonical as they are."""

_PACKED_BYTES = 16
_CANONICAL_LENGTH = 36
# Quiet tenants answer with pages of an event or two: they share a segment until it spans this share of the window.
_SEGMENTS_PER_WINDOW = 64
_SEGMENT_UUIDS = 4096


class SeenWindow:
    """Remembers which uuids have been delivered, as far back as `window_seconds` behind the newest event.

    A segment holds the uuids of one page (or of a few small ones), stamped with the tenant's high-water mark at that time; it is forgotten
    when that mark is more than `window_seconds` behind the present one.

    Args:
        window_seconds: How far behind the high-water mark uuids are remembered.
        segments: Saved segments, as `segments()` returned them.
    """

    def __init__(self, window_seconds: float, segments: Iterable[Segment] = ()) -> None:
        self._window_seconds = window_seconds
        self._segments = deque(_Segment(float(mark), [*_unpack(packed), *others]) for mark, packed, others in segments)
        self._seen: set[str] = set(chain.from_iterable(segment.uuids for segment in self._segments))

    def __len__(self) -> int:
        """Number of uuids remembered."""
        return len(self._seen)

    def admit(self, uuids: list[str], high_water_seconds: float) -> list[int] | None:
        """Remember a page's uuids and say which of its events are new.

        Args:
            uuids: The page's uuids, in order; the list is kept.
            high_water_seconds: The tenant's highest `published` so far, this page included, in seconds since the epoch.

        Returns:
            None when every event is new (the usual page: two set operations), else the positions of the new ones.
        """
        seen, before = self._seen, len(self._seen)
        fresh = None
        if seen.isdisjoint(uuids):
            seen.update(uuids)
            if len(seen) - before != len(uuids):  # the page repeats itself: the first of each counts
                first = {uuid: position for position, uuid in reversed(list(enumerate(uuids)))}
                fresh = sorted(first.values())
        else:
            fresh = []
            for position, uuid in enumerate(uuids):
                if uuid not in seen:
                    seen.add(uuid)
                    fresh.append(position)
        self._append(high_water_seconds, uuids if fresh is None else [uuids[position] for position in fresh])
        self._forget(high_water_seconds - self._window_seconds)
        return fresh

    def segments(self) -> tuple[Segment, ...]:
        """The window as plain immutable values for a snapshot."""
        return tuple(segment.saved() for segment in self._segments)

    def _append(self, mark: float, uuids: list[str]) -> None:
        if not uuids:
            return
        if len(self._segments) > 1:
            last = self._segments[-1]
            # A shared segment carries its newest mark: its uuids live a little longer than promised, never shorter.
            small = len(last.uuids) + len(uuids) <= _SEGMENT_UUIDS
            if small and mark - self._segments[-2].mark < self._window_seconds / _SEGMENTS_PER_WINDOW:
                self._segments[-1] = _Segment(mark, last.uuids + uuids)
                return
        self._segments.append(_Segment(mark, uuids))

    def _forget(self, oldest_mark: float) -> None:
        while self._segments and self._segments[0].mark < oldest_mark:
            self._seen.difference_update(self._segments.popleft().uuids)


@dataclass(slots=True)
class _Segment:
    mark: float
    uuids: list[str]
    _saved: Segment | None = None

    def saved(self) -> Segment:
        """Packed once, at the first snapshot: in a long drain most segments are forgotten before there is one."""
        if self._saved is None:
            self._saved = (self.mark, *_pack(self.uuids))
        return self._saved


def _pack(uuids: Sequence[str]) -> tuple[bytes, tuple[str, ...]]:
    """16 bytes for each canonical uuid (lower case, four dashes in their places); whatever else Okta may send stays text."""
    packed = _pack_canonical(uuids)
    if packed is not None:
        return packed, ()
    pieces: list[bytes] = []
    others: list[str] = []
    for uuid in uuids:
        piece = _pack_canonical((uuid,))
        if piece is None:
            others.append(uuid)
        else:
            pieces.append(piece)
    return b"".join(pieces), tuple(others)


def _pack_canonical(uuids: Sequence[str]) -> bytes | None:
    joined = "".join(uuids)
    dashes = "-" * len(uuids)
    # All of one length, a dash at each of the four places, and the rest what the packed bytes give back: exact, in a few calls a page.
    if set(map(len, uuids)) != {_CANONICAL_LENGTH} or any(joined[place::_CANONICAL_LENGTH] != dashes for place in (8, 13, 18, 23)):
        return None
    digits = joined.replace("-", "")
    try:
        packed = bytes.fromhex(digits)
    except ValueError:
        return None
    return packed if len(packed) == _PACKED_BYTES * len(uuids) and packed.hex() == digits else None


def _unpack(packed: bytes) -> Iterable[str]:
    digits = packed.hex()
    for start in range(0, len(digits), 2 * _PACKED_BYTES):
        uuid = digits[start : start + 2 * _PACKED_BYTES]
        yield f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
