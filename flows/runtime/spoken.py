"""What a run says of itself while it runs, worked out from its numbers. Pure: numbers and the time are arguments.

A line where something begins or is over, and one every five minutes; never one for a request. Above `MOST_NAMED` organisations what
concerns a single one is summed up.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

__all__ = ["MOST_NAMED", "REPORT_SECONDS", "Line", "Reading", "SinkReading", "Speaker", "age_words", "start_line"]

MOST_NAMED: Final = 20
REPORT_SECONDS: Final = 300.0
_SUMMARY_SECONDS: Final = 30.0


class Reading(Protocol):
    """A tenant's numbers, as `okta_source.metrics.TenantMetrics` has them."""

    @property
    def display_name(self) -> str:
        """The tenant for people."""

    @property
    def is_up(self) -> bool | None:
        """Whether the last poll succeeded."""

    @property
    def high_water(self) -> float | None:
        """The newest event's `published`, epoch seconds."""

    @property
    def drained(self) -> bool | None:
        """Whether the last page ended a drain."""

    @property
    def failing(self) -> tuple[str, str] | None:
        """Why the last poll failed."""

    @property
    def resumed_from(self) -> float | None:
        """Where the run before stopped."""

    def new_events(self) -> int:
        """Events so far."""

    def lag_seconds(self) -> float | None:
        """How far it is behind."""


