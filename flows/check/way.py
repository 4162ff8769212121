"""The way to a sink's servers as far as TLS, with the eyes of the tenants' check and the sink's own words for what to change."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from okta_source.check.network import HandshakeError, ProxyError, ResolveError, connect, handshake, peer_chain, resolve
from okta_source.check.network_words import connect_failed, proxy_answered, resolve_failed
from okta_source.check.report import Verdict, failed, not_applicable, ok, warning
from okta_source.check.route import Route, route_to
from okta_source.check.tls_words import HandshakeFailure, certificate_facts, handshake_failed, handshake_succeeded
from sinks.config import HttpSinkCommon
from sinks.config.targets import tls_of

__all__ = ["way_to"]

_DNS_TIMEOUT_SECONDS: Final = 10.0
_CONNECT_TIMEOUT_SECONDS: Final = 10.0
_STEPS: Final = ("dns", "connect", "tls")
_EXPIRED, _NOT_YET_VALID = 10, 9  # OpenSSL's X509_V_ERR_*
_WRONG_NAME: Final = frozenset({62, 64})

_Found = dict[str, Verdict]


def way_to(urls: Sequence[str], config: HttpSinkCommon, key: str) -> _Found:
    """Look for a way to any of several servers.

    Args:
        urls: Of one cluster.
        config: The sink's table.
        key: The one that holds the addresses, for what to change.

    Returns:
        The verdicts of dns, connect and tls; a server that can't be reached is a warning where another one can.
    """
    found = [dict(_steps(url, config, key)) for url in urls]
    whole = [way for way in found if all(verdict.status != "failed" for verdict in way.values())]
    if not whole:
        return found[0]
    merged: _Found = {}
    for step in _STEPS:
        bad = [way[step] for way in found if step in way and way[step].status == "failed"]
        notes = [way[step] for way in found if step in way and way[step].status == "warning"]
        if bad:
            merged[step] = warning(f"{bad[0].detail}; another of the {len(urls)} hosts is asked instead", bad[0].fix)
        elif notes:
            merged[step] = notes[0]
        else:
            merged[step] = whole[0][step]
    return merged


def _steps(url: str, config: HttpSinkCommon, key: str) -> Iterator[tuple[str, Verdict]]:
    try:
        route = route_to(url, _proxy(url), from_environment=True)
    except ValueError as error:
        yield "connect", failed(f"The environment's proxy can't be used: {error}", "Name it as http://HOST:PORT, or set NO_PROXY.")
        return
    timeout_seconds = min(_CONNECT_TIMEOUT_SECONDS, config.request_timeout_seconds)
    address = f"Check {key} for a typing error"
    try:
        addresses = resolve(route.first, _DNS_TIMEOUT_SECONDS)
    except ResolveError as error:
        verdict = resolve_failed(route, str(error), no_answer=error.no_answer)
        yield "dns", verdict if error.no_answer or route.proxy else failed(verdict.detail, f"{address}, and this machine's DNS.")
        return
    found = f"is {', '.join(addresses[:4])}" if addresses != [route.first.host] else "is an address itself"
    yield "dns", ok(f"{route.first.host} {found}{' (the proxy)' if route.proxy else ''}")
    try:
        with connect(route, timeout_seconds) as opened:
            yield "connect", ok(f"a TCP connection to {route.org}{f' through the proxy {route.proxy}' if route.proxy else ''}")
            if route.org.scheme == "http":
                yield "tls", not_applicable("http:// has no TLS")
                return
            try:
                protocol, leaf = handshake(opened, tls_of(config), route.org.host)
            except HandshakeError as error:
                failure = error.failure
            else:
                yield "tls", _succeeded(protocol, leaf, config)
                return
    except ProxyError as error:
        verdict = proxy_answered(route, error.status, error.reason)
        yield (
            "connect",
            failed(verdict.detail, f"{address}; where it is right, let the environment's HTTPS_PROXY pass it, or set NO_PROXY."),
        )
        return
    except OSError as error:
        who = f"the proxy {route.proxy} of the environment" if route.proxy else f"what listens at {route.org}"
        fix = f"{address}, its port included; see that {who} runs, and that this machine may reach it (firewall, egress rules)."
        yield "connect", failed(connect_failed(route, error, timeout_seconds).detail, fix)
        return
    chain = [facts for der in _chain(route, config, timeout_seconds) if (facts := certificate_facts(der))]
    verdict = handshake_failed(failure, chain, str(route.org), datetime.now(UTC))
    yield "tls", failed(verdict.detail, _tls_fix(failure, key))


def _succeeded(protocol: str, leaf: bytes | None, config: HttpSinkCommon) -> Verdict:
    facts = certificate_facts(leaf) if leaf else None
    verdict = handshake_succeeded(protocol, facts, datetime.now(UTC), verified=config.verify, by_name=config.verify_hostname)
    if verdict.status == "warning" and not (config.verify and config.verify_hostname):
        return warning(verdict.detail, "Leave verify and verify_hostname out of the sink's table, and give a private CA in ca_file.")
    return verdict


_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH", "RECORD_LAYER")


def _tls_fix(failure: HandshakeFailure, key: str) -> str:
    if failure.verify_code:
        return _certificate_fix(failure.verify_code, key)
    if any(part in failure.reason for part in ("CERTIFICATE", "HANDSHAKE_FAILURE", "UNKNOWN_CA")):
        return "Give this client's certificate and key in the sink's cert_file and key_file; whoever runs that server issues them."
    if any(part in failure.reason for part in _NOT_TLS):
        return f"Check the port in {key}; where the server has no TLS, write http:// there."
    return f"Check {key}, and what stands between: a firewall, or a proxy that inspects TLS."


def _certificate_fix(verify_code: int, key: str) -> str:
    if verify_code == _EXPIRED:
        return "Have whoever runs that server renew the certificate; or set this machine's clock, where that is wrong."
    if verify_code == _NOT_YET_VALID:
        return "Set this machine's clock, best by NTP."
    if verify_code in _WRONG_NAME:
        return f"Put a name that the certificate is for into {key}; verify_hostname = false leaves the name unverified."
    return f"Give the CA's certificate (PEM) in the sink's ca_file; otherwise somebody else answers there: check {key}."


def _chain(route: Route, config: HttpSinkCommon, timeout_seconds: float) -> list[bytes]:
    """The server's certificates, over a connection of their own on which nothing is sent."""
    try:
        with connect(route, timeout_seconds) as opened:
            return peer_chain(opened, tls_of(config.model_copy(update={"verify": False})), route.org.host)
    except (OSError, ProxyError):
        return []


def _proxy(url: str) -> str | None:
    """The environment's proxy, as the sinks' own client has it: never one for this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        own = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        own = False
    return None if own else select_proxy(url, get_environ_proxies(url))
