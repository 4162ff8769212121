"""What is wrong with rules: all of it at once, each with its place and what would be right."""

import pytest

from okta_source.detections.problems import Report
from okta_source.detections.rules import Selection, assemble
from okta_source.detections.sigma.documents import read_documents
from okta_source.detections.sigma.parse import parse_rules
from tests.unit.okta_source.detections.making import HEADER, problems_of, rule_set, rule_text, told


@pytest.mark.parametrize(
    ("searches", "condition", "problem"),
    [
        ("sel: {eventType: user.lifecycle.suspended}", "sel",
         "detection.sel.eventType: unknown event type `user.lifecycle.suspended`: did you mean `user.lifecycle.suspend`?"),
        ("sel: {event_type: x}", "sel", "detection.sel.event_type: Okta documents no field event_type: did you mean eventType?"),
        ("sel: {target.foo: x}", "sel", "detection.sel.target.foo: Okta documents no field target.foo"),
        ("sel: {eventType|startswith: user.sesion.}", "sel",
         "detection.sel.eventType|startswith: Okta documents no event type that starts with `user.sesion.`: did you mean `user.session.`?"),
        ("sel: {eventType|neq: user.sesion.*}", "sel",
         "detection.sel.eventType|neq: Okta documents no event type like `user.sesion.*`: did you mean `user.session.*`?"),
        ("sel: {eventType|contains|all: [session, sesion]}", "sel",
         "detection.sel.eventType|contains|all: Okta documents no event type that contains `sesion`"),
        ("sel: {eventType|re: '^user[.]sesion'}", "sel",
         "detection.sel.eventType|re: Okta documents no event type that matches `^user[.]sesion`"),
        ("sel: {severity: x}, other: {severity: y}, _note: {severity: z}", "sel",
         "detection.other: the condition doesn't name it, so that nothing looks at it"),
        ("sel: {eventType|contain: x}", "sel",
         "detection.sel.eventType|contain: contain is no modifier of Sigma 2.1; did you mean contains?"),
        ("sel: {severity|contains|startswith: x}", "sel",
         "detection.sel.severity|contains|startswith: contains and startswith can't be one comparison; write two items"),
        ("sel: {severity|all: x}", "sel", "detection.sel.severity|all: all wants two values or more"),
        ("sel: {severity: [x, null]}", "sel",
         "detection.sel.severity: null can't stand in a list; write a search of its own and join them by or"),
        ("sel: {severity: []}", "sel", "detection.sel.severity: the list is empty; needed: at least one value"),
        ("sel: {severity|re: '(?=x)'}", "sel",
         "detection.sel.severity|re: invalid perl operator: (?=: RE2 has no look-ahead and no look-behind, so that no pattern can stop a "
         "tenant"),
        (r"sel: {severity|re: '(x)\1'}", "sel",
         "detection.sel.severity|re: invalid escape sequence: \\1: RE2 has no backreferences, so that no pattern can stop a tenant"),
        ("sel: {severity|re: '(?>x)'}", "sel", "detection.sel.severity|re: invalid perl operator: (?>: RE2 has no atomic groups and "
         "nothing possessive, so that no pattern can stop a tenant"),
        ("sel: {severity|re: 'x{1,1001}'}", "sel", "detection.sel.severity|re: invalid repetition size: {1,1001}: RE2 repeats at most "
         "1,000 times, in all that is nested together"),
        (r"sel: {severity|re: '\u0041'}", "sel", "detection.sel.severity|re: invalid escape sequence: \\u: write the character itself, or "
         r"\x{…} with its number in hexadecimal"),
        (r"sel: {severity|re: 'x\é'}", "sel", "detection.sel.severity|re: invalid escape sequence: \\é: leave the backslash out where the "
         "character itself is meant"),
        ("sel: {severity|re: 'x)'}", "sel", "detection.sel.severity|re: unexpected ): x)"),
        ("sel: {severity|contains|base64: x}", "sel",
         "detection.sel.severity|contains|base64: base64 belongs in front of contains, startswith and endswith"),
        ("sel: {severity|windash: '-a -b -c -d'}", "sel",
         "detection.sel.severity|windash: windash makes 5 values of each dash; more than 3 in one value are too many"),
        ("sel: {severity|exists: 1}", "sel", "detection.sel.severity|exists: exists takes true or false"),
        ("sel: {severity|expand: '%nowhere%'}", "sel",
         'detection.sel.severity|expand: there is no list nowhere; add to [detections.lists] in the configuration: nowhere = ["…"]'),
        ("sel: {severity|expand: nowhere}", "sel",
         "detection.sel.severity|expand: expand fills in lists, and there is no %name% in these values"),
        ("sel: {severity: {a: b}}", "sel", "detection.sel.severity: dict is no value; needed: texts, numbers, true, false or null"),
        ("sel: {}", "sel", "detection.sel: it is empty; needed: fields with their values"),
        ("sel: {_okta_category: user}", "sel", "detection.sel._okta_category: _okta_category is this pipeline's own member and no part of "
         "the event; write eventType"),
        ("sel: {_OKTA_Labels.team|contains: x}", "sel",
         "detection.sel._OKTA_Labels.team|contains: _OKTA_Labels.team is this pipeline's own member and no "
         "part of the event; write tenant"),
        ("sel: {actor.id|fieldref: [actor.type, _okta_source]}", "sel",
         "detection.sel.actor.id|fieldref: _okta_source is this pipeline's own member and no part of the event; leave it out"),
        ("sel: {actor.id|fieldref: ''}", "sel",
         "detection.sel.actor.id|fieldref: '' is no path; needed: names with dots between them, such as actor.alternateId"),
        ("sel: ", "sel", "detection.sel: it is empty; needed: fields with their values, or a list of texts"),
        ("a: {severity: x}, sel: null", "a and not sel",
         "detection.sel: it is empty; needed: fields with their values, or a list of texts"),
        ("sel: []", "sel", "detection.sel: it is empty; needed: fields with their values, or a list of texts"),
        ("sel: [{}]", "sel", "detection.sel[0]: it is empty; needed: fields with their values"),
        ("sel: {'|startswith': x}", "sel",
         "detection.sel.|startswith: keywords are looked for in the whole event, which nothing but contains, re, "
         "all, cased and neq can stand beside"),
        ("sel: ['', x]", "sel", "detection.sel: an empty keyword says nothing; needed: a text to look for"),
        ("sel: [null]", "sel", "detection.sel: an empty keyword says nothing; needed: a text to look for"),
        ("sel: {'|all': [x, null]}", "sel", "detection.sel.|all: an empty keyword says nothing; needed: a text to look for"),
        ("selection: {severity: x}", "selektion", "detection.condition: selektion is no name of the detection; did you mean selection? "
         "there are: selection"),
        ("sel: {severity: x}", "1 of filter_*",
         "detection.condition: 1 of filter_* matches no name of the detection; there are: sel"),
        ("sel: {severity: x}", "2 of sel", "detection.condition: 2 of is no quantifier; allowed: 1 of, any of, all of"),
        ("sel: {severity: x}", "sel sel", "detection.condition: sel stands where and, or, or the end was expected"),
        ("sel: {severity: x}", "sel)", "detection.condition: a ) closes nothing"),
        ("sel: {severity: x}", f"{'not ' * 200}sel", "detection.condition: brackets and not are nested more than 100 deep"),
    ],
)  # fmt: skip
def test_a_detection(searches: str, condition: str, problem: str) -> None:
    assert problems_of(rule_text(searches, condition)) == [problem]


