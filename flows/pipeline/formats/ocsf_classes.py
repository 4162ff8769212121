"""Event type → OCSF's class and activity, for every name, known or not, and what the classes are called.

An event type belongs to a class by the longest dotted prefix in one table; its activity comes from the words of its name. An event that
lacks what its class demands goes to the next class that it can fill: what is written is valid, always (see `ocsf_targets`).
"""

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = ["CLASSES", "VERSIONS", "OcsfClass", "Plan", "activity_of", "plan"]

VERSIONS: Final = ("1.3.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.8.0")
"""The versions that documents may claim. They hold nothing that isn't in all of them, but for what a version is asked for."""

_OTHER: Final = 99
_UNLOCK_SINCE: Final = "1.4.0"


class OcsfClass(NamedTuple):
    """A class.

    Attributes:
        uid: Its number.
        name: Its caption.
        category_uid: Its category's number.
        category_name: Its category's caption.
        profiles: Those that its attributes need.
        activities: Number → caption.
    """

    uid: int
    name: str
    category_uid: int
    category_name: str
    profiles: tuple[str, ...]
    activities: dict[int, str]


_About = tuple[int, str, tuple[str, ...]]
_IAM: Final[_About] = (3, "Identity & Access Management", ("datetime", "host"))
_ENDS: Final = {0: "Unknown", _OTHER: "Other"}
_PRIVILEGES: Final = {1: "Assign Privileges", 2: "Revoke Privileges"}
_CRUD_NAMES: Final = {1: "Create", 2: "Read", 3: "Update", 4: "Delete"}

_CLASSES: Final[tuple[tuple[int, str, _About, dict[int, str]], ...]] = (
    (3001, "Account Change", _IAM, {
        1: "Create", 2: "Enable", 3: "Password Change", 4: "Password Reset", 5: "Disable", 6: "Delete", 7: "Attach Policy",
        8: "Detach Policy", 9: "Lock", 10: "MFA Factor Enable", 11: "MFA Factor Disable", 12: "Unlock",
    }),
    (3002, "Authentication", _IAM, {
        1: "Logon", 2: "Logoff", 3: "Authentication Ticket", 4: "Service Ticket Request", 5: "Service Ticket Renew", 6: "Preauth",
    }),
    (3004, "Entity Management", _IAM, _CRUD_NAMES | {
        5: "Move", 6: "Enroll", 7: "Unenroll", 8: "Enable", 9: "Disable", 10: "Activate", 11: "Deactivate", 12: "Suspend", 13: "Resume",
    }),
    (3005, "User Access Management", _IAM, _PRIVILEGES),
    (3006, "Group Management", _IAM, _PRIVILEGES | {3: "Add User", 4: "Remove User", 5: "Delete", 6: "Create"}),
    (6003, "API Activity", (6, "Application Activity", ("datetime",)), _CRUD_NAMES),
    (2004, "Detection Finding", (2, "Findings", ("datetime", "host")), {1: "Create", 2: "Update", 3: "Close"}),
    (0, "Base Event", (0, "Uncategorized", ("datetime",)), {}),
)  # fmt: skip

CLASSES: Final = MappingProxyType({uid: OcsfClass(uid, name, *about, activities | _ENDS) for uid, name, about, activities in _CLASSES})
"""Number → class."""


class Plan(NamedTuple):
    """What to make of an event type, if its events have what that takes.

    Attributes:
        class_uid: The class.
        activity_id: The activity in it.
        crud_id: Its activity where it has to be an API Activity.
        entity_id: Its activity where it has to be Entity Management.
        entities: Types of the target that is the entity, in the order in which they are looked for; any where none is there.
    """

    class_uid: int
    activity_id: int
    crud_id: int
    entity_id: int
    entities: tuple[str, ...]


