"""The fleet as the samples of its processes tell it: who is well, who isn't and why. Pure: the time is an argument.

The states are those of the dashboards: failing, the last poll failed; stale, no poll has succeeded for too long; starting, not asked yet;
active, all else, however quiet the organisation is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from okta_source.status.samples import Samples

__all__ = ["Fleet", "SinkStatus", "State", "TenantStatus", "read_fleet", "with_rates"]

State = Literal["Failing", "Stale", "Starting", "Active"]
STATES: tuple[State, ...] = ("Failing", "Stale", "Starting", "Active")
"""The worst first."""

STALE_INTERVALS = 3
STALE_SECONDS = 60.0
"""On top of three intervals: one answer may take 30 s, which spans several short intervals."""

OUTBOX_LATE_SECONDS = 60.0
"""When a target's breaker would have opened."""


@dataclass(frozen=True, slots=True)
class TenantStatus:
    """One tenant. Times are epoch seconds; what isn't known is None.

    Attributes:
        tenant: Its name.
        display_name: Its name for people.
        org: The organisation's host.
        endpoint: Which endpoint told of it.
        state: How it is.
        error_type: Why the last poll failed, empty where it didn't.
        stage: At what the last poll failed.
        next_poll: When it is asked next.
        last_success: When a poll last succeeded.
        last_event: The newest event's `published`.
        lag_seconds: How far behind it is; 0 once drained.
        drain_ends: When it will have caught up, if it goes on so.
        events_received: How many events came, repeated ones included.
        events_per_second: How many came in a second, between two looks.
        events_duplicate: How many of them had come before.
        events_malformed: How many were no events.
        rate_limit: Requests per window that the organisation allows.
        rate_remaining: Requests left in it.
        rate_reserve: The share of the limit that is left to others.
        poll_interval_seconds: From one poll to the next.
    """

    tenant: str
    display_name: str
    org: str
    endpoint: str
    state: State
    error_type: str = ""
    stage: str = ""
    next_poll: float | None = None
    last_success: float | None = None
    last_event: float | None = None
    lag_seconds: float | None = None
    drain_ends: float | None = None
    events_received: float = 0.0
    events_per_second: float | None = None
    events_duplicate: float = 0.0
    events_malformed: float = 0.0
    rate_limit: float | None = None
    rate_remaining: float | None = None
    rate_reserve: float | None = None
    poll_interval_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """One sink over all processes.

    Attributes:
        sink: Its name.
        type: Its type.
        delivered: Events that are with the target.
        duplicate: Events that the target had already.
        dead_letters: Events that went to the dead letters.
        retries: Batches that were sent again.
        breakers_open: Targets or indices that count as down.
        last_success: When the target last had an event, epoch seconds.
        events_per_second: Events that it was done with in a second, between two looks.
        outbox_bytes: What it has still to send; None for a sink that has no outbox.
        outbox_oldest: Since when the oldest of it waits, epoch seconds; None where nothing waits.
    """

    sink: str
    type: str
    delivered: float = 0.0
    duplicate: float = 0.0
    dead_letters: float = 0.0
    retries: float = 0.0
    breakers_open: float = 0.0
    last_success: float | None = None
    events_per_second: float | None = None
    outbox_bytes: float | None = None
    outbox_oldest: float | None = None

    def is_late(self, now: float) -> bool:
        """Whether something waits in its outbox for so long that its target must be in trouble."""
        return self.outbox_oldest is not None and now - self.outbox_oldest > OUTBOX_LATE_SECONDS


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every tenant, the worst first, and every sink.

    Attributes:
        at: When it was looked at, epoch seconds.
    """

    at: float
    tenants: tuple[TenantStatus, ...]
    sinks: tuple[SinkStatus, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing fails, is stale, has an open breaker, became a dead letter or waits in an outbox for longer than a minute."""
        return not self.ill_tenants and not any(sink.breakers_open or sink.dead_letters or sink.is_late(self.at) for sink in self.sinks)

    @property
    def ill_tenants(self) -> list[str]:
        """The names of those that fail or are stale."""
        return [it.tenant for it in self.tenants if it.state not in {"Active", "Starting"}]


def read_fleet(scrapes: Iterable[tuple[str, Samples]], now: float) -> Fleet:
    """Join what the processes say.

    Args:
        scrapes: Each endpoint and its samples.
        now: Epoch seconds.

    Returns:
        The fleet. Of a tenant that two endpoints tell of, since it moved between the two looks, the one with the newest success counts.
    """
    found: dict[str, TenantStatus] = {}
    sinks: dict[str, SinkStatus] = {}
    for endpoint, samples in scrapes:
        for it in _tenants(endpoint, samples, now):
            other = found.get(it.tenant)
            if other is None or (it.last_success or 0.0) > (other.last_success or 0.0):
                found[it.tenant] = it
        for sink in _sinks(samples):
            earlier = sinks.get(sink.sink)
            sinks[sink.sink] = _joined(earlier, sink) if earlier else sink
    tenants = sorted(found.values(), key=lambda it: (STATES.index(it.state), it.tenant))
    return Fleet(now, tuple(tenants), tuple(sorted(sinks.values(), key=lambda sink: sink.sink)))


