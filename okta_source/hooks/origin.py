"""Whose delivery it is, by its envelope's `source`, and which hook sent it. Pure.

An event hook names the organisation's host and the hook: `https://acme.okta.com/api/v1/eventHooks/who…`. EventBridge names the
organisation's subdomain: `aws.partner/okta.com/acme/…`. A delivery that names another organisation means that the URLs of two tenants are
crossed; one that names nobody is taken for the tenant's own, since it had its secret.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

__all__ = ["foreign_origin", "hook_id"]

_HOOK: Final = re.compile(r"/api/v1/eventHooks/([A-Za-z0-9_-]{1,64})/?")
_PARTNER: Final = re.compile(r"aws\.partner/okta[a-z-]*\.(?:com|mil)/([^/]+)(?:/.*)?")
_OKTA_HOST: Final = re.compile(r"([a-z0-9-]+)\.(?:okta|oktapreview|okta-emea|okta-gov|okta\.mil|trexcloud)\.(?:com|mil)")


def foreign_origin(source: str, hosts: Iterable[str]) -> str:
    """The organisation that a delivery names, if it is another one; empty otherwise.

    Args:
        source: The envelope's.
        hosts: The tenant's host and the further ones it may have, each with its port where that is not the scheme's own.
    """
    known = [host.lower() for host in hosts]
    if partner := _PARTNER.fullmatch(source):
        subdomains = {found[1] for host in known if (found := _OKTA_HOST.fullmatch(host))}
        named = partner[1].lower()
        # A tenant that is known by a domain of its own alone could have any subdomain.
        return f"{named} (EventBridge)" if subdomains and named not in subdomains else ""
    host = _host_of(source)
    return host if host and host not in known else ""


def hook_id(source: str) -> str:
    """The id of the event hook that sent a delivery; empty where the source names none."""
    try:
        found = _HOOK.fullmatch(urlsplit(source).path)
    except ValueError:
        return ""
    return found[1] if found else ""


def _host_of(source: str) -> str:
    try:
        parts = urlsplit(source)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return name if port in (None, usual) else f"{name}:{port}"
