"""What a matching event means for the correlations over its rules: which group it belongs to, and which value it brings.

An event takes part only where it has every field of the group: absent, null, an array, and Okta's `unknown`, which means that there is
none, leave it out. Otherwise the events of all users without a name would be one user's.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, Final

import orjson

from flows.pipeline.detections.matches import Part
from flows.pipeline.detections.rules import RuleSet
from flows.pipeline.detections.sigma.rule import Correlation
from flows.pipeline.fields import FieldReader, scalars

__all__ = ["Extractor"]

_UNKNOWN: Final = "unknown"
_PLACE: Final = ("client.geographicalContext.geolocation.lat", "client.geographicalContext.geolocation.lon", "client.ipAddress")
_MOST_VALUES: Final = 100

_Step = tuple[tuple[int, int], int, int]
"""A correlation and the place in its rules; which of the groups and which of the values is its."""


class Extractor:
    """Reads an event that some rules match.

    Args:
        rules: The rules in force.
        numbers: The event rules that the event matches.
    """

    def __init__(self, rules: RuleSet, numbers: Iterable[int]) -> None:
        reached = list(_reached(rules, set(numbers)))
        paths: dict[str, None] = {}
        for correlation, place in reached:
            rule = _correlation(rules, correlation)
            paths |= dict.fromkeys([*_group_paths(rule, place), *_value_paths(rule, place)])
        self._reader = FieldReader(paths)
        # Many correlations tell groups apart by the same fields, and look at the same values: each is read once an event.
        groups: dict[tuple[str, ...], int] = {}
        values: dict[tuple[str, ...], int] = {}
        self._values: list[Callable[[Any], Any]] = []
        self._steps: list[_Step] = []
        for correlation, place in reached:
            rule = _correlation(rules, correlation)
            group = groups.setdefault(tuple(_group_paths(rule, place)), len(groups))
            value_paths = _value_paths(rule, place)
            what = (rule.type if rule.type in ("travel", "value_sum") else "", *value_paths)
            if what not in values:
                values[what] = len(values)
                self._values.append(_value_of(rule, [self._reader.accessor(path) for path in value_paths]))
            self._steps.append(((correlation, place), group, values[what]))
        self._groups = [[self._reader.accessor(path) for path in paths] for paths in groups]

    @property
    def is_needed(self) -> bool:
        """Whether any correlation takes these rules."""
        return bool(self._steps)

    def __call__(self, data: Any, tenant: str) -> dict[tuple[int, int], Part]:
        """Read an event, from its bytes, brace to brace."""
        event = self._reader.decode(data, tenant)
        groups = [_group(event, accessors) for accessors in self._groups]
        values = [value(event) for value in self._values]
        return {key: Part(groups[group], values[value]) for key, group, value in self._steps}


def _reached(rules: RuleSet, numbers: set[int]) -> Iterable[tuple[int, int]]:
    """Every `(correlation, place)` that a match of these rules may reach, by way of other correlations too; children come first."""
    reached = set(numbers)
    for number, active in enumerate(rules.rules):
        for place, child in enumerate(active.children):
            if child in reached:
                reached.add(number)
                yield number, place


def _correlation(rules: RuleSet, number: int) -> Correlation:
    rule = rules.rules[number].rule
    if not isinstance(rule, Correlation):
        msg = f"{rule.about.title} is no correlation"
        raise TypeError(msg)
    return rule


def _path(rule: Correlation, name: str, place: int) -> str:
    """The field that a name stands for in the matches of one of a correlation's rules."""
    return rule.aliases[name][rule.rules[place]] if name in rule.aliases else name


def _group_paths(rule: Correlation, place: int) -> list[str]:
    return [_path(rule, name, place) for name in rule.group_by]


def _value_paths(rule: Correlation, place: int) -> list[str]:
    return list(_PLACE) if rule.type == "travel" else [_path(rule, name, place) for name in rule.fields]


def _group(event: Any, accessors: Sequence[Callable[[Any], Any]]) -> bytes | None:
    values: list[Any] = []
    for accessor in accessors:
        value = accessor(event)
        if value == _UNKNOWN or not isinstance(value, str | int | float):
            return None
        values.append(value if type(value) is str and value.isascii() else _plain(value))
    return orjson.dumps(values)


def _plain(value: Any) -> Any:
    """A value that JSON can hold: numbers beyond 64 bits and halves of surrogate pairs as text."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return str(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _value_of(rule: Correlation, accessors: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    if rule.type == "travel":
        return lambda event: _place(*[accessor(event) for accessor in accessors])
    if rule.type == "value_sum":
        return lambda event: _number(accessors[0](event))
    if not accessors:
        return _nothing
    return lambda event: _values([accessor(event) for accessor in accessors])


def _nothing(_: Any) -> None:
    return None


def _values(found: Sequence[Any]) -> list[Any] | None:
    """The different values of a field; of several fields, their combinations."""
    each = [[_plain(value) for value in scalars(value) if value != _UNKNOWN] for value in found]
    if len(each) == 1:
        values: list[Any] = list(dict.fromkeys(each[0]))
    else:
        values = [orjson.dumps(combined).decode() for combined in dict.fromkeys(product(*each))]
    return values[:_MOST_VALUES] or None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else None


def _place(latitude: Any, longitude: Any, address: Any) -> list[Any] | None:
    lat, lon = _number(latitude), _number(longitude)
    if lat is None or lon is None or not -90 <= lat <= 90 or not -180 <= lon <= 180:
        return None
    return [lat, lon, _plain(address) if isinstance(address, str) else ""]
