"""Group commit: deliveries that arrive within a few milliseconds share one sync, on a thread of its own.

The loop that talks to Okta never waits for a disk. While a sync is under way the next group gathers, so that throughput grows with the load
and a lone delivery waits for no more than the sync of its own.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from okta_source.hooks.frame import HEADER_BYTES, Frame
from okta_source.hooks.spool_writer import SpoolWriter

__all__ = ["Committer", "Overloaded"]

_LOG = logging.getLogger(__name__)

GROUP_SECONDS: Final = 0.002
IN_FLIGHT_BYTES: Final = 64 * 1024 * 1024
_SYNCS_AT_ONCE: Final = 8
_CLEANING_SECONDS: Final = 60.0


class Overloaded(Exception):  # noqa: N818  (it names what is the case, like StopIteration)
    """More is waiting for the disk than may wait."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    tenant: str
    frame: Frame
    done: "asyncio.Future[bool]"


class Committer:
    """Takes deliveries on the loop, makes them durable on a thread.

    Args:
        spool: Where to.
        loop: The loop that `commit` is called on.
        group_seconds: How long a delivery waits for others to share its sync with.
    """

    def __init__(self, spool: SpoolWriter, loop: asyncio.AbstractEventLoop, group_seconds: float = GROUP_SECONDS) -> None:
        self._spool = spool
        self._loop = loop
        self._group_seconds = group_seconds
        self._waiting: list[_Delivery] = []
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._trouble: dict[str, str] = {}
        self._syncs = ThreadPoolExecutor(_SYNCS_AT_ONCE, thread_name_prefix="okta-hooks-sync")
        self._thread = threading.Thread(target=self._work, name="okta-hooks-commit", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """What the disk said at the last attempt; empty while all is well."""
        return next(iter(self._trouble.values()), "")

    def commit(self, tenant: str, body: bytes, received_ms: int) -> "asyncio.Future[bool]":
        """Make a delivery durable.

        Args:
            tenant: Whose it is.
            body: As it was sent.
            received_ms: Unix milliseconds.

        Returns:
            True once it is synced, False where it couldn't be.

        Raises:
            Overloaded: Too much is waiting for the disk.
        """
        size_bytes = len(body) + HEADER_BYTES
        done: asyncio.Future[bool] = self._loop.create_future()
        with self._changed:
            if self._closing or (self._waiting and self._waiting_bytes + size_bytes > IN_FLIGHT_BYTES):
                raise Overloaded
            self._waiting.append(_Delivery(tenant, Frame(received_ms, body), done))
            self._waiting_bytes += size_bytes
            self._changed.notify()
        return done

    def close(self, timeout_seconds: float) -> None:
        """Commit what is waiting and end; leaves a disk that hangs alone after the time-out."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_seconds)
        if not self._thread.is_alive():
            self._spool.close()
        self._syncs.shutdown(wait=False)

    def _work(self) -> None:
        clean_at = 0.0
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait(_CLEANING_SECONDS)
                    if not self._waiting:
                        break
            if self._waiting and not self._closing:
                time.sleep(self._group_seconds)
            with self._changed:
                group, self._waiting = self._waiting, []
            if group:
                self._commit(group)
            elif self._closing:
                return
            if time.monotonic() >= clean_at:
                clean_at = time.monotonic() + _CLEANING_SECONDS
                self._spool.delete_old()

    def _commit(self, group: Sequence[_Delivery]) -> None:
        by_tenant: dict[str, list[_Delivery]] = defaultdict(list)
        for delivery in group:
            by_tenant[delivery.tenant].append(delivery)
        written = [tenant for tenant, own in by_tenant.items() if self._tried(tenant, partial(self._append, tenant, own))]
        # The journal of a file system takes syncs of several files together, if they come at once.
        syncing = self._syncs.map if len(written) > 1 else map
        synced = {tenant for tenant, good in zip(written, syncing(self._synced, written), strict=True) if good}
        with self._changed:
            self._waiting_bytes -= sum(len(delivery.frame.body) + HEADER_BYTES for delivery in group)
        told = [(delivery.done, delivery.tenant in synced) for delivery in group]
        try:
            self._loop.call_soon_threadsafe(_tell, told)
        except RuntimeError:
            _LOG.info("the receiver has ended before %d deliveries could be answered", len(told))

    def _append(self, tenant: str, own: Sequence[_Delivery]) -> None:
        self._spool[tenant].append([delivery.frame for delivery in own])

    def _synced(self, tenant: str) -> bool:
        good = self._tried(tenant, self._spool[tenant].sync)
        if good and self._trouble.pop(tenant, ""):
            _LOG.info("%s: the spool can be written again", tenant)
        return good

    def _tried(self, tenant: str, attempt: Callable[[], None]) -> bool:
        try:
            attempt()
        except OSError as error:
            if tenant not in self._trouble:
                _LOG.error(
                    "%s: the spool can't be written (%s): deliveries are answered 503 until it can, and polling brings their events; "
                    "make room, or mend the disk of hooks.spool_dir",
                    tenant,
                    error.strerror,
                )
            self._trouble[tenant] = error.strerror or type(error).__name__
            return False
        return True


def _tell(told: Sequence[tuple["asyncio.Future[bool]", bool]]) -> None:
    for done, good in told:
        if not done.done():
            done.set_result(good)
