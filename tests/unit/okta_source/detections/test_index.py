"""The index: which rules are looked at for an event of some type, and that it finds what a full scan finds."""

import random

import pytest

from okta_source.detections.evaluate import full_scan
from okta_source.detections.index import RuleIndex
from tests.unit.okta_source.detections.making import data, event_rule, rule_text
from tests.unit.okta_source.detections.pairs import disagreements


def test_index_and_full_scan_agree_on_random_pairs() -> None:
    pairs, matched, found = disagreements(random.Random(16), rules=60, events=100)
    assert found == []
    assert pairs / 20 < matched < pairs


@pytest.mark.parametrize(("one", "other", "value"), [(1, "true", True), ("true", 1, 1), (0, "false", False), ("1.0", "true", True)])
def test_values_that_python_takes_for_equal_are_different_tests(one: object, other: object, value: object) -> None:
    event = data({"securityContext": {"isProxy": value}, "eventType": "x"})
    wants_one, wants_other = (event_rule(rule_text(f"sel: {{securityContext.isProxy: {wanted}}}")).detection for wanted in (one, other))
    neither = event_rule(
        rule_text(f"a: {{securityContext.isProxy: {one}}}, b: {{securityContext.isProxy: {other}}}", "b and not a")
    ).detection
    detections = [wants_one, wants_other, neither]
    expected = [number for number, detection in enumerate(detections) if full_scan(detection, {})(event, "acme")]
    plan = RuleIndex(detections, {})["x"]
    assert plan is not None
    assert list(plan.matches(event, "acme")) == expected


def test_a_keyword_is_looked_for_in_oktas_own_members() -> None:
    detection = event_rule(rule_text("a: [acme], b: {tenant: acme}", "a and b")).detection
    for event, matches in [({"eventType": "x"}, False), ({"eventType": "x", "displayMessage": "at Acme"}, True)]:
        plan = RuleIndex([detection], {})["x"]
        assert plan is not None
        assert bool(plan.matches(data(event), "acme")) is full_scan(detection, {})(data(event), "acme") is matches


def test_a_type_that_no_rule_wants_has_no_plan() -> None:
    index = RuleIndex([event_rule(rule_text("sel: {eventType|startswith: user.mfa., severity: warn}")).detection], {})
    assert index["user.session.start"] is None
    plan = index["user.mfa.okta_verify"]
    assert plan is not None
    assert plan.decodes


def test_a_rule_that_asks_for_a_type_alone_decodes_nothing() -> None:
    plan = RuleIndex([event_rule(rule_text("sel: {eventType: system.api_token.create}")).detection], {})["system.api_token.create"]
    assert plan is not None
    assert not plan.decodes
    assert plan.matches(b"never looked at", "acme") == (0,)


def test_made_up_types_share_a_plan_and_are_not_remembered_for_ever() -> None:
    index = RuleIndex([event_rule(rule_text("sel: {severity: warn}")).detection], {})
    plans = {id(index[f"made.up.{number}"]) for number in range(10_050)}
    assert len(plans) == 1
    assert len(index) == 10_000
