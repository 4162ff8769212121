"""Event type → ECS's `event.category` and `event.type`, for every name, known or not.

A category is found by the longest dotted prefix in one table, and where none is there by what the event is about (`categories.category`)
and by the words of the name. Types come from the words: whom it is about (user, group, admin) and what was done. The definitions are
those of ECS 8.11:

- **authentication** is the presenting of a credential and the answer to it, tokens and consents included; **session** its beginning and
  its end.
- **iam** is the administration of users, groups, roles, permissions and what is assigned to them, memberships and factors included.
- **configuration** is the changing of settings of the organisation, its applications and policies, and what only tells of their state.
- **host** is what becomes of a device, **network** what is refused for its rate or its source, **threat** what Okta finds suspicious.

ECS allows each type in some categories only; what an event's categories don't all allow is left out.
"""

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from okta_source.events.categories import category

__all__ = ["ALLOWED", "PREFIXES", "Kind", "kind"]

Kind = tuple[tuple[str, ...], tuple[str, ...]]
"""Categories and types; both hold at least one."""

ALLOWED: Final = MappingProxyType({
    "authentication": frozenset({"start", "end", "info"}),
    "session": frozenset({"start", "end", "info"}),
    "iam": frozenset({"admin", "change", "creation", "deletion", "group", "info", "user"}),
    "configuration": frozenset({"access", "change", "creation", "deletion", "info"}),
    "host": frozenset({"access", "change", "end", "info", "start"}),
    "network": frozenset({"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"}),
    "threat": frozenset({"indicator"}),
})  # fmt: skip
"""Category → the types that ECS 8.11 allows with it."""

_TABLE: Final[dict[str, str]] = {
    "authentication session": """
        user.session user.device_session device.desktop_mfa.device_logout user.authentication.slo user.authentication.universal_logout
    """,
    "authentication": """
        app.oauth2.as.authorize app.oauth2.as.consent app.oauth2.as.token app.oauth2.authorize app.oauth2.consent app.oauth2.token
        app.oauth2.invalid_client_credentials app.oauth2.signon app.generic.unauth_app_access_attempt
        application.policy.sign_on.deny_access core.user_auth policy.evaluate_sign_on policy.auth_reevaluate policy.continuous_access
        system.sms system.voice system.push system.email.send_factor_verify_message system.email.challenge_factor_redeemed
        system.ldapi system.iwa_agentless.auth system.iwa_agentless.redirect system.iwa_agentless.user
        user.authentication user.mfa.attempt_bypass user.mfa.okta_verify user.identity_verification
    """,
    "iam": """
        user user.mfa.factor user.lifecycle user.session.impersonation group iam access certification credential
        app.access_request app.request_new app.user_management app.office365.user app.realtimesync.import
        application.account application.user_membership application.provision application.appuser master_application
        account.org account.org_group directory.external scheduled_action
        pam.user pam.member pam.group pam.client pam.team pam.team_group_attribute pam.team_invitation pam.team_user_attribute
        pam.team_project_group_attribute pam.team_project_user_attribute pam.unbound_client pam.permission pam.workload_role
        pam.entitlement_sudo pam.service_account pam.server_account pam.password
        app.oauth2.admin app.oauth2.client.privilege support.org
        system.agent.ad.import_user system.agent.ad.reset_user_password system.agent.ad.unlock_user_account
        system.agent.ldap.change_user_password system.agent.ldap.create_user_JIT system.agent.ldap.reset_user_password
        system.agent.ldap.unlock_user_account system.agent.ldap.update_user_password system.csv.import_user
        system.identity_sources system.import.user system.import.group system.import.group_membership system.import.membership_processing
        system.import.implicit_deletion system.import.object_creation system.import.user_csv system.import.user_match
        system.api_token personal.user policy.execute.user workload_principal
    """,
    "configuration": """
        application.provision.field_mapping_rule application.provision.integration system.import directory app.office365
        certification.campaign.context
        device.assurance device.integration device.posture device.push device.desktop_mfa.configuration device.platform
        iam.policy.configuration policy security.attack_protection security.authenticator security.behavior
        security.device security.events security.protected_action.settings security.session_protection
        security.threat.configuration security.trusted_origin security.voice security.zone zone network_zone
    """,
    "host": "device mim pam.server",
    "network": """
        core.concurrency org.not_configured_origin security.request system.client system.operation
        system.org.rate_limit system.api_token.request_outside_allowed_range system.oauth2.token.request_outside_allowed_range
        application.integration.rate_limit_exceeded app.oauth2.client_id_rate_limit_warning workflows.org.step_execution_limit
    """,
    "threat": """
        analytics.feedback security user.risk user.account.report_suspicious_activity_by_enduser security.threat security.attack
        policy.entity_risk user.session.context app.oauth2.as.token.detect_reuse app.oauth2.token.detect_reuse
    """,
}  # fmt: skip

