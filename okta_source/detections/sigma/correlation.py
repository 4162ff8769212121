"""The `correlation` part of a rule: which matches of which rules, in what window, and what must be true of them.

Three types are this pipeline's own: `first_seen`, `travel` and `absence`; see `okta_source.detections.correlation`.
"""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, get_args

from okta_source.detections.problems import Report
from okta_source.detections.sigma.paths import wrong_path
from okta_source.detections.sigma.rule import MOST_EVENTS_A_GROUP, MOST_VALUES_AN_EVENT, About, Correlation, CorrelationType, Range
from okta_source.detections.sigma.spans import parse_span
from okta_source.events.fields import is_known, is_single, suggest_field

__all__ = ["parse_correlation"]

_TYPES: Final[tuple[CorrelationType, ...]] = get_args(CorrelationType)
_UNSUPPORTED: Final = {
    "value_avg": "value_avg is not supported; value_sum over a window with a count of its own says more about a log of events",
    "value_percentile": "value_percentile is not supported: Sigma 2.1 contradicts itself about what it means",
    "value_median": "value_median is no type of Sigma 2.1",
    "extended_temporal": "extended_temporal is no type of Sigma 2.1; write a temporal rule over temporal rules",
}
_KEYS: Final = frozenset({"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"})
_OWN_KEYS: Final = {"first_seen": frozenset({"warm-up"}), "travel": frozenset({"distance-km"})}
_BOUNDS: Final = ("gt", "gte", "lt", "lte")
_COUNTED: Final = frozenset({"event_count", "value_count", "value_sum"})
_ALL_THEIR_RULES: Final = frozenset({"temporal", "temporal_ordered", "absence"})
_LONGEST_MS: Final = 400 * 86_400_000
_DEFAULT_WARM_UP_MS: Final = 7 * 86_400_000
_NEEDED_CONDITIONS: Final = {
    "event_count": "a map such as {gte: 5}",
    "value_count": "a map such as {field: actor.id, gte: 5}",
    "value_sum": "a map such as {field: …, gte: 5}",
    "first_seen": "{field: …}, what may be seen for the first time",
}
_DEFAULT_SPEED_KMH: Final = 1_000.0
_DEFAULT_DISTANCE_KM: Final = 500.0


def parse_correlation(table: Any, about: About, report: Report, *, enabled: bool) -> Correlation | None:
    """Read a correlation.

    Args:
        table: The rule's `correlation`.
        about: What the rule says of itself.
        report: Takes what is wrong.
        enabled: Whether the rule is on unless somebody switches it off.

    Returns:
        The rule; None where it can't be used.
    """
    if not isinstance(table, dict):
        report.error("correlation", "needed: a map with type, rules, timespan and condition")
        return None
    kind = _type(table.get("type"), report)
    if kind is None:
        return None
    _tell_unknown_keys(table, kind, report)
    rules = _names(table.get("rules"), "correlation.rules", report)
    group_by = _names(table.get("group-by", []), "correlation.group-by", report)
    timespan_ms = _span(table.get("timespan"), "correlation.timespan", report)
    aliases = _aliases(table.get("aliases", {}), rules, report)
    condition, fields = _condition(table.get("condition"), kind, len(rules), report)
    generate = table.get("generate", False)
    if not isinstance(generate, bool):
        report.error("correlation.generate", "needed: true or false")
    warm_up_ms = _warm_up(table.get("warm-up"), timespan_ms, report) if kind == "first_seen" else 0
    distance_km = table.get("distance-km", _DEFAULT_DISTANCE_KM if kind == "travel" else 0.0)
    if not _is_number(distance_km) or distance_km < 0:
        report.error("correlation.distance-km", "needed: a number of kilometres, 0 or more")
    if kind in _ALL_THEIR_RULES and len(rules) < 2:
        report.error("correlation.rules", f"{kind} wants two rules or more")
    if kind in ("event_count", "value_count"):
        _tell_out_of_reach(condition, fields, aliases, report)
    _tell_wrong_paths(group_by, fields, aliases, report)
    _warn_of_fields((*group_by, *fields), aliases, report)
    if kind in ("value_count", "first_seen") and set(fields) & set(group_by):
        report.error(
            "correlation.condition.field", f"{fields[0]} tells the groups apart too, so no group can have two values; it can't fire"
        )
    if report.has_errors:
        return None
    return Correlation(
        about, kind, tuple(rules), tuple(group_by), timespan_ms, condition, tuple(fields), aliases, bool(generate), warm_up_ms,
        float(distance_km), enabled,
    )  # fmt: skip


