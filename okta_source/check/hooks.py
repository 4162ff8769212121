"""The organisation's event hooks, as far as they concern the tenant: whether one leads to the receiver, and would deliver. Pure."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from okta_source.check.report import Verdict, not_applicable, ok, warning
from okta_source.config.auth import OAuthConfig
from okta_source.config.tenant import TenantConfig
from okta_source.hooks.event_types import ELIGIBLE
from okta_source.polling.outcome import Response, TransportFailure

__all__ = ["SCOPE", "hooks_url", "judge_hooks", "may_ask"]

SCOPE: Final = "okta.eventHooks.read"
_WHERE: Final = "Okta Admin Console: Workflow > Event Hooks"
_REGISTER: Final = f"Register it ({_WHERE} > Create Event Hook; docs/push.md has every step), unless deliveries come through EventBridge."


def hooks_url(tenant: TenantConfig) -> str:
    """Where the organisation lists its hooks."""
    return f"{tenant.org_url}/api/v1/eventHooks"


def may_ask(tenant: TenantConfig) -> bool:
    """Whether the credential may be good for it: an API token goes by its owner's role, which only asking tells."""
    return tenant.hooks is not None and (not isinstance(tenant.auth, OAuthConfig) or SCOPE in tenant.auth.scopes)


def judge_hooks(outcome: Response | TransportFailure | None, tenant: TenantConfig, path_prefix: str) -> Verdict:
    """Judge what the organisation says of its hooks.

    Args:
        outcome: The answer; None where nobody asked.
        tenant: Whose it is.
        path_prefix: Of the receiver's paths.
    """
    if tenant.hooks is None:
        return not_applicable("the tenant has no table [tenants.hooks]: it is polled, and nothing is pushed")
    path = f"{path_prefix}/{tenant.name}"
    listed = _listed(outcome)
    if isinstance(listed, str):
        return _look_yourself(listed, path)
    ours = [hook for hook in listed if _path(str(_config(hook).get("uri", ""))) == path]
    if not ours:
        return warning(f"none of the organisation's {len(listed)} event hooks leads to https://…{path}", _REGISTER)
    return _judge(ours, tenant.hooks.header)


def _listed(outcome: Response | TransportFailure | None) -> list[dict[str, Any]] | str:
    """The hooks, or why they are not known."""
    if outcome is None:
        return f"not asked: the tenant's scopes don't hold {SCOPE}"
    if isinstance(outcome, TransportFailure):
        return outcome.detail
    if outcome.status != 200:
        return f"Okta answered {outcome.status} to the question for its hooks: it takes {SCOPE} and a role that sees them"
    try:
        return msgspec.json.decode(outcome.body, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "what came is no list of hooks"


def _judge(ours: Sequence[dict[str, Any]], header: str) -> Verdict:
    told = [_told(hook) for hook in ours]
    for hook in ours:
        name = hook.get("name")
        if hook.get("status") != "ACTIVE":
            return warning(told[0], f"Activate the hook {name!r}: {_WHERE} > Actions > Activate.")
        if hook.get("verificationStatus") != "VERIFIED":
            fix = f"Start the receiver where Okta reaches it, then verify the hook {name!r}: {_WHERE} > Actions > Verify."
            return warning(told[0], fix)
        key = str(_object(_config(hook).get("authScheme")).get("key", ""))
        if key.lower() != header.lower():
            fix = f"Give the hook {name!r} the authentication field {header} with the tenant's secret, or say header = {key!r} in the file."
            return warning(f"{told[0]}; it sends its secret as {key or 'no header'}, and the receiver expects {header}", fix)
    return ok("; ".join(told))


def _told(hook: dict[str, Any]) -> str:
    events = _object(hook.get("events"))
    listed = events.get("items")
    items = listed if isinstance(listed, list) else []
    known = len(ELIGIBLE.intersection(map(str, items)))
    chosen = "with a filter" if events.get("filter") else "without a filter"
    state = f"{hook.get('status')}, {hook.get('verificationStatus')}"
    return (
        f"the hook {hook.get('name')!r} is {state}; it has {len(items)} event types ({known} of the {len(ELIGIBLE)} public ones), {chosen}"
    )


def _config(hook: dict[str, Any]) -> dict[str, Any]:
    return _object(_object(hook.get("channel")).get("config"))


def _object(value: object) -> dict[str, Any]:
    """What should be an object: whoever answers chooses what it is."""
    return value if isinstance(value, dict) else {}


def _path(uri: str) -> str:
    try:
        return urlsplit(uri).path.rstrip("/")
    except ValueError:
        return ""


def _look_yourself(reason: str, path: str) -> Verdict:
    fix = f"See for yourself ({_WHERE}): a hook whose URL ends with {path} is active and verified, and has the tenant's secret."
    return Verdict("not_reached", reason, fix, applies=False)
