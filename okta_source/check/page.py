"""One page of the log: whether its links may be followed, and how old the newest event is."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from okta_source.check.report import Verdict, failed, ok, warning
from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import SlicedPage
from okta_source.polling.link import host_of, is_allowed, next_link

__all__ = ["age", "judge_page", "page_url"]

LOOK_BACK_DAYS: Final = 7
"""Okta's own default for `since`; not given, so that a wrong clock of ours does no harm."""
_QUIET: Final = timedelta(hours=24)


def page_url(tenant: TenantConfig) -> str:
    """The one request: the newest event that the tenant's filter lets through.

    Descending order is no polling in Okta's sense: it answers at once with the newest event. No cursor of anybody moves by it.
    """
    parameters = {"sortOrder": "DESCENDING", "limit": "1"}
    parameters |= {name: value for name, value in (("filter", tenant.filter), ("q", tenant.q)) if value}
    return f"{tenant.org_url}/api/v1/logs?{urlencode(parameters, quote_via=quote)}"


def judge_page(sliced: SlicedPage, link_header: str | None, tenant: TenantConfig, now: datetime) -> Verdict:
    """Judge the page.

    Args:
        sliced: What came.
        link_header: The answer's `Link`.
        tenant: Whose page it is.
        now: Okta's time where it is known.
    """
    link = next_link(link_header)
    if link is not None and not is_allowed(link, tenant.org_url, tenant.allowed_hosts):
        host = host_of(link) or link[:100]
        return failed(
            f"The next link names {host}, which is not {tenant.org_url}: it would not be followed",
            f'If {host} is a domain of this organisation, add it to the tenant: allowed_hosts = ["{host}"].',
        )
    if sliced.malformed:
        fix = "Nothing is lost: such elements go to the dead letters. Look at what stands between here and Okta."
        return warning(f"What came is {sliced.malformed[0][1]}", fix)
    selects = " that filter and q let through" if tenant.filter and tenant.q else ""
    selects = selects or (" that filter lets through" if tenant.filter else " that q lets through" if tenant.q else "")
    if not sliced.heads:
        fix = (
            "See in the Okta Admin Console (Reports > System Log) whether this is right: an event type or value that is misspelt lets "
            "nothing through."
            if selects
            else "An organisation in use has events every day: see whether org_url names the right one."
        )
        return warning(f"no event{selects} in the last {LOOK_BACK_DAYS} days", fix)
    newest = sliced.heads[0]
    old = now - newest.published
    detail = f"the newest event{selects} is {age(old)} old ({newest.event_type})"
    if old > _QUIET and not selects:
        return warning(detail, "An organisation in use has events every day: see whether org_url names the right one.")
    return ok(detail)


def age(span: timedelta) -> str:
    """A span in words, in its largest unit; nothing below a second."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
