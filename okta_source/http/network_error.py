"""Why a request got no answer: the cause at the bottom of the exceptions that requests and urllib3 wrap around it.

A proxy's trouble is told apart from the organisation's: its name, its port, its certificate and its refusals are mended elsewhere.
"""

import errno
import http.client
import re
import socket
import ssl
from typing import Final

import requests
import urllib3.exceptions

from okta_source.polling.outcome import TransportFailure
from okta_source.polling.printable import printable

__all__ = ["drop_tracebacks", "explain"]

_EGRESS: Final = "Check that this machine may reach {whom} (egress rules, proxy); it is tried again."
_PROXY_SETTING: Final = "`proxy` of this tenant, or HTTPS_PROXY in the environment"
_TUNNEL_REFUSED: Final = re.compile(r"Tunnel connection failed: (\d+) *(.*)")

# Their messages are what came: whoever answers may repeat the credential there, or it is a token.
_REPEATS_WHAT_CAME: Final = (
    http.client.BadStatusLine, http.client.UnknownProtocol, ValueError, urllib3.exceptions.InvalidChunkLength,
    urllib3.exceptions.InvalidHeader,
)  # fmt: skip


def explain(error: BaseException, org_url: str, timeout_seconds: float, proxy: str = "") -> TransportFailure:
    """Find the cause.

    Args:
        error: What was raised.
        org_url: The organisation, for messages.
        timeout_seconds: How long was waited.
        proxy: Host and port of the proxy on the way, for messages; nothing where there is none.
    """
    chain = _chain(error)
    if any(isinstance(link, OSError) and link.errno in (errno.EMFILE, errno.ENFILE) for link in chain):
        return TransportFailure(
            "connection",
            f"{org_url} was not asked: too many files and connections are open.",
            "Raise the limit of open files: `ulimit -n`, or LimitNOFILE= of the service.",
        )
    if proxy and any(isinstance(link, urllib3.exceptions.ProxyError) for link in chain):
        return _proxy_failure(chain, org_url, timeout_seconds, proxy)
    whom = f"{org_url} (through the proxy {proxy})" if proxy else org_url
    if _is_unresolved(chain):
        return TransportFailure(
            "dns", f"The host of {org_url} can't be resolved.", "Check org_url for a typing error, and this machine's DNS."
        )
    if any(_is_timeout(link) for link in chain):
        return TransportFailure(
            "timeout",
            f"{whom} did not answer completely within {timeout_seconds:g} s.",
            "Okta itself may take 30 s for a query; if it happens often, look at the network and at request_timeout_seconds.",
        )
    if tls := _tls_error(chain):
        return TransportFailure(
            "tls",
            f"No trusted TLS connection to {whom}: {tls}.",
            "Behind a TLS-inspecting proxy, give its CA in tenants.tls.ca_file; otherwise check org_url.",
        )
    return TransportFailure("connection", f"The connection to {whom} failed: {_root(chain)}.", _EGRESS.format(whom="the organisation"))


def drop_tracebacks(error: BaseException) -> None:
    """Let go of the calls in which an exception, and everything it was made from, came up; to be called once it is explained.

    urllib3 keeps what it raises in variables of its own (`new_e` in `urlopen`), so exception, traceback and call hold each other: some 50
    objects of each request without an answer, the connection and its buffer among them. Only the garbage collector would free them, which
    looks after every 100,000 new objects: with few organisations down now and then, not once in twelve hours.

    Args:
        error: What was raised.
    """
    for link in _chain(error):
        link.__traceback__ = None


def _proxy_failure(chain: list[BaseException], org_url: str, timeout_seconds: float, proxy: str) -> TransportFailure:
    """What went wrong before there was a way through the proxy."""
    if _is_unresolved(chain):
        return TransportFailure(
            "dns", f"The proxy {proxy} can't be resolved.", f"Correct its name in {_PROXY_SETTING}, and see to this machine's DNS."
        )
    if any(_is_timeout(link) for link in chain):
        return TransportFailure(
            "timeout", f"The proxy {proxy} did not answer within {timeout_seconds:g} s.", _EGRESS.format(whom=f"the proxy {proxy}")
        )
    if tls := _tls_error(chain):
        fix = f"Check whether {_PROXY_SETTING} should say http://; the CA of an https:// proxy has to be among this machine's own."
        return TransportFailure("tls", f"No trusted TLS connection to the proxy {proxy}: {tls}.", fix)
    refusal = next((found for link in chain if (found := _TUNNEL_REFUSED.search(str(link)))), None)
    if refusal is None:
        fix = f"Check host and port in {_PROXY_SETTING}, and whether the proxy runs; it is tried again."
        return TransportFailure("connection", f"The connection to the proxy {proxy} failed: {_root(chain)}.", fix)
    said = printable(refusal[0].partition(": ")[2], 100).rstrip("')")
    if refusal[1] == "407":
        fix = (
            "Put HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT into the environment and leave this tenant's `proxy` empty, or let it admit us."
        )
    elif refusal[1] in ("502", "503", "504"):
        fix = f"It can't reach {org_url}: check org_url for a typing error, and the proxy's own DNS and egress."
    else:
        fix = f"Let the proxy pass CONNECT requests for {org_url} from this machine."
    return TransportFailure("connection", f"The proxy {proxy} answered {said} when asked for {org_url}.", fix)


def _is_unresolved(chain: list[BaseException]) -> bool:
    return any(isinstance(link, (socket.gaierror, urllib3.exceptions.NameResolutionError)) for link in chain)


def _is_timeout(link: BaseException) -> bool:
    # urllib3 derives "nobody listens there" from its time-out of connecting.
    timed_out = isinstance(link, (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout))
    return timed_out and not isinstance(link, urllib3.exceptions.NewConnectionError)


def _tls_error(chain: list[BaseException]) -> BaseException | None:
    return next((link for link in chain if isinstance(link, (ssl.SSLError, ssl.CertificateError))), None)


def _root(chain: list[BaseException]) -> str:
    if odd := next((link for link in chain if isinstance(link, _REPEATS_WHAT_CAME) and not isinstance(link, OSError | UnicodeError)), None):
        return f"{type(odd).__name__}: what came is no HTTP"
    root = next((link for link in reversed(chain) if isinstance(link, OSError)), chain[-1])
    return f"{type(root).__name__}: {root}"


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and everything it was made from, outermost first."""
    chain: list[BaseException] = []
    pending: list[BaseException] = [error]
    while pending:
        link = pending.pop(0)
        if any(link is seen for seen in chain):
            continue
        chain.append(link)
        inner = [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
        pending.extend(candidate for candidate in inner if isinstance(candidate, BaseException))
    return chain
