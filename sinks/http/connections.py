"""Connections to a target that are not trusted for ever: a NAT or a firewall forgets an idle one without a word, and nobody answers."""

import http.client
import socket
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from sinks.http.deadline import within

__all__ = ["LONGEST_IDLE_SECONDS", "POOL_CLASSES", "SOCKET_OPTIONS", "was_connecting"]

LONGEST_IDLE_SECONDS = 60.0
"""How long a connection may be idle and be used again: as long as a tenant's may be. Home routers and clouds forget after minutes."""


def _keep_alive() -> list[tuple[int, int, int]]:
    """Ask the other side now and then, so that whoever is between remembers, and a peer that is gone is noticed in a minute."""
    options = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # not everywhere
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


SOCKET_OPTIONS = _keep_alive()


class _Ageing:
    """A pool that makes a new connection where the one at hand has been idle for too long."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        idle_since = getattr(connection, "okta_idle_since", None)
        if idle_since is not None and time.monotonic() - idle_since > LONGEST_IDLE_SECONDS:
            connection.close()  # it connects anew with its next request
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.okta_idle_since = time.monotonic()
        super()._put_conn(conn)  # type: ignore[misc]


class _Response(http.client.HTTPResponse):
    """Has to be there as a whole within the time-out: a byte a second, or one `100 Continue` after the other, is no answer."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = within(sock, self.fp)


class _Connection(HTTPConnection):
    response_class: Any = _Response


class _TlsConnection(HTTPSConnection):
    response_class: Any = _Response

    def connect(self) -> None:
        """An error of the handshake looks like one of a request that is broken off: this one says of itself which it is."""
        try:
            super().connect()
        except (OSError, ValueError) as error:  # a name that is another is a ValueError
            error.okta_connecting = True  # type: ignore[union-attr]
            raise


def was_connecting(error: BaseException) -> bool:
    """Whether the connection was still being made, so that nothing of a request was sent."""
    return getattr(error, "okta_connecting", False)


class _Pool(_Ageing, HTTPConnectionPool):
    ConnectionCls: Any = _Connection

    def __init__(self, *args: Any, assert_hostname: object = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Whether names are compared matters to TLS alone; urllib3 before 2.6 hands it on to a plain connection, which doesn't know it."""
        super().__init__(*args, **kwargs)


class _TlsPool(_Ageing, HTTPSConnectionPool):
    ConnectionCls: Any = _TlsConnection


POOL_CLASSES: Mapping[str, type] = MappingProxyType({"http": _Pool, "https": _TlsPool})
