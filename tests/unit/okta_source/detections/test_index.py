"""The index: which rules are looked at for an event of some type, and that it finds what a full scan finds."""

import random

from okta_source.detections.index import RuleIndex
from tests.unit.okta_source.detections.making import event_rule, rule_text
from tests.unit.okta_source.detections.pairs import disagreements


def test_index_and_full_scan_agree_on_random_pairs() -> None:
    pairs, matched, found = disagreements(random.Random(16), rules=60, events=100)
    assert found == []
    assert pairs / 20 < matched < pairs


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
