"""The fields that Elastic's prebuilt rules for Okta name are there, for the event types that the rules select."""

from typing import Any

import pytest

from tests.unit.flows.pipeline.formats.events import SIGN_IN, changed, debug
from tests.unit.flows.pipeline.formats.test_ecs import mapped

# Of every event of a person: what most rules filter and group by.
EVERYWHERE = """
    data_stream.dataset event.dataset event.module event.action event.category event.type event.outcome event.kind
    okta.event_type okta.uuid okta.actor.id okta.actor.alternate_id okta.actor.display_name okta.outcome.result
    okta.client.ip okta.client.device okta.client.user_agent.raw_user_agent okta.security_context.is_proxy
    okta.authentication_context.external_session_id okta.authentication_context.root_session_id
    client.geo.country_name client.geo.city_name source.geo.country_name source.as.number source.as.organization.name source.ip
    user.name user.email user_agent.original user_agent.os.name related.user related.ip okta.request.ip_chain
    okta.authentication_context.authentication_step
"""
PROMOTED = "okta.debug_context.debug_data"
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "user.session.start": (SIGN_IN, f"okta.outcome.reason {PROMOTED}.dt_hash {PROMOTED}.device_fingerprint {PROMOTED}.threat_suspected "
                           f"{PROMOTED}.risk_level {PROMOTED}.risk_reasons {PROMOTED}.risk_behaviors {PROMOTED}.request_uri"),
    "user.authentication.auth_via_mfa": (SIGN_IN, f"{PROMOTED}.factor {PROMOTED}.threat_suspected"),
    "user.mfa.okta_verify.deny_push": (SIGN_IN, "okta.target.id user.target.full_name"),
    "user.mfa.factor.reset_all": (SIGN_IN, "okta.target.id user.target.full_name user.target.email"),
    "user.account.lock": (SIGN_IN, "okta.outcome.reason"),
    "policy.evaluate_sign_on": (changed(outcome={"result": "DENY", "reason": "Sign-on policy evaluation resulted in DENY"}),
                                "okta.outcome.reason okta.authentication_context.issuer.id"),
    "user.account.privilege.grant": (changed(debugContext=debug(privilegeGranted="Super administrator")),
                                     f"{PROMOTED}.flattened.privilegeGranted user.target.full_name"),
    "group.user_membership.add": (SIGN_IN, "user.target.group.name okta.target.display_name"),
    "app.oauth2.as.token.grant.access_token": (
        changed(debugContext=debug(grantType="client_credentials", requestedScopes="okta.users.read", grantedScopes="okta.users.read")),
        f"{PROMOTED}.flattened.grantType {PROMOTED}.flattened.requestedScopes {PROMOTED}.grant_type {PROMOTED}.requested_scopes "
        f"{PROMOTED}.granted_scopes",
    ),
    "system.api_token.create": (SIGN_IN, "okta.transaction.detail.request_api_token_id okta.target.type"),
    "policy.rule.update": (SIGN_IN, "okta.target.id okta.target.changeDetails"),
    "application.lifecycle.delete": (SIGN_IN, "okta.target.type"),
    "security.threat.detected": (SIGN_IN, f"{PROMOTED}.threat_suspected"),
}  # fmt: skip


def values(document: Any, path: list[str]) -> list[Any]:
    """What a field holds, through arrays, as an index sees it."""
    if isinstance(document, list):
        return [found for item in document for found in values(item, path)]
    if not path:
        return [document]
    return values(document[path[0]], path[1:]) if isinstance(document, dict) and path[0] in document else []


@pytest.mark.parametrize("event_type", RULES)
def test_each_field_that_a_rule_names_is_there(event_type: str) -> None:
    event, fields = RULES[event_type]
    document = mapped(event | {"eventType": event_type})
    assert [field for field in [*EVERYWHERE.split(), *fields.split()] if not values(document, field.split("."))] == []


def test_what_rules_compare_with() -> None:
    document = mapped(SIGN_IN)
    assert values(document, ["data_stream", "dataset"]) == ["okta.system"]
    assert values(document, ["okta", "security_context", "is_proxy"]) == [False]
    assert values(document, f"{PROMOTED}.threat_suspected".split(".")) == ["true"]
    assert values(document, ["okta", "target", "id"]) == ["00ubob", "00g1", "0oa1"]
