"""For each managed rule logs that it must find something in, and logs that look like it and that it must leave alone."""

from collections.abc import Mapping
from functools import partial

from tests.unit.okta_source.detections.managed.making import AUSTIN, DAY, HOUR, KYOTO, MINUTE, VIENNA, Event, event

__all__ = ["FINDS", "LEAVES"]

Log = list[Event]

sign_in = partial(event, "user.session.start")
console_opened = partial(event, "user.session.access_admin_app")
failed = partial(event, "user.session.start", result="FAILURE", reason="INVALID_CREDENTIALS")
reset = partial(event, "user.mfa.factor.reset_all")
deny = partial(event, "user.mfa.okta_verify.deny_push", result="FAILURE")
via_mfa = partial(event, "user.authentication.auth_via_mfa")
grant = partial(event, "user.account.privilege.grant")
console = partial(event, "policy.evaluate_sign_on", to=[("AppInstance", "Okta Admin Console")])
token = partial(event, "app.oauth2.token.grant.access_token", kind="PublicClientApp")

PUSH = {"factor": "OKTA_VERIFY_PUSH"}
HELP_DESK = [("ROLE", "Help Desk Administrator")]
SUPER = [("ROLE", "Super Administrator")]
ANYWHERE = {"networkConnection": "ANYWHERE"}


def _resets(count: int, step: float = MINUTE, **more: str) -> Log:
    return [reset(number * step, who="helga", to=[f"user{number}"], **more) for number in range(count)]


def _spray(count: int, step: float = 10) -> Log:
    return [failed(number * step, who=f"user{number}") for number in range(count)]