_TABLE: Final[dict[int, str]] = {
    3002: """
        user.session user.authentication user.device_session user.mfa.okta_verify policy.evaluate_sign_on
        application.policy.sign_on.deny_access
        app.generic.unauth_app_access_attempt app.inbound_del_auth app.kerberos_rich_client.user_authentication_successful
        app.oauth2.authorize app.oauth2.as.authorize app.oauth2.signon
        device.platform_sso.authentication device.password_sync.authentication
        system.push system.sms.send_factor_verify_message system.sms.send_okta_push_verify_message system.voice.send_mfa_challenge_call
        system.email.send_factor_verify_message system.email.challenge_factor_redeemed
        system.iwa_agentless.auth system.iwa_agentless.auth_after_redirect system.ldapi.bind system.ldapi.unbind
    """,
    3001: """
        user.lifecycle user.account user.mfa.factor user.credential pam.user
        system.agent.ad.reset_user_password system.agent.ad.unlock_user_account system.agent.ldap.change_user_password
        system.agent.ldap.reset_user_password system.agent.ldap.unlock_user_account system.agent.ldap.update_user_password
    """,
    3005: "user.account.privilege",
    3006: "group.user_membership.add group.user_membership.remove group.privilege",
    3004: """
        group application app.ad app.ai_agent_provider app.app_instance app.cross_app_access app.interclient_mapping app.keys app.policy
        app.saml app.oauth2.client app.oauth2.credentials app.oauth2.key app.oauth2.as.key app.oauth2.as.resource_server
        app.oauth2.trusted_server app.user_management access certification device directory event_hook inline_hook iam integration
        master_application network_zone oauth2 pam pki policy resource_servers
        security.authenticator security.attack_protection security.behavior security.device security.events
        security.protected_action.settings
        security.session_protection security.threat.configuration security.trusted_origin security.voice security.zone
        system.brand system.captcha system.custom_email_server system.custom_error system.custom_signin system.custom_signout
        system.custom_url_domain system.email.template system.email_domain system.hook system.idp system.org.captcha system.theme
        workload_principal zone
    """,
    2004: """
        security.threat.detected security.attack security.breached_credential user.risk.detect user.mfa.attempt_bypass
        user.account.report_suspicious_activity_by_enduser app.oauth2.as.token.detect_reuse app.oauth2.token.detect_reuse
        security.session.detect_client_roaming
    """,
    6003: """
        application.cache application.integration app.oauth2.client.read_client_secret application.configuration.read_client_secret
        app.ad.api event_hook.delivery inline_hook.executed inline_hook.response group.user_membership.rule policy.execute policy.scheduled
        policy.rule.action policy.auth_reevaluate policy.continuous_access policy.entity_risk security.events.provider.receive_event
        system.idp.lifecycle.read_client_secret device.custom_push device.signals access.review.action
    """,
}  # fmt: skip

PREFIXES: Final = MappingProxyType({prefix: uid for uid, block in _TABLE.items() for prefix in block.split()})
"""The class of every dotted prefix in the table; what has none is API Activity."""

