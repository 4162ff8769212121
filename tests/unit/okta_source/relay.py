"""What stands in front of a server: an end of TLS, or a proxy; both let bytes through as they are, to this machine alone."""

import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.unit.okta_source.wire import PATIENCE, Wire, serving


class TlsEnd(Wire):
    """Speaks TLS for a server that doesn't, and says good-bye properly: a client gets to read the alert that refuses it.

    Args:
        port: The server's, on this machine.
        context: The server's side of TLS.
    """

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._upstream = port
        self.handshakes: list[str] = []
        super().__init__(b"", context)

    def _serve(self, connection: socket.socket) -> None:
        assert self._context
        with suppress(OSError), connection:
            secured = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with secured:
                try:
                    secured.do_handshake()
                except ssl.SSLError:
                    # Closed with bytes unread, the connection would be reset, and the alert lost on its way.
                    socket.socket.shutdown(secured, socket.SHUT_WR)
                    secured.settimeout(PATIENCE)
                    while socket.socket.recv(secured, 65536):
                        pass
                    raise
                self.handshakes.append(str(secured.version()))
                if not (first := secured.recv(65536)):
                    return
                with socket.create_connection(("127.0.0.1", self._upstream)) as upstream:
                    upstream.sendall(first)
                    _relay(secured, upstream)


@contextmanager
def ending_tls(port: int, context: ssl.SSLContext) -> Iterator[TlsEnd]:
    end = TlsEnd(port, context)
    try:
        yield end
    finally:
        end.close()


@contextmanager
def tunnelling(context: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """A proxy that opens a tunnel for each CONNECT; whatever host is asked for, it connects to this machine's port of that number.

    Args:
        context: For a proxy that is spoken to over TLS itself.
    """

    def handle(client: socket.socket, head: bytes) -> None:
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(client, upstream)

    with serving(handle, context) as proxy:
        yield proxy


def _relay(client: socket.socket, upstream: socket.socket) -> None:
    """Let bytes through until one of them hangs up; on one thread, since OpenSSL's connections are for one thread at a time."""
    other = {client: upstream, upstream: client}
    with suppress(OSError), selectors.DefaultSelector() as selector:
        for end in other:
            selector.register(end, selectors.EVENT_READ)
        while True:
            pending = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if pending else [client if key.fileobj is client else upstream for key, _ in selector.select()]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                other[source].sendall(data)