PREFIXES: Final = MappingProxyType({prefix: tuple(names.split()) for names, block in _TABLE.items() for prefix in block.split()})
"""The categories of every dotted prefix in the table."""

_BY_OKTA_CATEGORY: Final = {
    "authentication": ("authentication",),
    "user_management": ("iam",),
    "administrative": ("configuration",),
    "system": ("configuration",),
    "security": ("threat",),
}

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

# The first row whose words one of the name has decides; within a name, words nearer the end are asked first.
_DONE: Final[dict[str, str]] = {
    "creation": """
        create created creation add added register registered generate generated issue issued enroll enrolled clone publish upload
    """,
    "deletion": "delete deleted deletion remove removed removal purge",
    "change": """
        update updated upsert change changed activate activated deactivate deactivated reactivate reactivated suspend suspended
        unsuspend enable
        enabled disable disabled rotate rotated rollover reset lock locked unlock assign assigned reassign grant granted revoke revoked
        expire
        expired extend restore move moved rename renamed renew rewrite set overwrite invalidate invalidated provision deprovision import
        password approve deny resolve apply applied bind hold resume close remediate promote migrate bootstrap sync make blacklist confirm
        ignore unignore settings transfer initiated
    """,
    "start": "start started login signon authenticate launch open",
    "end": "end ended logout slo clear finish complete completed expire expired",
    "access": "read view reveal download downloaded export show checkout query",
    "denied": "violation blocked denied deny exceeded outside rejected",
}  # fmt: skip
_DONE_BY_WORD: Final = {word: name for name, words in _DONE.items() for word in words.split()}
# What the words mean in sessions and sign-ins, where nothing is created or changed.
_MOMENTS: Final = {word: name for name in ("start", "end") for word in _DONE[name].split()}
_ABOUT: Final[dict[str, str]] = {
    "group": "group groups membership memberships",
    "admin": "admin role resourceset privilege permission permissions impersonation iam",
    "user": """
        user users account accounts member members appuser factor mfa password credential credentials profile username enrollment principal
        token entitlement entitlements invitation
    """,
}
_ABOUT_BY_WORD: Final = {word: name for name, words in _ABOUT.items() for word in words.split()}
_ORDER: Final = ("group", "admin", "user")
_ASSIGNMENTS: Final = frozenset({"membership", "assignment", "member"})
_REPORTS: Final = frozenset({
    "error", "errors", "failed", "failure", "warning", "warn", "message", "notification", "summary", "status", "rule", "detect", "evaluate",
    "verify",
})  # fmt: skip


# Bounded, since names come from the wire.
@lru_cache(maxsize=4096)
def kind(event_type: str) -> Kind:
    """The ECS categories and types of an event type.

    Returns:
        Values that ECS 8.11 allows, each type in each of the categories.
    """
    categories = _categories(event_type)
    allowed = frozenset.intersection(*(ALLOWED[name] for name in categories))
    types = [name for name in _types(event_type, categories) if name in allowed]
    return categories, tuple(types) or (("info",) if "info" in allowed else ("indicator",))


def _categories(event_type: str) -> tuple[str, ...]:
    prefix = event_type
    while prefix:
        if prefix in PREFIXES:
            return PREFIXES[prefix]
        prefix = prefix.rpartition(".")[0]
    return _BY_OKTA_CATEGORY[category(event_type)]


def _types(event_type: str, categories: tuple[str, ...]) -> list[str]:
    words = [word.lower() for word in _WORDS.findall(event_type)]
    if "authentication" in categories or "session" in categories:
        # What is done in the course of a sign-in is information; only sessions begin and end.
        moment = next((_MOMENTS[word] for word in reversed(words) if word in _MOMENTS), None) if "session" in categories else None
        return [moment, "info"] if moment else ["info"]
    done = _done(event_type)
    if not _ASSIGNMENTS.isdisjoint(words) and done in ("creation", "deletion"):
        done = "change"  # of the group or the application that somebody is added to; nobody is created or deleted
    if "iam" in categories:
        about = {_ABOUT_BY_WORD[word] for word in words if word in _ABOUT_BY_WORD}
        if words[:1] == ["application"] and "membership" in words:
            about = {"user"}  # who may use the application; no group is meant
        elif words[:1] == ["group"] or "membership" in words:
            about.discard("user")
        return [*[name for name in _ORDER if name in about], done if done in ALLOWED["iam"] else "info"]
    if "network" in categories:
        return [done, "info"] if done != "info" else ["info"]
    if "host" in categories and done in ("creation", "deletion"):
        return ["change"]  # of what is known of a host: it exists before and after
    return [done]


def _done(event_type: str) -> str:
    """What was done, by the words of the last part of the name, then by the parts before it."""
    for part in reversed(event_type.split(".")[-3:]):
        words = [word.lower() for word in _WORDS.findall(part)]
        if not _REPORTS.isdisjoint(words):
            return "info"
        for word in words:
            if word in _DONE_BY_WORD:
                return _DONE_BY_WORD[word]
    return "info"
