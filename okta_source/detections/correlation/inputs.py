"""Which correlations a match reaches, with all that is needed there, put together once, since matches are many.

A correlation over another one takes the event with which a window of the lower one ends. That may be another event than the one that has
just come, so what the upper one tells groups and values by is kept with each match of the lower one: it is *carried*.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from okta_source.detections.correlation.groups import Groups
from okta_source.detections.correlation.window import LATENESS_MS, Hit
from okta_source.detections.matches import Match
from okta_source.detections.routes import Route, correlation_of, routes_of
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation, CorrelationType

__all__ = ["Input", "carried_of", "inputs_of", "told_by"]

_WITH_VALUES: Final[frozenset[CorrelationType]] = frozenset({"value_count", "value_sum", "first_seen", "travel"})

_Above = tuple[str, int, int]
"""Of a correlation above: its key, and the places of its group and its value among the match's."""


@dataclass(frozen=True, slots=True)
class Input:
    """A correlation that a match of some rules may reach.

    Attributes:
        number: The correlation's number.
        place: Which of its rules the match is for.
        key: What is carried for it is found by this: it changes with what the rule finds.
        child: The number of the rule that the match is for.
        is_direct: Whether that is one of the rules that the event itself matches.
        group: The place of its group among the match's.
        value: The place of its value.
        rule: The correlation.
        groups: What it remembers.
        kept_ms: How far behind the newest event things are kept.
        wants_value: Whether a match without a value takes no part.
        alerts: Whether it gives alerts of its own.
        above: The correlations above it, for which something is carried.
    """

    number: int
    place: int
    key: str
    child: int
    is_direct: bool
    group: int
    value: int
    rule: Correlation
    groups: Groups
    kept_ms: int
    wants_value: bool
    alerts: bool
    above: Sequence[_Above]


def inputs_of(rules: RuleSet, numbers: tuple[int, ...], groups: Mapping[int, Groups]) -> list[Input]:
    """The correlations that a match of some event rules may reach, children before their parents.

    Args:
        rules: The rules in force.
        numbers: The numbers of those that the event matches.
        groups: What each correlation remembers.
    """
    routes = routes_of(rules, numbers).routes
    inputs: list[Input] = []
    for route in routes:
        number, place, group, value = route
        active, rule = rules.rules[number], correlation_of(rules, number)
        child, kept_ms = active.children[place], rule.timespan_ms + LATENESS_MS
        above = tuple(_above(rules, number, routes))
        inputs.append(
            Input(
                number, place, _key(rules, route), child, child in numbers, group, value, rule, groups[number], kept_ms,
                rule.type in _WITH_VALUES, active.alerts, above,
            )
        )  # fmt: skip
    return inputs


def carried_of(match: Match, above: Sequence[_Above]) -> list[Any]:
    """Key, group and value of a match for each of the correlations above, one behind the other."""
    carried: list[Any] = []
    for key, group, value in above:
        carried += (key, match.groups[group], match.values[value])
    return carried


def told_by(source: Input, end: Hit, match: Match) -> tuple[bytes | None, Any]:
    """Group and value of the event with which a window of a correlation below ends.

    Where it carries none, since an earlier release or other rules have kept it, those of the event that has just come have to do.
    """
    carried = end.carried or ()
    for place in range(0, len(carried), 3):
        if carried[place] == source.key:
            return carried[place + 1], carried[place + 2]
    return match.groups[source.group], match.values[source.value]


def _above(rules: RuleSet, number: int, routes: Sequence[Route]) -> Iterator[_Above]:
    """Those that refer to a correlation, and those that refer to them: they stand behind it."""
    reached = {number}
    for route in routes:
        if rules.rules[route.correlation].children[route.place] in reached:
            reached.add(route.correlation)
            yield _key(rules, route), route.group, route.value


def _key(rules: RuleSet, route: Route) -> str:
    return f"{rules.rules[route.correlation].version}/{route.place}"