def test_doubts_are_told_beside_errors() -> None:
    assert problems_of(rule_text("sel: {severity: x}, other: {event_type: y}", "selektion or other")) == [
        "detection.other.event_type: Okta documents no field event_type: did you mean eventType?",
        "detection.condition: selektion is no name of the detection; there are: sel, other",
    ]


def test_a_rule_without_a_detection_tells_the_rest_too() -> None:
    text = "title: A rule\nlevel: High\nlogsource: {}\ndetectoin: {sel: {severity: x}, condition: sel}\n"
    assert problems_of(text) == [
        "level: 'High' is no level; did you mean high? allowed: informational, low, medium, high, critical",
        "needed: one of detection, correlation, filter; did you mean detection by detectoin?",
        "logsource: needed: a map such as {product: okta, service: okta}",
    ]


def test_a_file_tells_all_of_it() -> None:
    text = f"""
title: First
logsource: {{product: okta}}
level: hihg
detection: {{sel: {{severity|x: 1, actor.alternativeId|y: 2}}, condition: sel}}
---
logsource: {{product: okta}}
detection: {{sel: {{severity: 1}}, condition: other}}
---
title: Third
detection: {{sel: {{severity: 1}}, condition: sel}}
---
just a text
---
title: Windows
logsource: {{product: windows}}
detection: {{sel: {{Image: x}}, condition: sel}}
---
{HEADER}detection: {{sel: {{severity: 1}}, condition: sel}}
"""
    rules, problems = parse_rules("r/rules.yml", text, {})
    assert [rule.about.title for rule in rules] == ["A rule"]
    assert list(map(str, problems)) == [
        "r/rules.yml: rule \"First\": level: 'hihg' is no level; did you mean high? allowed: informational, low, medium, high, critical",
        'r/rules.yml: rule "First": detection.sel.severity|x: x is no modifier of Sigma 2.1',
        'r/rules.yml: rule "First": detection.sel.actor.alternativeId|y: y is no modifier of Sigma 2.1',
        'r/rules.yml: rule "document 2": title: needed: what people call the rule',
        'r/rules.yml: rule "document 2": detection.condition: other is no name of the detection; there are: sel',
        'r/rules.yml: rule "Third": logsource: needed: a map such as {product: okta, service: okta}',
        'r/rules.yml: rule "document 4": this is no rule; needed: a map with title, logsource and detection',
        'r/rules.yml: rule "Windows": logsource.product: windows: this pipeline has Okta\'s events only; the rule is left out',
    ]
    assert [problem.is_error for problem in problems] == [True] * 7 + [False]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "line 2: this is no YAML: did not find expected node content"),
        ("=: 1\n=: 2", "line 2: this is no YAML: the key '=' stands there twice"),
        ("a: {b: 1, b: 2}", "line 1: this is no YAML: the key 'b' stands there twice"),
        ("a: &x {b: 1, b: 2}\nc: {<<: *x}", "line 1: this is no YAML: the key 'b' stands there twice"),
        ("a: 1\na: 2", "line 2: this is no YAML: the key 'a' stands there twice"),
        ("a: !!python/object:os.system x", "line 1: this is no YAML: could not determine a constructor for the tag"),
        (b"title: \xff", "this is no YAML: "),
    ],
)
def test_no_yaml(text: str | bytes, problem: str) -> None:
    [found] = parse_rules("rule.yml", text, {})[1]
    assert told(found).startswith(problem)


