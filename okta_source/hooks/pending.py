"""Uuids that push has brought and polling has not yet: a set that says which of them are overdue, small in a snapshot. Pure.

They lie in buckets of a minute of their `published`. Polling takes each of them out when it brings the event; one that it never brings
leaves when polling has gone so far past it that it can't bring it any more. A uuid takes 16 bytes in a snapshot: at 400,000 events a day
and a poll every five minutes 1,400 of them, 22 KB; with polling down for a day 6.4 MB.
"""

from collections.abc import Iterable
from typing import Final

from okta_source.polling.dedupe import pack_uuids, unpack_uuids

__all__ = ["PendingUuids", "SavedBucket"]

_BUCKET_SECONDS: Final = 60

SavedBucket = tuple[int, bool, bytes, tuple[str, ...]]
"""The bucket's minute, whether it was told as overdue, canonical uuids of 16 bytes each, and others as they are."""


class PendingUuids:
    """The uuids, each with its `published` to the minute.

    Args:
        saved: As `saved` gave them.
    """

    def __init__(self, saved: Iterable[SavedBucket] = ()) -> None:
        self._buckets: dict[tuple[int, bool], set[str]] = {}
        self._of: dict[str, tuple[int, bool]] = {}
        self._saved: dict[tuple[int, bool], SavedBucket] = {}
        for minute, told, packed, others in saved:
            for uuid in (*unpack_uuids(packed), *others):
                self._put(uuid, (minute, told))

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, uuid: str) -> bool:
        return uuid in self._of

    def add(self, uuid: str, published_seconds: float) -> None:
        """Push has brought it."""
        self._put(uuid, (int(published_seconds // _BUCKET_SECONDS), False))

    def discard(self, uuid: str) -> bool:
        """Polling has brought it; whether it was here."""
        key = self._of.pop(uuid, None)
        if key is None:
            return False
        self._saved.pop(key, None)
        bucket = self._buckets[key]
        bucket.discard(uuid)
        if not bucket:
            del self._buckets[key]
        return True

    def any_of(self, uuids: Iterable[str]) -> bool:
        """Whether any of these is here; quick for a whole page."""
        return bool(self._of) and not self._of.keys().isdisjoint(uuids)

    def overdue(self, before_seconds: float) -> int:
        """Tell the uuids published before a moment as overdue, each once.

        Returns:
            How many are told now. They stay, since polling may yet bring them.
        """
        late = [key for key in self._buckets if not key[1] and (key[0] + 1) * _BUCKET_SECONDS <= before_seconds]
        count = 0
        for minute, told in late:
            uuids = self._buckets.pop((minute, told))
            self._saved.pop((minute, told), None)
            count += len(uuids)
            for uuid in uuids:
                self._put(uuid, (minute, True))
        return count

    def forget(self, before_seconds: float) -> int:
        """Forget the uuids published before a moment.

        Returns:
            How many of them had not been told as overdue.
        """
        count = 0
        for key in [key for key in self._buckets if (key[0] + 1) * _BUCKET_SECONDS <= before_seconds]:
            uuids = self._buckets.pop(key)
            self._saved.pop(key, None)
            count += 0 if key[1] else len(uuids)
            for uuid in uuids:
                del self._of[uuid]
        return count

    def saved(self) -> tuple[SavedBucket, ...]:
        """The set as plain immutable values for a snapshot; a bucket is packed anew only where it has changed."""
        for key, uuids in self._buckets.items():
            if key not in self._saved:
                self._saved[key] = (*key, *pack_uuids(sorted(uuids)))
        return tuple(self._saved[key] for key in sorted(self._buckets))

    def _put(self, uuid: str, key: tuple[int, bool]) -> None:
        self._buckets.setdefault(key, set()).add(uuid)
        self._of[uuid] = key
        self._saved.pop(key, None)
