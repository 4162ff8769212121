"""The archive of a search sink: the target itself, asked for the ids of a page."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from flows.audit.archive import ArchiveUnreadable
from flows.audit.holdings import HourCount
from flows.audit.keys import hour_of, hour_start
from sinks.delivery.target import Again
from sinks.documents import DocumentHead
from sinks.elasticsearch.lookup import Lookup

__all__ = ["SearchArchive"]

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1
_USELESS: Final = frozenset({"auth", "permission", "bad_request", "not_found", "decode"})
"""What trying again doesn't mend."""

_T = TypeVar("_T")


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

    def copies(self, tenant: str, heads: Sequence[DocumentHead], hours: Sequence[int], *, again: bool = False) -> Sequence[int]:  # noqa: ARG002
        """Ask for the ids, index by index; with `again`, after a refresh."""
        by_index: dict[str, list[int]] = {}
        for at, head in enumerate(heads):
            by_index.setdefault(self._lookup.index(tenant, head.published), []).append(at)
        copies = [0] * len(heads)
        for index, places in by_index.items():
            uuids = [heads[at].uuid for at in places]
            if again:
                self._refresh(index)
            found: Counter[str] = self._ask(lambda index=index, uuids=uuids: self._lookup.held(index, uuids, self._timeout_seconds))  # type: ignore[misc]
            for at, uuid in zip(places, uuids, strict=True):
                copies[at] = found[uuid]
        return copies

    def counts(self, tenant: str, hours: range) -> Mapping[int, HourCount] | None:
        """How many documents of the tenant there are by the hour of `@timestamp`."""
        since, until = hour_start(hours.start), hour_start(hours.stop)
        counted: dict[int, int] = {}
        indices = dict.fromkeys(self._lookup.index(tenant, hour_start(hour)) for hour in hours)
        for index in indices:
            self._refresh(index)
            found: Mapping[datetime, int] = self._ask(
                lambda index=index: self._lookup.by_hour(tenant, index, since, until, self._timeout_seconds)  # type: ignore[misc]
            )
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

    def _ask(self, ask: Callable[[], _T | Again]) -> _T:
        """Ask until there is an answer, for no longer than `retry_for_seconds`; a server that has failed for so long is not asked again."""
        if self._failure:
            raise ArchiveUnreadable(self._failure)
        give_up_at = time.monotonic() + self._retry_for_seconds
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            answer = ask()
            if not isinstance(answer, Again):
                return answer
            resume_at = time.monotonic() + max(pause_seconds, answer.after_seconds or 0.0)
            if answer.error_type in _USELESS or resume_at > give_up_at or self._stopping():
                self._failure = f"{answer.reason} {answer.fix}".strip()
                raise ArchiveUnreadable(self._failure)
            while time.monotonic() < resume_at and not self._stopping():
                time.sleep(_LOOK_SECONDS)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
