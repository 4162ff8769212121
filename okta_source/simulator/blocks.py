"""Keeps the blocks of events that were made last."""

import threading
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["BlockCache"]

_CACHE_BYTES = 64_000_000


class BlockCache:
    """The blocks made last, across all organisations of the process, bounded in bytes."""

    def __init__(self, capacity_bytes: int = _CACHE_BYTES) -> None:
        self._blocks: OrderedDict[tuple[int, int, int], list[bytes]] = OrderedDict()
        self._capacity_bytes = capacity_bytes
        self._held_bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int, int], make: Callable[[], list[bytes]]) -> list[bytes]:
        """The block under `key`, made by `make` when it isn't there."""
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
                return block
        block = make()
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = block
                self._held_bytes += sum(map(len, block))
            while self._held_bytes > self._capacity_bytes and len(self._blocks) > 1:
                _, oldest = self._blocks.popitem(last=False)
                self._held_bytes -= sum(map(len, oldest))
        return block