FINDS: Mapping[str, list[Log]] = {
    "mfa_reset_storm": [
        _resets(5),
        [event("user.mfa.factor.deactivate", n * 800, who="helga", to=[f"user{n}"]) for n in range(5)],
    ],
    "mfa_reset": [_resets(1), [event("user.mfa.factor.deactivate", to=["ada"])]],
    "mfa_off_for_organisation": [[event("system.mfa.factor.deactivate")], [event("security.authenticator.lifecycle.deactivate")]],
    "push_bombing": [
        [deny(n * MINUTE) for n in range(5)],
        [deny(0), deny(1), *(via_mfa(60 + n, result="FAILURE", debug=PUSH) for n in range(3))],
    ],
    "push_bombing_then_in": [[*(deny(n * MINUTE) for n in range(3)), via_mfa(4 * MINUTE, debug=PUSH)]],
    "mfa_reset_then_new_device": [
        [reset(0, who="helga", to=["ada"]), sign_in(2 * HOUR, new="New Device")],
        [reset(0, who="helga", to=["ada"]), sign_in(11 * HOUR, new="New Country")],
    ],
    "password_and_mfa_reset": [
        [event("user.account.reset_password", 0, who="helga", to=["ada"]), reset(MINUTE, who="helga", to=["ada"])],
        [reset(0, who="helga", to=["ada"]), event("user.account.reset_password", 29 * MINUTE, to=["ada"])],
    ],
    "phishing_stopped": [[via_mfa(result="FAILURE", reason="FastPass declined phishing attempt")]],
    "mfa_bypass_attempt": [[event("user.mfa.attempt_bypass", result="FAILURE")]],
    "mfa_abandoned": [[via_mfa(n * MINUTE, who=f"user{n}", result="UNANSWERED" if n % 2 else "ABANDONED") for n in range(5)]],
    # The wait is over when the tenant's time has gone on.
    "mfa_removed_not_replaced": [[reset(0, who="helga", to=["ada"]), event("user.session.end", 13 * HOUR)]],
    "brute_force": [[failed(n * 50, ip=f"192.0.2.{n}") for n in range(10)]],
    "password_spray": [_spray(10)],
    "password_attack_then_in": [
        [*_spray(10), sign_in(50 * MINUTE, who="user3")],
        [*(failed(n) for n in range(10)), sign_in(MINUTE)],
    ],
    "many_lockouts": [[event("user.account.lock", n * MINUTE, who=f"user{n}", result="FAILURE") for n in range(5)]],
    "threat_insight": [[event("security.threat.detected", result="DENY")]],
    "organisation_under_attack": [[event("security.attack.start")]],
    "password_as_user_name": [
        [failed(who="Correct-Horse7!", reason="VERIFICATION_ERROR") | {"actor": {"id": "unknown", "alternateId": "Correct-Horse7!"}}],
        [failed() | {"actor": {"id": "unknown", "alternateId": "P@ssw0rd2026"}}],
    ],
    "impossible_travel": [[sign_in(0), sign_in(3 * HOUR, ip="198.51.100.7", where=KYOTO)]],
    "sign_in_outside_allowed_countries": [[sign_in(where=KYOTO)]],
    "first_country_of_user": [[sign_in(0), sign_in(8 * DAY, where=AUSTIN)]],
    "two_countries": [[sign_in(0), sign_in(2 * HOUR, where=("Slovakia", 48.15, 17.1))]],
    "sign_in_through_proxy": [[sign_in(proxy=True)]],
    "new_device_and_place_through_proxy": [[sign_in(proxy=True, new="New Device,New City")]],
    "session_on_two_machines": [
        [
            console_opened(0, session="s1", os="Mac OS"),
            event("user.session.context.change", 20 * MINUTE, session="s1", os="Windows 10", ip="198.51.100.7"),
        ]
    ],
    "admin_session_roams": [[event("security.session.detect_client_roaming")]],
    "user_risk_high": [[event("user.risk.detect", debug={"risk": "{reasons=Suspicious App Access, level=HIGH}"})]],
    "user_reported": [[event("user.account.report_suspicious_activity_by_enduser")]],
    "new_admin_role": [
        [grant(to=["ada", *HELP_DESK], debug={"privilegeGranted": "Help Desk Administrator"})],
        [event("group.privilege.grant", to=[("UserGroup", "Support"), *HELP_DESK])],
    ],
    "new_super_admin_role": [
        [grant(to=["ada", *SUPER])],
        [grant(to=["ada"], who="root@acme.example.com", debug={"privilegeGranted": "Organization administrator"})],
    ],
    "new_admin_then_sensitive_change": [[grant(0, who="root", to=["ada"]), event("system.api_token.create", 20 * HOUR, who="ada")]],
    "admin_console_new_behaviour": [[console(result="CHALLENGE", new="New Device,New IP")]],
    "admin_console_refused_or_weak": [
        [console(result="DENY")],
        [via_mfa(to=["ada", ("AppInstance", "Okta Admin Console")], debug={"factor": "SMS_FACTOR"})],
    ],
    "support_impersonation": [[event("user.session.impersonation.initiate", who="agent@okta.example")]],
    "protected_actions_changed": [[event("security.protected_action.settings.update")]],
    "administrator_password_reset": [[event("user.account.reset_password", who="helga", to=["root"])]],
    "token_to_unknown_client": [[token(0, who="0oaOld"), token(25 * HOUR, who="0oaNew")]],
    "refresh_token_reused": [[event("app.oauth2.token.detect_reuse")], [event("app.oauth2.as.token.detect_reuse")]],
    "api_token_created": [[event("system.api_token.create")]],
    "api_token_from_anywhere": [[event("system.api_token.create", debug=ANYWHERE)], [event("system.api_token.update", debug=ANYWHERE)]],
    "api_token_new_address": [
        [
            event("user.lifecycle.suspend", 0, token="00T1"),
            event("user.lifecycle.create", 8 * DAY, token="00T1", ip="198.51.100.7"),
        ]
    ],
    "client_secret_read": [[event("app.oauth2.client.read_client_secret")], [event("system.idp.lifecycle.read_client_secret")]],
    "redirect_mismatches": [
        [event("app.oauth2.authorize.code", n * MINUTE, result="FAILURE", reason="mismatched_redirect_uri") for n in range(3)]
    ],
    "trust_added": [
        [event("system.idp.lifecycle.create")],
        [event("system.agent.ad.create")],
        [event("application.lifecycle.create", to=[("AppInstance", "Okta Org2Org")])],
    ],
    "policy_weakened": [[event("policy.rule.deactivate")], [event("zone.delete")], [event("application.policy.sign_on.rule.delete")]],
    "policy_changed": [[event("policy.rule.update")]],
    "logging_touched": [[event("system.log_stream.lifecycle.deactivate")], [event("event_hook.deleted")]],
    "collector_token_revoked": [[event("system.api_token.revoke", to=[("Token", "siem collector")])]],
}