MERGED = """
detection:
  a: &failed {eventType: user.session.start, outcome.result: FAILURE}
  b:
    inner: &inner
      <<: *failed
      outcome.result: SUCCESS
  c: {<<: *inner, severity: warn, severity: error}
"""


def test_a_key_beside_a_merge_takes_its_place() -> None:
    [document] = read_documents(MERGED.replace("severity: warn, ", ""), Report("rule.yml"))
    success = {"eventType": "user.session.start", "outcome.result": "SUCCESS"}
    assert document.value["detection"]["b"] == {"inner": success}
    assert document.value["detection"]["c"] == {**success, "severity": "error"}
    report = Report("rule.yml")
    assert list(read_documents(MERGED, report)) == []
    assert [told(problem) for problem in report.problems] == ["line 8: this is no YAML: the key 'severity' stands there twice"]


CORRELATION = {"type": "event_count", "rules": "[a]", "group-by": "[actor.id]", "timespan": "10m", "condition": "{gte: 5}"}


def correlation(**changes: str) -> str:
    parts = {**CORRELATION, **{key.replace("_", "-"): value for key, value in changes.items()}}
    return f"title: A rule\ncorrelation: {{{', '.join(f'{key}: {value}' for key, value in parts.items() if value)}}}\n"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": "event_cuont"}, "correlation.type: 'event_cuont' is no type; did you mean event_count? allowed: event_count, "
         "value_count, "
         "value_sum, temporal, temporal_ordered, first_seen, travel, absence"),
        ({"type": "value_percentile"},
         "correlation.type: value_percentile is not supported: Sigma 2.1 contradicts itself about what it means"),
        ({"timespan": "10x"}, "correlation.timespan: '10x' is no span of time; needed: a number and s, m, h, d or w, such as 10m"),
        ({"timespan": "0m"}, "correlation.timespan: 0m is out of range; allowed: up to 400d"),
        ({"condition": ""}, "correlation.condition: needed: a map such as {gte: 5}"),
        ({"condition": "{eq: 5}"}, "correlation.condition.eq: eq is true of a count only in passing, or from the first event on; "
         "write gte, "
         "or a range of gte and lte"),
        ({"condition": "{lt: 5}"}, "correlation.condition: needed: a lower bound, gt or gte: without one the condition is true from a "
         "window's first event on"),
        ({"condition": "{gt: 5, lt: 6}"}, "correlation.condition: no number is in this range, so it can't fire"),
        ({"condition": "{gte: 0}"}, "correlation.condition: needed: a lower bound of at least 1"),
        ({"condition": "{gte: 10001}"},
         "correlation.condition: a group holds 10,000 events at most, so it can't fire; needed: a lower bound that so many can reach"),
        ({"condition": "{gt: 10000, lt: 20000}"}, "correlation.condition: a group holds 10,000 events at most, so it can't fire; needed: a "
         "lower bound that so many can reach"),
        ({"type": "value_count", "condition": "{field: [client.ipAddress, target.user.id], gte: 20000}"}, "correlation.condition: a group "
         "holds 10,000 events at most, so it can't fire; needed: a lower bound that so many can reach"),
        ({"type": "value_count", "condition": "{field: target.id, gte: 1000001}"}, "correlation.condition: a group holds 10,000 events at "
         "most, and 100 values of each, so it can't fire; needed: a lower bound that so many can reach"),
        ({"condition": "{field: actor.id, gte: 5}"}, "correlation.condition.field: event_count looks at no field's value; leave it out"),
        ({"type": "value_count"}, "correlation.condition.field: value_count wants the field whose values count"),
        ({"type": "value_count", "condition": "{field: actor.id, gte: 5}"},
         "correlation.condition.field: actor.id tells the groups apart too, so no group can have two values; it can't fire"),
        ({"type": "temporal", "condition": ""}, "correlation.rules: temporal wants two rules or more"),
        ({"type": "temporal", "rules": "[a, b]", "condition": "{gte: 3}"}, "correlation.condition: there are 2 rules, so it can't fire"),
        ({"type": "temporal", "rules": "[a, b]", "condition": "a and not b"},
         "correlation.condition: conditions in words are no part of Sigma 2.1; write a temporal rule over temporal rules"),
        ({"aliases": "{who: {b: actor.id}}"}, "correlation.aliases.who: b is none of this correlation's rules"),
        ({"aliases": "{who: {}}"}, "correlation.aliases.who: needed: a map of rule to field"),
        ({"group_by": "[_okta_org]"},
         "correlation.group-by: _okta_org is this pipeline's own member and no part of the event; write tenant"),
        ({"type": "value_count", "condition": "{field: _okta_ingested_at, gte: 5}"},
         "correlation.condition.field: _okta_ingested_at is this pipeline's own member and no part of the event; write published"),
        ({"aliases": "{who: {a: _okta_action}}", "group_by": "[who]"},
         "correlation.aliases.who: _okta_action is this pipeline's own member and no part of the event; write eventType"),
        ({"group_by": "[actor..id]"},
         "correlation.group-by: 'actor..id' is no path; needed: names with dots between them, such as actor.alternateId"),
        ({"warm_up": "1d"}, "correlation.warm-up: unknown key for event_count"),
        ({"group_by": "[actor.alternativeId]"},
         "correlation: Okta documents no field actor.alternativeId: did you mean actor.alternateId?"),
    ],
)  # fmt: skip
def test_a_correlation(changes: dict[str, str], problem: str) -> None:
    assert problems_of(correlation(**changes))[0] == problem


