"""What a rule means, in words: event types and fields, windows and groups, what it remembers, and which lists it wants."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from okta_source.detections.correlation.groups import MOST_GROUPS
from okta_source.detections.correlation.window import LATENESS_MS
from okta_source.detections.evaluate import decided_by_type
from okta_source.detections.rules import Active, RuleSet
from okta_source.detections.sigma.expression import And, Expression, Not, Test, paths, specialise, tests
from okta_source.detections.sigma.modifiers import FLAGS
from okta_source.detections.sigma.placeholders import Lists, placeholders
from okta_source.detections.sigma.predicates import predicate
from okta_source.detections.sigma.rule import Correlation, EventRule, Range, Rule
from okta_source.detections.sigma.spans import span_text
from okta_source.events.fields import event_types

__all__ = ["STATES", "explain", "lists_of", "types_of"]

STATES: Final[Mapping[str, str]] = {
    "event": "none",
    "event_count": "counts",
    "value_count": "values",
    "value_sum": "sums",
    "temporal": "together",
    "temporal_ordered": "sequence",
    "first_seen": "learns",
    "travel": "places",
    "absence": "waits",
}
"""What a kind of rule remembers, in a word."""

_MOST_TYPES_SHOWN: Final = 12
_HOW: Final = {
    "contains": "contains", "startswith": "starts with", "endswith": "ends with", "re": "matches the regular expression",
    "cidr": "is an address in", "lt": "is less than", "lte": "is at most", "gt": "is more than", "gte": "is at least",
}  # fmt: skip
_FLAGS: Final = {"i": "upper and lower case are the same", "m": "^ and $ are the ends of each line", "s": ". stands for line breaks too"}


def explain(active: Active, rules: RuleSet) -> Iterator[str]:
    """Lines about a rule.

    Args:
        active: The rule.
        rules: The rules in force, for those that it refers to.
    """
    rule, about = active.rule, active.rule.about
    yield about.title
    yield f"  id {about.id}, name {about.name}, level {about.level}, version {active.version}, file {about.file}"
    if about.description:
        yield from (f"  {line}" for line in about.description.splitlines())
    yield ""
    yield from (f"  {line}" for line in (_of_events(rule, rules.lists) if isinstance(rule, EventRule) else _of_groups(rule, active, rules)))
    lists = sorted(set(lists_of(active, rules)))
    if lists:
        yield f"  lists: {', '.join(f'{name} ({len(rules.lists.get(name, ()))} values)' for name in lists)}"
    yield f"  alerts: {'yes' if active.alerts else 'no, it serves the rules that refer to it'}"
    for title, texts in (("tags", about.tags), ("looks like it", about.falsepositives), ("references", about.references)):
        if texts:
            yield f"  {title}: {'; '.join(texts)}"
    if about.response:
        yield f"  what to do: {about.response}"
    for child in active.children:
        yield ""
        yield from (f"  {line}" if line else "" for line in explain(rules.rules[child], rules))


def types_of(detection: Expression, lists: Lists) -> list[str] | None:
    """The event types of Okta's catalogue that a detection can match; None where it can match any."""
    compiled = cache(lambda test: predicate(test, lists))
    found = [name for name in sorted(event_types()) if specialise(detection, decided_by_type(name, compiled)) is not False]
    return None if len(found) == len(event_types()) else found


def lists_of(active: Active, rules: RuleSet) -> Iterator[str]:
    """The lists that a rule wants, and those of the rules that it refers to."""
    if isinstance(active.rule, EventRule):
        for test in tests(active.rule.detection):
            if "expand" in test.modifiers:
                yield from placeholders(test.values)
    for child in active.children:
        yield from lists_of(rules.rules[child], rules)


def _of_events(rule: EventRule, lists: Lists) -> Iterator[str]:
    types = types_of(rule.detection, lists)
    if types is None:
        yield "event types: any, so every event is decoded for it"
    else:
        more = f" and {len(types) - _MOST_TYPES_SHOWN} more" if len(types) > _MOST_TYPES_SHOWN else ""
        yield f"event types: {', '.join(types[:_MOST_TYPES_SHOWN]) or 'none of the catalogue'}{more}"
    yield f"fields: {', '.join(path or 'the whole event' for path in paths(rule.detection))}"
    yield "matches an event where"
    yield from _tree(rule.detection, "  ")
    yield "remembers: nothing"


