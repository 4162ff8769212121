"""The window of recent uuids: part of a tenant's resumable state, so that nothing is delivered twice across rewinds and restarts.

The window is in the order of arrival, not of `published`: an event that Okta persisted late is remembered like any other. A uuid takes 16
bytes in the saved state (a whole page converts in one call, 0.17 µs per event).
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b

__all__ = ["SeenWindow"]

_KEY_BYTES = 16
_CANONICAL_LENGTH = 36
_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Quiet tenants answer with pages of an event or two: they share a segment until it spans this share of the window.
_SEGMENTS_PER_WINDOW = 64
_SEGMENT_BYTES = 64 * 1024


class SeenWindow:
    """Remembers which uuids have been delivered, as far back as `window_seconds` behind the newest event.

    A segment holds the uuids of one page (or of a few small ones), stamped with the tenant's high-water mark at that time; it is forgotten
    when that mark is more than `window_seconds` behind the present one.

    Args:
        window_seconds: How far behind the high-water mark uuids are remembered.
        segments: Saved segments, as `segments()` returned them.
    """

    def __init__(self, window_seconds: float, segments: Iterable[tuple[float, bytes]] = ()) -> None:
        self._window_seconds = window_seconds
        self._segments: deque[tuple[float, bytes]] = deque((float(mark), bytes(blob)) for mark, blob in segments)
        self._seen: set[bytes] = set()
        for _, blob in self._segments:
            self._seen.update(_cut(blob))

    def __len__(self) -> int:
        """Number of uuids remembered."""
        return len(self._seen)

    def admit(self, uuids: Sequence[str], high_water_seconds: float) -> list[int] | None:
        """Remember a page's uuids and say which of its events are new.

        Args:
            uuids: The page's uuids, in order.
            high_water_seconds: The tenant's highest `published` so far, this page included, in seconds since the epoch.

        Returns:
            None when every event is new (the usual page: one set operation), else the positions of the new ones.
        """
        keys = _keys(uuids)
        fresh = None
        if self._seen.isdisjoint(keys) and len(set(keys)) == len(keys):
            self._seen.update(keys)
            self._append(high_water_seconds, b"".join(keys))
        else:
            fresh = []
            for position, key in enumerate(keys):
                if key not in self._seen:
                    self._seen.add(key)
                    fresh.append(position)
            self._append(high_water_seconds, b"".join(keys[position] for position in fresh))
        self._forget(high_water_seconds - self._window_seconds)
        return fresh

    def segments(self) -> tuple[tuple[float, bytes], ...]:
        """The window as plain immutable values for a snapshot: `(high-water mark in seconds, 16 bytes a uuid)`."""
        return tuple(self._segments)

    def _append(self, mark: float, blob: bytes) -> None:
        if not blob:
            return
        if len(self._segments) > 1:
            last = self._segments[-1][1]
            before_mark = self._segments[-2][0]
            # A shared segment carries its newest mark: its uuids live a little longer than promised, never shorter.
            if len(last) + len(blob) <= _SEGMENT_BYTES and mark - before_mark < self._window_seconds / _SEGMENTS_PER_WINDOW:
                self._segments[-1] = (mark, last + blob)
                return
        self._segments.append((mark, blob))

    def _forget(self, oldest_mark: float) -> None:
        while self._segments and self._segments[0][0] < oldest_mark:
            _, blob = self._segments.popleft()
            self._seen.difference_update(_cut(blob))


def _cut(blob: bytes) -> list[bytes]:
    return [blob[start : start + _KEY_BYTES] for start in range(0, len(blob), _KEY_BYTES)]


def _keys(uuids: Sequence[str]) -> list[bytes]:
    """16 bytes for each uuid: its own where it is one, else a digest (samples hold shortened ones)."""
    count = len(uuids)
    joined = "".join(uuids)
    dashes = "-" * count
    # All of length 36 with a dash at the four canonical places and 32 hexadecimal digits left: exact, without a regular expression each.
    if (
        all(len(uuid) == _CANONICAL_LENGTH for uuid in uuids)
        and all(joined[place::_CANONICAL_LENGTH] == dashes for place in (8, 13, 18, 23))
        and joined.count("-") == 4 * count
    ):
        try:
            packed = bytes.fromhex(joined.replace("-", ""))
        except ValueError:
            pass
        else:
            if len(packed) == _KEY_BYTES * count:
                return _cut(packed)
    return [_key(uuid) for uuid in uuids]


def _key(uuid: str) -> bytes:
    if _CANONICAL.fullmatch(uuid):
        return bytes.fromhex(uuid.replace("-", ""))
    return blake2b(uuid.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES, person=b"okta-uuid").digest()
