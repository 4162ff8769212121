"""What a backtest finds: of each rule how many alerts, on which days, of which groups, and some of them as examples."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from okta_source.detections.alerts import Alert, timestamp
from okta_source.detections.rules import Active, RuleSet
from okta_source.detections.sigma.expression import paths
from okta_source.detections.sigma.rule import EventRule
from okta_source.events.fields import MISSING, TreeReader

__all__ = ["Results", "RuleResult", "matched_fields"]

_EXAMPLES: Final = 3
_LOUDEST: Final = 5
_DAY: Final = len("2026-11-29")


@dataclass(slots=True)
class RuleResult:
    """What came of one rule.

    Attributes:
        active: The rule.
        alerts: How many alerts it gave.
        days: How many on each day, by the completing event's date.
        groups: How many of each tenant and group.
        examples: The first few alerts.
    """

    active: Active
    alerts: int = 0
    days: Counter[str] = field(default_factory=Counter)
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[Alert] = field(default_factory=list)

    def take(self, alert: Alert) -> None:
        """Count an alert."""
        self.alerts += 1
        self.days[timestamp(alert.published_ms)[:_DAY]] += 1
        self.groups[alert.tenant, _group_text(alert.group)] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(alert)

    def to_json(self, days: float, budget: float | None, rules: RuleSet) -> dict[str, Any]:
        """Everything, for `--json`.

        Args:
            days: How many days the events span.
            budget: How many alerts a day are all right; None where nobody says.
            rules: The rules in force.
        """
        about = self.active.rule.about
        a_day = self.alerts / days
        return {
            "id": about.id,
            "name": about.name,
            "title": about.title,
            "level": about.level,
            "kind": "event" if isinstance(self.active.rule, EventRule) else self.active.rule.type,
            "version": self.active.version,
            "alerts": self.alerts,
            "alerts_a_day": round(a_day, 3),
            "days": dict(sorted(self.days.items())),
            "groups": [
                {"tenant": tenant, "group": group, "alerts": count, "share": round(count / self.alerts, 3)}
                for (tenant, group), count in self.groups.most_common(_LOUDEST)
            ],
            "examples": [_example(alert, rules) for alert in self.examples],
            **({} if budget is None else {"within_budget": a_day <= budget}),
        }


class Results:
    """What came of all rules.

    Args:
        rules: The rules in force.
    """

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.by_id = {active.rule.about.id: RuleResult(active) for active in rules.rules if active.alerts}

    def take(self, alert: Alert) -> None:
        """Count an alert."""
        self.by_id[alert.rule.id].take(alert)

    def over_budget(self, days: float, budget: float) -> list[RuleResult]:
        """The rules that gave more alerts a day."""
        return [result for result in self.by_id.values() if result.alerts / days > budget]


def matched_fields(alert: Alert, rules: RuleSet) -> dict[str, Any]:
    """The values, in an alert's completing event, of the fields that its rules look at."""
    reader = TreeReader()
    event = reader.decode(b"{" + alert.body, alert.tenant)
    found: dict[str, Any] = {}
    for path in _paths_of(alert.rule.id, rules):
        value = reader.accessor(path)(event)
        if value is not MISSING and value is not None:
            found[path] = value
    return found


def _paths_of(rule_id: str, rules: RuleSet) -> list[str]:
    """The fields that a rule and those below it look at, each once."""
    pending = [number for number, active in enumerate(rules.rules) if active.rule.about.id == rule_id]
    found: dict[str, None] = {}
    while pending:
        active = rules.rules[pending.pop()]
        if isinstance(active.rule, EventRule):
            found |= dict.fromkeys(path for path in paths(active.rule.detection) if path)
        else:
            found |= dict.fromkeys(path for path in (*active.rule.group_by, *active.rule.fields) if path not in active.rule.aliases)
        pending += active.children
    return list(found)


def _example(alert: Alert, rules: RuleSet) -> dict[str, Any]:
    return {
        "uuid": alert.uuid,
        "tenant": alert.tenant,
        "published": timestamp(alert.published_ms),
        "group": dict(alert.group),
        "count": alert.count,
        "first_event_at": timestamp(alert.first_ms),
        "last_event_at": timestamp(alert.last_ms),
        **({"details": dict(alert.details)} if alert.details else {}),
        "fields": matched_fields(alert, rules),
    }


def _group_text(group: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in group.items())
