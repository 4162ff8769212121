"""`requests` adapters: the request target goes out byte for byte, and TLS contexts are ours.

urllib3 normalises percent-encodings (`%2b` becomes `%2B`). Okta's cursor is opaque, so what goes on the wire is the link's own target.
"""

import ssl
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import urlsplit

import certifi
import requests.adapters
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from okta_source.config import TlsConfig

__all__ = ["ExactHttpAdapter", "ExactHttpsAdapter", "exact_target"]

_REQUEST = threading.local()


def exact_target(url: str) -> None:
    """Say what the next request of this thread asks for: the path and query of `url`, byte for byte."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    target = url[len(origin) :].partition("#")[0]  # a fragment is the client's own
    _REQUEST.origin = origin
    _REQUEST.target = target if target.startswith("/") else f"/{target}"


class _ExactTarget:
    """Puts the exact target in place of the normalised one, in origin form as well as in the absolute form that http proxies get."""

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        target = getattr(_REQUEST, "target", None)
        if target is not None and method == "GET":
            url = target if url.startswith("/") else _REQUEST.origin + target
        super().putrequest(method, url, *args, **kwargs)  # type: ignore[misc]


class _Connection(_ExactTarget, HTTPConnection):
    pass


class _TlsConnection(_ExactTarget, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class ExactHttpAdapter(requests.adapters.HTTPAdapter):
    """Plain HTTP with one kept-alive connection."""

    _pool_classes: ClassVar[Mapping[str, type]] = {"http": _Pool, "https": _TlsPool}

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of connections that send exact targets."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = dict(self._pool_classes)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The same for connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = dict(self._pool_classes)
        return manager


class ExactHttpsAdapter(ExactHttpAdapter):
    """HTTPS with a context of ours, so that no CA bundle is loaded again for each connection.

    Args:
        tls: The tenant's TLS settings.
    """

    def __init__(self, tls: TlsConfig) -> None:
        self._context = _ssl_context(tls)
        self._assert_hostname: dict[str, bool] = {} if tls.verify_hostname else {"assert_hostname": False}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give every connection the context."""
        super().init_poolmanager(*args, ssl_context=self._context, **self._assert_hostname, **kwargs)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Give connections through a proxy the same context."""
        return super().proxy_manager_for(proxy, ssl_context=self._context, **self._assert_hostname, **proxy_kwargs)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """The context already holds what `verify` and `cert` would set."""
        host_params, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host_params, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context already verifies."""


@lru_cache(maxsize=64)
def _ssl_context(tls: TlsConfig) -> ssl.SSLContext:
    """The tenant's TLS context; tenants with equal settings share it, since loading the CA bundle takes 10 ms and a megabyte."""
    context = ssl.create_default_context(cafile=tls.ca_file or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert_file:
        password = tls.key_password.read().reveal() if tls.key_password else None
        context.load_cert_chain(tls.cert_file, tls.key_file, password=password)
    if not tls.verify_hostname or not tls.verify:
        context.check_hostname = False
    if not tls.verify:
        context.verify_mode = ssl.CERT_NONE
    return context
