"""What each event type is about."""

import pytest

from okta_source.events.categories import ACTIONS, CATEGORIES, PREFIXES, action, category

EXPECTED = {
    "authentication": """
        app.inbound_del_auth.login_success app.kerberos_rich_client.multiple_accounts_found
        app.ldap.password.change.failed app.oauth2.as.consent.grant app.oauth2.signon
        app.oauth2.token.grant application.policy.sign_on.deny_access
        device.desktop_mfa.device_logout.started device.password_sync.authentication
        device.platform_sso.authentication pam.auth_token.issue pam.gateway_creds.issue
        pam.password.reset pam.resource.checkin.start pam.security_policy.evaluate
        pam.server.ssh_login pam.user_creds.issue policy.evaluate_sign_on
        system.agent.ad.reset_user_password system.agent.ldap.change_user_password
        system.agent.ldap.reset_user_password system.agent.ldap.update_user_password
        system.email.challenge_factor_redeemed system.iwa_agentless.redirect system.ldapi.bind
        system.ldapi.unbind system.push.send_factor_verify_push user.account.expire_password
        user.account.reset_password user.account.update_password user.account.use_token
        user.authentication.auth_via_mfa user.authentication.sso
        user.authentication.universal_logout user.device_session.start
        user.identity_verification.start user.import.password user.lifecycle.password_mass_expiry
        user.mfa.attempt_bypass user.session.access_admin_app user.session.end user.session.start
    """,
    "user_management": """
        access.review.action app.access_request.deny
        app.ad.password_migration_campaign.user.migrate.end
        app.office365.user.lifecycle.action.failed app.request_new.notify
        app.user_management.push_new_user_success application.account.detect
        application.provision.user.deactivate application.user_membership.add
        certification.campaign.item.remediate certification.remediation.open credential.revoke
        device.desktop_mfa.enrollment.create device.desktop_mfa.recovery_pin.rotate_secret
        device.enrollment.create device.lifecycle.delete device.local_account.create
        device.password_sync.enrollment.create device.platform_sso.keys.register
        device.token.enrollment.create device.user.remove directory.external.group.membership.remove
        group.application_assignment.add group.user_membership.add
        master_application.user_membership.add mim.createEnrollment.OSX pam.client.remove
        pam.group.create pam.member.remove pam.team_group_attribute.delete
        pam.team_invitation.create pam.team_project_group_attribute.delete
        pam.team_project_user_attribute.delete pam.team_user_attribute.delete
        pam.unbound_client.enroll pam.user.remove personal.user.app_migration.export
        scheduled_action.user_suspension.scheduled system.agent.ad.unlock_user_account
        system.agent.ldap.unlock_user_account user.account.unlock_by_admin
        user.account.update_profile user.credential.enroll user.lifecycle.create
        user.lifecycle.suspend user.mfa.factor.activate user.mfa.factor.reset_all
        user.mfa.promote_enrollment
    """,
    "administrative": """
        access.request.condition.delete access.request.sequence.delete
        access.request.settings.update account.org.delete.request analytics.reports.export.generate
        app.keys.generate app.oauth2.admin.consent.revoke app.oauth2.as.key.rollover
        app.oauth2.as.resource_server.credentials.lifecycle.deactivate
        app.oauth2.client.lifecycle.update app.oauth2.credentials.lifecycle.deactivate
        app.oauth2.key.rollover app.oauth2.trusted_server.delete
        app.office365.api.change.domain.federation.success
        app.office365.api.remove.domain.federation.success
        app.office365.api.set.domain.federation.success app.office365.provisioning_app.create
        app.office365.provisioning_app_credential.rotate application.lifecycle.delete
        application.policy.sign_on.update application.provision.field_mapping_rule.change
        certification.campaign.delete device.platform.renew directory.mapping.update
        event_hook.deleted group.privilege.grant group.user_membership.rule.add_exclusion
        iam.resourceset.bindings.add inline_hook.deleted integration.api_service.lifecycle.revoke
        mim.streamDevicesCSVDownload network_zone.rule.disabled oauth2.as.created
        pam.preauthorization.update personal.admin.configuration.update pki.cert.lifecycle.activate
        policy.lifecycle.update policy.rule.delete
        resource_servers.client_authentication_settings.update
        security.attack_protection.settings.update security.authenticator.lifecycle.deactivate
        security.behavior.settings.delete security.device.remove_request_blacklist_policy
        security.events.provider.update security.protected_action.settings.update
        security.session_protection.status.update security.threat.configuration.update
        security.trusted_origin.deactivate security.voice.remove_country_blacklist
        security.zone.remove_blacklist self_service.enabled support.org.view system.api_token.create
        system.beta.feature.enable system.brand.delete system.captcha.delete
        system.custom_email_server.lifecycle.deactivate system.custom_error.update
        system.custom_signin.update system.custom_signout.update system.custom_url_domain.initiate
        system.directory.debugger.query_executed system.email.template.settings_changed
        system.email_domain.update system.feature.ea_auto_enroll system.hook.key.deleted
        system.idp.lifecycle.update system.import.roadblock.updated system.iwa_agentless.update
        system.iwa_agentless_kerberos.update system.log_stream.lifecycle.deactivate
        system.mfa.factor.activate system.org.captcha.deactivate system.org.lifecycle.create
        system.rate_limit.configuration.update system.self_service.configuration.update
        system.theme.update system.well_known_uri.update user.account.privilege.grant
        user.account.subscriptions.update user.behavior.profile.reset
        user.session.impersonation.initiate workflows.user.flow.export workload_principal.register
        zone.deactivate
    """,
    "system": """
        app.ad.api.user_import.warn.skipped_user.attribute_invalid_value app.ad.credential.verify
        app.ai_agent_provider.import.start app.app_instance.provision_sync_job.failed
        app.oauth2.client_id_rate_limit_warning app.office365.api.error.sync.finalize
        app.radius.agent.port_reaccessible app.realtimesync.import.details.delete_user
        app.rum.package.thrown.error app.user_management.import.csv.line.error
        application.appuser.mapping.invalid.expression application.cache.invalidate
        application.configuration.detect_error application.integration.general_failure
        application.provision.integration.call_api core.el.evaluate
        device.custom_push.send_notification device.signals.status.timeout
        device.user_os_account.sync event_hook.delivery group.user_membership.rule.evaluation
        inline_hook.executed inline_hook.response.processed mim.command.generic.notnow
        pam.active_directory.account_discovery.complete pam.credential_verification.start
        pam.integration.health_change pam.server_account.discovered
        pam.service_account.password_rotation.start pki.ca.expiration.warn
        pki.cert.crl_download_failure plugin.script_status policy.execute.user.start
        policy.rule.action.execute policy.scheduled.execute system.agent.ad.connect
        system.client.rate_limit.notification system.email.delivery system.import.user.create
        system.operation.rate_limit.warning system.org.rate_limit.warning
        system.sms.send_factor_verify_message task.lifecycle.deactivate
        workflows.org.step_execution_limit.warning
    """,
    "security": """
        analytics.feedback.provide app.ad.api.user_import.account_locked
        app.generic.unauth_app_access_attempt app.oauth2.as.token.detect_reuse
        app.oauth2.invalid_client_credentials app.oauth2.token.detect_reuse
        core.concurrency.org.limit.violation org.not_configured_origin.redirection.usage
        pam.secret.reveal pam.server_account.password.reveal
        pam.server_account.password_change.out_of_band pam.service_account.password.reveal
        policy.auth_reevaluate.enforce policy.continuous_access.evaluate policy.entity_risk.evaluate
        security.attack.start security.breached_credential.detected
        security.events.provider.receive_event security.request.blocked security.threat.detected
        system.api_token.request_outside_allowed_range
        system.client.concurrency_rate_limit.violation system.client.rate_limit.violation
        system.oauth2.token.request_outside_allowed_range
        system.operation.concurrency_limit.violation system.operation.rate_limit.violation
        system.org.rate_limit.violation user.account.lock
        user.account.report_suspicious_activity_by_enduser user.risk.change
        user.session.context.change
    """,
}
TYPES = [(event_type, name) for name, block in EXPECTED.items() for event_type in block.split()]


