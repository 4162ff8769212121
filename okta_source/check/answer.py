"""What the one request for logs, and the request for its access token, say of the credential, the rate limit and the log."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from okta_source.check.budget import Plan, exhausted, judge_budget
from okta_source.check.page import judge_page
from okta_source.check.report import StepName, Verdict, failed, ok, unknown
from okta_source.config.auth import OAuthConfig
from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import PageError, slice_page
from okta_source.polling.limits import read_rate_limit
from okta_source.polling.oauth_error import oauth_error_of
from okta_source.polling.outcome import Response, TransportFailure
from okta_source.polling.retry_after import http_date
from okta_source.polling.verdict import failure_of, undecodable

__all__ = ["judge_outcome"]

_ZONE: Final = "If it has one, see whether a network zone restricts it (Security > API > Tokens, or the app's tab General)."
_APP_ROLE: Final = (
    "Assign the app an admin role beside the scope, such as Read-only or Report Administrator: in the Okta Admin Console under "
    f"Applications > Applications > (the app) > Admin roles. {_ZONE}"
)
_ROLE: Final = MappingProxyType(
    {
        "ssws": "Give the token's owner an admin role, such as Read-only or Report Administrator: in the Okta Admin Console under "
        f"Security > Administrators. {_ZONE}",
        "private_key_jwt": _APP_ROLE,
        "client_secret": _APP_ROLE,
        "refresh_token": "Give the person who authorised the app an admin role, such as Read-only or Report Administrator: in the Okta "
        f"Admin Console under Security > Administrators. {_ZONE}",
    }
)


def judge_outcome(outcome: Response | TransportFailure, tenant: TenantConfig, plan: Plan, now: datetime) -> dict[StepName, Verdict]:
    """Judge what came of the request for a page.

    An answer that says nothing of the credential fails the first step that waited for it.

    Args:
        outcome: What the transport gave.
        tenant: Whose it is.
        plan: What a run will ask of the organisation.
        now: Our time, UTC.
    """
    if isinstance(outcome, TransportFailure):
        return _no_answer(outcome, tenant)
    known = _known(tenant)
    if outcome.status != 200:
        return _refused(outcome, tenant, plan, known, now)
    try:
        sliced = slice_page(outcome.body)
    except PageError as error:
        failure = undecodable(str(error), tenant.org_url)
        return {**known, _waiting(known): failed(failure.message, failure.fix)}
    found = _admitted(tenant)
    found["rate_limit"] = judge_budget(read_rate_limit(outcome.headers, now.timestamp()), plan)
    found["logs"] = judge_page(sliced, outcome.headers.get("Link"), tenant, http_date(outcome.headers.get("Date")) or now)
    return found


def _known(tenant: TenantConfig) -> dict[StepName, Verdict]:
    """What is known before the API has answered: an access token was given, or nothing."""
    return {"authentication": ok(_credential(tenant))} if isinstance(tenant.auth, OAuthConfig) else {}


def _admitted(tenant: TenantConfig) -> dict[StepName, Verdict]:
    oauth = isinstance(tenant.auth, OAuthConfig)
    may = "scope and role suffice for the System Log" if oauth else "the token's owner may read the System Log"
    return {"authentication": ok(_credential(tenant)), "authorization": ok(may)}


def _credential(tenant: TenantConfig) -> str:
    if isinstance(tenant.auth, OAuthConfig):
        kind = "DPoP" if tenant.auth.dpop else "Bearer"
        return f"Okta gave an access token ({tenant.auth.method}, {kind}) for {' '.join(tenant.auth.scopes)}"
    return "Okta takes the API token"


def _waiting(known: Mapping[StepName, Verdict]) -> StepName:
    return "authorization" if "authentication" in known else "authentication"


def _no_answer(failure: TransportFailure, tenant: TenantConfig) -> dict[StepName, Verdict]:
    verdict = failed(failure.detail, failure.fix)
    if failure.error_type == "tls":
        return {"tls": verdict}
    if failure.error_type == "dns":
        return {"dns": verdict}
    if failure.stage != "token":
        known = _known(tenant)
        return {**known, _waiting(known): verdict}
    if failure.error_type == "permission":
        return {"authentication": ok("Okta knows this client"), "authorization": verdict}
    if failure.error_type == "rate_limited":
        reason = "Okta refused to look at the credential: too many requests"
        return {"authentication": unknown(reason), "authorization": unknown(reason), "rate_limit": verdict}
    return {"authentication": verdict}


def _refused(
    response: Response, tenant: TenantConfig, plan: Plan, known: dict[StepName, Verdict], now: datetime
) -> dict[StepName, Verdict]:
    """Which step an answer other than 200 fails, and what it says of the others."""
    failure = failure_of(response, tenant.org_url)
    verdict = failed(failure.message, failure.fix)
    rate_limit = read_rate_limit(response.headers, now.timestamp())
    found: dict[StepName, Verdict]
    if failure.error_type == "rate_limited":
        reason = "Okta answered 429 before it looked at the credential"
        found = {"authentication": unknown(reason), "authorization": unknown(reason)}
        found = {**found, **known, "rate_limit": exhausted(rate_limit, failure.message)}
    elif failure.error_type == "auth":
        found = {"authentication": verdict}
    elif response.status == 407:
        found = {"connect": failed("The proxy answered 407 in the organisation's place", failure.fix)}
    elif not failure.from_okta:
        found = {**known, _waiting(known): verdict}
    elif failure.error_type == "permission":
        fix = failure.fix if oauth_error_of(response.headers, response.body) else _ROLE[tenant.auth.method]
        found = {"authentication": ok(_credential(tenant)), "authorization": failed(failure.message, fix)}
    elif failure.error_type == "bad_request":
        found = {**_admitted(tenant), "rate_limit": judge_budget(rate_limit, plan), "logs": verdict}
    else:
        found = {**known, _waiting(known): verdict}
    return found
