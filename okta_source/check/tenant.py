"""One tenant, step by step, with as few requests as tell everything: one page of logs, an access token where one is needed, its hooks."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from requests.utils import select_proxy

from okta_source.auth import make_authenticator
from okta_source.check.answer import judge_outcome
from okta_source.check.budget import Plan
from okta_source.check.clock import judge_clock
from okta_source.check.configuration import Entry
from okta_source.check.hooks import hooks_url, judge_hooks, may_ask
from okta_source.check.network import HandshakeError, ProxyError, ResolveError, connect, handshake, peer_chain, resolve
from okta_source.check.network_words import connect_failed, proxy_answered, resolve_failed
from okta_source.check.page import page_url
from okta_source.check.recorder import Answer, Recorder
from okta_source.check.report import StepName, TenantReport, Verdict, failed, not_applicable, ok, unknown
from okta_source.check.route import Route, route_of
from okta_source.check.tls_words import certificate_facts, handshake_failed, handshake_succeeded
from okta_source.config.secret import SecretError
from okta_source.config.tenant import TenantConfig
from okta_source.config.tls import ssl_context
from okta_source.fetching.transport import OktaTransport
from okta_source.http.client import proxies_of

__all__ = ["check_tenant"]

_DNS_TIMEOUT_SECONDS: Final = 10.0
_CONNECT_TIMEOUT_SECONDS: Final = 10.0
_Found = Iterator[tuple[StepName, Verdict]]


def check_tenant(entry: Entry, hosts: Mapping[str, Sequence[float]], now: Callable[[], float] = time.time) -> TenantReport:
    """Go through the steps until one fails.

    Args:
        entry: The tenant's table.
        hosts: Poll intervals of the file's tenants by the organisation's host.
        now: Our clock, epoch seconds.
    """
    report = entry.report
    if entry.tenant is None:
        return report
    for step, verdict in _steps(entry.tenant, hosts, entry.path_prefix, now):
        report.found[step] = verdict
    return report


def _steps(tenant: TenantConfig, hosts: Mapping[str, Sequence[float]], path_prefix: str, now: Callable[[], float]) -> _Found:
    """Yield verdicts as they are found; a later one for the same step corrects it, and nothing follows a failure that ends the way."""
    try:
        route = route_of(tenant, select_proxy(tenant.org_url, proxies_of(tenant)))
    except ValueError as error:
        yield "connect", failed(f"The proxy can't be used: {error}", "Name a proxy as http://HOST:PORT or https://HOST:PORT.")
        return
    for step, verdict in _way(tenant, route, now):
        yield step, verdict
        if verdict.status == "failed":
            return
    yield from _requests(tenant, Plan(tuple(hosts.get(tenant.org_host, ())), tenant.rate_limit_reserve), path_prefix, now)


def _way(tenant: TenantConfig, route: Route, now: Callable[[], float]) -> _Found:
    timeout_seconds = min(_CONNECT_TIMEOUT_SECONDS, tenant.request_timeout_seconds)
    whose = " (the proxy's; it looks the organisation's name up itself)" if route.proxy else ""
    try:
        addresses = resolve(route.first, _DNS_TIMEOUT_SECONDS)
    except ResolveError as error:
        yield "dns", resolve_failed(route, str(error), no_answer=error.no_answer)
        return
    found = f"is {', '.join(addresses[:4])}" if addresses != [route.first.host] else "is an address itself"
    yield "dns", ok(f"{route.first.host} {found}{whose}")
    try:
        with connect(route, timeout_seconds) as opened:
            through = f"{route.org} through the proxy {route.proxy}" if route.proxy else str(route.org)
            yield "connect", ok(f"a TCP connection to {through}")
            if route.org.scheme == "http":
                yield "tls", not_applicable("http:// has no TLS; it is allowed for this machine itself only")
                return
            try:
                protocol, leaf = handshake(opened, ssl_context(tenant.tls), route.org.host)
            except HandshakeError as error:
                failure = error.failure
            else:
                verified, by_name = tenant.tls.verify, tenant.tls.verify_hostname
                facts = certificate_facts(leaf) if leaf else None
                yield "tls", handshake_succeeded(protocol, facts, _utc(now), verified=verified, by_name=by_name)
                return
    except ProxyError as error:
        yield "connect", proxy_answered(route, error.status, error.reason)
        return
    except OSError as error:
        yield "connect", connect_failed(route, error, timeout_seconds)
        return
    chain = [facts for der in _chain(tenant, route, timeout_seconds) if (facts := certificate_facts(der))]
    yield "tls", handshake_failed(failure, chain, str(route.org), _utc(now))


def _chain(tenant: TenantConfig, route: Route, timeout_seconds: float) -> list[bytes]:
    """The server's certificates, over a connection of their own on which nothing is sent."""
    try:
        with connect(route, timeout_seconds) as opened:
            return peer_chain(opened, ssl_context(tenant.tls.model_copy(update={"verify": False})), route.org.host)
    except (OSError, ProxyError):
        return []


def _requests(tenant: TenantConfig, plan: Plan, path_prefix: str, now: Callable[[], float]) -> _Found:
    recorder = Recorder(tenant, now)
    try:
        try:
            transport = OktaTransport(recorder, make_authenticator(tenant, recorder))
            outcome = transport.get(page_url(tenant))
            answers = list(recorder.answers)
            found = judge_outcome(outcome, tenant, plan, _utc(now))
            well = all(verdict.status != "failed" for verdict in found.values())
            listed = transport.get(hooks_url(tenant)) if well and may_ask(tenant) else None
        except SecretError as error:
            yield "secret", failed(f"{error}", "Mend the reference in `tenants.auth`.")
            return
    finally:
        recorder.close()
    yield "clock", _clock(answers)
    yield from found.items()
    if well:
        yield "hooks", judge_hooks(listed, tenant, path_prefix)


def _clock(answers: Sequence[Answer]) -> Verdict:
    if not answers:
        return unknown("no answer came whose date could be compared")
    answer = answers[-1]
    return judge_clock(answer.response.headers.get("Date", ""), answer.sent_at, answer.received_at)


def _utc(now: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(now(), UTC)
