"""How many connections may stay open while nothing is asked on them: a thousand tenants would hold a thousand sockets.

The usual limit of a process is 1,024 open files, sockets included. A connection that is in use is bounded by the fetch threads; one that
waits for its tenant's next poll needs a slot. Whoever gets none closes its connection after the answer, and makes a new one the next time.
A slot is kept for as long as the tenant is asked regularly: handing the slots around (the one idle longest goes) would close each one
shortly before it is needed, since tenants take turns.
"""

import resource
import threading

__all__ = ["LONGEST_IDLE_SECONDS", "ConnectionSlots", "SlotHolder", "default_slot_limit"]

LONGEST_IDLE_SECONDS = 50.0
"""Firewalls forget quiet connections without a word, and the next request would only time out: a minute is the least of their limits."""

_FOR_DRAINS = 64
_LARGEST_LIMIT = 4096


def default_slot_limit() -> int:
    """Three eighths of the files that the process may have open: each file sink takes one eighth, requests up to a quarter."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _LARGEST_LIMIT if soft == resource.RLIM_INFINITY else max(8, min(_LARGEST_LIMIT, soft * 3 // 8))


class ConnectionSlots:
    """The slots of one process. Thread-safe.

    Args:
        limit: How many there are.
        for_drains: How many of them only tenants in the middle of a drain get, whose next request follows at once; at most half.
    """

    def __init__(self, limit: int | None = None, for_drains: int = _FOR_DRAINS) -> None:
        self._limit = default_slot_limit() if limit is None else limit
        self._for_drains = min(for_drains, self._limit // 2)
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many slots are in use."""
        return self._taken

    def try_take(self, *, draining: bool) -> bool:
        """Take a slot if there is one."""
        with self._lock:
            if self._taken >= self._limit - (0 if draining else self._for_drains):
                return False
            self._taken += 1
            return True

    def may_keep(self) -> bool:
        """Whether a slot that was taken for a drain may be kept between polls."""
        return self._taken <= self._limit - self._for_drains

    def give_back(self) -> None:
        """A connection has been closed."""
        with self._lock:
            self._taken -= 1


class SlotHolder:
    """One tenant's claim on a slot. For one thread at a time.

    Args:
        slots: The process's.
    """

    def __init__(self, slots: ConnectionSlots) -> None:
        self._slots = slots
        self._held = False

    def keeps_open(self, *, draining: bool) -> bool:
        """Whether the tenant's connection may stay open until its next request; if not, it is to be closed now."""
        if self._held and not draining and not self._slots.may_keep():
            self.release()
            return False
        if not self._held:
            self._held = self._slots.try_take(draining=draining)
        return self._held

    def release(self) -> None:
        """The connection is closed."""
        if self._held:
            self._held = False
            self._slots.give_back()
