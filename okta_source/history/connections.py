"""As many connections of one tenant as it has requests in flight: a transport itself is for one thread at a time."""

import threading
from collections.abc import Callable

from okta_source.auth import make_authenticator
from okta_source.config.tenant import TenantConfig
from okta_source.fetching.transport import OktaTransport, Transport
from okta_source.http.client import HttpClient
from okta_source.metrics import TenantMetrics
from okta_source.polling.outcome import Response, TransportFailure

__all__ = ["Connections", "okta_connections"]


class Connections:
    """A transport for any number of threads; connections are made when they are needed, and kept.

    Args:
        make: Makes one more.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make
        self._idle: list[Transport] = []
        self._closed = False
        self._lock = threading.Lock()

    def get(self, url: str) -> Response | TransportFailure:
        """Ask `url` over a connection that nobody uses just now; blocks."""
        with self._lock:
            # The one used last: those that few requests don't need any more grow old alone.
            transport = self._idle.pop() if self._idle else self._make()
        try:
            return transport.get(url)
        finally:
            with self._lock:
                self._idle.append(transport)
                closed = self._closed
            if closed:
                self.close()

    def close(self) -> None:
        """Close what is idle, and the others once they are."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for transport in idle:
            transport.close()


def okta_connections(tenant: TenantConfig, metrics: TenantMetrics) -> Transport:
    """Connections to a tenant's organisation that share one credential, so that there is one access token, not one each."""
    authenticator = make_authenticator(tenant, HttpClient(tenant), metrics.token_refreshed, metrics.error)
    return Connections(lambda: OktaTransport(HttpClient(tenant), authenticator, metrics.request))
