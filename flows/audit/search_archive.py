"""The archive of a search sink: the target itself, asked for the ids of a page."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, TypeVar

from flows.audit.archive import CLOSED, DELETED, HOLE, UNREADABLE
from flows.reading.file_archive import ArchiveUnreadable
from flows.reading.holdings import HourCount
from flows.reading.keys import hour_of, hour_start
from sinks.delivery.target import Again
from sinks.documents import DocumentHead
from sinks.elasticsearch.lookup import Lookup, NotThere

__all__ = ["SearchArchive"]

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1
_USELESS: Final = frozenset({"auth", "permission", "bad_request", "not_found", "decode"})
"""What trying again doesn't mend."""

_OF_THE_SERVER: Final = frozenset({"auth", "rate_limited", "decode"})
"""What an answer says that has nothing to do with the index that was asked."""

_T = TypeVar("_T")


class _IndexUnreadable(Exception):  # noqa: N818 (it names what is the case)
    """An index can't be asked; `SearchArchive.trouble` says why."""


class SearchArchive:
    """The data streams or indices of a search sink.

    Args:
        lookup: Asks the server.
        request_timeout_seconds: For each request.
        retry_for_seconds: How long a server that fails is tried again.
        stopping: Whether the run is to end, so that nothing is waited for.
    """

    def __init__(self, lookup: Lookup, *, request_timeout_seconds: float, retry_for_seconds: float, stopping: Callable[[], bool]) -> None:
        self.counts_exactly = False
        self._lookup = lookup
        self._timeout_seconds = request_timeout_seconds
        self._retry_for_seconds = retry_for_seconds
        self._stopping = stopping
        self._notes: dict[str, None] = {}
        self._failure: str = ""
        self._failures: dict[str, str] = {}
        self._days: dict[str, list[date]] = {}

    def copies(self, tenant: str, heads: Sequence[DocumentHead], hours: Sequence[int], *, again: bool = False) -> Sequence[int]:  # noqa: ARG002
        """Ask for the ids, index by index; with `again`, after a refresh."""
        by_index: dict[str, list[int]] = {}
        for at, head in enumerate(heads):
            by_index.setdefault(self._lookup.index(tenant, head.published), []).append(at)
        copies = [0] * len(heads)
        for index, places in by_index.items():
            uuids = [heads[at].uuid for at in places]
            if again and index not in self._failures:
                self._refresh(index)
            try:
                found = self._held(index, uuids)
                away = 0 if isinstance(found, Counter) else self._away(tenant, index, heads[places[0]], found)
            except _IndexUnreadable:
                found, away = "absent", UNREADABLE
            for at, uuid in zip(places, uuids, strict=True):
                copies[at] = found[uuid] if isinstance(found, Counter) else away
        return copies

    def trouble(self, tenant: str, head: DocumentHead) -> str:
        """Why an event's index can't be asked."""
        return self._failures.get(self._lookup.index(tenant, head.published), "")

    def counts(self, tenant: str, hours: range) -> Mapping[int, HourCount] | None:
        """How many documents of the tenant there are by the hour of `@timestamp`; none of an index that can't be asked."""
        since, until = hour_start(hours.start), hour_start(hours.stop)
        counted: dict[int, int] = {}
        indices = dict.fromkeys(self._lookup.index(tenant, hour_start(hour)) for hour in hours)
        for index in indices:
            if index not in self._failures:
                self._refresh(index)
            try:
                found: Mapping[datetime, int] = self._ask(
                    index,
                    lambda index=index: self._lookup.by_hour(tenant, index, since, until, self._timeout_seconds),  # type: ignore[misc]
                )
            except _IndexUnreadable:
                continue
            for moment, count in found.items():
                hour = hour_of(moment.astimezone(UTC))
                counted[hour] = counted.get(hour, 0) + count
        return {hour: HourCount(count, count) for hour, count in counted.items()}

    def notes(self) -> Sequence[str]:
        """What could not be done."""
        return list(self._notes)

    def _refresh(self, index: str) -> None:
        trouble = self._lookup.refresh(index, self._timeout_seconds)
        if trouble is not None and trouble.error_type == "permission":
            self._notes[
                f"{index} can't be refreshed, so what was indexed within its refresh_interval may count as missing: {trouble.fix}"
            ] = None

    def _held(self, index: str, uuids: Sequence[str]) -> Counter[str] | NotThere:
        return self._ask(index, lambda: self._lookup.held(index, uuids, self._timeout_seconds))

    def _away(self, tenant: str, index: str, head: DocumentHead, why: NotThere) -> int:
        """What it means that an event's index can't be asked although the server is well; 0 where its events are simply missing.

        A policy deletes the oldest days: what is newer than everything that is there was never delivered.
        """
        if not self._lookup.is_daily:
            if why == "absent":
                return 0
            self._failures[index] = f"{index} is closed. Open it (POST /{index}/_open) and audit again."
            raise _IndexUnreadable
        if why == "closed":
            return CLOSED
        if tenant not in self._days:
            self._days[tenant] = self._ask(index, lambda: self._lookup.days(tenant, self._timeout_seconds))
        days, day = self._days[tenant], head.published.astimezone(UTC).date()
        if not days or day > days[-1]:
            return 0
        return DELETED if day < days[0] else HOLE

    def _ask(self, index: str, ask: Callable[[], _T | Again]) -> _T:
        """Ask until there is an answer, for no longer than `retry_for_seconds`; what has failed for so long is not asked again.

        What no answer came to, or one that speaks of who asks, concerns every index; any other trouble is that of the index alone.

        Raises:
            _IndexUnreadable: The index can't be asked.
            ArchiveUnreadable: None can.
        """
        if self._failure:
            raise ArchiveUnreadable(self._failure)
        if index in self._failures:
            raise _IndexUnreadable
        # A server that has failed for so long with one index is not waited for with each of the others.
        patience_seconds = 0.0 if self._failures else self._retry_for_seconds
        give_up_at = time.monotonic() + patience_seconds
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            answer = ask()
            if not isinstance(answer, Again):
                return answer
            resume_at = time.monotonic() + max(pause_seconds, answer.after_seconds or 0.0)
            if answer.error_type in _USELESS or resume_at > give_up_at or self._stopping():
                words = f"{answer.reason} {answer.fix}".strip()
                if answer.status is None or answer.error_type in _OF_THE_SERVER:
                    self._failure = words
                    raise ArchiveUnreadable(words)
                self._failures[index] = words
                raise _IndexUnreadable
            while time.monotonic() < resume_at and not self._stopping():
                time.sleep(_LOOK_SECONDS)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
