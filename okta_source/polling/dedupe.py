"""The window of recent uuids: part of a tenant's resumable state, so that nothing is delivered twice across rewinds and restarts.

The window is in the order of arrival, not of `published`: an event that Okta persisted late is remembered like any other. In the saved
state a uuid takes 16 bytes, and a whole page is packed in one call.

In memory the window has one of two forms. In a drain it is a set of the uuids as they came: 211 bytes each, 0.1 µs for each of a page.
Else, which is nearly always, it is the packed bytes alone, which are searched: 45 bytes each with all that is around them in a small
window, and 2 ms a page of a tenant with 9,000 events an hour. A thousand tenants with 100 events a second between them hold 360,000 uuids.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain

__all__ = ["SeenWindow", "Segment", "pack_uuids", "unpack_uuids"]

Segment = tuple[float, bytes, tuple[str, ...]]
"""High-water mark in seconds since the epoch, canonical uuids of 16 bytes each, and those that are not canonical as they are."""

_PACKED_BYTES = 16
_CANONICAL_LENGTH = 36
# Quiet tenants answer with pages of an event or two: they share a segment until it spans this share of the window.
_SEGMENTS_PER_WINDOW = 64
_SEGMENT_UUIDS = 4096
# A larger page is part of a drain, unless it fits into a small window as a whole.
_SMALL_PAGE_UUIDS = 256
_SMALL_WINDOW_UUIDS = 2048
_RESTS = 4
# Of a tenant with more, which has 18 events a second, searching would take long.
_MOST_PACKED_UUIDS = 65_536
_SEARCHED_ONE_BY_ONE = 16


class SeenWindow:
    """Remembers which uuids have been delivered, as far back as `window_seconds` behind the newest event.

    A segment holds the uuids of one page (or of a few small ones), stamped with the tenant's high-water mark at that time; it is forgotten
    when that mark is more than `window_seconds` behind the present one.

    Args:
        window_seconds: How far behind the high-water mark uuids are remembered.
        segments: Saved segments, as `segments()` returned them.
        forgotten_mark: As saved with them; None where nobody saved it.

    Attributes:
        forgotten_mark: The highest mark of a segment that was ever forgotten; None while none was. A uuid that was seen at a higher mark is
            in the window for certain.
    """

    def __init__(self, window_seconds: float, segments: Iterable[Segment] = (), forgotten_mark: float | None = None) -> None:
        self._window_seconds = window_seconds
        self.forgotten_mark = forgotten_mark
        self._segments = deque(_Segment(float(mark), None, (float(mark), packed, others)) for mark, packed, others in segments)
        self._count = sum(map(len, self._segments))
        self._seen: set[str] | None = None
        self._rests = 0

    def __len__(self) -> int:
        """Number of uuids remembered."""
        return self._count

    def admit(self, uuids: list[str], high_water_seconds: float) -> list[int] | None:
        """Remember a page's uuids and say which of its events are new.

        Args:
            uuids: The page's uuids, in order; the list is kept.
            high_water_seconds: The tenant's highest `published` so far, this page included, in seconds since the epoch.

        Returns:
            None when every event is new (the usual page: two set operations), else the positions of the new ones.
        """
        if len(uuids) > _SMALL_PAGE_UUIDS:
            self._rests = 0
            if self._seen is None and self._count + len(uuids) > _SMALL_WINDOW_UUIDS:
                self._seen = set(chain.from_iterable(segment.texts() for segment in self._segments))
        fresh = self._fresh_of_packed(uuids) if self._seen is None else _fresh_of(uuids, self._seen)
        self._append(high_water_seconds, uuids if fresh is None else [uuids[position] for position in fresh])
        self._forget(high_water_seconds - self._window_seconds)
        return fresh

    def seen(self, uuids: Sequence[str]) -> list[bool]:
        """Of each uuid, whether it is in the window; nothing is remembered by asking."""
        if self._seen is not None:
            return [uuid in self._seen for uuid in uuids]
        packed, others = self._packed_pieces()
        keys = _keys(uuids)
        pieces = set(_pieces(packed)) if len(keys) > _SEARCHED_ONE_BY_ONE else None
        return [key in others if isinstance(key, str) else _holds(packed, key) if pieces is None else key in pieces for key in keys]

    def rest(self) -> None:
        """Take note that a drain has ended. After a few without a large page in between, the window takes its small form again."""
        if self._seen is None:
            return
        self._rests += 1
        if self._rests >= _RESTS and self._count <= _MOST_PACKED_UUIDS:
            self._seen = None
            for segment in self._segments:
                segment.keep_packed_only()

    def segments(self) -> tuple[Segment, ...]:
        """The window as plain immutable values for a snapshot."""
        return tuple(segment.saved() for segment in self._segments)

    def _fresh_of_packed(self, uuids: list[str]) -> list[int] | None:
        packed, others = self._packed_pieces()
        keys = _keys(uuids)
        # Few are searched for byte by byte (80 µs each in a window of 9,000), for many it is cut up first (0.1 µs for each uuid in it).
        pieces = set(_pieces(packed)) if len(keys) > _SEARCHED_ONE_BY_ONE else None
        of_page: set[bytes | str] = set()
        fresh: list[int] = []
        for position, key in enumerate(keys):
            if key in of_page:  # the page repeats itself: the first of each counts
                continue
            if not (key in others if isinstance(key, str) else _holds(packed, key) if pieces is None else key in pieces):
                of_page.add(key)
                fresh.append(position)
        return None if len(fresh) == len(uuids) else fresh

    def _packed_pieces(self) -> tuple[bytes, set[str]]:
        packed = b"".join([segment.saved()[1] for segment in self._segments])
        return packed, {other for segment in self._segments for other in segment.saved()[2]}

    def _append(self, mark: float, uuids: list[str]) -> None:
        if not uuids:
            return
        self._count += len(uuids)
        segment = _Segment(mark, uuids)
        if len(self._segments) > 1:
            last = self._segments[-1]
            # A shared segment carries its newest mark: its uuids live a little longer than promised, never shorter.
            small = len(last) + len(uuids) <= _SEGMENT_UUIDS
            if small and mark - self._segments[-2].mark < self._window_seconds / _SEGMENTS_PER_WINDOW:
                segment = self._segments.pop().joined_by(segment)
        if self._seen is None:
            segment.keep_packed_only()
        self._segments.append(segment)

    def _forget(self, oldest_mark: float) -> None:
        while self._segments and self._segments[0].mark < oldest_mark:
            forgotten = self._segments.popleft()
            self.forgotten_mark = max(forgotten.mark, self.forgotten_mark or forgotten.mark)
            self._count -= len(forgotten)
            if self._seen is not None:
                self._seen.difference_update(forgotten.texts())


class _Segment:
    """Uuids with one mark: as texts, packed, or both.

    Args:
        mark: The high-water mark in seconds.
        uuids: The texts; None where only the packed form is there.
        saved: The packed form; None until it is asked for: in a long drain most segments are forgotten before there is a snapshot.
    """

    __slots__ = ("_saved", "mark", "uuids")

    def __init__(self, mark: float, uuids: list[str] | None, saved: Segment | None = None) -> None:
        self.mark = mark
        self.uuids = uuids
        self._saved = saved

    def __len__(self) -> int:
        if self.uuids is not None:
            return len(self.uuids)
        _, packed, others = self.saved()
        return len(packed) // _PACKED_BYTES + len(others)

    def saved(self) -> Segment:
        """Packed, once."""
        if self._saved is None:
            self._saved = (self.mark, *pack_uuids(self.uuids or ()))
        return self._saved

    def texts(self) -> Iterable[str]:
        """Its uuids as they came, in any order."""
        if self.uuids is not None:
            return self.uuids
        _, packed, others = self.saved()
        return [*unpack_uuids(packed), *others]

    def keep_packed_only(self) -> None:
        """Free the texts."""
        self.saved()
        self.uuids = None

    def joined_by(self, other: "_Segment") -> "_Segment":
        """Both as one, with the later mark."""
        if self.uuids is not None and other.uuids is not None:
            return _Segment(other.mark, self.uuids + other.uuids)
        _, packed, others = self.saved()
        _, more_packed, more_others = other.saved()
        return _Segment(other.mark, None, (other.mark, packed + more_packed, others + more_others))


def _fresh_of(uuids: list[str], seen: set[str]) -> list[int] | None:
    before = len(seen)
    if seen.isdisjoint(uuids):
        seen.update(uuids)
        if len(seen) - before == len(uuids):
            return None
        first = {uuid: position for position, uuid in reversed(list(enumerate(uuids)))}  # the page repeats itself: the first of each counts
        return sorted(first.values())
    fresh = []
    for position, uuid in enumerate(uuids):
        if uuid not in seen:
            seen.add(uuid)
            fresh.append(position)
    return fresh


def _keys(uuids: Sequence[str]) -> Sequence[bytes | str]:
    """What tells each uuid apart: its 16 bytes, or its text where it isn't canonical."""
    packed = _pack_canonical(uuids)
    if packed is not None:
        return _pieces(packed)
    return [_pack_canonical((uuid,)) or uuid for uuid in uuids]


def _pieces(packed: bytes) -> list[bytes]:
    return [packed[start : start + _PACKED_BYTES] for start in range(0, len(packed), _PACKED_BYTES)]


def _holds(packed: bytes, key: bytes) -> bool:
    place = packed.find(key)
    while place >= 0 and place % _PACKED_BYTES:
        place = packed.find(key, place + 1)
    return place >= 0


def pack_uuids(uuids: Sequence[str]) -> tuple[bytes, tuple[str, ...]]:
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


def unpack_uuids(packed: bytes) -> Iterable[str]:
    """The texts of packed uuids, in their order."""
    digits = packed.hex()
    for start in range(0, len(digits), 2 * _PACKED_BYTES):
        uuid = digits[start : start + 2 * _PACKED_BYTES]
        yield f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