@dataclass(frozen=True, slots=True)
class SinkReading:
    """A sink's numbers.

    Attributes:
        delivered: Events that are with its target.
        outbox_bytes: What waits to be sent.
        waits_since: Since when the oldest of it waits, epoch seconds.
    """

    delivered: int
    outbox_bytes: int = 0
    waits_since: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line.

    Attributes:
        text: For people.
        event: What it is about, for programs.
        values: The same as values.
    """

    text: str
    event: str
    values: Mapping[str, object] = field(default_factory=dict)


def start_line(tenants: Sequence[str], sinks: Mapping[str, str], state: str, metrics: str, resumed_at: float | None) -> Line:
    """The first line.

    Args:
        tenants: Their names for people.
        sinks: Name → type.
        state: The state directory.
        metrics: Where metrics are served; empty for nowhere.
        resumed_at: When an earlier run last wrote its state, epoch seconds; None for a first start.
    """
    named = ", ".join(tenants[:MOST_NAMED]) + (" …" if len(tenants) > MOST_NAMED else "")
    to = ", ".join(f"{name} ({kind})" for name, kind in sinks.items())
    resumes = "first start" if resumed_at is None else f"resumes where a run stopped at {_moment(resumed_at)}"
    served = f"metrics: {metrics}" if metrics else "no metrics (--metrics-port PORT serves them)"
    text = f"{_count(len(tenants), 'organisation')} ({named}) to {to}; state: {state}, {resumes}; {served}"
    values = {"tenants": len(tenants), "sinks": dict(sinks), "state": state, "metrics": metrics or None, "resumed_at": resumed_at}
    return Line(text, "started", values)


class Speaker:
    """Decides what is to be said; to be asked about once a second.

    Args:
        since: Tenant → where its events begin if it is new (`start_from`), epoch seconds; every tenant of the configuration.
        started_at: When the run began, epoch seconds.
    """

    def __init__(self, since: Mapping[str, float], started_at: float) -> None:
        self._since = since
        self._started_at = started_at
        self._summed_up = len(since) > MOST_NAMED
        self._connected: set[str] = set()
        self._drained: set[str] = set()
        self._last_summary = started_at
        self._told: tuple[int, int] = 0, 0
        self._last_report = started_at
        self._reported_events = 0

    def listen(self, tenants: Mapping[str, Reading], now: float) -> Iterator[Line]:
        """What is new with the tenants.

        Args:
            tenants: Those that this process polls, by name.
            now: Epoch seconds.
        """
        answered = [(name, it) for name, it in tenants.items() if name not in self._connected and it.is_up and it.drained is not None]
        self._connected.update(name for name, _ in answered)
        ended = [(name, it) for name, it in tenants.items() if it.drained and name in self._connected and name not in self._drained]
        self._drained.update(name for name, _ in ended)
        if self._summed_up:
            yield from self._summary(tenants, now)
            return
        for name, it in answered:
            yield self._connection(name, it, now)
        for name, it in ended:
            if (name, it) not in answered:
                events = it.new_events()
                took = age_words(now - self._started_at)
                yield Line(
                    f"{it.display_name}: caught up; {_count(events, 'event')} in {took}", "drained", {"tenant": name, "events": events}
                )

    def _connection(self, name: str, it: Reading, now: float) -> Line:
        events = it.new_events()
        values: dict[str, object] = {"tenant": name, "events": events, "drained": it.drained}
        if not events:
            return Line(f"{it.display_name}: connected; no new events", "connected", values)
        begins = self._since.get(name) if it.resumed_from is None else it.resumed_from
        since = f" since {_moment(begins)}" if begins is not None else ""
        newest = f", newest {age_words(now - it.high_water)} old" if it.high_water is not None else ""
        more = "" if it.drained else "; more to come"
        return Line(f"{it.display_name}: connected; {_count(events, 'event')}{since}{newest}{more}", "connected", values)

    def _summary(self, tenants: Mapping[str, Reading], now: float) -> Iterator[Line]:
        """At most one line in half a minute, and one when all are there."""
        counts = len(self._connected), len(self._drained)
        every = len(self._since)
        if counts == self._told or (now - self._last_summary < _SUMMARY_SECONDS and counts != (every, every)):
            return
        self._last_summary = now
        self._told = counts
        events = sum(it.new_events() for it in tenants.values())
        text = f"{counts[0]:,} of {every:,} organisations connected, {counts[1]:,} caught up; {_count(events, 'event')}"
        yield Line(text, "connected", {"connected": counts[0], "drained": counts[1], "tenants": every, "events": events})

    def is_report_due(self, now: float) -> bool:
        """Whether five minutes are over."""
        return now - self._last_report >= REPORT_SECONDS

    def report(self, tenants: Mapping[str, Reading], sinks: Mapping[str, SinkReading], letters: int, now: float) -> Line:
        """The numbers of the run.

        Args:
            tenants: As for `listen`.
            sinks: By name.
            letters: Events that became dead letters.
            now: Epoch seconds.
        """
        events = sum(it.new_events() for it in tenants.values())
        new = events - self._reported_events
        over = now - self._last_report
        self._last_report, self._reported_events = now, events
        lags = {name: lag for name, it in tenants.items() if (lag := it.lag_seconds()) is not None}
        worst = max(lags, key=lambda name: lags[name], default=None)
        if worst is None:
            behind = "no organisation has answered yet"
        elif lags[worst] < 1.0:
            behind = "nobody behind"
        else:
            behind = f"behind at most: {tenants[worst].display_name}, {age_words(lags[worst])}"
        failing = {name: f"{it.failing[0]} at {it.failing[1]}" for name, it in tenants.items() if it.is_up is False and it.failing}
        parts = [f"{_count(events, 'event')} so far, {new:,} in the last {age_words(over)}", behind]
        if failing:
            named = ", ".join(f"{tenants[name].display_name} ({why})" for name, why in list(failing.items())[:3])
            parts.append(f"failing: {named}{' …' if len(failing) > 3 else ''}: `bytewax-okta check` says what to change")
        parts += [f"{name}: {_sink_words(sink, now)}" for name, sink in sinks.items()]
        parts.append(f"{_count(letters, 'dead letter')}")
        values: dict[str, object] = {
            "events": events,
            "events_since_last": new,
            "worst_tenant": worst,
            "worst_lag_seconds": None if worst is None else round(lags[worst], 3),
            "failing": failing,
            "delivered": {name: sink.delivered for name, sink in sinks.items()},
            "outbox_bytes": {name: sink.outbox_bytes for name, sink in sinks.items()},
            "dead_letters": letters,
        }
        return Line("; ".join(parts), "report", values)


def age_words(seconds: float) -> str:
    """A span for people: 3 s, 12 min, 5 h, 4 d. A clock that goes wrong makes no negative one."""
    seconds = max(seconds, 0.0)
    for unit, size, least in (("d", 86400.0, 172800.0), ("h", 3600.0, 7200.0), ("min", 60.0, 120.0)):
        if seconds >= least:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _sink_words(sink: SinkReading, now: float) -> str:
    if not sink.outbox_bytes:
        return f"{sink.delivered:,} delivered"
    waits = f" for {age_words(now - sink.waits_since)}" if sink.waits_since is not None else ""
    return f"{sink.delivered:,} delivered, {sink.outbox_bytes / 1e6:,.1f} MB wait in its outbox{waits}"


def _moment(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
