"""What people, administrators, scripts and the platform do: weighted sequences over the catalogue."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from okta_source.simulator.catalogue import BY_TYPE, Kind


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story, told as the events that it leaves.

    Attributes:
        weight: How often it happens, relative to the others.
        actor: Who acts: user, admin, api (an administrator's API token), app (an OAuth client), system or address.
        steps: Event types in order, each with the probability that it happens; an integer part above 1 repeats it.
    """

    weight: int
    actor: str
    steps: tuple[tuple[str, float], ...]


BY_AGENT = frozenset({"user.authentication.auth_via_AD_agent", "user.authentication.auth_via_LDAP_agent"})
"""What a directory's agent does for a person: Okta writes itself as the actor, and the person as the first target."""

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        40,
        "user",
        (
            ("policy.evaluate_sign_on", 1),
            ("system.push.send_factor_verify_push", 0.5),
            ("user.authentication.auth_via_mfa", 0.8),
            ("user.session.start", 1),
            ("user.authentication.verify", 0.3),
            ("policy.evaluate_sign_on", 1),
            ("user.authentication.sso", 3.5),
            ("app.oauth2.authorize.code", 0.4),
            ("app.oauth2.token.grant.id_token", 0.4),
            ("user.authentication.sso", 1.4),
            ("user.session.end", 0.5),
        ),
    ),
    Scenario(
        12,
        "user",
        (
            ("app.oauth2.signon", 1),
            ("app.oauth2.as.authorize.code", 1),
            ("app.oauth2.as.token.grant.access_token", 1),
            ("app.oauth2.token.grant.refresh_token", 2.5),
            ("user.authentication.slo", 0.2),
            ("app.oauth2.token.detect_reuse", 0.03),
        ),
    ),
    Scenario(
        8,
        "user",
        (
            ("user.authentication.auth_via_AD_agent", 0.6),
            ("user.authentication.auth_via_LDAP_agent", 0.2),
            ("user.authentication.auth_via_radius", 0.2),
            ("system.sms.send_factor_verify_message", 0.5),
            ("system.voice.send_mfa_challenge_call", 0.2),
            ("user.authentication.auth_via_mfa", 0.7),
            ("user.session.start", 1),
            ("system.email.new_device_notification.sent_message", 0.3),
            ("user.authentication.sso", 2.2),
        ),
    ),
    Scenario(
        5,
        "user",
        (
            ("user.authentication.auth_via_IDP", 0.5),
            ("user.authentication.auth_via_inbound_SAML", 0.3),
            ("user.authentication.auth_via_social", 0.2),
            ("user.session.start", 1),
            ("user.authentication.sso", 1.5),
            ("app.generic.unauth_app_access_attempt", 0.2),
            ("application.policy.sign_on.deny_access", 0.1),
        ),
    ),
    Scenario(
        6,
        "user",
        (
            ("user.authentication.auth", 3.2),
            ("policy.evaluate_sign_on", 0.6),
            ("user.account.lock", 0.4),
            ("system.email.password_reset.sent_message", 0.5),
            ("system.email.delivery", 0.4),
            ("user.account.reset_password", 0.4),
            ("user.account.update_password", 0.4),
            ("user.session.start", 0.5),
        ),
    ),
    Scenario(
        3,
        "user",
        (
            ("user.mfa.factor.activate", 1),
            ("device.enrollment.create", 0.6),
            ("device.user.add", 0.6),
            ("user.mfa.factor.update", 0.3),
            ("system.email.send_factor_verify_message", 0.5),
            ("user.mfa.factor.deactivate", 0.2),
            ("user.account.update_secondary_email", 0.3),
        ),
    ),
    Scenario(
        2,
        "user",
        (
            ("system.push.send_factor_verify_push", 3.5),
            ("user.mfa.okta_verify.deny_push", 2.5),
            ("user.mfa.attempt_bypass", 0.2),
            ("user.account.report_suspicious_activity_by_enduser", 0.5),
            ("user.risk.detect", 0.7),
            ("user.session.context.change", 0.4),
        ),
    ),
    Scenario(3, "address", (("security.threat.detected", 2.5), ("security.request.blocked", 0.8))),
    Scenario(
        5,
        "admin",
        (
            ("user.session.access_admin_app", 1),
            ("user.lifecycle.create", 0.5),
            ("user.lifecycle.activate", 0.5),
            ("group.user_membership.add", 2.3),
            ("application.user_membership.add", 1.5),
            ("user.account.update_profile", 0.7),
            ("group.user_membership.remove", 0.5),
            ("user.account.unlock_by_admin", 0.2),
            ("user.mfa.factor.reset_all", 0.2),
            ("user.mfa.factor.suspend", 0.1),
            ("user.account.privilege.grant", 0.1),
            ("user.account.privilege.revoke", 0.08),
        ),
    ),
    Scenario(
        3,
        "admin",
        (
            ("user.session.access_admin_app", 1),
            ("policy.lifecycle.create", 0.3),
            ("policy.rule.add", 0.4),
            ("policy.rule.update", 0.6),
            ("policy.lifecycle.update", 0.4),
            ("policy.rule.deactivate", 0.1),
            ("policy.lifecycle.delete", 0.1),
            ("zone.create", 0.3),
            ("zone.update", 0.3),
            ("zone.delete", 0.1),
            ("security.authenticator.lifecycle.activate", 0.1),
        ),
    ),
    Scenario(
        3,
        "admin",
        (
            ("application.lifecycle.create", 0.4),
            ("application.lifecycle.update", 0.8),
            ("application.lifecycle.activate", 0.3),
            ("application.lifecycle.deactivate", 0.1),
            ("group.lifecycle.create", 0.4),
            ("group.application_assignment.add", 0.6),
            ("group.application_assignment.remove", 0.2),
            ("group.profile.update", 0.3),
            ("group.lifecycle.delete", 0.1),
            ("group.privilege.grant", 0.1),
            ("system.idp.lifecycle.create", 0.1),
            ("system.idp.lifecycle.update", 0.2),
            ("app.oauth2.client.lifecycle.create", 0.2),
            ("app.oauth2.client.lifecycle.update", 0.2),
            ("system.api_token.create", 0.2),
            ("system.api_token.revoke", 0.1),
            ("system.log_stream.lifecycle.create", 0.05),
            ("event_hook.created", 0.05),
        ),
    ),
    Scenario(
        4,
        "api",
        (
            ("user.lifecycle.suspend", 0.4),
            ("user.session.clear", 0.4),
            ("user.lifecycle.unsuspend", 0.2),
            ("user.lifecycle.deactivate", 0.5),
            ("application.user_membership.remove", 1.4),
            ("group.user_membership.remove", 1.6),
            ("user.lifecycle.delete.initiated", 0.2),
            ("user.lifecycle.delete.completed", 0.2),
            ("device.lifecycle.deactivate", 0.2),
        ),
    ),
    Scenario(5, "app", (("app.oauth2.token.grant.access_token", 2.5), ("app.oauth2.as.token.grant.access_token", 0.5))),
    Scenario(
        3,
        "system",
        (
            ("system.agent.ad.connect", 0.3),
            ("system.import.start", 1),
            ("system.import.user.create", 1.5),
            ("system.import.user.update", 2.5),
            ("application.user_membership.provision", 1.2),
            ("application.provision.user.push_profile", 1.5),
            ("application.user_membership.change_username", 0.2),
            ("application.provision.group_push.pushed", 0.6),
            ("system.import.complete", 1),
        ),
    ),
    Scenario(
        1,
        "system",
        (
            ("system.org.rate_limit.warning", 1),
            ("system.org.rate_limit.violation", 0.4),
            ("core.concurrency.org.limit.violation", 0.1),
        ),
    ),
)

