"""Addresses that a person writes, brought to one form: the organisation's URL, further hosts, a proxy.

Every function raises `ValueError` with what is allowed when it refuses a value.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

__all__ = ["OKTA_DOMAINS", "check_host", "check_proxy", "is_loopback", "normalise_org_url"]

OKTA_DOMAINS: Final = ("okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil")
"""The domains under which Okta itself hosts organisations; any other host is a custom domain."""

_ADMIN_SUFFIX: Final = "-admin"
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_BARE_NAME: Final = re.compile(_LABEL)
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_PROXY_ALLOWED: Final = "http://HOST:PORT or https://HOST:PORT, without path, user or password (this file holds no secrets), or nothing"


def normalise_org_url(value: str) -> str:
    """Return the origin (scheme, lower-case host, port unless it is the scheme's own) of an organisation.

    Args:
        value: A URL without path, a bare domain (which means https), or a bare name (which means NAME.okta.com).
    """
    text = value.strip()
    if "://" not in text:
        text = f"https://{text}.okta.com" if _BARE_NAME.fullmatch(text.lower()) else f"https://{text}"
    allowed = "a URL such as https://acme.okta.com, without path, query or user; also acme.okta.com or acme"
    parts = _split(text, allowed)
    origin = _origin(parts, allowed)
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        message = f"https://, as in https://{host} (http:// only for 127.0.0.0/8, ::1 and localhost)"
        raise ValueError(message)
    if host in OKTA_DOMAINS:
        message = f"your organisation's own host, such as https://acme.{host}"
        raise ValueError(message)
    name, _, domain = host.partition(".")
    if domain in OKTA_DOMAINS and name.endswith(_ADMIN_SUFFIX):
        message = (
            f"https://{name.removesuffix(_ADMIN_SUFFIX)}.{domain}, the organisation's own URL; "
            "the one given is its admin console's, which has no API"
        )
        raise ValueError(message)
    return origin


def check_host(value: str) -> str:
    """Return a host in lower case, with its port if it has one other than that of https."""
    allowed = "a host such as login.acme.com, or host:port, without https:// and path"
    if "/" in value:
        raise ValueError(allowed)
    return _origin(_split(f"https://{value}", allowed), allowed).removeprefix("https://")


def check_proxy(value: str) -> str:
    """Return a proxy's origin, or nothing for nothing."""
    return _origin(_split(value, _PROXY_ALLOWED), _PROXY_ALLOWED) if value else ""


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in a URL but without brackets, is this machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # 127.0.0.0/8 or ::1, but not the IPv4-mapped form, which some resolvers send elsewhere.
    return address.is_loopback and (address.version == 4 or address == ipaddress.IPv6Address("::1"))


def _split(text: str, allowed: str) -> SplitResult:
    # urlsplit deletes tabs and line breaks without a word, so a text that holds any is refused before.
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(allowed)
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError(allowed) from None


def _origin(parts: SplitResult, allowed: str) -> str:
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(allowed)
    if "@" in parts.netloc or not _is_host(host):
        raise ValueError(allowed)
    try:
        port = parts.port
    except ValueError:
        raise ValueError(allowed) from None
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(allowed)
    shown = f"[{host}]" if ":" in host else host
    suffix = "" if port is None or port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{shown}{suffix}"


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _DOMAIN.fullmatch(host) is not None
    try:
        return ipaddress.ip_address(host).version == 6 and "%" not in host
    except ValueError:
        return False