def longest_row(event_type: str) -> str:
    return max((row for row in PREFIXES if f"{event_type}.".startswith(f"{row}.")), key=len, default="")


@pytest.mark.parametrize(("event_type", "expected"), TYPES)
def test_category_of_a_catalogued_type(event_type: str, expected: str) -> None:
    assert category(event_type) == expected


def test_the_table_above_uses_every_row_and_every_category() -> None:
    assert {longest_row(event_type) for event_type, _ in TYPES} == set(PREFIXES)
    assert {name for _, name in TYPES} == set(CATEGORIES) == set(PREFIXES.values())
    assert len({event_type for event_type, _ in TYPES}) == len(TYPES) >= 80


def test_no_row_says_what_a_shorter_one_says_already() -> None:
    for row, name in PREFIXES.items():
        parent = longest_row(row.rpartition(".")[0])
        assert not parent or PREFIXES[parent] != name, row


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("user.session.start.from_the_moon", "authentication"),
        ("user.lifecycle.cryopreserve", "user_management"),
        ("user.session.impersonation.refuse", "administrative"),
        ("security.quantum.detected", "security"),
        ("policy.brand_new", "administrative"),
        ("system.brand_new.thing", "system"),
        ("brand.new.family", "system"),
        ("users.session.start", "system"),
        ("user.sessions", "user_management"),
        ("", "system"),
        (".", "system"),
        ("..user", "system"),
        ("user.", "user_management"),
        ("USER.session.start", "system"),
    ],
)
def test_an_unknown_type_falls_back_by_whole_dotted_parts_else_to_system(event_type: str, expected: str) -> None:
    assert category(event_type) == expected


