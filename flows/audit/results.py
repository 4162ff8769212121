"""What an audit has found: by hour, by archive, and as a whole. No words, no tables."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from flows.audit.plan import Plan

__all__ = ["Hour", "MissingEvent", "SinkResult", "Summary"]


class MissingEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An event that the first comparison did not find.

    Attributes:
        tenant: Whose it is.
        sink: Which archive lacked it.
        uuid: Okta's id of it.
        published: When it happened.
        event_type: What happened.
        there_now: Whether the last look found it: repaired, or delivered meanwhile by others.
    """

    tenant: str
    sink: str
    uuid: str
    published: str
    event_type: str
    there_now: bool


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of one tenant in one archive.

    Attributes:
        hour: Since 1970.
        okta: Events that Okta has and the sink should hold.
        archive: Events that the archive holds, copies included; None where nobody can tell.
        missing: Events that it lacks.
        there_now: Events that it lacked at first and holds now.
        twice: Further copies of events that it holds more than once.
        surplus: Events that it holds and Okta doesn't return; None where nobody can tell.
        unchecked: Events of Okta's that could not be compared.
        away: Events whose day the archive doesn't hold (any more).
    """

    hour: int
    okta: int = 0
    archive: int | None = 0
    missing: int = 0
    there_now: int = 0
    twice: int = 0
    surplus: int | None = 0
    unchecked: int = 0
    away: int = 0

    @property
    def noteworthy(self) -> bool:
        """Whether the archive differs from what Okta has, or did."""
        return bool(self.missing or self.there_now or self.twice or self.surplus or self.unchecked or self.away)


@dataclass(slots=True)
class SinkResult:
    """One tenant in one archive.

    Attributes:
        tenant: Its name.
        sink: The sink's name.
        hours: In their order, all of the audit's.
        troubles: Why something could not be compared.
        away: Reason (`closed`, `deleted`, `hole`) → day → events that are not held (any more).
    """

    tenant: str
    sink: str
    hours: list[Hour] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    away: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def total(self) -> Hour:
        """All hours together."""
        hours = self.hours
        return Hour(
            0,
            sum(hour.okta for hour in hours),
            _sum(hour.archive for hour in hours),
            sum(hour.missing for hour in hours),
            sum(hour.there_now for hour in hours),
            sum(hour.twice for hour in hours),
            _sum(hour.surplus for hour in hours),
            sum(hour.unchecked for hour in hours),
            sum(hour.away for hour in hours),
        )


@dataclass(slots=True)
class Summary:
    """A whole audit.

    Attributes:
        plan: What was to be done.
        results: By tenant and sink, in the plan's order.
        undone: Tenant → how many of its slices are not read to their end.
        failures: Tenant → why Okta could not be asked for all of it.
        malformed: Tenant → what Okta returned that is no event, and so is in no archive.
        notes: What was found to be wrong with archives.
        requests: Made of Okta by this process.
        stopped: Whether a signal ended it.
    """

    plan: Plan
    results: list[SinkResult] = field(default_factory=list)
    undone: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    malformed: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Whether every event that Okta returned is in every archive, and Okta was asked for all of them.

        Days that were closed, or deleted as the oldest ones, are nobody's loss; a day that isn't there between others may be one.
        """
        lacking = any(hour.missing or hour.unchecked for result in self.results for hour in result.hours)
        doubtful = any(result.troubles or "hole" in result.away for result in self.results)
        return not (lacking or doubtful or self.undone or self.failures)

    @property
    def twice(self) -> int:
        """Further copies of events that archives hold more than once."""
        return sum(hour.twice for result in self.results for hour in result.hours)


def _sum(figures: Iterable[int | None]) -> int | None:
    known = list(figures)
    return None if None in known else sum(figure or 0 for figure in known)
