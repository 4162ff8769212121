"""The kinds of event that the simulated organisation knows: a table over Okta's public event-type catalogue.

A kind says what all events of one type have in common; who did it, from where and to whom comes from the session.
"""

from dataclasses import dataclass

SUCCESS: tuple[tuple[str, str | None], ...] = (("SUCCESS", None),)


@dataclass(frozen=True, slots=True)
class Kind:
    """What all events of one type share.

    Attributes:
        event_type: The name in Okta's catalogue.
        display_message: For people; real events lack it now and then.
        legacy: `legacyEventType`, None where the old Events API had no such event.
        path: The request behind the event, for `debugData`; empty for what no request caused.
        targets: Types of the targets in order; empty when the event has none.
        severity: DEBUG, INFO, WARN or ERROR.
        outcomes: Possible (result, reason) pairs, drawn evenly.
        extras: Names of the groups of `debugData` members that this type has.
        changes: Whether the first target carries `changeDetails`.
    """

    event_type: str
    display_message: str
    legacy: str | None
    path: str
    targets: tuple[str, ...] = ()
    severity: str = "INFO"
    outcomes: tuple[tuple[str, str | None], ...] = SUCCESS
    extras: tuple[str, ...] = ()
    changes: bool = False


_EVALUATE = (
    ("ALLOW", "Sign-on policy evaluation resulted in AUTHENTICATED"),
    ("CHALLENGE", "Sign-on policy evaluation resulted in CHALLENGE"),
)
_FAILED_LOGIN = (("FAILURE", "INVALID_CREDENTIALS"), ("FAILURE", "VERIFICATION_ERROR"))
_DENIED = (("DENY", "Sign-on policy evaluation resulted in DENY"),)
_RISK = ("risk", "behaviors")

