"""Why a request got no answer: the cause at the bottom of the exceptions that requests and urllib3 wrap around it."""

import socket
import ssl

import requests
import urllib3.exceptions

from okta_source.verdict import TransportFailure

__all__ = ["explain"]


def explain(error: BaseException, org_url: str, timeout_seconds: float) -> TransportFailure:
    """Find the cause in the chain of exceptions that requests and urllib3 wrap around it."""
    chain = _chain(error)
    if any(isinstance(link, (socket.gaierror, urllib3.exceptions.NameResolutionError)) for link in chain):
        return TransportFailure(
            "dns", f"The host of {org_url} can't be resolved.", "Check org_url for a typing error, and this machine's DNS."
        )
    if any(_is_timeout(link) for link in chain):
        return TransportFailure(
            "timeout",
            f"{org_url} did not answer completely within {timeout_seconds:g} s.",
            "Okta itself may take 30 s for a query; if it happens often, look at the network and at request_timeout_seconds.",
        )
    tls = next((link for link in chain if isinstance(link, (ssl.SSLError, ssl.CertificateError))), None)
    if tls is not None:
        return TransportFailure(
            "tls",
            f"No trusted TLS connection to {org_url}: {tls}.",
            "Behind a TLS-inspecting proxy, give its CA in tenants.tls.ca_file; otherwise check org_url.",
        )
    root = next((link for link in reversed(chain) if isinstance(link, OSError)), chain[-1])
    return TransportFailure(
        "connection",
        f"The connection to {org_url} failed: {type(root).__name__}: {root}.",
        "Check that this machine may reach the organisation (egress rules, proxy); it is tried again.",
    )


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
        if any(link is seen for seen in chain):
            continue
        chain.append(link)
        inner = [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
        pending.extend(candidate for candidate in inner if isinstance(candidate, BaseException))
    return chain
