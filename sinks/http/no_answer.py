"""Why a request has no answer, read from what was raised: the kind of failure, of whom it speaks, and what to do."""

import http.client
import re
import socket
import ssl
from dataclasses import dataclass

import requests
import urllib3
import urllib3.exceptions
from urllib3.util.ssl_match_hostname import CertificateError

from sinks.delivery.target import Blame, ErrorType
from sinks.http.connections import was_connecting

__all__ = ["NoAnswer", "explain"]

_NOT_CONNECTED = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
_OF_OUR_CERTIFICATE = re.compile("ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA")
# Their messages are what came: a target may repeat a secret there.
_REPEATS_WHAT_CAME = (
    http.client.BadStatusLine, http.client.UnknownProtocol, ValueError, urllib3.exceptions.InvalidChunkLength,
    urllib3.exceptions.InvalidHeader,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is no answer. Whether the request had an effect is unknown.

    Attributes:
        error_type: The kind of failure.
        reason: What happened; a sentence.
        fix: What to do about it; a sentence.
        blame: Of whom it speaks: of the target where nothing of the request was sent, otherwise it may be an event's doing.
    """

    error_type: ErrorType
    reason: str
    fix: str
    blame: Blame = "target"


def explain(error: BaseException, origin: str, timeout_seconds: float) -> NoAnswer:
    """Say why there is no answer, and let go of the exception's tracebacks.

    Args:
        error: What was raised.
        origin: The server, for messages.
        timeout_seconds: The request's, for the message.
    """
    chain = _chain(error)
    _drop_tracebacks(chain)
    if any(isinstance(link, (socket.gaierror, urllib3.exceptions.NameResolutionError)) for link in chain):
        return NoAnswer("dns", f"The host of {origin} can't be resolved.", "Check the address for a typing error, and this machine's DNS.")
    connecting = any(isinstance(link, _NOT_CONNECTED) or was_connecting(link) for link in chain)
    blame: Blame = "target" if connecting else "doubtful"
    if any(_is_timeout(link) for link in chain):
        return NoAnswer(
            "timeout", f"{origin} did not answer within {timeout_seconds:.3g} s.", "Look at the server's load and at the network.", blame
        )
    tls = next((link for link in chain if isinstance(link, (ssl.SSLError, CertificateError))), None)
    if tls is not None and (fix := _tls_fix(tls, connecting=connecting)):
        return NoAnswer("tls", f"No trusted TLS connection to {origin}: {tls}.", fix)
    odd = next((link for link in chain if isinstance(link, _REPEATS_WHAT_CAME) and not isinstance(link, OSError | UnicodeError)), None)
    root = odd or next((link for link in reversed(chain) if isinstance(link, OSError)), chain[-1])
    told = "what came is no HTTP" if odd else root
    return NoAnswer(
        "connection",
        f"The connection to {origin} failed: {type(root).__name__}: {told}.",
        "Check that the server runs and that this machine may reach it.",
        blame,
    )


def _tls_fix(error: BaseException, *, connecting: bool) -> str:
    """What to do about a failure that is the target's; empty where a connection that stood was broken, as a firewall does for an event."""
    if isinstance(error, (ssl.SSLCertVerificationError, CertificateError)):
        return "Give the server's CA in ca_file; otherwise check the address."
    # With TLS 1.3 a server looks at a client's certificate when the client takes the handshake for done.
    if _OF_OUR_CERTIFICATE.search(getattr(error, "reason", None) or ""):
        return "The server refuses this client's certificate: look at cert_file and key_file."
    return "The handshake itself failed: check the address, its port, and what stands between." if connecting else ""


def _drop_tracebacks(chain: list[BaseException]) -> None:
    """Let go of the calls in which the exceptions came up.

    urllib3 keeps what it raises in variables of its own, so exception, traceback and call hold each other: 66 objects of each request
    without an answer, its body among them. Only the garbage collector would free them, which looks after every 100,000 new objects.
    """
    for link in chain:
        link.__traceback__ = None


def _is_timeout(link: BaseException) -> bool:
    # urllib3 derives "nobody listens there" from its time-out of connecting.
    timed_out = isinstance(link, (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout))
    return timed_out and not isinstance(link, urllib3.exceptions.NewConnectionError)


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and everything it was made from, outermost first."""
    chain: list[BaseException] = []
    pending: list[BaseException] = [error]
    while pending:
        link = pending.pop(0)
        if not any(link is seen for seen in chain):
            chain.append(link)
            inner = [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
            pending.extend(candidate for candidate in inner if isinstance(candidate, BaseException))
    return chain