_EXACT: Final = MappingProxyType({
    # Authentication: what ends a session, what only asks for a factor, and what is neither.
    "user.session.end": 2, "user.session.clear": 2, "user.session.expire": 2, "user.device_session.end": 2, "user.authentication.slo": 2,
    "user.authentication.universal_logout": 2, "user.authentication.universal_logout.scheduled": 2, "system.ldapi.unbind": 2,
    "system.push.send_factor_verify_push": 6, "system.sms.send_factor_verify_message": 6, "system.sms.send_okta_push_verify_message": 6,
    "system.voice.send_mfa_challenge_call": 6, "system.email.send_factor_verify_message": 6, "user.session.context.change": _OTHER,
    # Account Change.
    "user.lifecycle.create": 1, "pam.user.create": 1, "user.lifecycle.activate": 2, "user.lifecycle.reactivate": 2,
    "user.lifecycle.unsuspend": 2, "user.lifecycle.deactivate": 5, "user.lifecycle.suspend": 5, "user.lifecycle.delete.completed": 6,
    "user.lifecycle.delete.initiated": 6, "pam.user.remove": 6, "user.account.update_password": 3, "user.account.reset_password": 4,
    "user.account.expire_password": 4, "user.lifecycle.password_mass_expiry": 4, "user.account.lock": 9, "user.account.lock.limit": 9,
    "user.mfa.factor.activate": 10, "user.mfa.factor.unsuspend": 10, "user.mfa.factor.deactivate": 11, "user.mfa.factor.suspend": 11,
    "user.mfa.factor.reset_all": 11, "system.agent.ldap.change_user_password": 3, "system.agent.ldap.update_user_password": 3,
    "system.agent.ad.reset_user_password": 4, "system.agent.ldap.reset_user_password": 4,
    # 12, Unlock, exists since 1.4.
    "user.account.unlock": 12, "user.account.unlock_by_admin": 12, "user.account.unlock_token": 12,
    "system.agent.ad.unlock_user_account": 12,
    "system.agent.ldap.unlock_user_account": 12,
    # User Access and Group Management.
    "user.account.privilege.grant": 1, "user.account.privilege.revoke": 2, "group.privilege.grant": 1, "group.privilege.revoke": 2,
    "group.user_membership.add": 3, "group.user_membership.remove": 4,
    # Findings.
    "security.attack.end": 3,
})  # fmt: skip

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_CRUD: Final[dict[int, str]] = {
    1: "create created add added register registered generate issue enroll clone publish upload import provision push",
    2: "read view reveal download downloaded export show search query list get checkout",
    3: """
        update updated change changed activate activated deactivate deactivated enable enabled disable disabled reactivate suspend unsuspend
        rotate rollover reset lock unlock assign reassign grant revoke expire extend restore move renamed renew overwrite invalidate resume
        set make apply approve confirm rename hold bind upsert
    """,
    4: "delete deleted remove removed deprovision purge unenroll",
}
_CRUD_WORDS: Final = {word: verb for verb, words in _CRUD.items() for word in words.split()}
_ENTITY_WORDS: Final = _CRUD_WORDS | {
    "move": 5, "enroll": 6, "unenroll": 7, "enable": 8, "enabled": 8, "disable": 9, "disabled": 9, "activate": 10, "activated": 10,
    "reactivate": 10, "deactivate": 11, "deactivated": 11, "suspend": 12, "unsuspend": 13, "resume": 13,
}  # fmt: skip
_MEMBERSHIPS: Final = frozenset({"membership", "assignment", "member"})

_ENTITIES: Final = (
    ("group", ("UserGroup",)),
    ("policy", ("PolicyEntity", "PolicyRule")),
    ("policy.rule", ("PolicyRule", "PolicyEntity")),
    ("application.user_membership", ("AppInstance",)),
    ("application", ("AppInstance",)),
    ("device", ("UDDevice", "Device")),
    ("zone", ("NetworkZone", "Zone")),
)


# Bounded, since names come from the wire.
@lru_cache(maxsize=4096)
def plan(event_type: str) -> Plan:
    """What to make of an event type."""
    class_uid, crud = _by_prefix(event_type), _verb(event_type, _CRUD_WORDS)
    entity = _verb(event_type, _ENTITY_WORDS)
    entities = next((types for prefix, types in reversed(_ENTITIES) if _is_below(event_type, prefix)), ())
    if class_uid == 3002:
        activity = _OTHER if _is_below(event_type, "user.session.impersonation") else 1
    elif class_uid == 2004:
        activity = 1
    else:
        activity = {3004: entity, 6003: crud}.get(class_uid, _OTHER)
    if class_uid == 3002 and _is_below(event_type, "user.mfa.okta_verify"):
        activity = 6
    return Plan(class_uid, _EXACT.get(event_type, activity), crud, entity, entities)


def activity_of(class_uid: int, activity_id: int, version: str) -> int:
    """The activity as a version knows it."""
    return _OTHER if class_uid == 3001 and activity_id == 12 and version < _UNLOCK_SINCE else activity_id


def _by_prefix(event_type: str) -> int:
    prefix = event_type
    while prefix:
        if prefix in PREFIXES:
            return PREFIXES[prefix]
        prefix = prefix.rpartition(".")[0]
    return 6003


def _is_below(event_type: str, prefix: str) -> bool:
    return event_type == prefix or event_type.startswith(prefix + ".")


def _verb(event_type: str, verbs: dict[str, int]) -> int:
    """What was done, by the words of the last part of the name, then by those before it."""
    parts = event_type.split(".")
    if not _MEMBERSHIPS.isdisjoint(_WORDS.findall(event_type)):
        return 3
    if parts[:2] == ["app", "oauth2"] and "token" in parts and "grant" in parts:
        return 1  # a token is made, whomever it is granted
    for part in reversed(parts[-3:]):
        for word in _WORDS.findall(part):
            if word in verbs:
                return verbs[word]
    return _OTHER
