"""Filters, joined to the rules that they are for; a filter that reaches less than it names is told."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from okta_source.detections.names import Names
from okta_source.detections.problems import Problem
from okta_source.detections.sigma.expression import And
from okta_source.detections.sigma.rule import EventRule, Filter, Rule

__all__ = ["filtered"]


def filtered(names: Names, filters: Sequence[Filter], problems: list[Problem]) -> dict[int, Rule]:
    """The rules by their numbers, each joined with its filters.

    Args:
        names: The rules.
        filters: What narrows them.
        problems: Takes what is wrong.
    """
    found = dict(enumerate(names.rules))
    for narrowing in filters:
        for number in _reached(names, narrowing, problems):
            rule = found[number]
            if isinstance(rule, EventRule):
                found[number] = replace(rule, detection=And((rule.detection, narrowing.detection)))
    return found


def _reached(names: Names, narrowing: Filter, problems: list[Problem]) -> Sequence[int]:
    if narrowing.rules:
        return list(dict.fromkeys(number for name in narrowing.rules for number in _named(names, narrowing, name, problems)))
    found = [number for number, rule in enumerate(names.rules) if isinstance(rule, EventRule) and not _difference(narrowing, rule)]
    if not found:
        problems.append(_problem(narrowing, "logsource", "no rule has this logsource, so that it takes nothing out of any", is_error=False))
    return found


def _named(names: Names, narrowing: Filter, name: str, problems: list[Problem]) -> Iterator[int]:
    """The rules of a name that the filter reaches."""
    numbers = names.meant(name)
    rules = [(number, rule) for number in numbers if isinstance(rule := names.rules[number], EventRule)]
    if numbers and not rules:
        problems.append(_problem(narrowing, "filter.rules", f"{name} is a correlation; a filter is for the rules that it refers to"))
    if not numbers and not names.is_refused(name):
        problems.append(_problem(narrowing, "filter.rules", names.missing(name)))
    for number, rule in rules:
        difference = _difference(narrowing, rule)
        if difference:
            problems.append(_problem(narrowing, "filter.rules", f"{name} is not reached: {difference}", is_error=False))
        else:
            yield number


def _difference(narrowing: Filter, rule: EventRule) -> str:
    """What the filter's logsource says that the rule's does not."""
    for key, wanted in narrowing.logsource.items():
        given = rule.logsource.get(key, "")
        if given.lower() != wanted.lower():
            theirs = f"is {given} there" if given else "is not said there"
            return f"logsource.{key} {theirs} and {wanted} here; needed: the same, or no {key} here"
    return ""


def _problem(narrowing: Filter, place: str, message: str, *, is_error: bool = True) -> Problem:
    return Problem(narrowing.about.file, narrowing.about.title, place, message, is_error)