def _of_groups(rule: Correlation, active: Active, rules: RuleSet) -> Iterator[str]:
    names = [rules.rules[child].rule.about.title for child in active.children]
    span = span_text(rule.timespan_ms)
    yield f"kind: {rule.type}"
    yield _sentence(rule, names, span)
    for alias, named in rule.aliases.items():
        yield f"{alias} is {', '.join(f'{path} of {name}' for name, path in named.items())}"
    if rule.type not in ("first_seen", "absence"):
        yield f"one alert an episode: what fulfils it again within {span} is not alerted again"
    yield f"remembers: up to {MOST_GROUPS:,} groups a tenant, for {span} and {span_text(LATENESS_MS)} of the events' own time"
    yield "events without a value for the group take no part"


def _sentence(rule: Correlation, names: Sequence[str], span: str) -> str:
    group = f" of the same {' and '.join(rule.group_by)}" if rule.group_by else " of a tenant"
    fields = " and ".join(rule.fields)
    either = " or ".join(names)
    by_kind = {
        "event_count": f"fulfilled by {_range(rule.condition)} matches of {either}{group} within {span}",
        "value_count": f"fulfilled by {_range(rule.condition)} different values of {fields} in matches of {either}{group} within {span}",
        "value_sum": f"fulfilled by values of {fields} that add up to {_range(rule.condition)} in matches of {either}{group} within {span}",
        "temporal": f"fulfilled by matches of {_range(rule.condition)} of the rules {', '.join(names)}{group} within {span}, in any order",
        "temporal_ordered": f"fulfilled by matches of {', then '.join(names)}{group} within {span}",
        "first_seen": f"fulfilled by a value of {fields} that no match of {either}{group} had for {span}; it learns for "
        f"{span_text(rule.warm_up_ms) if rule.warm_up_ms else 'no time'} first",
        "travel": f"fulfilled by two matches of {either}{group} within {span} from two addresses, more than {rule.distance_km:g} km apart, "
        f"at {_range(rule.condition)} km/h",
        "absence": f"fulfilled by a match of {names[0]}{group} that no match of {' or '.join(names[1:])} follows within {span}",
    }
    return by_kind[rule.type]


def _range(condition: Range) -> str:
    low = f"{'more than' if condition.above else 'at least'} {condition.least:g}"
    return low if condition.most is None else f"{low} and {'less than' if condition.below else 'at most'} {condition.most:g}"


def _tree(expression: Expression, indent: str) -> Iterator[str]:
    if isinstance(expression, Test):
        yield indent + _test(expression)
        return
    if isinstance(expression, Not):
        yield f"{indent}not"
        yield from _tree(expression.arg, f"{indent}  ")
        return
    yield f"{indent}{'all of' if isinstance(expression, And) else 'any of'}"
    for arg in expression.args:
        yield from _tree(arg, f"{indent}  ")


def _test(test: Test) -> str:
    given = set(test.modifiers)
    if "exists" in given:
        return f"{test.field} is {'there' if test.values[0] else 'not there'}"
    how = next((_HOW[name] for name in _HOW if name in given), "is")
    if "fieldref" in given:
        how = "is the same as the field" if how == "is" else f"{how} the field"
    part = next((f"the {name} of " for name in ("minute", "hour", "day", "week", "month", "year") if name in given), "")
    values = ["null or absent" if value is None else str(value) if "fieldref" in given else repr(value) for value in test.values]
    joined = (" and " if "all" in given else " or ").join(values)
    encoded = [name for name in test.modifiers if name in ("base64", "base64offset", "wide", "utf16le", "utf16be", "utf16", "windash")]
    notes = [f"encoded by {', '.join(encoded)}"] if encoded else []
    notes += ["upper and lower case differ"] if "cased" in given else []
    notes += [text for flag, text in _FLAGS.items() if flag in {FLAGS.get(name) for name in given}]
    subject = f"{part}{test.field} {how}" if test.field else f"any text of the event {'contains' if how == 'is' else how}"
    text = f"{subject} {joined}" + (f" ({', '.join(notes)})" if notes else "")
    return f"not: {text}" if "neq" in given else text


def state_of(rule: Rule) -> str:
    """What a rule remembers, in a word."""
    return STATES["event" if isinstance(rule, EventRule) else rule.type]
