"""The step `hooks`: what the organisation says of its hooks, compared with the tenant's table."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from okta_source.check.hooks import judge_hooks
from okta_source.config.tenant import TenantConfig
from okta_source.hooks.event_types import FEW
from okta_source.simulator import EventHook, OAuthClient, Scripted
from tests.unit.okta_source.check.checked import Check
from tests.unit.okta_source.fakes import ORG, answer
from tests.unit.okta_source.wire import TOKEN

Start = Callable[..., Any]
HOOKS = '[tenants.hooks]\nsecret_env = "NOT_SET_HERE"'
URL = "https://hooks.example.com/hooks/acme"


def hook(**keys: Any) -> EventHook:
    return EventHook(**{"url": URL, "secret": "s", "event_types": FEW, **keys})


def test_a_tenant_without_hooks_has_no_such_step(check: Check, organisation: Start) -> None:
    okta, url = organisation(hooks=[hook()])
    checked = check(url)
    assert (checked.exit, checked.tenants[0]["ok"], checked.status("hooks")) == (0, True, "not_reached")
    assert "no table [tenants.hooks]" in checked.words("hooks")
    assert len(okta.requests) == 1


def test_a_hook_that_delivers(check: Check, organisation: Start) -> None:
    _, url = organisation(hooks=[hook(url="https://other.example.com/x"), hook()])
    checked = check(url, more=HOOKS)
    assert (checked.exit, checked.tenants[0]["ok"], checked.status("hooks")) == (0, True, "ok")
    assert "'SIEM' is ACTIVE, VERIFIED; it has 18 event types (18 of the 264 public ones), without a filter" in checked.words("hooks")


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"status": "INACTIVE"}, ("INACTIVE", "Activate the hook")),
        ({"verification_status": "UNVERIFIED"}, ("UNVERIFIED", "Actions > Verify")),
        ({"header": "X-Other"}, ("x-other", "expects Authorization")),
        (
            {"url": "https://hooks.example.com/hooks/globex"},
            ("none of the organisation's 1 event hooks leads to https://…/hooks/acme", "EventBridge"),
        ),
        ({"url": "https://hooks.example.com/acme"}, ("none of the organisation's 1",)),
    ],
)
def test_a_hook_that_does_not_deliver_is_a_warning(
    check: Check, organisation: Start, settings: dict[str, Any], parts: tuple[str, ...]
) -> None:
    _, url = organisation(hooks=[hook(**settings)])
    checked = check(url, more=HOOKS)
    assert (checked.exit, checked.tenants[0]["ok"], checked.status("hooks")) == (0, True, "warning")
    for part in parts:
        assert part in checked.words("hooks"), checked.words("hooks")


def test_the_receivers_own_prefix_counts(check: Check, organisation: Start) -> None:
    _, url = organisation(hooks=[hook(url="https://hooks.example.com/push/acme")])
    assert check(url, more=f'{HOOKS}\n[hooks]\npath_prefix = "/push/"').status("hooks") == "ok"


@pytest.mark.parametrize("answer", [Scripted(status=403), Scripted(status=404), Scripted(body=b"<html>"), Scripted(reset=True)])
def test_who_may_not_see_the_hooks_is_told_what_to_look_at(
    check: Check, organisation: Start, answer: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    okta, url = organisation(hooks=[hook()])
    monkeypatch.setattr(okta._hook_api, "serves", lambda _: False)  # the log's service answers, by script
    okta.script(Scripted(fallthrough=True), answer)
    checked = check(url, more=HOOKS)
    assert (checked.exit, checked.tenants[0]["ok"], checked.status("hooks")) == (0, True, "not_reached")
    assert "a hook whose URL ends with /hooks/acme is active and verified" in checked.words("hooks")


@pytest.mark.parametrize(
    "odd",
    [
        {"channel": "x"},
        {"channel": {"config": {"uri": "https://["}}},
        {"channel": {"config": {"uri": URL, "authScheme": "x"}}, "events": [1], "status": "ACTIVE", "verificationStatus": "VERIFIED"},
        {"channel": {"config": {"uri": URL}}, "events": {"items": 7}, "name": ["\x1b[31m"], "status": {}},
    ],
)
def test_whatever_is_said_of_hooks_is_no_more_than_a_warning(odd: dict[str, Any]) -> None:
    tenant = TenantConfig.model_validate(
        {"name": "acme", "org_url": ORG, "auth": {"method": "ssws", "token_env": "T"}, "hooks": {"secret_env": "S"}}
    )
    assert judge_hooks(answer([odd]), tenant, "/hooks").status == "warning"


def test_without_the_scope_nobody_asks(check: Check, organisation: Start, tmp_path: Any) -> None:
    okta, url = organisation(hooks=[hook()])
    client, key = OAuthClient.with_new_key("0oa1", scopes=["okta.logs.read", "okta.eventHooks.read"])
    okta.register(client)
    (tmp_path / "key.json").write_text(json.dumps(key))
    auth = 'method = "private_key_jwt"\nclient_id = "0oa1"\nprivate_key_file = "key.json"'
    checked = check(url, auth=auth, more=HOOKS)
    assert checked.status("hooks") == "not_reached"
    assert "scopes don't hold okta.eventHooks.read" in checked.words("hooks")
    checked = check(url, auth=f'{auth}\nscopes = ["okta.logs.read", "okta.eventHooks.read"]', more=HOOKS)
    assert checked.status("hooks") == "ok"


def test_behind_a_failure_nobody_asks(check: Check, organisation: Start) -> None:
    okta, url = organisation(hooks=[hook()])
    okta.token = TOKEN + "x"
    checked = check(url, more=HOOKS)
    assert checked.failed == "authentication"
    assert len(okta.requests) == 1
