"""What a bounded read has done so far, all slices of this process together: for progress, reports and the exit code. Thread-safe."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from okta_source.history.counts import HourCounts, HourTally, add_up
from okta_source.history.slices import Slice
from okta_source.polling.outcome import Failure

__all__ = ["Ledger", "Totals"]


@dataclass(frozen=True, slots=True)
class Totals:
    """All slices together.

    Attributes:
        slices: How many there are.
        done: How many of them are complete.
        failed: How many were given up in this run.
        counts: Their events, what a resume brought included.
        hours: The length of all slices together.
        hours_done: That of the complete ones.
        events_done: Events received of those.
        requests: Requests for logs in this run.
        budget_per_minute: Requests a minute that the organisations asked so far allow beyond their reserves; 0 where that is not known.
    """

    slices: int
    done: int
    failed: int
    counts: HourCounts
    hours: float
    hours_done: float
    events_done: int
    requests: int
    budget_per_minute: float


class Ledger:
    """The books of a bounded read.

    Args:
        slices: All its slices.
    """

    def __init__(self, slices: Iterable[Slice]) -> None:
        self._lock = threading.Lock()
        self._tallies: dict[Slice, HourTally] = {wanted: HourTally() for wanted in slices}
        self._done: set[Slice] = set()
        self._failed: dict[Slice, Failure] = {}
        self._received = dict.fromkeys(self._tallies, HourCounts())
        self._sum = HourCounts()
        self._requests = 0
        self._budgets: dict[str, float] = {}

    def resumed(self, wanted: Slice, tally: HourTally, *, done: bool) -> None:
        """A slice has been taken up, anew or from a snapshot."""
        with self._lock:
            counts = add_up(tally.hours().values())
            self._tallies[wanted] = tally
            self._received[wanted] = counts
            self._sum += counts
            if done:
                self._done.add(wanted)

    def page(self, wanted: Slice, counts: HourCounts) -> None:
        """A page of a slice has been handed over; its tally counts it as well."""
        with self._lock:
            self._received[wanted] += counts
            self._sum += counts

    def done(self, wanted: Slice) -> None:
        """A slice is complete."""
        with self._lock:
            self._done.add(wanted)
            self._failed.pop(wanted, None)

    def gave_up(self, wanted: Slice, failure: Failure) -> None:
        """A slice can't be read in this run."""
        with self._lock:
            self._failed[wanted] = failure

    def asked(self) -> None:
        """A request for logs has gone out."""
        with self._lock:
            self._requests += 1

    def budget(self, org_host: str, requests_per_minute: float) -> None:
        """What an organisation allows beyond its reserve."""
        self._budgets[org_host] = requests_per_minute

    def is_done(self, wanted: Slice) -> bool:
        """Whether a slice is complete."""
        return wanted in self._done

    def failed(self) -> dict[Slice, Failure]:
        """The slices given up in this run, and why."""
        with self._lock:
            return dict(self._failed)

    def hours(self) -> dict[tuple[str, datetime], HourCounts]:
        """The counts by tenant and UTC hour; to be asked once nothing is read any more."""
        with self._lock:
            total: dict[tuple[str, datetime], HourCounts] = {}
            for wanted, tally in self._tallies.items():
                for hour, counts in tally.hours().items():
                    key = wanted.tenant, hour
                    total[key] = total.get(key, HourCounts()) + counts
            return total

    def totals(self) -> Totals:
        """Everything in one look."""
        with self._lock:
            return Totals(
                len(self._tallies),
                len(self._done),
                len(self._failed),
                self._sum,
                sum(wanted.hours for wanted in self._tallies),
                sum(wanted.hours for wanted in self._done),
                sum(self._received[wanted].received for wanted in self._done),
                self._requests,
                sum(self._budgets.values()),
            )
