"""`requests` adapters: the request target goes out byte for byte, an answer has a deadline, and TLS contexts are ours.

urllib3 normalises percent-encodings (`%2b` becomes `%2B`). Okta's cursor is opaque, so what goes on the wire is the link's own target.
"""

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests.adapters
import urllib3
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from okta_source.config.tenant import TlsConfig
from okta_source.config.tls import ssl_context

__all__ = ["ExactHttpAdapter", "ExactHttpsAdapter", "exact_target"]

_REQUEST = threading.local()


def exact_target(url: str) -> None:
    """Say what the next request of this thread asks for: the path and query of `url`, byte for byte."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    target = url[len(origin) :].partition("#")[0]  # a fragment is the client's own
    _REQUEST.origin = origin
    _REQUEST.target = target if target.startswith("/") else f"/{target}"


class _UntilDeadline(io.RawIOBase):
    """What is left of the time-out is the time-out of the next read: a socket's own counts from byte to byte, and a trickle never ends."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, timeout_seconds: float) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left_seconds = self._deadline - time.monotonic()
        if left_seconds <= 0.0:
            msg = "the answer took too long"
            raise TimeoutError(msg)
        self._sock.settimeout(left_seconds)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):  # closed already
                self._sock.settimeout(self._timeout_seconds)
            self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose headers and body have to be there within the read time-out."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout_seconds = sock.gettimeout()
        if timeout_seconds is not None:
            self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach(), sock, timeout_seconds))


class _ExactTarget:
    """Puts the exact target in place of the normalised one, in origin form as well as in the absolute form that http proxies get."""

    response_class: Any = _Response

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
        self._context = ssl_context(tls)
        self._assert_hostname: dict[str, bool] = {} if tls.verify_hostname else {"assert_hostname": False}
        if not tls.verify:
            # The configuration has been warned of already, with the tenant's name.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
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
