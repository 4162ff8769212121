"""What a tenant is asked for, and the first request: in polling order without `until`, or bounded."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from okta_source.polling.state import query_fingerprint

__all__ = ["LONGEST_OVERLAP", "Query", "okta_time"]

LONGEST_OVERLAP = timedelta(minutes=5)
"""How far behind the newest event a refused cursor restarts, if the window of seen uuids reaches further."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a tenant is asked for.

    Attributes:
        tenant: The tenant's name.
        org_url: The organisation's origin.
        allowed_hosts: Further hosts that a `next` link may name.
        page_limit: 1 to 1000.
        filter: SCIM filter, may be empty.
        q: Keywords, may be empty.
        poll_interval_seconds: Between the end of a drain and the next request.
        overlap: How far behind the high-water mark a refused cursor restarts; shorter than the window of seen uuids.
    """

    tenant: str
    org_url: str
    allowed_hosts: tuple[str, ...] = ()
    page_limit: int = 1000
    filter: str = ""
    q: str = ""
    poll_interval_seconds: float = 10.0
    overlap: timedelta = LONGEST_OVERLAP

    def fingerprint(self) -> str:
        """Digest of what a cursor carries along: a cursor keeps the filter, q and limit that it was made with."""
        return query_fingerprint(self.filter, self.q, str(self.page_limit))

    def url_since(self, since: datetime) -> str:
        """The first request: polling order, never `until`."""
        return self._url({"since": okta_time(since)})

    def url_between(self, since: datetime, until: datetime) -> str:
        """The first request of a bounded read: in the order of `published`, with an end."""
        return self._url({"since": okta_time(since), "until": okta_time(until)})

    def _url(self, span: dict[str, str]) -> str:
        parameters = {**span, "sortOrder": "ASCENDING", "limit": str(self.page_limit)}
        if self.filter:
            parameters["filter"] = self.filter
        if self.q:
            parameters["q"] = self.q
        return f"{self.org_url}/api/v1/logs?{urlencode(parameters, quote_via=quote)}"


def okta_time(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:mm:ss.SSSZ`, rounded down: rounding a `since` up would lose events."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
