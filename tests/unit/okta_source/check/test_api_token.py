"""Tenants with an API token: every broken set-up that Okta itself answers, against the simulator."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from okta_source.simulator import RateLimit, Scripted
from tests.unit.okta_source.check.checked import Check, says
from tests.unit.okta_source.wire import reply, serving

Start = Callable[..., Any]
OLD = {"uuid": "1", "published": "2020-01-01T00:00:00.000Z", "eventType": "user.session.start"}


def test_all_is_well_with_a_single_request(check: Check, organisation: Start) -> None:
    okta, url = organisation()
    checked = check(url, filter='eventType sw "user."')
    assert (checked.exit, checked.failed, checked.tenants[0]["ok"]) == (0, "", True)
    assert {step: checked.status(step) for step in checked.steps} == {
        **dict.fromkeys(checked.steps, "ok"),
        "tls": "not_reached",
        "hooks": "not_reached",
    }
    assert len(okta.requests) == 1
    assert okta.requests[0].target == "/api/v1/logs?sortOrder=DESCENDING&limit=1&filter=eventType%20sw%20%22user.%22"
    assert "bytewax-okta/" in okta.requests[0].headers["user-agent"]


@pytest.mark.parametrize("case", ["wrong", "expired", "unused for 30 days", "owner is deactivated"])
def test_a_token_that_okta_refuses(check: Check, organisation: Start, case: str) -> None:
    # Okta gives the same answer to all of them (E0000011), so all of them are named.
    okta, url = organisation()
    okta.token = "00another"
    checked = check(url)
    says(checked, "authentication", "401", "E0000011", case, "Security > API > Tokens")
    assert checked.status("clock") == "ok"


def test_a_token_whose_owner_is_no_administrator(check: Check, organisation: Start) -> None:
    _, url = organisation(forbidden=True)
    checked = check(url)
    says(checked, "authorization", "403", "E0000006", "Report Administrator", "network zone")
    assert checked.status("authentication") == "ok"


@pytest.mark.parametrize(
    "page",
    [
        reply(b"<html>Access Forbidden</html>", "Content-Type: text/html", status="403 Forbidden"),
        reply(b"", status="403 Forbidden"),
    ],
)
def test_a_refusal_that_is_not_oktas_own(check: Check, page: bytes) -> None:
    with serving(page) as wire:
        says(check(wire.url), "authentication", "403", "Security > Networks", "firewall or proxy")


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        (reply(b"<html>Welcome</html>"), ("HTML",)),
        (reply(b'{"hello": 1}'), ("JSON object",)),
        (reply(b""), ("empty",)),
        (reply(b"<html>Not found</html>", status="404 Not Found"), ("404",)),
        (reply(b"<html>Bad</html>", status="400 Bad Request"), ("400",)),
        (reply(b"", status="204 No Content"), ("204",)),
    ],
)
def test_a_host_that_is_not_okta(check: Check, page: bytes, parts: tuple[str, ...]) -> None:
    with serving(page) as wire:
        says(check(wire.url), "authentication", "not Okta's API", "org_url", *parts)


def test_a_host_that_redirects(check: Check) -> None:
    with serving(reply(b"", "Location: https://login.acme.com/", status="302 Found")) as wire:
        says(check(wire.url), "authentication", "redirects (302) to https://login.acme.com/", "org_url")


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_on_oktas_side(check: Check, organisation: Start, status: int) -> None:
    okta, url = organisation()
    okta.script(Scripted(status=status))
    checked = check(url)
    says(checked, "authentication", str(status), "Okta's side")
    assert checked.status("clock") == "ok"


def test_an_organisation_that_does_not_answer(check: Check, organisation: Start) -> None:
    okta, url = organisation()
    okta.script(Scripted(delay_seconds=60.0))
    checked = check(url, request_timeout_seconds=0.3)
    says(checked, "authentication", "did not answer completely within 0.3 s")
    assert checked.status("clock") == "not_reached"
    assert "no answer" in checked.words("clock")


@pytest.mark.parametrize(
    ("seconds", "status", "exit_status"), [(-200.0, "warning", 0), (200.0, "warning", 0), (-4000.0, "failed", 1), (4000.0, "failed", 1)]
)
def test_a_clock_that_is_wrong(check: Check, organisation: Start, seconds: float, status: str, exit_status: int) -> None:
    okta, url = organisation()
    okta.advance_clock(seconds)
    checked = check(url)
    assert (checked.exit, checked.status("clock")) == (exit_status, status)
    assert f" s {'ahead of' if seconds < 0 else 'behind'} Okta's" in checked.words("clock")
    assert "NTP" in checked.words("clock")
    assert checked.status("logs") == ("ok" if exit_status == 0 else "not_reached")


def test_a_rate_limit_that_is_spent(check: Check, organisation: Start) -> None:
    okta, url = organisation(rate_limit=RateLimit(60, 60.0))
    okta.spend_rate_limit(60)
    checked = check(url)
    says(checked, "rate_limit", "of 60 requests a minute is spent", "E0000047", "Reports > Rate limits")
    assert re.search(r"reset in \d+ s", checked.words("rate_limit"))
    assert [checked.status(step) for step in ("clock", "authentication", "authorization")] == ["ok", "not_reached", "not_reached"]


def test_too_many_requests_at_the_same_time(check: Check, organisation: Start) -> None:
    okta, url = organisation()
    okta.script(Scripted(status=429, headers={"x-rate-limit-limit": "0", "x-rate-limit-remaining": "0"}))
    says(check(url), "rate_limit", "at the same time")


def test_a_poll_interval_that_eats_the_budget(check: Check, organisation: Start) -> None:
    _, url = organisation(rate_limit=RateLimit(60, 60.0))
    checked = check(url, poll_interval_seconds=1)
    assert (checked.exit, checked.status("rate_limit")) == (0, "warning")
    assert "60 of 60 requests a minute, 6 of which stay reserved" in checked.words("rate_limit")
    assert "poll_interval_seconds to 2 or more" in checked.words("rate_limit")


def test_tenants_of_one_organisation_share_its_budget(check: Check, organisation: Start) -> None:
    _, url = organisation(rate_limit=RateLimit(60, 60.0))
    token = 'auth = { method = "ssws", token_env = "TEST_OKTA_TOKEN" }'
    other = f'[[tenants]]\nname = "b"\norg_url = "{url}"\npoll_interval_seconds = 2\n{token}'
    checked = check(url, poll_interval_seconds=2, more=other)
    assert [checked.status("rate_limit"), len(checked.tenants)] == ["warning", 2]
    assert "2 tenants share" in checked.words("rate_limit")
    assert "to 3 or more for each" in checked.words("rate_limit")


def test_a_budget_that_others_use_up(check: Check, organisation: Start) -> None:
    okta, url = organisation(rate_limit=RateLimit(60, 60.0))
    okta.spend_rate_limit(56)
    checked = check(url)
    assert (checked.exit, checked.status("rate_limit")) == (0, "warning")
    assert "only 3 of 60 requests are left" in checked.words("rate_limit")


def test_no_rate_limit_headers_are_no_problem(check: Check, organisation: Start) -> None:
    _, url = organisation(rate_limit=None)
    checked = check(url)
    assert (checked.status("rate_limit"), checked.status("logs")) == ("ok", "ok")


def test_a_filter_that_okta_does_not_understand(check: Check, organisation: Start) -> None:
    _, url = organisation()
    checked = check(url, filter='eventType eqq "x"')
    says(checked, "logs", "400", "eqq", "filter")
    assert [checked.status(step) for step in ("authentication", "authorization", "rate_limit")] == ["ok"] * 3


def test_a_next_link_to_another_host(check: Check, organisation: Start) -> None:
    okta, url = organisation()
    okta.script(Scripted(next_url="https://login.acme.com/api/v1/logs?after=1", fallthrough=True))
    says(check(url), "logs", "login.acme.com", 'allowed_hosts = ["login.acme.com"]')


@pytest.mark.parametrize(
    ("events", "keys", "status", "parts"),
    [
        ([OLD], {}, "warning", ("days old", "org_url")),
        ([OLD], {"filter": 'eventType eq "x"'}, "ok", ("the newest event that filter lets through is", "days old")),
        ([], {}, "warning", ("no event in the last 7 days", "org_url")),
        ([], {"q": "word"}, "warning", ("no event that q lets through", "misspelt")),
        ([{"uuid": "1"}], {}, "warning", ("not an event", "dead letters")),
    ],
)
def test_the_age_of_the_newest_event(
    check: Check, organisation: Start, events: list[Any], keys: dict[str, str], status: str, parts: tuple[str, ...]
) -> None:
    okta, url = organisation()
    okta.script(Scripted(body=json.dumps(events).encode()))
    checked = check(url, **keys)
    assert (checked.exit, checked.status("logs")) == (0, status)
    for part in parts:
        assert part in checked.words("logs")


def test_the_age_is_counted_by_oktas_clock(check: Check, organisation: Start) -> None:
    okta, url = organisation()
    published = datetime.now(UTC) - timedelta(minutes=30)
    okta.advance_clock(-200.0)
    okta.script(Scripted(body=json.dumps([{**OLD, "published": published.isoformat()}]).encode()))
    assert "26 minutes old" in check(url).words("logs")


def test_a_proxy_that_answers_407_in_the_organisations_place(check: Check) -> None:
    with serving(reply(status="407 Proxy Authentication Required")) as proxy:
        says(check("http://localhost:9", proxy=proxy.url), "connect", "407", "HTTPS_PROXY")


def test_a_connection_that_is_reset(check: Check, organisation: Start) -> None:
    okta, url = organisation()
    okta.script(Scripted(reset=True))
    checked = check(url)
    says(checked, "authentication", "connection to", "failed")
    assert checked.status("clock") == "not_reached"