LEAVES: Mapping[str, list[Log]] = {
    "mfa_reset_storm": [
        _resets(4),
        _resets(5, step=16 * MINUTE),
        _resets(8, result="FAILURE"),
        [reset(n, who="helga", to=["ada"]) for n in range(9)],
        [reset(n, who=f"user{n}", to=[f"user{n}"]) for n in range(9)],
    ],
    "mfa_reset": [_resets(1, result="FAILURE"), [event("user.mfa.factor.activate", to=["ada"])]],
    "mfa_off_for_organisation": [[event("system.mfa.factor.activate")], [event("system.mfa.factor.deactivate", result="FAILURE")]],
    "push_bombing": [
        [deny(n * MINUTE) for n in range(4)],
        [deny(n * 3 * MINUTE) for n in range(6)],
        [deny(n, who=f"user{n}") for n in range(9)],
    ],
    "push_bombing_then_in": [
        [deny(0), deny(1), via_mfa(2, debug=PUSH)],
        [via_mfa(0, debug=PUSH), *(deny(n * MINUTE) for n in range(1, 4))],
        [*(deny(n) for n in range(4)), via_mfa(11 * MINUTE, debug=PUSH)],
        [*(deny(n) for n in range(4)), via_mfa(MINUTE, who="bea", debug=PUSH)],
        [*(deny(n) for n in range(4)), via_mfa(MINUTE, debug={"factor": "FIDO_WEBAUTHN"})],
    ],
    "mfa_reset_then_new_device": [
        [reset(0, who="helga", to=["ada"]), sign_in(HOUR)],
        [reset(0, who="helga", to=["ada"]), sign_in(13 * HOUR, new="New Device")],
        [reset(0, who="ada", to=["ada"]), sign_in(HOUR, new="New Device")],
        [sign_in(0, new="New Device"), reset(HOUR, who="helga", to=["ada"])],
    ],
    "password_and_mfa_reset": [
        [event("user.account.reset_password", 0, to=["ada"]), reset(MINUTE, to=["bea"])],
        [event("user.account.reset_password", 0, to=["ada"]), reset(31 * MINUTE, to=["ada"])],
    ],
    "phishing_stopped": [[via_mfa(result="FAILURE", reason="INVALID_CREDENTIALS")], [via_mfa()]],
    "mfa_bypass_attempt": [[event("user.mfa.factor.update")]],
    "mfa_abandoned": [[via_mfa(n, result="UNANSWERED") for n in range(4)], [via_mfa(n, result="FAILURE") for n in range(9)]],
    "mfa_removed_not_replaced": [
        [reset(0, who="helga", to=["ada"]), event("user.mfa.factor.activate", 11 * HOUR, to=["ada"]), sign_in(14 * HOUR)],
        [reset(0, who="helga", to=["ada"]), sign_in(12 * HOUR)],
    ],
    "brute_force": [[failed(n) for n in range(9)], [failed(n * 70) for n in range(12)], [sign_in(n) for n in range(20)]],
    "password_spray": [_spray(9), _spray(20, step=70), [failed(n, who=f"user{n}", ip=f"192.0.2.{n}") for n in range(20)]],
    "password_attack_then_in": [
        [*_spray(9), sign_in(MINUTE * 5)],
        [*_spray(10), sign_in(5 * MINUTE, ip="198.51.100.7")],
        [*_spray(10), sign_in(2 * HOUR)],
        [sign_in(0), *(failed(n + 1, who=f"user{n}") for n in range(10))],
    ],
    "many_lockouts": [
        [event("user.account.lock", n, who="ada") for n in range(9)],
        [event("user.account.lock", n * 80, who=f"u{n}") for n in range(9)],
    ],
    "threat_insight": [[event("security.request.blocked", result="DENY")]],
    "organisation_under_attack": [[event("security.attack.end")]],
    "password_as_user_name": [
        [failed(who="Ada.Lovelace1+x@acme.example.com")],
        [failed() | {"actor": {"id": "unknown", "alternateId": r"ACME\Ada7!lovelace"}}],
        [failed() | {"actor": {"id": "unknown", "alternateId": "ada.lovelace"}}],
        [failed() | {"actor": {"id": "unknown", "alternateId": "Ab1!"}}],
        [sign_in() | {"actor": {"id": "unknown", "alternateId": "Correct-Horse7!"}}],
    ],
    "impossible_travel": [
        [sign_in(0), sign_in(12 * HOUR, ip="198.51.100.7", where=KYOTO)],
        [sign_in(0), sign_in(HOUR, ip="198.51.100.7", where=KYOTO, proxy=True)],
        [sign_in(0), sign_in(HOUR, where=KYOTO)],
        [sign_in(0), sign_in(HOUR, who="bea", ip="198.51.100.7", where=KYOTO)],
    ],
    "sign_in_outside_allowed_countries": [
        [sign_in(where=VIENNA)],
        [failed(where=KYOTO)],
        [sign_in() | {"client": {"ipAddress": "192.0.2.1"}}],
    ],
    "first_country_of_user": [
        [sign_in(0), sign_in(8 * DAY)],
        [sign_in(0), sign_in(DAY, where=AUSTIN)],
        [sign_in(0, who="bea"), sign_in(8 * DAY, where=AUSTIN)],
    ],
    "two_countries": [
        [sign_in(0), sign_in(4 * HOUR, where=AUSTIN)],
        [sign_in(0), sign_in(HOUR)],
        [sign_in(0), sign_in(60, where=AUSTIN, proxy=True)],
    ],
    "sign_in_through_proxy": [[sign_in()], [failed(proxy=True)]],
    "new_device_and_place_through_proxy": [
        [sign_in(proxy=True, new="New Device")],
        [sign_in(proxy=True, new="New City")],
        [sign_in(new="New Device,New City")],
    ],
    "session_on_two_machines": [
        [console_opened(0, session="s1"), event("user.session.access_admin_app", 60, session="s1", ip="198.51.100.7")],
        [console_opened(0, session="s1"), event("user.session.access_admin_app", 60, session="s1", os="Windows 10")],
        [console_opened(0, session="s1"), console_opened(60, session="s2", os="Windows 10", ip="198.51.100.7")],
        [console_opened(0, session="unknown"), console_opened(60, session="unknown", os="Windows 10", ip="198.51.100.7")],
        [console_opened(0, session="s1"), event("user.session.access_admin_app", 2 * HOUR, session="s1", os="Linux", ip="198.51.100.7")],
    ],
    "admin_session_roams": [[event("user.session.context.change")]],
    "user_risk_high": [[event("user.risk.detect", debug={"risk": "{reasons=New Device, level=MEDIUM}"})]],
    "user_reported": [[event("system.email.new_device_notification.sent_message")]],
    "new_admin_role": [
        [grant(to=["ada", *SUPER])],
        [grant(to=["ada", *HELP_DESK], who="root@acme.example.com")],
        [grant(to=["ada", *HELP_DESK], result="FAILURE")],
        [event("user.account.privilege.revoke", to=["ada", *HELP_DESK])],
    ],
    "new_super_admin_role": [[grant(to=["ada", *HELP_DESK], debug={"privilegeGranted": "Help Desk Administrator"})]],
    "new_admin_then_sensitive_change": [
        [grant(0, who="root", to=["ada"]), event("system.api_token.create", HOUR, who="root")],
        [grant(0, who="root", to=["ada"]), event("system.api_token.create", 25 * HOUR, who="ada")],
        [event("system.api_token.create", 0, who="ada"), grant(HOUR, who="root", to=["ada"])],
        [grant(0, who="root", to=["ada"]), event("group.user_membership.add", HOUR, who="ada")],
    ],
    "admin_console_new_behaviour": [
        [console(new="New IP")],
        [console(new="New Device,New IP", result="DENY")],
        [event("policy.evaluate_sign_on", to=[("AppInstance", "Payroll")], new="New Device,New IP")],
    ],
    "admin_console_refused_or_weak": [
        [console(result="ALLOW")],
        [via_mfa(to=[("AppInstance", "Okta Admin Console")], debug={"factor": "FIDO_WEBAUTHN"})],
        [via_mfa(to=[("AppInstance", "Payroll")], debug={"factor": "SMS_FACTOR"})],
    ],
    "support_impersonation": [
        [event("user.session.impersonation.grant", who="ada")],
        [event("user.session.impersonation.revoke", who="x@okta.example")],
    ],
    "protected_actions_changed": [[event("security.protected_action.attempt")]],
    "administrator_password_reset": [
        [event("user.account.reset_password", who="helga", to=["ada"])],
        [event("user.account.reset_password", who="root", to=["root"])],
    ],
    "token_to_unknown_client": [
        [token(0, who="0oaOld"), token(25 * HOUR, who="0oaOld")],
        [
            token(0, who="0oaOld"),
            token(25 * HOUR, who="HR sync"),
            token(26 * HOUR, who="0oa2") | {"actor": {"id": "0oaKnown", "type": "PublicClientApp"}},
        ],
        [token(0, who="0oaOld"), token(23 * HOUR, who="0oaNew")],
        [token(0, who="0oaOld"), token(25 * HOUR, who="0oaNew", result="FAILURE")],
        [token(0, who="0oaOld"), event("app.oauth2.token.grant.access_token", 25 * HOUR, who="ada")],
    ],
    "refresh_token_reused": [[event("app.oauth2.token.grant.refresh_token")]],
    "api_token_created": [[event("system.api_token.create", debug=ANYWHERE)], [event("system.api_token.create", result="FAILURE")]],
    "api_token_from_anywhere": [[event("system.api_token.create")], [event("system.api_token.revoke", debug=ANYWHERE)]],
    "api_token_new_address": [
        [event("user.lifecycle.suspend", 0, token="00T1"), event("user.lifecycle.create", 8 * DAY, token="00T1")],
        [event("user.lifecycle.suspend", 0, token="00T1"), event("user.lifecycle.create", DAY, token="00T1", ip="198.51.100.7")],
        [event("user.lifecycle.suspend", 0), event("user.lifecycle.create", 8 * DAY, ip="198.51.100.7")],
        [event("user.lifecycle.suspend", 0, token="00T1"), event("user.authentication.sso", 8 * DAY, token="00T1", ip="198.51.100.7")],
    ],
    "client_secret_read": [[event("app.oauth2.client.lifecycle.create")]],
    "redirect_mismatches": [
        [event("app.oauth2.authorize.code", n, result="FAILURE", reason="mismatched_redirect_uri") for n in range(2)],
        [event("app.oauth2.authorize.code", n, result="FAILURE", reason="access_denied") for n in range(5)],
    ],
    "trust_added": [[event("system.idp.lifecycle.update")], [event("application.lifecycle.create", to=[("AppInstance", "Payroll")])]],
    "policy_weakened": [[event("policy.rule.add")], [event("policy.rule.update")], [event("zone.delete", result="FAILURE")]],
    "policy_changed": [[event("policy.rule.add")], [event("policy.rule.delete")]],
    "logging_touched": [[event("system.log_stream.lifecycle.create")], [event("event_hook.delivery")]],
    "collector_token_revoked": [[event("system.api_token.revoke", to=[("Token", "terraform")])]],
}
