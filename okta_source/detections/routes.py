"""Which correlations a match of some rules reaches, and what of the event they tell groups and values by.

Matcher and correlator derive the same from the same rules, so that a match travels with the values alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation

__all__ = ["Route", "Routes", "correlation_of", "routes_of"]

_PLACE: Final = ("client.geographicalContext.geolocation.lat", "client.geographicalContext.geolocation.lon", "client.ipAddress")


class Route(NamedTuple):
    """A correlation that a match may reach.

    Attributes:
        correlation: Its number.
        place: Which of its rules the match is for.
        group: The place of its group among the groups of the match.
        value: The place of its value among the values.
    """

    correlation: int
    place: int
    group: int
    value: int


@dataclass(frozen=True, slots=True)
class Routes:
    """What a match of some rules needs. Many correlations tell groups apart by the same fields, and look at the same values.

    Attributes:
        routes: The correlations; children come first.
        groups: The fields of each group.
        values: What each value is: `travel`, `value_sum` or, for all others, an empty text; and its fields.
    """

    routes: tuple[Route, ...]
    groups: tuple[tuple[str, ...], ...]
    values: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def fields(self) -> list[str]:
        """All fields, each once."""
        return list(dict.fromkeys(path for paths in (*self.groups, *(paths for _, paths in self.values)) for path in paths))


def routes_of(rules: RuleSet, numbers: Iterable[int]) -> Routes:
    """The correlations that a match of these event rules may reach, by way of other correlations too."""
    groups: dict[tuple[str, ...], int] = {}
    values: dict[tuple[str, tuple[str, ...]], int] = {}
    routes: list[Route] = []
    for number, place in _reached(rules, set(numbers)):
        rule = correlation_of(rules, number)
        group = tuple(_path(rule, name, place) for name in rule.group_by)
        paths = _PLACE if rule.type == "travel" else tuple(_path(rule, name, place) for name in rule.fields)
        value = (rule.type if rule.type in ("travel", "value_sum") else "", paths)
        routes.append(Route(number, place, groups.setdefault(group, len(groups)), values.setdefault(value, len(values))))
    return Routes(tuple(routes), tuple(groups), tuple(values))


def correlation_of(rules: RuleSet, number: int) -> Correlation:
    """The correlation of a number.

    Raises:
        TypeError: It is none.
    """
    rule = rules.rules[number].rule
    if not isinstance(rule, Correlation):
        msg = f"{rule.about.title} is no correlation"
        raise TypeError(msg)
    return rule


def _reached(rules: RuleSet, reached: set[int]) -> Iterator[tuple[int, int]]:
    """Every correlation that can be reached, with the place in its rules by which it is."""
    for number, active in enumerate(rules.rules):
        for place, child in enumerate(active.children):
            if child in reached:
                reached.add(number)
                yield number, place


def _path(rule: Correlation, name: str, place: int) -> str:
    """The field that a name stands for in the matches of one of a correlation's rules."""
    return rule.aliases[name][rule.rules[place]] if name in rule.aliases else name