def with_rates(fleet: Fleet, earlier: Fleet) -> Fleet:
    """The fleet with events per second since an earlier look; none where a process was started in between."""
    seconds = fleet.at - earlier.at
    if seconds <= 0.0:
        return fleet
    tenants = {it.tenant: it.events_received for it in earlier.tenants}
    sinks = {it.sink: _done(it) for it in earlier.sinks}
    return replace(
        fleet,
        tenants=tuple(replace(it, events_per_second=_rate(tenants.get(it.tenant), it.events_received, seconds)) for it in fleet.tenants),
        sinks=tuple(replace(it, events_per_second=_rate(sinks.get(it.sink), _done(it), seconds)) for it in fleet.sinks),
    )


def _rate(before: float | None, after: float, seconds: float) -> float | None:
    return None if before is None or after < before else (after - before) / seconds


def _done(sink: SinkStatus) -> float:
    return sink.delivered + sink.duplicate + sink.dead_letters


def _tenants(endpoint: str, samples: Samples, now: float) -> Iterable[TenantStatus]:
    def of(name: str) -> dict[str, float]:
        return samples.by("tenant", name)

    up, started, interval = of("okta_tenant_up"), of("okta_tenant_started_timestamp_seconds"), of("okta_poll_interval_seconds")
    success, event, lag = of("okta_last_success_timestamp_seconds"), of("okta_last_event_timestamp_seconds"), of("okta_poll_lag_seconds")
    next_poll, drain_ends = of("okta_next_poll_timestamp_seconds"), of("okta_drain_ends_timestamp_seconds")
    limit, remaining, reserve = of("okta_rate_limit_limit"), of("okta_rate_limit_remaining"), of("okta_rate_limit_reserve_ratio")
    received, duplicate, malformed = (of(f"okta_events_{what}_total") for what in ("received", "duplicate", "malformed"))
    reasons = {labels.get("tenant", ""): labels for labels, _ in samples.each("okta_tenant_failing")}
    for labels, _ in samples.each("okta_tenant_info"):
        name = labels.get("tenant", "")
        last_seen = success.get(name, started.get(name))
        reason = reasons.get(name, {})
        yield TenantStatus(
            name,
            labels.get("display_name") or name,
            labels.get("org", ""),
            endpoint,
            _state(up.get(name), last_seen, interval.get(name, 0.0), now),
            reason.get("error_type", ""),
            reason.get("stage", ""),
            next_poll.get(name),
            success.get(name),
            event.get(name),
            lag.get(name),
            drain_ends.get(name),
            received.get(name, 0.0),
            None,
            duplicate.get(name, 0.0),
            malformed.get(name, 0.0),
            limit.get(name),
            remaining.get(name),
            reserve.get(name),
            interval.get(name),
        )


def _state(up: float | None, last_seen: float | None, interval_seconds: float, now: float) -> State:
    """How a tenant is.

    Args:
        up: 1 where the last poll succeeded, 0 where it failed, None before the first.
        last_seen: The last success, or when the tenant was taken up where there was none.
        interval_seconds: From one poll to the next.
        now: Epoch seconds.
    """
    if up == 0.0:
        return "Failing"
    if last_seen is not None and now - last_seen > STALE_INTERVALS * interval_seconds + STALE_SECONDS:
        return "Stale"
    return "Starting" if up is None else "Active"


def _sinks(samples: Samples) -> Iterable[SinkStatus]:
    results: dict[tuple[str, str], float] = {}
    for labels, value in samples.each("okta_sink_events_total"):
        key = labels.get("sink", ""), labels.get("result", "")
        results[key] = results.get(key, 0.0) + value
    retries = samples.by("sink", "okta_sink_retries_total")
    breakers = samples.by("sink", "okta_sink_breakers_open")
    success = samples.by("sink", "okta_sink_last_success_timestamp_seconds")
    waiting = samples.by("sink", "okta_sink_outbox_bytes")
    oldest = samples.by("sink", "okta_sink_outbox_oldest_timestamp_seconds")
    for labels, _ in samples.each("okta_sink_info"):
        name = labels.get("sink", "")
        yield SinkStatus(
            name,
            labels.get("type", ""),
            results.get((name, "delivered"), 0.0),
            results.get((name, "duplicate"), 0.0),
            results.get((name, "dead_letter"), 0.0),
            retries.get(name, 0.0),
            breakers.get(name, 0.0),
            success.get(name),
            None,
            waiting.get(name),
            oldest.get(name),
        )


def _joined(one: SinkStatus, other: SinkStatus) -> SinkStatus:
    return SinkStatus(
        one.sink,
        one.type,
        one.delivered + other.delivered,
        one.duplicate + other.duplicate,
        one.dead_letters + other.dead_letters,
        one.retries + other.retries,
        one.breakers_open + other.breakers_open,
        max((moment for moment in (one.last_success, other.last_success) if moment is not None), default=None),
        None,
        None if one.outbox_bytes is other.outbox_bytes is None else (one.outbox_bytes or 0.0) + (other.outbox_bytes or 0.0),
        min((moment for moment in (one.outbox_oldest, other.outbox_oldest) if moment is not None), default=None),
    )