NOT_EVERYDAY = frozenset({
    "app.oauth2.token.detect_reuse", "group.privilege.grant", "policy.lifecycle.delete", "policy.rule.deactivate",
    "security.request.blocked", "security.threat.detected", "system.api_token.create", "system.idp.lifecycle.create",
    "user.account.privilege.grant", "user.account.report_suspicious_activity_by_enduser", "user.account.reset_password",
    "user.mfa.attempt_bypass", "user.mfa.factor.deactivate", "user.mfa.okta_verify.deny_push", "user.risk.detect", "zone.delete",
})  # fmt: skip
"""What somebody should look at each time, and so doesn't happen many times a day as it does here by default."""


def _everyday() -> tuple[Scenario, ...]:
    kept = (replace(one, steps=tuple(step for step in one.steps if step[0] not in NOT_EVERYDAY)) for one in SCENARIOS)
    return tuple(scenario for scenario in kept if scenario.steps)


class _Stories:
    """Scenarios, ready to be drawn from."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self.actors = [scenario.actor for scenario in scenarios]
        self.cumulative = list(accumulate(scenario.weight for scenario in scenarios))
        self.compiled = [tuple((BY_TYPE[name], share) for name, share in scenario.steps) for scenario in scenarios]


_VARIED, _EVERYDAY = _Stories(SCENARIOS), _Stories(_everyday())


def draw(rng: random.Random, *, everyday: bool = False) -> tuple[str, list[Kind]]:
    """Draw one story.

    Args:
        rng: Where the choice comes from.
        everyday: Leave out what somebody should look at.

    Returns:
        Who acts, and the kinds of its events in order; never empty.
    """
    stories = _EVERYDAY if everyday else _VARIED
    place = rng.random() * stories.cumulative[-1]
    number = next(i for i, upper in enumerate(stories.cumulative) if place < upper)
    kinds: list[Kind] = []
    for kind, share in stories.compiled[number]:
        times = int(share)
        if rng.random() < share - times:
            times += 1
        if times == 1:
            kinds.append(kind)
        elif times:
            kinds.extend([kind] * times)
    return stories.actors[number], kinds or [stories.compiled[number][0][0]]
