"""The edges: DNS, TCP, a proxy's CONNECT and the TLS handshake, each with a time-out, none with a credential of Okta's."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from urllib3.util.ssltransport import SSLTransport

from okta_source.check.route import Hop, Route
from okta_source.check.tls_words import HandshakeFailure
from okta_source.polling.printable import printable

__all__ = ["HandshakeError", "ProxyError", "ResolveError", "connect", "handshake", "peer_chain", "resolve"]

_LONGEST_HEAD_BYTES: Final = 16 * 1024
# A server answers a good-bye at once.
_GOODBYE_SECONDS: Final = 1.0
# Alerts about a client's certificate; a server may send others for the hanging up itself.
_OBJECTIONS: Final = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")
_ENCODING_DER: Final = 2


class ResolveError(Exception):
    """A name leads to no address.

    Attributes:
        no_answer: Whether the resolver itself gave no answer.
    """

    def __init__(self, reason: str, *, no_answer: bool) -> None:
        super().__init__(reason)
        self.no_answer = no_answer


class ProxyError(Exception):
    """A proxy does not let us through.

    Attributes:
        status: Its HTTP status; 0 for an answer that is no HTTP.
        reason: What stands beside the status, or what went wrong.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class HandshakeError(Exception):
    """No TLS connection came about.

    Attributes:
        failure: What OpenSSL said.
    """

    def __init__(self, failure: HandshakeFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def resolve(hop: Hop, timeout_seconds: float) -> list[str]:
    """The addresses of a host.

    Args:
        hop: The host.
        timeout_seconds: How long to wait; the resolver's own patience can't be set.

    Raises:
        ResolveError: There are none.
    """
    found: list[list[str] | ResolveError] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
        except socket.gaierror as error:
            reason = (error.strerror or str(error)).rstrip(".")
            found.append(ResolveError(reason, no_answer=error.errno == socket.EAI_AGAIN))
        except (OSError, UnicodeError) as error:
            found.append(ResolveError(str(error), no_answer=False))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    outcome = found[0] if found else ResolveError(f"nothing came within {timeout_seconds:g} s", no_answer=True)
    if isinstance(outcome, ResolveError):
        raise outcome
    return outcome


@contextmanager
def connect(route: Route, timeout_seconds: float) -> Iterator[Any]:
    """A connection on which the organisation can be spoken to: its own, or a tunnel through the proxy where it has https.

    Args:
        route: The way.
        timeout_seconds: For each address, and for each answer.

    Yields:
        The socket.

    Raises:
        OSError: No TCP connection.
        ProxyError: The proxy does not open the tunnel.
    """
    opened: Any = socket.create_connection((route.first.host, route.first.port), timeout_seconds)
    try:
        if route.proxy and route.proxy.scheme == "https":
            try:
                opened = ssl.create_default_context().wrap_socket(opened, server_hostname=route.proxy.host)
            except (OSError, ValueError) as error:
                raise ProxyError(0, f"TLS: {getattr(error, 'verify_message', '') or getattr(error, 'reason', '') or error}") from None
        if route.proxy and route.org.scheme == "https":
            _tunnel(opened, route)
        yield opened
    finally:
        opened.close()


def _tunnel(opened: Any, route: Route) -> None:
    lines = [f"CONNECT {route.org} HTTP/1.1", f"Host: {route.org}", *(f"{name}: {value}" for name, value in route.proxy_headers)]
    opened.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head = b""
    while b"\r\n\r\n" not in head:
        piece = opened.recv(1)  # nothing of what follows the head may be taken
        if not piece or len(head) > _LONGEST_HEAD_BYTES:
            break
        head += piece
    version, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/") or not status.isdecimal():
        raise ProxyError(0, "" if head else "it closed the connection")
    if not 200 <= int(status) < 300:
        raise ProxyError(int(status), printable(reason, 100))


def handshake(opened: Any, context: ssl.SSLContext, host: str) -> tuple[str, bytes | None]:
    """Make a TLS connection, hang up, and see whether the server is content.

    Args:
        opened: What `connect` gave.
        context: The tenant's TLS settings.
        host: The organisation's.

    Returns:
        The protocol, and the server's certificate, DER.

    Raises:
        HandshakeError: It failed.
    """
    try:
        secured = _wrap(opened, context, host)
    except (OSError, ValueError) as error:
        raise HandshakeError(_failure(error)) from None
    with contextlib.closing(secured):
        protocol, leaf = str(secured.version()), secured.getpeercert(binary_form=True)
        if isinstance(secured, ssl.SSLSocket):
            _hear_objection(secured)
        return protocol, leaf


def _hear_objection(secured: ssl.SSLSocket) -> None:
    """Hang up, and listen for what a TLS 1.3 server has against our certificate, or the lack of one: it says so after the handshake."""
    try:
        secured.settimeout(_GOODBYE_SECONDS)
        with contextlib.suppress(OSError):  # it has hung up first; what it said can still be read
            socket.socket.shutdown(secured, socket.SHUT_WR)  # of TCP; the TLS close would end the reading too
        secured.recv(1)
    except ssl.SSLError as error:
        if any(part in (error.reason or "") for part in _OBJECTIONS):
            raise HandshakeError(_failure(error)) from None
    except OSError:
        pass  # it takes its time, or hung up as well: it has no objection


def peer_chain(opened: Any, context: ssl.SSLContext, host: str) -> list[bytes]:
    """The certificates that the server sends, DER, its own first; empty where there are none to be had.

    Args:
        opened: What `connect` gave.
        context: One that does not verify, for this look alone: nothing is sent over this connection.
        host: The organisation's.
    """
    try:
        secured = _wrap(opened, context, host)
    except (OSError, ValueError):
        return []
    with contextlib.closing(secured):
        # Python offers the chain since 3.13; before, only what its own `ssl` is made of has it.
        inner = getattr(secured, "_sslobj", None) or getattr(secured, "sslobj", None)
        inner = getattr(inner, "_sslobj", inner)
        chain: list[Any] = getattr(inner, "get_unverified_chain", list)() or []
        ders = [certificate.public_bytes(_ENCODING_DER) for certificate in chain]
        leaf = secured.getpeercert(binary_form=True)
        return ders or ([leaf] if leaf else [])


def _wrap(opened: Any, context: ssl.SSLContext, host: str) -> Any:
    if isinstance(opened, ssl.SSLSocket):
        return SSLTransport(opened, context, server_hostname=host)  # TLS in TLS, which `ssl` alone can't do
    return context.wrap_socket(opened, server_hostname=host)


def _failure(error: OSError | ValueError) -> HandshakeFailure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return HandshakeFailure(error.reason or "CERTIFICATE_VERIFY_FAILED", error.verify_code, error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason:
        return HandshakeFailure(error.reason)
    if isinstance(error, TimeoutError):
        return HandshakeFailure("TIMEOUT")
    if isinstance(error, ConnectionError):
        return HandshakeFailure("CLOSED")
    return HandshakeFailure(str(error) or type(error).__name__)
