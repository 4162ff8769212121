"""Runs rules over archives: the very matcher and correlator of the flow, over events in the order in which the flow had them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import orjson

from flows.backtest.lines import Bodies, Counts, Line, Slice, reader_beside_heads
from flows.backtest.stream import joined, merged
from flows.reading.plan import ArchiveFile
from okta_source.detections.alerts import Alert
from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.documents import ALERT
from okta_source.detections.matcher import Matcher
from okta_source.detections.rules import RuleSet
from okta_source.events.fields import FieldReader

__all__ = ["Backtest", "Engine", "Span"]

_DAY_SECONDS: Final = 86_400.0


class _Tags(msgspec.Struct):
    org: Any = msgspec.field(name="_okta_org", default=None)
    labels: Any = msgspec.field(name="_okta_labels", default=None)


_TAGS: Final = msgspec.json.Decoder(_Tags)


@dataclass(slots=True)
class Span:
    """Between which moments the events lie that are told of.

    Attributes:
        first: The oldest `published`; None before there is one.
        last: The newest.
    """

    first: datetime | None = None
    last: datetime | None = None

    @property
    def days(self) -> float:
        """How many days that is, at least one."""
        if self.first is None or self.last is None:
            return 1.0
        return max(1.0, (self.last - self.first).total_seconds() / _DAY_SECONDS)

    def take(self, moments: Sequence[datetime]) -> None:
        """Widen it."""
        low, high = min(moments), max(moments)
        self.first = low if self.first is None or low < self.first else self.first
        self.last = high if self.last is None or high > self.last else self.last


class Engine:
    """Rules over every tenant's events.

    Args:
        rules: The rules in force.
    """

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._matcher = Matcher(rules)
        self._matchers: dict[FieldReader | None, Matcher] = {None: self._matcher}  # by what the heads were read with
        self._cuts_tags = self._matcher.reads_whole_events
        self._correlators: dict[str, Correlator] = {}

    @property
    def fields_of_any_event(self) -> Sequence[str]:
        """What the rules read of every event, whatever its type."""
        return self._matcher.fields_of_any_event

    def expect(self, reader: FieldReader | None) -> None:
        """Take note of what heads will have been read with."""
        if reader is not None:
            self._matchers[reader] = Matcher(self.rules, reader)

    def take(self, part: Slice) -> list[Alert]:
        """Take events of one tenant."""
        tenant = part.heads[0].tenant
        correlator = self._correlators.get(tenant)
        if correlator is None:
            correlator = self._correlators[tenant] = Correlator(self.rules, tenant)
        lines = None if self._cuts_tags else part.lines
        matcher = self._matchers.get(part.reader, self._matcher)
        return correlator.take(matcher(tenant, part.heads, Bodies(part.lines), lines))

    def snapshots(self) -> dict[str, bytes]:
        """What each tenant's correlations remember at the end."""
        return {tenant: correlator.snapshot() for tenant, correlator in sorted(self._correlators.items())}


@dataclass(slots=True)
class Backtest:
    """A run.

    Attributes:
        files: What is read.
        since: Alerts before it are not told.
        read_from: Events before it are not read.
        until: Nor are those from it on.
        tenants: Only theirs; everybody's where it is empty.
        counts: What was read.
        span: Of the events from `since` on. Those before it only fill windows: what is told of them would depend on the rules' timespans.
        events: How many they are.
        events_before: How many were read before them.
        by_tenant: How many of each tenant; 0 of one that was asked for and has none.
        left_out: The tenants whose events were met and not wanted.
        stopped: Whether it was ended before its time.
    """

    files: Sequence[ArchiveFile]
    since: datetime
    read_from: datetime
    until: datetime
    tenants: frozenset[str] = frozenset()
    counts: Counts = field(default_factory=Counts)
    span: Span = field(default_factory=Span)
    events: int = 0
    events_before: int = 0
    by_tenant: dict[str, int] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    stopped: bool = False
    _fronts: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Whoever is asked for is told of."""
        self.by_tenant |= dict.fromkeys(sorted(self.tenants), 0)

    def run(self, engines: Sequence[Engine], on_alert: Callable[[int, Alert], None], on_step: Callable[[], bool]) -> None:
        """Read everything, once for all engines.

        Args:
            engines: Whose rules are run.
            on_alert: Called with the engine's place and each alert that is to be told.
            on_step: Called after each slice; False ends the run.
        """
        seen: list[set[str]] = [set() for _ in engines]
        is_bounded = self.tenants or self.read_from > _BEGINNING or self.until < _END
        reader = reader_beside_heads(dict.fromkeys(path for engine in engines for path in engine.fields_of_any_event))
        for engine in engines:
            engine.expect(reader)
        for part in joined(self._stream(reader)):
            kept = self._within(part) if is_bounded else part
            if kept.heads:
                self._note(kept)
                for place, engine in enumerate(engines):
                    for alert in engine.take(kept):
                        # The same event may stand in two files, a backfill's beside the flow's own.
                        if alert.uuid not in seen[place] and self._is_told(alert):
                            seen[place].add(alert.uuid)
                            on_alert(place, alert)
            if not on_step():
                self.stopped = True
                return

    def document(self, alert: Alert) -> bytes:
        """An alert as the flow would have written it."""
        return self._fronts.get(alert.tenant, b"{") + alert.members()

    def _stream(self, reader: FieldReader | None) -> Iterator[Slice]:
        by_tenant: dict[str, list[ArchiveFile]] = {}
        # A file that doesn't say whose it is may hold events of every other one: read behind them, they would come a second time, and late.
        are_told = all(file.tenant for file in self.files)
        for file in self.files:
            by_tenant.setdefault(file.tenant if are_told else "", []).append(file)
        for _, files in sorted(by_tenant.items()):
            yield from merged(files, self.counts, reader)

    def _within(self, part: Slice) -> Slice:
        wanted = [place for place, head in enumerate(part.heads) if self.read_from <= head.published < self.until]
        if self.tenants and part.heads[0].tenant not in self.tenants:
            self.left_out.add(part.heads[0].tenant)
            wanted = []
        if len(wanted) == len(part.heads):
            return part
        return part.at(wanted)

    def _note(self, part: Slice) -> None:
        tenant = part.heads[0].tenant
        moments = [head.published for head in part.heads if head.published >= self.since]
        self.events_before += len(part.heads) - len(moments)
        if moments:
            self.events += len(moments)
            self.by_tenant[tenant] = self.by_tenant.get(tenant, 0) + len(moments)
            self.span.take(moments)
        if tenant not in self._fronts:
            self._fronts[tenant] = _front(tenant, part.lines[0])

    def _is_told(self, alert: Alert) -> bool:
        return alert.published_ms >= self.since.timestamp() * 1000


_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)


def _front(tenant: str, line: Line) -> bytes:
    """The tags of a tenant's alerts, as its events have them."""
    try:
        tags = _TAGS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tags = _Tags()
    members: dict[str, Any] = {"_okta_event_type": ALERT, "_okta_tenant": tenant}
    members |= {name: value for name, value in (("_okta_org", tags.org), ("_okta_labels", tags.labels)) if value is not None}
    return orjson.dumps(members)[:-1] + b","
