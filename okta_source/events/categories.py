"""What an event type is about: five categories for all, and a finer action for what analysts must tell apart.

A category is found by the longest dotted prefix in one table. `system.api_token.create` is looked up whole, then
as `system.api_token`, which is administrative; without that row it would be `system`. A type that Okta adds
tomorrow thus lands with its siblings, and a type of an unknown family is `system`. Where a type could go two
ways, these are the borders:

- An administrator's rights are administration, also where a user or a group is given them. So is impersonation,
  which an administrator grants to Okta's support.
- Changing what protects (policies, zones, authenticators, threat settings) is administration; what the
  protection finds or does is security. A lockout is a finding; the unlock after it belongs to the user's account.
- A rate limit that cut somebody off is security, since guessing and scraping look like that; a warning is system.
- A user's passwords, tokens and consents are authentication; enrolling and resetting factors is user management.
- What Okta does without a person deciding (agents, imports, deliveries, jobs, hook calls) is system. A push is
  the challenge itself and so authentication; a text message or an email only carries one.
"""

from functools import lru_cache
from types import MappingProxyType
from typing import Final

__all__ = ["ACTIONS", "CATEGORIES", "PREFIXES", "action", "category"]

_TABLE: Final[dict[str, str]] = {
    "authentication": """
        app.inbound_del_auth app.kerberos_rich_client app.ldap.password app.oauth2
        application.policy.sign_on.deny_access
        device.desktop_mfa.device_logout device.password_sync.authentication device.platform_sso.authentication
        pam.auth_token pam.gateway_creds pam.user_creds pam.password
        pam.resource pam.security_policy.evaluate pam.server.ssh_login
        policy.evaluate_sign_on
        system.agent.ad.reset_user_password system.agent.ldap.change_user_password
        system.agent.ldap.reset_user_password system.agent.ldap.update_user_password
        system.email.challenge_factor_redeemed system.push
        system.iwa_agentless system.ldapi.bind system.ldapi.unbind
        user.account.expire_password user.account.reset_password user.account.update_password
        user.account.use_token
        user.authentication user.device_session user.identity_verification user.import.password
        user.lifecycle.password_mass_expiry user.mfa user.session
    """,
    "user_management": """
        access app.access_request app.ad.password_migration_campaign.user app.office365.user app.request_new
        app.user_management
        application.account application.provision application.user_membership
        certification.campaign.item certification.remediation credential
        device.desktop_mfa.enrollment device.desktop_mfa.recovery_pin device.enrollment device.lifecycle
        device.local_account device.password_sync device.platform_sso device.token device.user
        directory.external.group.membership
        group master_application mim.createEnrollment
        pam.client pam.group pam.member pam.team_group_attribute pam.team_invitation
        pam.team_project_group_attribute pam.team_project_user_attribute pam.team_user_attribute
        pam.unbound_client pam.user
        personal.user scheduled_action
        system.agent.ad.unlock_user_account system.agent.ldap.unlock_user_account
        user user.mfa.factor user.mfa.promote_enrollment
    """,
    "administrative": """
        access.request.condition access.request.sequence access.request.settings
        account analytics app application certification device directory event_hook
        app.oauth2.admin app.oauth2.as.key app.oauth2.as.resource_server app.oauth2.client app.oauth2.credentials
        app.oauth2.key app.oauth2.trusted_server
        app.office365.api.change app.office365.api.remove app.office365.api.set
        app.office365.provisioning_app app.office365.provisioning_app_credential
        application.provision.field_mapping_rule
        group.privilege group.user_membership.rule.add_exclusion
        iam inline_hook integration mim.streamDevicesCSVDownload network_zone oauth2
        pam personal pki policy resource_servers
        security.attack_protection security.authenticator security.behavior security.device
        security.events security.protected_action.settings security.session_protection security.threat.configuration
        security.trusted_origin security.voice security.zone
        self_service support
        system.api_token system.beta system.brand system.captcha system.custom_email_server system.custom_error
        system.custom_signin system.custom_signout system.custom_url_domain system.directory.debugger
        system.email.template system.email_domain system.feature system.hook system.idp system.import.roadblock.updated
        system.iwa_agentless.update system.iwa_agentless_kerberos system.log_stream system.mfa system.org.captcha
        system.org.lifecycle system.rate_limit system.self_service system.theme system.well_known_uri
        user.account.privilege user.account.subscriptions user.behavior user.session.impersonation
        workflows workload_principal zone
    """,
    "system": """
        app.ad.api app.ad.credential app.ai_agent_provider.import app.app_instance.provision_sync_job
        app.oauth2.client_id_rate_limit_warning app.office365 app.radius app.realtimesync app.rum
        app.user_management.import
        application.appuser application.cache application.configuration.detect_error application.integration
        application.provision.integration
        core
        device.custom_push device.signals device.user_os_account
        event_hook.delivery group.user_membership.rule
        inline_hook.executed inline_hook.response
        mim
        pam.active_directory.account_discovery pam.credential_verification pam.integration.health_change
        pam.server_account.discovered pam.service_account.password_rotation
        pki.ca.expiration pki.cert.crl_download_failure plugin
        policy.execute policy.rule.action policy.scheduled
        system task
        workflows.org
    """,
    "security": """
        analytics.feedback
        app.ad.api.user_import.account_locked app.generic.unauth_app_access_attempt
        app.oauth2.as.token.detect_reuse app.oauth2.invalid_client_credentials app.oauth2.token.detect_reuse
        core.concurrency
        org.not_configured_origin
        pam.secret.reveal pam.server_account.password.reveal pam.server_account.password_change.out_of_band
        pam.service_account.password.reveal
        policy.auth_reevaluate policy.continuous_access policy.entity_risk
        security security.events.provider.receive_event
        system.api_token.request_outside_allowed_range system.oauth2.token.request_outside_allowed_range
        system.client.concurrency_rate_limit.violation system.client.rate_limit.violation
        system.operation.concurrency_limit.violation system.operation.rate_limit.violation
        system.org.rate_limit.violation
        user.account.lock user.account.report_suspicious_activity_by_enduser user.risk user.session.context
    """,
}  # fmt: skip

