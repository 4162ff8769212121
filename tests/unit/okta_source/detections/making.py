"""Rules and events for tests, from as little text as can be."""

import json
from typing import Any

from okta_source.detections.problems import Problem
from okta_source.detections.rules import RuleSet, Selection, assemble
from okta_source.detections.sigma.parse import parse_rules
from okta_source.detections.sigma.rule import EventRule

EVERYTHING = Selection()
HEADER = "title: A rule\nlogsource: {product: okta, service: okta}\n"


def rule_text(searches: str, condition: str = "sel") -> str:
    """A rule of these searches, in YAML's flow style."""
    return f"{HEADER}detection: {{{searches}, condition: {condition}}}\n"


def event_rule(text: str, lists: dict[str, tuple[str, ...]] | None = None) -> EventRule:
    """The one rule of a text that has nothing wrong."""
    rules, problems = parse_rules("rule.yml", text, lists or {})
    assert [str(problem) for problem in problems if problem.is_error] == []
    [rule] = rules
    assert isinstance(rule, EventRule)
    return rule


def problems_of(text: str, **lists: tuple[str, ...]) -> list[str]:
    """What is wrong with a file, without the file's name."""
    return [told(problem) for problem in parse_rules("rule.yml", text, lists)[1]]


def told(problem: Problem) -> str:
    return str(problem).removeprefix("rule.yml: ").removeprefix('rule "A rule": ')


def rule_set(*texts: str, selection: Selection = EVERYTHING, **lists: tuple[str, ...]) -> RuleSet:
    """Rules in force, one file a text; nothing may be wrong with them."""
    parsed = [parse_rules(f"file{number}.yml", text, lists) for number, text in enumerate(texts)]
    found, between = assemble([rule for rules, _ in parsed for rule in rules], lists, selection)
    assert [str(problem) for problem in [*(p for _, ps in parsed for p in ps), *between] if problem.is_error] == []
    return found


def data(event: dict[str, Any]) -> bytes:
    """An event's bytes."""
    return json.dumps(event).encode()