def _type(given: Any, report: Report) -> CorrelationType | None:
    found = next((kind for kind in _TYPES if kind == given), None)
    if found is None:
        close = get_close_matches(str(given), _TYPES, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        report.error("correlation.type", _UNSUPPORTED.get(given, f"{given!r} is no type; {guess}allowed: {', '.join(_TYPES)}"))
    return found


def _tell_unknown_keys(table: Mapping[Any, Any], kind: CorrelationType, report: Report) -> None:
    allowed = _KEYS | _OWN_KEYS.get(kind, frozenset())
    for key in table:
        if key not in allowed:
            close = get_close_matches(str(key), allowed, n=1)
            report.error(f"correlation.{key}", f"unknown key for {kind}" + (f"; did you mean {close[0]}?" if close else ""))


def _warm_up(given: Any, timespan_ms: int, report: Report) -> int:
    return min(timespan_ms, _DEFAULT_WARM_UP_MS) if given is None else _span(given, "correlation.warm-up", report, least_ms=0)


def _names(given: Any, place: str, report: Report) -> list[str]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        report.error(place, "needed: a list of names")
        return []
    if not names and place.endswith("rules"):
        report.error(place, "needed: at least one rule, by its name or id")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        report.error(place, f"{twice} stands there twice")
    return list(names)


def _span(given: Any, place: str, report: Report, least_ms: int = 1) -> int:
    try:
        span = parse_span(given)
    except ValueError as error:
        report.error(place, str(error))
        return 1
    if not least_ms <= span <= _LONGEST_MS:
        report.error(place, f"{given} is out of range; allowed: up to 400d")
    return span


def _aliases(given: Any, rules: list[str], report: Report) -> dict[str, dict[str, str]]:
    if not isinstance(given, dict):
        report.error("correlation.aliases", "needed: a map of aliases, each with a map of rule to field")
        return {}
    for alias, named in given.items():
        place = f"correlation.aliases.{alias}"
        if not isinstance(named, dict) or not named or not all(isinstance(text, str) for pair in named.items() for text in pair):
            report.error(place, "needed: a map of rule to field")
            return {}
        for rule in named:
            if rule not in rules:
                report.error(place, f"{rule} is none of this correlation's rules")
        for rule in rules:
            if rule not in named:
                report.error(place, f"it says nothing of {rule}; without a field there, that rule's matches would never count")
    return {alias: dict(named) for alias, named in given.items()}


def _condition(given: Any, kind: CorrelationType, rules: int, report: Report) -> tuple[Range, list[str]]:
    place = "correlation.condition"
    if given is None:
        needed = _NEEDED_CONDITIONS.get(kind)
        if needed:
            report.error(place, f"needed: {needed}")
        return _without_condition(kind, rules), []
    if not isinstance(given, dict):
        text = "conditions in words are no part of Sigma 2.1; write a temporal rule over temporal rules"
        report.error(place, text if isinstance(given, str) else "needed: a map such as {gte: 5}")
        return Range(1), []
    fields = _fields(given.get("field"), kind, report)
    for key, bound in given.items():
        if key not in (*_BOUNDS, "field"):
            report.error(f"{place}.{key}", _odd_bound(str(key)))
        elif key != "field" and not _is_number(bound):
            report.error(f"{place}.{key}", "needed: a number")
    bounds = {key: given[key] for key in _BOUNDS if _is_number(given.get(key))}
    if kind in ("first_seen", "absence") and bounds:
        report.error(place, f"{kind} compares no number; leave {', '.join(bounds)} out")
    if not bounds and kind not in _COUNTED:
        return _without_condition(kind, rules), fields
    return _range(bounds, kind, rules, report), fields


def _without_condition(kind: CorrelationType, rules: int) -> Range:
    """All rules; over the usual speed."""
    return Range(_DEFAULT_SPEED_KMH, above=True) if kind == "travel" else Range(rules)


def _range(bounds: Mapping[str, float], kind: CorrelationType, rules: int, report: Report) -> Range:
    place = "correlation.condition"
    if len({"gt", "gte"} & bounds.keys()) != 1:
        report.error(
            place,
            "needed: a lower bound, gt or gte: without one the condition is true from a window's first event on"
            if not {"gt", "gte"} & bounds.keys()
            else "gt and gte can't stand together",
        )
        return Range(1)
    if {"lt", "lte"} <= bounds.keys():
        report.error(place, "lt and lte can't stand together")
    most = bounds.get("lt", bounds.get("lte"))
    found = Range(bounds.get("gt", bounds.get("gte", 1)), most, above="gt" in bounds, below="lt" in bounds)
    whole = kind not in ("value_sum", "travel")
    if most is not None and not any(value in found for value in _candidates(found, most, whole=whole)):
        report.error(place, "no number is in this range, so it can't fire")
    if kind in ("temporal", "temporal_ordered"):
        if rules not in found and not any(count in found for count in range(1, rules + 1)):
            report.error(place, f"there are {rules} rules, so it can't fire")
        elif kind == "temporal_ordered" and (rules not in found or rules - 1 in found):
            report.error(place, "an order is complete or it isn't: leave the condition out, or name all rules")
    if kind == "event_count" and not found.above and found.least <= 0:
        report.error(place, "needed: a lower bound of at least 1")
    return found


def _candidates(found: Range, most: float, *, whole: bool) -> list[float]:
    return [math.floor(found.least) + 1, math.ceil(found.least)] if whole else [found.least, most, (found.least + most) / 2]


def _fields(given: Any, kind: CorrelationType, report: Report) -> list[str]:
    wanted = kind in ("value_count", "value_sum", "first_seen")
    if given is None:
        if wanted:
            report.error("correlation.condition.field", f"{kind} wants the field whose values count")
        return []
    if not wanted:
        report.error("correlation.condition.field", f"{kind} looks at no field's value; leave it out")
        return []
    fields = _names(given, "correlation.condition.field", report)
    if kind == "value_sum" and len(fields) > 1:
        report.error("correlation.condition.field", "one field can be summed")
    return fields


def _odd_bound(key: str) -> str:
    if key in ("eq", "neq"):
        return f"{key} is true of a count only in passing, or from the first event on; write gte, or a range of gte and lte"
    close = get_close_matches(key, (*_BOUNDS, "field"), n=1)
    return "unknown key" + (f"; did you mean {close[0]}?" if close else f"; allowed: field, {', '.join(_BOUNDS)}")


def _tell_out_of_reach(condition: Range, fields: list[str], aliases: Mapping[str, Mapping[str, str]], report: Report) -> None:
    """Tell of a count that a group can't come to, or the rule would be silent for ever."""
    paths = [path for name in fields for path in (aliases[name].values() if name in aliases else [name])]
    several = not all(map(is_single, paths))
    needed = math.floor(condition.least) + 1 if condition.above else math.ceil(condition.least)
    if needed > MOST_EVENTS_A_GROUP * (MOST_VALUES_AN_EVENT if several else 1):
        each = f", and {MOST_VALUES_AN_EVENT} values of each" if several else ""
        message = (
            f"a group holds {MOST_EVENTS_A_GROUP:,} events at most{each}, so it can't fire; needed: a lower bound that so many can reach"
        )
        report.error("correlation.condition", message)


def _tell_wrong_paths(group_by: list[str], fields: list[str], aliases: Mapping[str, Mapping[str, str]], report: Report) -> None:
    named = {
        "group-by": group_by,
        "condition.field": fields,
        **{f"aliases.{alias}": of_rule.values() for alias, of_rule in aliases.items()},
    }
    for key, paths in named.items():
        for wrong in filter(None, map(wrong_path, dict.fromkeys(path for path in paths if path not in aliases))):
            report.error(f"correlation.{key}", wrong)


def _warn_of_fields(names: tuple[str, ...], aliases: Mapping[str, Mapping[str, str]], report: Report) -> None:
    paths = [name for name in names if name not in aliases]
    paths += [path for named in aliases.values() for path in named.values()]
    for path in dict.fromkeys(paths):
        if not is_known(path):
            guess = suggest_field(path)
            report.warn("correlation", f"Okta documents no field {path}" + (f": did you mean {guess}?" if guess else ""))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
