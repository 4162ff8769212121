"""`requests` adapters with one kept-alive connection: an answer has a deadline, and TLS contexts are ours."""

import http.client
import socket
from collections.abc import Mapping
from typing import Any, ClassVar

import requests.adapters
import urllib3
import urllib3.exceptions
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from okta_source.config.tenant import TlsConfig
from okta_source.config.tls import ssl_context
from okta_source.http.deadline import within
from okta_source.http.exchange import Answer

__all__ = ["ExchangingPool", "OneConnection", "OneTlsConnection"]


class _Response(http.client.HTTPResponse):
    """An answer whose headers and body have to be there within the read time-out."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = within(sock, self.fp)


class _Connection(HTTPConnection):
    response_class: Any = _Response


class _TlsConnection(HTTPSConnection):
    response_class: Any = _Response


class ExchangingPool(HTTPConnectionPool):
    """A pool that also takes requests as bytes: see `okta_source.http.exchange`. Forms and pages share its one connection."""

    ConnectionCls: Any = _Connection

    def exchange(self, head: bytes, *, connect_seconds: float, answer_seconds: float, largest_bytes: int) -> tuple[Answer, bytes, bool]:
        """Send a request, and read its answer.

        Args:
            head: The whole request.
            connect_seconds: Within which there is a connection.
            answer_seconds: Within which the answer is there, from the request on.
            largest_bytes: How much of a body is read.

        Returns:
            The answer, its body as it was sent, and whether that is all of it.

        Raises:
            urllib3.exceptions.HTTPError, http.client.HTTPException, OSError: There is none.
        """
        connection: Any = self._get_conn()  # none that the server has closed meanwhile
        kept = None
        answer: Answer | None = None
        try:
            if connection.is_closed:
                self._connect(connection, connect_seconds)
            connection.sock.settimeout(answer_seconds)
            connection.sock.sendall(head)
            answer = Answer(connection.sock)
            answer.begin()
            body, whole = answer.read_body(largest_bytes)
            if whole and not answer.will_close:
                kept = connection
            return answer, body, whole
        finally:
            if answer is not None:
                answer.close()
            if kept is None:
                connection.close()
            self._put_conn(kept)

    def _connect(self, connection: Any, connect_seconds: float) -> None:
        connection.timeout = connect_seconds
        try:
            if self.proxy is not None and self.scheme == "https" and connection.proxy is not None:
                self._prepare_proxy(connection)
            self._validate_conn(connection)
            if connection.is_closed:
                connection.connect()  # plain http, which urllib3 connects with the first request
        except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError) as error:
            if connection.proxy is not None and not connection.has_connected_to_proxy:
                msg = "Unable to connect to proxy"
                raise urllib3.exceptions.ProxyError(msg, error) from error
            raise


class ExchangingTlsPool(HTTPSConnectionPool, ExchangingPool):
    """The same over TLS."""

    ConnectionCls = _TlsConnection


class OneConnection(requests.adapters.HTTPAdapter):
    """Plain HTTP with one kept-alive connection."""

    _pool_classes: ClassVar[Mapping[str, type]] = {"http": ExchangingPool, "https": ExchangingTlsPool}

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of connections whose answers have a deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = dict(self._pool_classes)

    def pool_for(self, url: str, proxies: Mapping[str, str]) -> ExchangingPool:
        """The pool of the one connection to where `url` leads; another one once the adapter has been closed."""
        pool: ExchangingPool = self.get_connection_with_tls_context(requests.Request("GET", url).prepare(), True, proxies=dict(proxies))  # type: ignore[assignment]  # noqa: FBT003
        return pool

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The same for connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = dict(self._pool_classes)
        return manager


class OneTlsConnection(OneConnection):
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
