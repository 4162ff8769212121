"""The correlations over one tenant's matches: what comes in are matches in the order of arrival, what comes out are alerts.

Pure and deterministic: the same matches in the same order give the same alerts, wherever pages, epochs, snapshots or processes begin and
end.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from okta_source.detections.alerts import MOST_EVENTS_SHOWN, Alert, AlertedRule, alert_id, timestamp
from okta_source.detections.correlation.absence import Absence, Waits
from okta_source.detections.correlation.groups import MOST_GROUPS, Groups
from okta_source.detections.correlation.inputs import Input, carried_of, inputs_of, told_by
from okta_source.detections.correlation.learned import FirstSeen
from okta_source.detections.correlation.window import Hit, Outcome
from okta_source.detections.matches import Match, Matches
from okta_source.detections.routes import correlation_of
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation, CorrelationType

__all__ = ["Correlator", "Tally"]

_LOGGER = logging.getLogger(__name__)
_VERSION: Final = 1
_MOST_COMBINATIONS_REMEMBERED: Final = 10_000
_NO_GROUP: Final = b"[]"
_LEARNING: Final[frozenset[CorrelationType]] = frozenset({"first_seen", "travel"})


class Tally:
    """What was counted since the last look, by rule number where it is a counter.

    Attributes:
        matches: Matches of each rule.
        ungrouped: Matches that took no part for lack of a group field or a value.
        refused: Matches that found no room.
        late: Matches whose window may have been forgotten in part.
    """

    def __init__(self) -> None:
        self.matches: Counter[int] = Counter()
        self.ungrouped: Counter[int] = Counter()
        self.refused: Counter[int] = Counter()
        self.late = 0


class Correlator:
    """One tenant's correlations.

    Args:
        rules: The rules in force.
        tenant: The tenant's name.
        saved: What `snapshot` gave; rules that have changed since begin anew, those that are gone are forgotten.
        most_groups: How many groups each correlation may have.
        learned_only: Take of `saved` only what `first_seen` and `travel` have learned: it is another run's.
    """

    def __init__(
        self, rules: RuleSet, tenant: str, saved: bytes | None = None, most_groups: int = MOST_GROUPS, *, learned_only: bool = False
    ) -> None:
        self._rules = rules
        self._tenant = tenant
        self._newest = 0
        self._groups = {
            number: Groups(active.rule, most_groups) for number, active in enumerate(rules.rules) if isinstance(active.rule, Correlation)
        }
        self._inputs: dict[tuple[int, ...], list[Input]] = {}  # by the rules that an event matches
        self._is_late = False  # whether the match that is being taken came too late for some window
        self._waits = Waits()
        self._told = [
            AlertedRule(about.id, about.name, about.title, about.level, about.tags, about.author, active.version)
            for active in rules.rules
            for about in (active.rule.about,)
        ]
        self.tally = Tally()
        if saved is not None:
            self._load(saved, learned_only=learned_only)

    def take(self, page: Matches) -> list[Alert]:
        """Take a page's matches.

        Returns:
            The alerts that come of it, in the order in which they are given.
        """
        alerts: list[Alert] = []
        for match in page.matches:
            alerts += self._advance(match.newest)
            alerts += self._match(match)
        alerts += self._advance(page.newest)
        return alerts

    def groups(self) -> dict[int, int]:
        """How many groups each correlation has."""
        return {number: len(groups) for number, groups in self._groups.items()}

    def snapshot(self) -> bytes:
        """Everything that is remembered."""
        saved = {
            self._rules.rules[number].rule.about.id: {"version": self._rules.rules[number].version, **groups.dump(self._newest)}
            for number, groups in self._groups.items()
        }
        return msgspec.msgpack.encode({"v": _VERSION, "newest": self._newest, "rules": saved})

    def _load(self, saved: bytes, *, learned_only: bool) -> None:
        state = msgspec.msgpack.decode(saved)
        if state["v"] != _VERSION:
            _LOGGER.warning("tenant %s: detections begin anew: their state is of version %s", self._tenant, state["v"])
            return
        self._newest = state["newest"]
        known = state["rules"]
        for number, groups in self._groups.items():
            active = self._rules.rules[number]
            rule_state = known.pop(active.rule.about.id, None)
            if rule_state is None or (learned_only and correlation_of(self._rules, number).type not in _LEARNING):
                continue
            if rule_state["version"] == active.version:
                groups.load(rule_state)
            else:
                _LOGGER.warning("tenant %s: rule %s has changed; what it remembered is forgotten", self._tenant, active.rule.about.name)
        for rule_id in () if learned_only else known:
            _LOGGER.warning("tenant %s: rule %s is gone; what it remembered is forgotten", self._tenant, rule_id)
        for number in [number for number in self._groups if correlation_of(self._rules, number).type == "absence"]:
            for key, group in self._groups[number].all():
                self._note_due(number, key, group)

    def _match(self, match: Match) -> Iterator[Alert]:
        """Follow a match through the rules, children before their parents."""
        counted = self.tally.matches
        for number in match.rules:
            counted[number] += 1
            if self._rules.rules[number].alerts:
                yield self._alert_of_event(number, match)
        inputs = self._inputs.get(match.rules)
        if inputs is None:
            inputs = inputs_of(self._rules, match.rules, self._groups)
            if len(self._inputs) < _MOST_COMBINATIONS_REMEMBERED:
                self._inputs[match.rules] = inputs
        fired: dict[int, dict[tuple[int, str], Hit]] = {}  # correlation → what fulfilled it, each once
        self._is_late = False
        for source in inputs:
            outcomes = self._take_all(source, fired, match)
            if not outcomes:
                continue
            number = source.number
            counted[number] += 1
            if source.above:
                fired.setdefault(number, {}).update(((end.ms, end.uuid), end) for _, outcome in outcomes for end in outcome.ends)
            if source.alerts:
                yield from (self._alert_of_group(number, key, outcome, match) for key, outcome in _begun(outcomes).items())
        self.tally.late += self._is_late

    def _take_all(self, source: Input, fired: Mapping[int, Mapping[Any, Hit]], match: Match) -> Sequence[tuple[bytes, Outcome]]:
        """Have a correlation take the match itself, or what has fulfilled the correlation that it refers to; by the groups' keys."""
        if source.is_direct:  # nearly always
            group, value = match.groups[source.group], match.values[source.value]
            if group is None or (value is None and source.wants_value):
                self.tally.ungrouped[source.number] += 1
                return ()
            carried: Sequence[Any] | None = carried_of(match, source.above) if source.above else None
            outcome = self._take(
                source, Hit(match.ms, match.uuid, match.event_type, source.place, value, self._newest, carried), group, match
            )
            return () if outcome is None else ((group, outcome),)
        found: list[tuple[bytes, Outcome]] = []
        for end in fired.get(source.child, {}).values():
            group, value = told_by(source, end, match)
            if group is None or (value is None and source.wants_value):
                self.tally.ungrouped[source.number] += 1
                continue
            carried = end.carried if source.above else None
            outcome = self._take(source, Hit(end.ms, end.uuid, end.event_type, source.place, value, self._newest, carried), group, match)
            if outcome is not None:
                found.append((group, outcome))
        return found

    def _take(self, source: Input, hit: Hit, key: bytes, match: Match) -> Outcome | None:
        groups = source.groups
        if groups.began_ms is None:
            groups.began_ms = hit.ms
        group = groups.get(key, hit.mark)
        if group is None:
            self.tally.refused[source.number] += 1
            return None
        horizon = hit.mark - source.kept_ms
        if hit.ms < horizon:
            self._is_late = True
        dropped = group.dropped
        outcome: Outcome | None = None
        if isinstance(group, Absence):
            group.take(hit, match.body, horizon)
            self._waits.note(source.number, key, group.due_ms())
        elif isinstance(group, FirstSeen):
            outcome = group.take(hit, horizon, learning=hit.ms < groups.began_ms + source.rule.warm_up_ms)
        else:
            outcome = group.take(hit, horizon)
        if group.dropped != dropped:
            self.tally.refused[source.number] += group.dropped - dropped
        return outcome

    def _advance(self, newest: int) -> Iterator[Alert]:
        """The tenant's time goes on; waits may be over."""
        if newest <= self._newest:
            return
        self._newest = newest
        heap = self._waits.heap
        if not heap or heap[0][0] > newest:  # nearly always
            return
        for due, number, key in self._waits.over(newest):
            group = self._groups[number].known(key)
            for hit, body in group.over(due, newest) if isinstance(group, Absence) else ():
                self.tally.matches[number] += 1
                if self._rules.rules[number].alerts:
                    match = Match(hit.uuid, hit.ms, hit.event_type, newest, (), (), (), body)
                    yield self._alert_of_group(number, key, Outcome((hit,), begins=True, hits=(hit,)), match)
            self._note_due(number, key, group)

    def _note_due(self, number: int, key: bytes, group: object) -> None:
        if isinstance(group, Absence):
            self._waits.note(number, key, group.due_ms())

    def _alert_of_event(self, number: int, match: Match) -> Alert:
        events = ({"uuid": match.uuid, "published": timestamp(match.ms), "eventType": match.event_type, "rule": self._told[number].name},)
        return self._alert(number, "event", _NO_GROUP, {}, match, (1, match.ms, match.ms), events, {})

    def _alert_of_group(self, number: int, key: bytes, outcome: Outcome, match: Match) -> Alert:
        rule, hits = correlation_of(self._rules, number), outcome.hits
        group = dict(zip(rule.group_by, orjson.loads(key), strict=True))
        names = [self._told[child].name for child in self._rules.rules[number].children]
        events = tuple(
            {"uuid": hit.uuid, "published": timestamp(hit.ms), "eventType": hit.event_type, "rule": names[hit.via]}
            for hit in hits[-MOST_EVENTS_SHOWN:]
        )
        span = (len({hit.uuid for hit in hits}), hits[0].ms, hits[-1].ms)
        return self._alert(number, rule.type, key, group, match, span, events, outcome.details)

    def _alert(
        self, number: int, kind: str, key: bytes, group: dict[str, Any], match: Match, span: tuple[int, int, int],
        events: Sequence[dict[str, str]], details: dict[str, Any],
    ) -> Alert:  # fmt: skip
        rule = self._told[number]
        uuid = alert_id(self._tenant, rule.id, key, match.uuid)
        count, first_ms, last_ms = span
        return Alert(uuid, self._tenant, rule, kind, group, match.ms, count, first_ms, last_ms, events, details, match.body)


def _begun(outcomes: Sequence[tuple[bytes, Outcome]]) -> Mapping[bytes, Outcome]:
    """What begins an episode of each group.

    A late event that completes two windows too far apart to be one episode is still one completing event, and one alert.
    """
    begun: dict[bytes, Outcome] = {}
    for key, outcome in outcomes:
        if outcome.begins:
            begun.setdefault(key, outcome)
    return begun
