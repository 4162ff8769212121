"""Categories and types: those that ECS allows, for every event type that Okta has and for those that it doesn't."""

import pytest

from flows.pipeline.formats.ecs_kinds import ALLOWED, PREFIXES, kind
from okta_source.events.fields.catalogue import event_types

UNKNOWN = [
    "x",
    "",
    "brand.new.thing",
    "user",
    "user.brand_new",
    "policy..x",
    ".",
    "group.new.create",
    "Ünï.cödé",
    "device.newThing.deleteAll",
]


@pytest.mark.parametrize("event_type", sorted(event_types()) + UNKNOWN)
def test_each_type_is_allowed_in_each_category(event_type: str) -> None:
    categories, types = kind(event_type)
    assert categories
    assert types
    assert len(set(types)) == len(types)
    for category in categories:
        assert set(types) <= ALLOWED[category]


@pytest.mark.parametrize(
    ("event_type", "categories", "types"),
    [
        ("user.session.start", "authentication session", "start info"),
        ("user.session.end", "authentication session", "end info"),
        ("user.session.clear", "authentication session", "end info"),
        ("user.session.impersonation.grant", "iam", "admin user change"),
        ("user.authentication.sso", "authentication", "info"),
        ("user.authentication.auth_via_mfa", "authentication", "info"),
        ("user.mfa.okta_verify.deny_push", "authentication", "info"),
        ("policy.evaluate_sign_on", "authentication", "info"),
        ("app.oauth2.as.token.grant.access_token", "authentication", "info"),
        ("group.user_membership.add", "iam", "group change"),
        ("group.lifecycle.create", "iam", "group creation"),
        ("group.privilege.grant", "iam", "group admin change"),
        ("application.user_membership.remove", "iam", "user change"),
        ("user.lifecycle.create", "iam", "user creation"),
        ("user.lifecycle.deactivate", "iam", "user change"),
        ("user.lifecycle.unsuspend", "iam", "user change"),
        ("user.account.lock", "iam", "user change"),
        ("user.mfa.factor.activate", "iam", "user change"),
        ("iam.role.create", "iam", "admin creation"),
        ("policy.lifecycle.update", "configuration", "change"),
        ("policy.rule.delete", "configuration", "deletion"),
        ("application.lifecycle.create", "configuration", "creation"),
        ("zone.make_blacklist", "configuration", "change"),
        ("device.lifecycle.delete", "host", "change"),
        ("system.org.rate_limit.violation", "network", "denied info"),
        ("system.org.rate_limit.warning", "network", "info"),
        ("security.request.blocked", "network", "denied info"),
        ("security.threat.detected", "threat", "indicator"),
        ("user.account.report_suspicious_activity_by_enduser", "threat", "indicator"),
        # Nobody has heard of these.
        ("group.brand_new.remove", "iam", "group deletion"),
        ("policy.brand_new.update", "configuration", "change"),
        ("user.authentication.brand_new", "authentication", "info"),
        ("brand.new.thing", "configuration", "info"),
    ],
)
def test_what_an_event_type_is(event_type: str, categories: str, types: str) -> None:
    assert kind(event_type) == (tuple(categories.split()), tuple(types.split()))


def test_every_category_in_the_table_is_known() -> None:
    assert {name for names in PREFIXES.values() for name in names} == set(ALLOWED)


def test_every_prefix_is_of_some_event_type() -> None:
    known = event_types()
    assert [prefix for prefix in PREFIXES if not any(name == prefix or name.startswith(f"{prefix}.") for name in known)] == []