# fmt: off
KINDS: tuple[Kind, ...] = (
    # People signing in and out
    Kind("policy.evaluate_sign_on", "Evaluation of sign-on policy", None, "/idp/idx/identify", ("PolicyEntity", "PolicyRule"),
         outcomes=_EVALUATE, extras=_RISK),
    Kind("user.session.start", "User login to Okta", "core.user_auth.login_success", "/idp/idx/challenge/answer", ("AppInstance",),
         extras=_RISK),
    Kind("user.session.end", "User logout from Okta", "core.user_auth.logout_success", "/login/signout"),
    Kind("user.session.clear", "Clear user session", "core.user_auth.session_clear", "/api/v1/users/{id}/sessions", ("User",)),
    Kind("user.session.context.change", "User session context changed", None, "/app/user/notifications", ("User",), severity="WARN",
         extras=_RISK),
    Kind("user.session.access_admin_app", "User accessing Okta admin app", "app.admin.sso.login.success", "/admin/sso/callback",
         ("AppInstance", "AppUser")),
    Kind("user.authentication.auth", "Authenticate user", None, "/api/v1/authn", ("User",), outcomes=(*SUCCESS, *_FAILED_LOGIN)),
    Kind("user.authentication.auth_via_mfa", "Authentication of user via MFA", "core.user.factor.attempt_success",
         "/idp/idx/challenge/answer", ("User", "AuthenticatorEnrollment"), extras=("factor", *_RISK)),
    Kind("user.authentication.verify", "Verify user identity", None, "/idp/idx/challenge/answer", ("User", "AppInstance"),
         extras=("factor",)),
    Kind("user.authentication.sso", "User single sign on to app", "app.auth.sso", "/app/{app}/sso/saml", ("AppInstance", "AppUser"),
         extras=("signon",)),
    Kind("user.authentication.slo", "User single logout out from app", "app.auth.slo", "/app/{app}/slo/saml", ("AppInstance", "AppUser")),
    Kind("user.authentication.auth_via_IDP", "Authenticate user via IDP", None, "/sso/idps/{id}", ("User",),
         outcomes=(*SUCCESS, ("FAILURE", "Unable to process the assertion"))),
    Kind("user.authentication.auth_via_AD_agent", "Authenticate user with AD agent", "core.user_auth.login_success", "/api/v1/authn",
         ("User", "AppInstance")),
    Kind("user.authentication.auth_via_LDAP_agent", "Authenticate user via LDAP agent", None, "/api/v1/authn", ("User", "AppInstance")),
    Kind("user.authentication.auth_via_inbound_SAML", "Authenticate user via inbound SAML", "app.inbound_saml.login_success",
         "/sso/saml2/{id}", ("User",)),
    Kind("user.authentication.auth_via_radius", "Authentication of user via Radius", "app.radius.agent.login", "/api/v1/authn",
         ("AppInstance",)),
    Kind("user.authentication.auth_via_social", "Authenticate user with social login", None, "/sso/idps/{id}", ("User",)),
    Kind("user.mfa.okta_verify.deny_push", "User rejected Okta push verify", "core.user.factor.verify.reject",
         "/api/v1/authn/factors/{id}/transactions", ("User",), severity="WARN",
         outcomes=(("FAILURE", "User rejected Okta push verify"),), extras=("factor", *_RISK)),
    Kind("user.mfa.attempt_bypass", "Attempt bypass of factor", "core.user.factor.attempt_bypass", "/idp/idx/challenge/answer",
         ("User",), severity="WARN", outcomes=(*SUCCESS, ("FAILURE", "FACTOR_BYPASS_DENIED")), extras=("factor",)),
    Kind("user.mfa.factor.activate", "Activate factor or authenticator enrollment method for user", "core.user.factor.activate",
         "/idp/idx/challenge/answer", ("User", "AuthenticatorEnrollment"), extras=("factor",)),
    Kind("user.mfa.factor.deactivate", "Reset factor or authenticator enrollment method for user", "core.user.factor.deactivate",
         "/api/v1/users/{id}/factors/{id}", ("User", "AuthenticatorEnrollment"), extras=("factor",)),
    Kind("user.mfa.factor.update", "Update factor for user", "core.user.factor.update", "/api/v1/users/{id}/factors/{id}", ("User",)),
    Kind("user.mfa.factor.suspend", "Suspend factor or authenticator enrollment method for user", None,
         "/api/v1/users/{id}/factors/{id}", ("User",)),
    Kind("user.mfa.factor.reset_all", "Reset all factors for user", "core.user.factor.reset_all",
         "/api/v1/users/{id}/lifecycle/reset_factors", ("User",)),
    Kind("system.push.send_factor_verify_push", "Send push notification for factor verification", None, "/idp/idx/challenge", ("User",),
         extras=("factor",)),
    Kind("system.sms.send_factor_verify_message", "Send second factor auth SMS", "core.user.sms.message_sent.factor",
         "/idp/idx/challenge", ("User",), extras=("phone",)),
    Kind("system.voice.send_mfa_challenge_call", "Send second factor auth call", "core.user.call.message_sent.factor",
         "/idp/idx/challenge", ("User",), extras=("phone",)),
    Kind("system.email.send_factor_verify_message", "Send email factor verification message", "core.user.email.message_sent.factor",
         "/idp/idx/challenge", ("User",)),
    Kind("system.email.new_device_notification.sent_message", "Send new device sign-on notification email", None,
         "/idp/idx/challenge/answer", ("User",)),
    Kind("system.email.delivery", "Email delivery status", None, "", ("User",), outcomes=(*SUCCESS, ("DEFERRED", "delivered late"))),
    # What goes wrong
    Kind("user.account.lock", "Max sign in attempts exceeded", "core.user_auth.account_locked", "/idp/idx/challenge/answer",
         severity="DEBUG", outcomes=(("FAILURE", "LOCKED_OUT"),), extras=_RISK),
    Kind("user.account.unlock_by_admin", "Unlock user account by admin", "core.user.config.user_status.account_unlocked_by_admin",
         "/api/v1/users/{id}/lifecycle/unlock", ("User",)),
    Kind("user.account.report_suspicious_activity_by_enduser", "User report suspicious activity", None, "/enduser/api/v1/suspicious",
         ("User",), severity="WARN", extras=("suspicious",)),
    Kind("user.risk.detect", "User risk detected", None, "", ("User",), severity="WARN", extras=_RISK),
    Kind("security.threat.detected", "Request from suspicious actor", "security.threat.detected", "/app/office/sso/wsfed/active",
         severity="WARN", outcomes=(("DENY", "Login failures"),), extras=("threat",)),
    Kind("security.request.blocked", "Request blocked", None, "/login/login.htm", severity="WARN",
         outcomes=(("DENY", "Blocked by network zone"),), extras=("threat",)),
    Kind("app.generic.unauth_app_access_attempt", "User attempted unauthorized access to app", "app.generic.unauth_app_access_attempt",
         "/app/{app}/sso/saml", ("AppInstance",), severity="WARN", outcomes=(("FAILURE", "User not assigned to app"),)),
    Kind("application.policy.sign_on.deny_access", "Deny user access due to app sign on policy", "app.app_instance.sign_on_policy.deny",
         "/app/{app}/sso/saml", ("AppInstance", "PolicyRule"), severity="WARN", outcomes=_DENIED, extras=_RISK),
    # Accounts: self service and administrators
    Kind("user.account.reset_password", "Fired when the user's Okta password is reset", "core.user.config.password_reset",
         "/api/v1/users/{id}/lifecycle/reset_password", ("User",)),
    Kind("user.account.update_password", "User update password for Okta", "core.user.config.password_update.success",
         "/api/v1/users/{id}/credentials/change_password", ("User",)),
    Kind("user.account.update_profile", "Update user profile for Okta", "core.user.config.update_user_profile", "/api/v1/users/{id}",
         ("User",), changes=True),
    Kind("user.account.update_secondary_email", "User secondary email updated", None, "/enduser/settings", ("User",)),
    Kind("user.account.privilege.grant", "Grant user privilege", "core.user.admin_privilege.granted", "/api/v1/users/{id}/roles",
         ("User", "ROLE"), extras=("privilege",)),
    Kind("user.account.privilege.revoke", "Revoke user privilege", "core.user.admin_privilege.revoked", "/api/v1/users/{id}/roles/{id}",
         ("User", "ROLE"), extras=("privilege",)),
    Kind("user.lifecycle.create", "Create Okta user", "core.user.config.user_creation.success", "/api/v1/users", ("User",)),
    Kind("user.lifecycle.activate", "Activate Okta user", "core.user.config.user_activated", "/api/v1/users/{id}/lifecycle/activate",
         ("User",)),
    Kind("user.lifecycle.deactivate", "Deactivate Okta user", "core.user.config.user_deactivated",
         "/api/v1/users/{id}/lifecycle/deactivate", ("User",)),
    Kind("user.lifecycle.suspend", "Suspend Okta user", "core.user.config.user_status.suspended", "/api/v1/users/{id}/lifecycle/suspend",
         ("User",)),
    Kind("user.lifecycle.unsuspend", "Unsuspend Okta user", None, "/api/v1/users/{id}/lifecycle/unsuspend", ("User",)),
    Kind("user.lifecycle.delete.initiated", "Delete Okta user initiated", None, "/api/v1/users/{id}", ("User",)),
    Kind("user.lifecycle.delete.completed", "Delete Okta user completed", None, "", ("User",)),
    Kind("system.email.password_reset.sent_message", "Send self-service password reset email",
         "core.user.email.message_sent.self_service_password_reset", "/idp/idx/recover", ("User",)),
    # Groups
    Kind("group.lifecycle.create", "Create Okta group", "core.user_group.create", "/api/v1/groups", ("UserGroup",)),
    Kind("group.lifecycle.delete", "Delete Okta group", "core.user_group.delete", "/api/v1/groups/{id}", ("UserGroup",)),
    Kind("group.profile.update", "Okta user group updated", None, "/api/v1/groups/{id}", ("UserGroup",), changes=True),
    Kind("group.user_membership.add", "Add user to group membership", "core.user_group_member.user_add",
         "/api/v1/groups/{id}/users/{id}", ("User", "UserGroup")),
    Kind("group.user_membership.remove", "Remove user from group membership", "core.user_group_member.user_remove",
         "/api/v1/groups/{id}/users/{id}", ("User", "UserGroup")),
    Kind("group.application_assignment.add", "Add assigned application to group", None, "/api/v1/apps/{id}/groups/{id}",
         ("UserGroup", "AppInstance")),
    Kind("group.application_assignment.remove", "Remove assigned application from group", None, "/api/v1/apps/{id}/groups/{id}",
         ("UserGroup", "AppInstance")),
    Kind("group.privilege.grant", "Grant admin privilege to group", None, "/api/v1/groups/{id}/roles", ("UserGroup", "ROLE"),
         extras=("privilege",)),
    # Applications
    Kind("application.lifecycle.create", "Create application", "app.generic.config.app_create", "/api/v1/apps", ("AppInstance",)),
    Kind("application.lifecycle.update", "Update application", "app.generic.config.app_updated", "/api/v1/apps/{id}", ("AppInstance",),
         changes=True),
    Kind("application.lifecycle.activate", "Activate application", "app.generic.config.app_activated",
         "/api/v1/apps/{id}/lifecycle/activate", ("AppInstance",)),
    Kind("application.lifecycle.deactivate", "Deactivate application", "app.generic.config.app_deactivated",
         "/api/v1/apps/{id}/lifecycle/deactivate", ("AppInstance",)),
    Kind("application.user_membership.add", "Add user to application membership", "app.generic.provision.assign_user_to_app",
         "/api/v1/apps/{id}/users", ("AppUser", "AppInstance", "User")),
    Kind("application.user_membership.remove", "Remove user's application membership", "app.generic.provision.deactivate_user_from_app",
         "/api/v1/apps/{id}/users/{id}", ("AppUser", "AppInstance", "User")),
    Kind("application.user_membership.change_username", "Change user's application username", "app.user_management.update_from_master",
         "/api/v1/apps/{id}/users/{id}", ("AppUser", "AppInstance", "User")),
    Kind("application.user_membership.provision", "User provisioned to application", None, "", ("AppUser", "AppInstance", "User")),
    Kind("application.provision.user.push_profile", "Push user's profile to external application",
         "app.user_management.push_profile_success", "", ("AppUser", "AppInstance", "User"),
         outcomes=(*SUCCESS, ("FAILURE", "Automatic profile push failed: remote server answered 503"))),
    Kind("application.provision.group_push.pushed", "Group pushed to app", None, "", ("UserGroup", "AppInstance")),
    # OAuth
    Kind("app.oauth2.signon", "User performed OIDC single sign on to app", None, "/oauth2/v1/authorize", ("AppInstance",),
         extras=("oauth",)),
    Kind("app.oauth2.authorize.code", "OIDC authorization code request", "app.oauth2.authorize.code_success", "/oauth2/v1/authorize",
         ("code",), extras=("oauth",)),
    Kind("app.oauth2.token.grant.access_token", "OIDC access token is granted", "app.oauth2.token.grant.access_token_success",
         "/oauth2/v1/token", ("access_token",), extras=("oauth",)),
    Kind("app.oauth2.token.grant.id_token", "OIDC id token is granted", "app.oauth2.token.grant.id_token_success", "/oauth2/v1/token",
         ("id_token",), extras=("oauth",)),
    Kind("app.oauth2.token.grant.refresh_token", "OIDC refresh token is granted", None, "/oauth2/v1/token", ("refresh_token",),
         extras=("oauth",)),
    Kind("app.oauth2.as.token.grant.access_token", "OAuth2 access token is granted", "app.oauth2.as.token.grant.access_token_success",
         "/oauth2/default/v1/token", ("access_token",), extras=("oauth",)),
    Kind("app.oauth2.as.authorize.code", "OAuth2 authorization code request", None, "/oauth2/default/v1/authorize", ("code",),
         extras=("oauth",)),
    Kind("app.oauth2.token.detect_reuse", "One-time refresh token reused", None, "/oauth2/v1/token", ("refresh_token",), severity="WARN",
         outcomes=(("FAILURE", "refresh token was already used"),), extras=("oauth",)),
    Kind("app.oauth2.client.lifecycle.create", "Create OAuth client", None, "/oauth2/v1/clients", ("PublicClientApp",)),
    Kind("app.oauth2.client.lifecycle.update", "Update OAuth client", None, "/oauth2/v1/clients/{id}", ("PublicClientApp",),
         changes=True),
    # Policies, zones, authenticators and other set-up
    Kind("policy.lifecycle.create", "Create policy", "policy.created", "/api/v1/policies", ("PolicyEntity",)),
    Kind("policy.lifecycle.update", "Update policy", "policy.updated", "/api/v1/policies/{id}", ("PolicyEntity",), changes=True),
    Kind("policy.lifecycle.delete", "Delete policy", "policy.deleted", "/api/v1/policies/{id}", ("PolicyEntity",)),
    Kind("policy.rule.add", "Create policy rule", "policy.rule.created", "/api/v1/policies/{id}/rules", ("PolicyEntity", "PolicyRule")),
    Kind("policy.rule.update", "Update policy rule", "policy.rule.updated", "/api/v1/policies/{id}/rules/{id}",
         ("PolicyEntity", "PolicyRule"), changes=True),
    Kind("policy.rule.deactivate", "Deactivate policy rule", None, "/api/v1/policies/{id}/rules/{id}/lifecycle/deactivate",
         ("PolicyEntity", "PolicyRule")),
    Kind("zone.create", "Create network zone", "network_zone.rule.created", "/api/v1/zones", ("NetworkZone",)),
    Kind("zone.update", "Update network zone", "network_zone.rule.updated", "/api/v1/zones/{id}", ("NetworkZone",), changes=True),
    Kind("zone.delete", "Delete network zone", "network_zone.rule.deleted", "/api/v1/zones/{id}", ("NetworkZone",)),
    Kind("security.authenticator.lifecycle.activate", "Activate authenticator", None, "/api/v1/authenticators/{id}/lifecycle/activate",
         ("Authenticator",)),
    Kind("system.idp.lifecycle.create", "Create identity provider", None, "/api/v1/idps", ("IdentityProvider",)),
    Kind("system.idp.lifecycle.update", "Update identity provider", None, "/api/v1/idps/{id}", ("IdentityProvider",)),
    Kind("system.log_stream.lifecycle.create", "Create log stream", None, "/api/v1/logStreams", ("LogStream",)),
    Kind("system.api_token.create", "Create API token", "api.token.create", "/api/internal/tokens", ("Token",)),
    Kind("system.api_token.revoke", "Revoke API token", "api.token.revoke", "/api/internal/tokens/{id}/revoke", ("Token",)),
    Kind("event_hook.created", "Create event hook", None, "/api/v1/eventHooks", ("EventHook",)),
    # Devices
    Kind("device.enrollment.create", "Enroll new device", None, "/idp/authenticators", ("Device", "User"), extras=("device",)),
    Kind("device.user.add", "Add device to user", None, "/idp/authenticators", ("Device", "User")),
    Kind("device.lifecycle.deactivate", "Deactivate device", None, "/api/v1/devices/{id}/lifecycle/deactivate", ("Device",)),
    # The platform itself
    Kind("system.import.start", "Import started", "app.user_management.import.csv.start", "", ("AppInstance",)),
    Kind("system.import.user.create", "Create user triggered by import", None, "", ("User", "AppInstance")),
    Kind("system.import.user.update", "Update user triggered by import", None, "", ("User", "AppInstance")),
    Kind("system.import.complete", "Import complete", "app.user_management.import.complete", "", ("AppInstance",), extras=("import",)),
    Kind("system.agent.ad.connect", "Connect AD agent to Okta", "app.ad.agent.connect", "", ("AppInstance",), severity="DEBUG"),
    Kind("system.org.rate_limit.warning", "Rate limit warning", "core.framework.ratelimit.warning", "/api/v1/users",
         ("URL Pattern", "Bucket Uuid"), severity="WARN", extras=("rate",)),
    Kind("system.org.rate_limit.violation", "Rate limit violation", None, "/api/v1/users", ("URL Pattern", "Bucket Uuid"),
         severity="WARN", outcomes=(("RATE_LIMIT", None),), extras=("rate",)),
    Kind("core.concurrency.org.limit.violation", "Too many requests in flight", "core.concurrency.org.limit.violation", "/api/v1/logs",
         severity="WARN", outcomes=(("RATE_LIMIT", None),), extras=("rate",)),
)
# fmt: on

BY_TYPE = {kind.event_type: kind for kind in KINDS}