@pytest.mark.parametrize(
    "changes",
    [
        {"condition": "{gte: 10000}"},
        {"condition": "{gt: 9999, lt: 20000}"},
        {"type": "value_sum", "condition": "{field: version, gte: 20000}"},
        {"type": "value_count", "condition": "{field: target.id, gte: 20000}"},
        {"type": "value_count", "condition": "{field: who, gte: 20000}", "aliases": "{who: {a: target.id}}"},
    ],
)
def test_a_threshold_that_can_be_reached(changes: dict[str, str]) -> None:
    assert problems_of(correlation(**changes)) == []


def test_a_filter_names_no_member_of_the_pipelines_own() -> None:
    [problem] = problems_of(HEADER + "filter: {rules: [b], sel: {_okta_tenant: acme}, condition: not sel}")
    assert problem.startswith("filter.sel._okta_tenant: _okta_tenant is this pipeline's own member")


A = rule_text("sel: {severity: warn}") + "name: a\nid: 11111111-1111-4111-8111-111111111111\n"


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ([A, correlation(rules="[aa]")], "correlation.rules: there is no rule aa; did you mean a?"),
        ([A, A.replace("name: a", "name: b")], 'id: 11111111-1111-4111-8111-111111111111 is the id of rule "A rule" in rule.yml '
         'too; needed: '
         "an id of its own"),
        ([A, A.replace("id: 1", "id: 2"), correlation()], "correlation.rules: a is the name of 2 rules, in rule.yml; refer to it "
         "by its id"),
        ([A, correlation(rules="[x]") + "name: x"], "correlation.rules: it refers to itself, by way of others or directly"),
        ([A, HEADER + "filter: {rules: [b], sel: {severity: x}, condition: not sel}"], "filter.rules: there is no rule b"),
        ([A, correlation(group_by="[target.id]")], "correlation.group-by: target.id stands in an array, which tells no groups "
         "apart: events "
         "with it take no part; write target.user.id or the like"),
    ],
)  # fmt: skip
def test_between_rules(texts: list[str], problem: str) -> None:
    rules = [rule for text in texts for rule in parse_rules("rule.yml", text, {})[0]]
    assert told(assemble(rules, {})[1][0]) == problem


