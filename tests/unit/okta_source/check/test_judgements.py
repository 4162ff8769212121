"""The pure judgements at their edges."""

from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest

from okta_source.check.budget import Plan, judge_budget
from okta_source.check.clock import judge_clock, skew_seconds
from okta_source.check.page import age
from okta_source.check.route import Hop, route_of
from okta_source.check.tls_words import CertificateFacts, HandshakeFailure, handshake_failed
from okta_source.config.tenant import TenantConfig
from okta_source.polling.limits import RateLimitHeaders

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("server", "sent", "received", "skew"),
    [
        (1000, 1000.2, 1000.4, 0.0),  # `Date` is cut to whole seconds
        (1000, 1000.99, 1001.2, 0.0),
        (1000, 990.0, 1020.0, 0.0),  # a slow answer explains everything in between
        (1000, 1061.0, 1062.0, 60.0),
        (1000, 938.0, 940.0, -60.0),
    ],
)
def test_only_what_the_way_can_not_explain_is_skew(server: int, sent: float, received: float, skew: float) -> None:
    assert skew_seconds(formatdate(server, usegmt=True), sent, received) == skew


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_a_date_that_is_none(date: str) -> None:
    assert skew_seconds(date, 0.0, 0.0) is None
    assert judge_clock(date, 0.0, 0.0).status == "not_reached"


@pytest.mark.parametrize(("ahead", "status"), [(5.9, "ok"), (6.1, "warning"), (300.9, "warning"), (301.1, "failed")])
def test_how_much_skew_is_too_much(ahead: float, status: str) -> None:
    assert judge_clock(formatdate(1000, usegmt=True), 1000.0 + ahead, 1000.0 + ahead).status == status


@pytest.mark.parametrize(
    ("limit", "interval", "reserve", "status"),
    [(60, 1.0, 0.0, "ok"), (60, 1.0, 0.01, "warning"), (20, 3.0, 0.0, "ok"), (20, 3.0, 0.1, "warning"), (1, 86401.0, 0.9, "ok")],
)
def test_a_plan_has_to_fit_into_what_is_not_reserved(limit: int, interval: float, reserve: float, status: str) -> None:
    headers = RateLimitHeaders(limit, limit, 0, 30.0)
    assert judge_budget(headers, Plan((interval,), reserve)).status == status


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=119), "119 seconds"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_an_age_in_words(span: timedelta, words: str) -> None:
    assert age(span) == words


def tenant(org_url: str, proxy: str = "") -> TenantConfig:
    return TenantConfig.model_validate({"name": "a", "org_url": org_url, "proxy": proxy, "auth": {"method": "ssws", "token_env": "T"}})


def test_the_way_to_an_organisation() -> None:
    assert route_of(tenant("acme"), "").first == Hop("https", "acme.okta.com", 443)
    assert str(route_of(tenant("http://[::1]:8080"), "").first) == "[::1]:8080"
    through = route_of(tenant("acme", "http://proxy:3128"), "http://proxy:3128")
    assert (through.first, through.source, through.proxy_headers) == (Hop("http", "proxy", 3128), "this tenant's proxy", ())
    bare = route_of(tenant("acme"), "us%65r:p%40ss@proxy")
    assert (bare.first, bare.source) == (Hop("http", "proxy", 80), "the environment's HTTPS_PROXY")
    assert bare.proxy_headers == (("proxy-authorization", "Basic dXNlcjpwQHNz"),)


def facts(names: tuple[str, ...] = ("a",), subject: str = "s", issuer: str = "i") -> CertificateFacts:
    return CertificateFacts(subject, issuer, NOW - timedelta(days=9), NOW + timedelta(days=9), names)


def test_a_certificate_for_many_hosts_is_told_briefly() -> None:
    assert facts(tuple("abcdefghij")).hosts == "a, b, c, d, e, f, g, h and 2 more"
    assert facts(()).hosts == "no host"


@pytest.mark.parametrize("code", [10, 9, 18, 19, 20, 21, 62, 64, 23])
def test_every_refusal_of_a_certificate_has_words_even_where_the_certificate_can_not_be_had(code: int) -> None:
    verdict = handshake_failed(HandshakeFailure("CERTIFICATE_VERIFY_FAILED", code, "openssl's words"), [], "host:443", NOW)
    assert verdict.status == "failed"
    assert "could not be fetched" in verdict.detail
    assert verdict.fix


def test_an_unknown_trouble_keeps_openssls_words() -> None:
    assert "SOMETHING_NEW" in handshake_failed(HandshakeFailure("SOMETHING_NEW"), [], "host:443", NOW).detail
