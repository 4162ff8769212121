"""The way to an organisation: directly, or through a proxy."""

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

import urllib3

from okta_source.config.tenant import TenantConfig

__all__ = ["Hop", "Route", "route_of", "route_to"]

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Hop:
    """A server on the way.

    Attributes:
        scheme: Of its URL.
        host: Its name or address, without brackets.
        port: Its TCP port.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """How requests get to a tenant's organisation.

    Attributes:
        org: The organisation.
        proxy: The proxy, if there is one.
        from_environment: Whether the proxy is named by the environment, not by the file.
        proxy_headers: The proxy's credentials, where the environment holds some.
    """

    org: Hop
    proxy: Hop | None = None
    from_environment: bool = False
    proxy_headers: tuple[tuple[str, str], ...] = ()

    @property
    def first(self) -> Hop:
        """Whom this machine connects to."""
        return self.proxy or self.org

    @property
    def source(self) -> str:
        """Where the proxy is set."""
        return "the environment's HTTPS_PROXY" if self.from_environment else "this tenant's proxy"


def route_of(tenant: TenantConfig, proxy: str | None) -> Route:
    """The route of a tenant.

    Args:
        tenant: The tenant.
        proxy: The proxy's URL as the transport uses it; nothing for none.

    Raises:
        ValueError: The proxy's URL can't be used.
    """
    return route_to(tenant.org_url, proxy, from_environment=not tenant.proxy)


def route_to(url: str, proxy: str | None, *, from_environment: bool) -> Route:
    """The route to a server.

    Args:
        url: The server's.
        proxy: The proxy's URL; nothing for none.
        from_environment: Whether the environment names it.

    Raises:
        ValueError: The proxy's URL can't be used.
    """
    org = _hop(urlsplit(url))
    if not proxy:
        return Route(org)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme not in _PORTS or not parts.hostname:
        msg = f"a proxy of the kind {parts.scheme}:// is not supported"
        raise ValueError(msg)
    headers: dict[str, str] = {}
    if parts.username:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = dict(urllib3.make_headers(proxy_basic_auth=credentials))
    return Route(org, _hop(parts), from_environment, tuple(headers.items()))


def _hop(parts: SplitResult) -> Hop:
    return Hop(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