def test_types_from_the_wire_cannot_fill_the_memory() -> None:
    limit = category.cache_info().maxsize
    assert limit is not None
    for number in range(limit + 50):
        category(f"unheard.of.{number}")
    assert category.cache_info().currsize == limit
    assert category("user.session.start") == "authentication"


ACTION_OF = {
    "user.session.start": "sign_in",
    "user.authentication.auth_via_AD_agent": "sign_in",
    "user.session.end": "sign_out",
    "user.session.clear": "sign_out",
    "user.authentication.sso": "sso",
    "user.authentication.auth_via_mfa": "mfa_challenge",
    "system.push.send_factor_verify_push": "mfa_challenge",
    "user.mfa.attempt_bypass": "mfa_bypass",
    "user.mfa.factor.activate": "mfa_enabled",
    "user.mfa.factor.deactivate": "mfa_disabled",
    "user.mfa.factor.reset_all": "mfa_reset",
    "user.account.update_password": "password_changed",
    "user.account.reset_password": "password_reset",
    "user.account.expire_password": "password_expired",
    "user.account.lock": "account_locked",
    "user.account.unlock_by_admin": "account_unlocked",
    "user.lifecycle.create": "account_created",
    "user.lifecycle.activate": "account_activated",
    "user.lifecycle.deactivate": "account_deactivated",
    "user.lifecycle.suspend": "account_suspended",
    "user.lifecycle.unsuspend": "account_unsuspended",
    "user.lifecycle.delete.completed": "account_deleted",
    "user.account.privilege.grant": "admin_granted",
    "user.account.privilege.revoke": "admin_revoked",
}


@pytest.mark.parametrize(("event_type", "expected"), ACTION_OF.items())
def test_action_of_a_type(event_type: str, expected: str) -> None:
    assert action(event_type) == expected


@pytest.mark.parametrize("event_type", ["policy.lifecycle.update", "user.session", "user.session.start.more", "user.mfa.factor", "", "x"])
def test_no_action_for_other_types_not_even_near_ones(event_type: str) -> None:
    assert action(event_type) is None


def test_every_action_is_asserted_above_and_agrees_with_the_category() -> None:
    assert set(ACTION_OF.values()) == set(ACTIONS.values())
    for event_type, name in ACTIONS.items():
        if name.startswith("admin_"):
            assert category(event_type) == "administrative", event_type
        if name == "account_locked":
            assert category(event_type) == "security", event_type
        if name.startswith(("password_", "sign_", "sso")):
            assert category(event_type) == "authentication", event_type
