"""Rules that name each other, from two origins: own ones and those in the box."""

import pytest

from okta_source.detections.rules import Selection, assemble
from okta_source.detections.sigma.parse import parse_rules
from tests.unit.okta_source.detections.making import HEADER, rule_text, told

A = rule_text("sel: {severity: warn}") + "name: a\nid: 11111111-1111-4111-8111-111111111111\n"
COUNTED = "title: A rule\ncorrelation: {type: event_count, rules: [block], group-by: [actor.id], timespan: 10m, condition: {gte: 5}}\n"


def test_a_filter_tells_what_it_does_not_reach() -> None:
    wider = A.replace("name: a", "name: wider").replace("id: 1", "id: 2").replace(", service: okta", "")

    def doubts(rules: str, service: str = "okta") -> list[str]:
        narrowing = (
            HEADER.replace("service: okta", f"service: {service}") + f"filter: {{rules: {rules}, sel: {{uuid: x}}, condition: not sel}}"
        )
        read = [rule for text in (A, wider, narrowing) for rule in parse_rules("rule.yml", text, {})[0]]
        found, problems = assemble(read, {})
        assert len(found.rules) == 2
        return list(map(told, problems))

    assert doubts("[a]") == doubts("any") == []
    assert doubts("[a, wider]") == [
        "filter.rules: wider is not reached: logsource.service is not said there and okta here; needed: the same, or no service here"
    ]
    assert doubts("[a]", "Other") == [
        "filter.rules: a is not reached: logsource.service is okta there and Other here; needed: the same, or no service here"
    ]
    assert doubts("any", "other") == ["logsource: no rule has this logsource, so that it takes nothing out of any"]


@pytest.mark.parametrize(
    "refused",
    [
        A.replace("severity: warn", "severity: []"),
        A.replace("{sel: {severity", "[sel: {severity"),
        A.replace("title: A rule", "title: ''"),
    ],
)
def test_a_rule_that_is_refused_is_not_missing_too(refused: str) -> None:
    texts = [refused, COUNTED.replace("[block]", "[a]"), HEADER + "filter: {rules: [a], sel: {uuid: x}, condition: not sel}"]
    read = [parse_rules("rule.yml", text, {}) for text in texts]
    problems = [problem for _, wrong in read for problem in wrong]
    assert len(problems) == 1
    names = problems[0].names
    assert assemble([rule for rules, _ in read for rule in rules], {}, Selection(disable=("a",)), (), names)[1] == []


def test_own_and_managed_rules_may_have_the_same_names() -> None:
    block = rule_text("sel: {severity: warn}") + "name: block\nid: 33333333-3333-4333-8333-333333333333\nenabled: false\n"
    counted = COUNTED + "name: counted\nid: 44444444-4444-4444-8444-444444444444\n"
    own_block = rule_text("sel: {severity: info}") + "name: block\n"

    def put_together(*own: str, **selection: object) -> tuple[dict[str, list[str]], list[str]]:
        managed, rules = ([rule for text in texts for rule in parse_rules(file, text, {})[0]]
                          for file, texts in (("box.yml", (block, counted)), ("rule.yml", own)))  # fmt: skip
        found, problems = assemble(rules, {}, Selection(**selection), managed)
        return {
            active.rule.about.file + " " + active.rule.about.name: [found.rules[child].rule.about.file for child in active.children]
            for active in found.rules
        }, list(map(told, problems))

    both = {"box.yml block": [], "box.yml counted": ["box.yml"], "rule.yml block": [], "rule.yml own": ["rule.yml"]}
    assert put_together(own_block, COUNTED + "name: own\n") == (both, [])
    by_id = COUNTED.replace("[block]", "[33333333-3333-4333-8333-333333333333]") + "name: own\n"
    assert put_together(own_block, by_id)[0]["rule.yml own"] == ["box.yml"]

    replacement = own_block.replace("name: block", "name: ours\nid: 33333333-3333-4333-8333-333333333333")
    assert put_together(replacement) == ({"rule.yml ours": [], "box.yml counted": ["rule.yml"]}, [])
    assert put_together(replacement, COUNTED + "name: own\n")[0]["rule.yml own"] == ["rule.yml"]
    assert put_together(replacement.replace("ours", "ours\nenabled: false"), enable=("block",), disable=("counted",)) == (
        {"rule.yml ours": []}, []
    )  # fmt: skip

    rules, problems = put_together(own_block, disable=("block",))
    assert rules == {"box.yml block": [], "box.yml counted": ["box.yml"]}
    assert problems == [
        'detections.disable[0]: "block" is an own rule and a managed one, both off now; to leave one on, write the other\'s id: '
        "33333333-3333-4333-8333-333333333333 (box.yml) or 739d0454-601e-5609-af80-fd910571a9a8 (rule.yml)"
    ]
    twice = put_together(own_block, own_block.replace("name: block", "name: block\nid: x"), COUNTED)[1]
    assert twice == ["correlation.rules: block is the name of 2 rules, in rule.yml; refer to it by its id"]
