"""The `Link` header of a page, and the guard that decides which links a credential may follow.

Okta shows two forms, one header line a relation and one comma-joined line, and its cursor is opaque: the URL is taken out byte for byte.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

__all__ = ["LOGS_PATH", "host_of", "is_allowed", "next_link", "query_limit"]

# A quoted string may hold commas, semicolons and escaped quotes (RFC 8288 §3 with RFC 9110 §5.6.4).
_PARAMETER = re.compile(r"\s*;\s*([A-Za-z0-9!#$&+.^_`|~*-]+)\s*(?:=\s*(\"(?:[^\"\\]|\\.)*\"|[^\s;,\"]*))?")
_TARGET = re.compile(r"[\s,]*<([^>]*)>")
# What one parser skips and another takes: spaces, control characters, a backslash for a slash.
_READ_IN_TWO_WAYS = re.compile(r"[\x00-\x20\\\x7f]")
LOGS_PATH = "/api/v1/logs"
"""Nothing else of the organisation's is asked for: whoever answers in its place could have other things fetched with the credential."""
_DEFAULT_PORTS = {"https": 443, "http": 80}


def next_link(header: str | None) -> str | None:
    """The target of the link whose relation is `next`.

    Args:
        header: The `Link` header's value; several header lines joined with commas, as every HTTP library does.

    Returns:
        The URL exactly as it stands between the angle brackets, or None where there is no `next`.
    """
    position = 0
    while header and (target := _TARGET.match(header, position)):
        position = target.end()
        relations: list[str] | None = None
        while parameter := _PARAMETER.match(header, position):
            position = parameter.end()
            # RFC 8288: only the first `rel` of a link counts.
            if relations is None and parameter[1].lower() == "rel":
                relations = (parameter[2] or "").strip('"').lower().split()
        if relations is not None and "next" in relations:
            return target[1]
        # Whatever is left of this link is not understood: go on behind the next comma outside of it.
        following = header.find(",", position)
        if following < 0:
            return None
        position = following
    return None


def is_allowed(url: str, org_url: str, allowed_hosts: Collection[str] = ()) -> bool:
    """Whether a link may be followed with the organisation's credential.

    Args:
        url: The link's target.
        org_url: The organisation's origin, such as `https://acme.okta.com`.
        allowed_hosts: Further hosts that the configuration allows, with a port where it isn't the scheme's own.

    Returns:
        True only when the scheme is the organisation's own, the host (with port) is its own or allowed, without user information, the path
        is that of the System Log, and the URL holds nothing that two parsers could read in two ways.
    """
    if not url.isascii() or _READ_IN_TWO_WAYS.search(url):
        return False
    try:
        parts = urlsplit(url)
        org = urlsplit(org_url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != org.scheme or not parts.hostname or "@" in parts.netloc or parts.path != LOGS_PATH:
        return False
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    host = (parts.hostname, default_port if port is None else port)
    if host == (org.hostname, org.port or default_port):
        return True
    return any(host == _host_and_port(allowed, default_port) for allowed in allowed_hosts)


def host_of(url: str) -> str:
    """The host (with port where the URL names one) of `url`, for messages; empty where there is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def query_limit(url: str) -> int:
    """The page size that `url` asks for: its own `limit`, else Okta's default of 100."""
    match = re.search(r"[?&]limit=(\d{1,6})(?:&|$)", url)
    return int(match[1]) if match else 100


def _host_and_port(host: str, default_port: int | None) -> tuple[str | None, int | None]:
    parts = urlsplit(f"//{host}")
    return parts.hostname, parts.port or default_port
