"""Why a host can't be found or reached, in words, with the fix: the organisation's own host apart from a proxy's."""

import errno
from typing import Final

from okta_source.check.report import Verdict, failed
from okta_source.check.route import Route
from okta_source.polling.verdict import PROXY_CREDENTIALS

__all__ = ["connect_failed", "proxy_answered", "resolve_failed"]

_UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_EGRESS: Final = "Let this machine open TCP connections to {host}:{port} (firewall, security group, egress rules){proxy}."


def resolve_failed(route: Route, reason: str, *, no_answer: bool) -> Verdict:
    """The verdict for a name that leads to no address.

    Args:
        route: The way that begins with that name.
        reason: What the resolver said.
        no_answer: Whether it said nothing: then the name may well be right.
    """
    host = route.first.host
    if no_answer:
        return failed(
            f"No DNS server answered for {host}: {reason}", "Look at this machine's DNS: /etc/resolv.conf, and egress to port 53."
        )
    if route.proxy:
        fix = f"Correct the proxy's name in {route.source}, or see whether it is known to this machine's DNS only under another name."
        return failed(f"The proxy {host} can't be resolved: {reason}", fix)
    fix = (
        "Check org_url for a typing error: the organisation's URL stands in the Okta Admin Console, at the top right under your name. "
        "Where only a proxy may look names up, set it as this tenant's proxy."
    )
    return failed(f"{host} can't be resolved: {reason}", fix)


def connect_failed(route: Route, error: OSError, timeout_seconds: float) -> Verdict:
    """The verdict for a TCP connection that did not come about.

    Args:
        route: The way whose first hop was called.
        error: Why.
        timeout_seconds: How long was waited.
    """
    hop = route.first
    who = f"The proxy {hop}" if route.proxy else str(hop)
    needed = _EGRESS.format(host=hop.host, port=hop.port, proxy="" if route.proxy else ", or set a proxy for this tenant")
    if isinstance(error, TimeoutError):
        return failed(f"{who} did not answer within {timeout_seconds:g} s: something drops the packets", needed)
    if isinstance(error, ConnectionRefusedError):
        if route.proxy:
            fix = f"Check host and port in {route.source}, and whether the proxy runs."
            return failed(f"{who} refused the connection", fix)
        return failed(f"{who} refused the connection: nobody listens there, or a firewall rejects it", f"Check org_url. {needed}")
    if error.errno in _UNREACHABLE:
        return failed(f"There is no route to {'the proxy ' if route.proxy else ''}{hop}: {error.strerror}", f"See to it. {needed}")
    return failed(f"{who} can't be reached: {error.strerror or type(error).__name__}", needed)


def proxy_answered(route: Route, status: int, reason: str) -> Verdict:
    """The verdict for a proxy that does not let us through.

    Args:
        route: The way through it.
        status: Its HTTP status; 0 for an answer that is no HTTP.
        reason: What stands beside the status.
    """
    said = f"{status} {reason}".strip()
    detail = f"The proxy {route.first} answered {said} when asked for {route.org}"
    if status == 407:
        return failed(detail, f"Correct the user and password in {route.source}." if route.proxy_headers else PROXY_CREDENTIALS)
    if status in (502, 503, 504):
        fix = f"The proxy can't reach {route.org}: check org_url for a typing error, and the proxy's own DNS and egress."
        return failed(detail, fix)
    if status == 0:
        return failed(
            f"What answers at {route.first} is no HTTP proxy{f' ({reason})' if reason else ''}",
            f"Check host, port and http:// or https:// in {route.source}.",
        )
    return failed(detail, f"Let the proxy pass CONNECT requests for {route.org} from this machine.")
