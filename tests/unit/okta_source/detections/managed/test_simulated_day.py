"""The managed rules over simulated days: silent on a quiet one, and every attack is told."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from okta_source.detections.library import load_rules
from okta_source.detections.rules import RuleSet
from okta_source.detections.table import DetectionsConfig
from okta_source.simulator import Organisation
from okta_source.simulator.attacks import ATTACKS
from tests.unit.okta_source.detections.managed.making import alerts

NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
TOLD = {
    "password-spray": {"password_spray", "password_attack_then_in"},
    "mfa-reset-storm": {"mfa_reset_storm"},
    "push-bombing": {"push_bombing", "push_bombing_then_in"},
    "new-admin": {"new_super_admin_role", "new_admin_then_sensitive_change", "logging_touched"},
    "unknown-client": {"token_to_unknown_client"},
    "impossible-travel": {"impossible_travel", "two_countries"},
    "brute-force": {"brute_force"},
    "account-takeover": {"password_and_mfa_reset", "mfa_reset_then_new_device"},
    "lockouts": {"many_lockouts"},
    "mfa-abandoned": {"mfa_abandoned"},
    "redirect-mismatch": {"redirect_mismatches"},
    "threat-insight": {"threat_insight"},
    "stolen-session": {"session_on_two_machines"},
}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    """As a configuration has them that says little more than `managed = true`."""
    enabled = ("mfa_abandoned",)
    return load_rules(DetectionsConfig.model_construct(managed=True, rules=(), enable=enabled, disable=(), lists={}, level_at_least="low"))[
        0
    ]


def _told(rules: RuleSet, events: int, hours: int, *attacks: str) -> Counter[tuple[str, str]]:
    organisation = Organisation("acme", seed=5, events=events, span_seconds=hours * 3600, mix="everyday", attacks=attacks, now=NOW)
    log = [json.loads(data) for data in organisation.persisted()]
    return Counter((alert.rule.level, alert.rule.name) for alert in alerts(log, rules) if alert.rule.level not in ("informational", "low"))


def test_a_quiet_day_is_silent(rules: RuleSet) -> None:
    assert _told(rules, 5_000, 24) == {}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_told_and_nothing_else(rules: RuleSet, attack: str) -> None:
    # Two days and few events: what is new is told of the second day only.
    found = _told(rules, 400, 48, attack)
    # A simulated attacker comes from a country where the user hasn't been, which several rules may notice.
    assert TOLD[attack] <= {name for _, name in found} <= TOLD[attack] | {"two_countries", "impossible_travel"}, found
    assert set(found.values()) == {1}


def test_every_attack_has_its_rules() -> None:
    assert set(TOLD) == set(ATTACKS)
