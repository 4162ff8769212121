"""Every rule in the box finds what it is for, leaves alone what only looks like it, and says all that an on-call person needs."""

import re
import uuid
from collections import Counter

import pytest

from okta_source.detections.library import load_rules, managed_files, read_files
from okta_source.detections.problems import RulesError
from okta_source.detections.rules import Selection, assemble
from okta_source.detections.sigma import expression
from okta_source.detections.sigma.rule import EventRule
from okta_source.detections.table import DetectionsConfig
from tests.unit.okta_source.detections.managed.cases import FINDS, LEAVES
from tests.unit.okta_source.detections.managed.making import Event, alerts, is_block, managed

RULES = {rule.about.name: rule for rule in managed() if not is_block(rule)}


def _named(logs: dict[str, list[list[Event]]]) -> list[object]:
    return [pytest.param(name, log, id=f"{name}-{number}") for name, each in logs.items() for number, log in enumerate(each)]


@pytest.mark.parametrize(("name", "log"), _named(dict(FINDS)))
def test_finds(name: str, log: list[Event]) -> None:
    found = Counter(alert.rule.name for alert in alerts(log))
    assert found[name] == 1, found


@pytest.mark.parametrize(("name", "log"), _named(dict(LEAVES)))
def test_leaves(name: str, log: list[Event]) -> None:
    assert name not in {alert.rule.name for alert in alerts(log)}


def test_every_rule_has_both_kinds_of_log() -> None:
    assert set(FINDS) == set(LEAVES) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_says_all_that_it_must(name: str) -> None:
    rule = RULES[name]
    about = rule.about
    assert uuid.UUID(about.id).version == 4
    assert about.file == f"{name}.yml"
    assert about.title[0].isupper()
    assert not about.title.endswith(".")
    assert len(about.description) > 40
    assert len(about.response) > 20
    assert about.falsepositives
    assert all(text[0].isupper() for text in about.falsepositives), "a comma cuts what isn't in quotes"
    assert about.tags
    assert all(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in about.tags)
    assert about.references
    assert all(re.match(r"https://(developer|help|sec)\.okta\.com/", link) for link in about.references)
    assert not about.date


def test_ids_are_their_own() -> None:
    assert len({rule.about.id for rule in managed()}) == len(managed())


def test_building_blocks_are_off() -> None:
    assert not any(rule.enabled for rule in managed() if is_block(rule))
    assert all(rule.about.level == "informational" for rule in managed() if is_block(rule))


def test_every_rule_names_its_event_types() -> None:
    """A rule without them would cost every event a decoding."""
    for rule in managed():
        if isinstance(rule, EventRule):
            assert any(test.field.lower() == expression.EVENT_TYPE for test in expression.tests(rule.detection)), rule.about.name


def test_without_any_list_nothing_is_wrong() -> None:
    rules, problems = read_files(managed_files(), {})
    assert [*problems, *assemble(rules, {})[1]] == []
    off = {rule.about.name for rule in managed() if not rule.enabled and not is_block(rule)}
    assert off == {
        "admin_console_refused_or_weak", "mfa_abandoned", "mfa_removed_not_replaced", "mfa_reset", "policy_changed",
        "sign_in_outside_allowed_countries", "sign_in_through_proxy",
    }  # fmt: skip


def test_a_rule_that_needs_a_list_asks_for_it_once_it_is_on() -> None:
    name = "sign_in_outside_allowed_countries"
    config = DetectionsConfig.model_construct(managed=True, rules=(), enable=(name,), disable=(), lists={}, level_at_least="low")
    with pytest.raises(RulesError) as caught:
        load_rules(config)
    assert "detection.allowed.client.geographicalContext.country|expand: there is no list allowed_countries" in str(caught.value)
    assert load_rules(config, {"allowed_countries": ("Austria",)})[0].find(name)


def test_rules_that_others_build_on_alert_themselves() -> None:
    found, _ = assemble(list(managed()), {}, Selection())
    speaking = {active.rule.about.name for active in found.rules if active.alerts}
    assert speaking == {name for name, rule in RULES.items() if rule.enabled}