def test_a_filter_is_joined_as_it_is_written() -> None:
    narrowing = HEADER.replace("A rule", "Not Ada") + "filter: {rules: [a], sel: {actor.alternateId: ada}, condition: not sel}"
    everyone = HEADER.replace("A rule", "Only") + "filter: {rules: any, sel: {actor.type: User}, condition: sel}"
    assert problems_of(narrowing) == []
    assert "without not, only events that match it are left" in problems_of(everyone)[0]
    plain, narrowed, both = (rule_set(A, *more).rules[0] for more in ([], [narrowing], [narrowing, everyone]))
    assert len({plain.version, narrowed.version, both.version}) == 3
    other_source = narrowing.replace("service: okta", "service: other")
    assert rule_set(A, other_source).rules[0].version == plain.version


def test_which_rules_are_in_force() -> None:
    counted = correlation() + "name: counted\nlevel: high\n"
    spare = rule_text("sel: {severity: info}") + "name: spare\nenabled: false\nlevel: low\n"
    texts = [A, counted, spare]

    def alerting(**selection: object) -> dict[str, bool]:
        return {active.rule.about.name: active.alerts for active in rule_set(*texts, selection=Selection(**selection)).rules}

    assert alerting() == {"a": False, "counted": True}
    assert alerting(enable=("spare",)) == {"a": False, "counted": True, "spare": True}
    assert alerting(disable=("counted",)) == {"a": True}
    assert alerting(disable=("a",)) == {"a": False, "counted": True}
    assert alerting(enable=("spare",), level_at_least="medium") == {"a": False, "counted": True, "spare": False}
    texts[1] = correlation(generate="true") + "name: counted\n"
    assert alerting() == {"a": True, "counted": True}
    rules = [rule for text in texts for rule in parse_rules("rule.yml", text, {})[0]]
    wrong = Selection(enable=("spare", "nosuch"), disable=("sparre",), file="okta.toml")
    assert list(map(str, assemble(rules, {}, wrong)[1])) == [
        'okta.toml: detections.enable[1]: "nosuch" is not allowed; allowed: ids and names of own rules, since managed is false',
        'okta.toml: detections.disable[0]: "sparre" is not allowed; did you mean spare? allowed: ids and names of own rules, since '
        "managed is false",
    ]