CATEGORIES: Final = tuple(_TABLE)
"""Every category there is."""

PREFIXES: Final = MappingProxyType({prefix: name for name, block in _TABLE.items() for prefix in block.split()})
"""The category of every dotted prefix in the table."""

_ACTIONS: Final[dict[str, str]] = {
    "sign_in": """
        user.session.start user.authentication.auth user.authentication.authenticate
        user.authentication.auth_via_AD_agent user.authentication.auth_via_IDP
        user.authentication.auth_via_LDAP_agent user.authentication.auth_via_inbound_SAML
        user.authentication.auth_via_inbound_delauth user.authentication.auth_via_iwa
        user.authentication.auth_via_radius user.authentication.auth_via_richclient
        user.authentication.auth_via_social app.inbound_del_auth.login_success
        app.kerberos_rich_client.user_authentication_successful system.iwa_agentless.auth
        device.platform_sso.authentication device.password_sync.authentication user.device_session.start
        system.ldapi.bind
    """,
    "sign_out": """
        user.session.end user.session.clear user.session.expire user.authentication.slo
        user.authentication.universal_logout user.device_session.end device.desktop_mfa.device_logout.completed
        system.ldapi.unbind
    """,
    "sso": "user.authentication.sso app.oauth2.signon",
    "mfa_challenge": """
        user.authentication.auth_via_mfa user.mfa.okta_verify user.mfa.okta_verify.deny_push
        user.mfa.okta_verify.deny_push_upgrade_needed
        system.push.send_factor_verify_push system.email.send_factor_verify_message
        system.email.challenge_factor_redeemed system.sms.send_factor_verify_message
        system.sms.send_okta_push_verify_message system.voice.send_mfa_challenge_call
    """,
    "mfa_bypass": "user.mfa.attempt_bypass",
    "mfa_enabled": "user.mfa.factor.activate user.mfa.factor.unsuspend",
    "mfa_disabled": "user.mfa.factor.deactivate user.mfa.factor.suspend",
    "mfa_reset": "user.mfa.factor.reset_all",
    "password_changed": """
        user.account.update_password app.ldap.password.change.failed system.agent.ldap.change_user_password
        system.agent.ldap.update_user_password pam.password.change
    """,
    "password_reset": """
        user.account.reset_password system.agent.ad.reset_user_password system.agent.ldap.reset_user_password
        pam.password.reset
    """,
    "password_expired": "user.account.expire_password user.lifecycle.password_mass_expiry",
    "account_locked": "user.account.lock user.account.lock.limit app.ad.api.user_import.account_locked",
    "account_unlocked": """
        user.account.unlock user.account.unlock_by_admin system.agent.ad.unlock_user_account
        system.agent.ldap.unlock_user_account
    """,
    "account_created": "user.lifecycle.create pam.user.create",
    "account_activated": "user.lifecycle.activate user.lifecycle.reactivate",
    "account_deactivated": "user.lifecycle.deactivate",
    "account_suspended": "user.lifecycle.suspend",
    "account_unsuspended": "user.lifecycle.unsuspend",
    "account_deleted": "user.lifecycle.delete.completed pam.user.remove",
    "admin_granted": "user.account.privilege.grant group.privilege.grant app.oauth2.client.privilege.grant",
    "admin_revoked": "user.account.privilege.revoke group.privilege.revoke app.oauth2.client.privilege.revoke",
}  # fmt: skip

ACTIONS: Final = MappingProxyType({kind: name for name, block in _ACTIONS.items() for kind in block.split()})
"""The action of every event type that has one."""


# Bounded, since types come from the wire; Okta's catalogue holds under 1,200.
@lru_cache(maxsize=4096)
def category(event_type: str) -> str:
    """Return what an event type is about, by its longest known prefix; `system` for an unknown family."""
    prefix = event_type
    while prefix:
        if prefix in PREFIXES:
            return PREFIXES[prefix]
        prefix = prefix.rpartition(".")[0]
    return "system"


def action(event_type: str) -> str | None:
    """Return what was done or attempted, or None where the type itself says all that can be said.

    Exact types only. Whether it worked is Okta's own `outcome.result`: a failed sign-in is `sign_in` with
    `FAILURE`. One sign-in may be several events, such as the directory's answer and the session's start.
    `mfa_disabled` is one factor of a user taken away or suspended, `mfa_reset` all of them at once.
    """
    return ACTIONS.get(event_type)
