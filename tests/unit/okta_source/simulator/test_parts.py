"""Links, rate limit, faults and error bodies."""

import json
import random

import pytest
from requests.utils import parse_header_links

from okta_source.simulator.errors import SUMMARIES, OktaError, error_of_status
from okta_source.simulator.faults import PROBABILITIES, Faults
from okta_source.simulator.links import FORMS, link_headers
from okta_source.simulator.rate_limit import RateLimit, RateLimiter


# The parser of requests splits inside quoted values, so that form is only looked at below.
@pytest.mark.parametrize("form", sorted(set(FORMS) - {"quoted_params"}))
def test_every_link_form_names_the_next_page(form: str) -> None:
    headers = link_headers("https://a/self", "https://a/next?after=1", form)
    links = {link.get("rel"): link["url"] for header in headers for link in parse_header_links(header)}
    assert links["next"] == "https://a/next?after=1"
    assert ("self" in links) == (form != "next_only")
    assert len(headers) == (2 if form == "separate" else 1)


def test_link_forms_differ_as_their_names_say() -> None:
    assert link_headers("s", "n", "self_last")[0].startswith("<n>")
    assert "rel=next" in link_headers("s", "n", "unquoted_rel")[0]
    assert "title=" in link_headers("s", "n", "extra_params")[0]
    assert link_headers("s", "n", "quoted_params")[0].count('title="events, all; \\"of\\" them"') == 2
    assert link_headers("s", None, "joined") == ['<s>; rel="self"']
    with pytest.raises(ValueError, match="unknown link form"):
        link_headers("s", "n", "sideways")


def test_the_rate_limit_counts_and_comes_back_with_the_next_window() -> None:
    limiter = RateLimiter(phase=0.25)
    limit = RateLimit(limit=3, window_seconds=60.0)
    start = 1_000_015.0
    budgets = [limiter.spend(limit, start + second) for second in range(5)]
    assert [budget.remaining for budget in budgets] == [2, 1, 0, 0, 0]
    assert [budget.allowed for budget in budgets] == [True, True, True, False, False]
    reset = budgets[0].reset
    assert {budget.reset for budget in budgets} == {reset}
    assert start < reset <= start + 60
    assert reset % 60 == 15
    assert not limiter.spend(limit, reset - 0.5).allowed
    after = limiter.spend(limit, reset)
    assert (after.allowed, after.remaining, after.reset) == (True, 2, reset + 60)


def test_all_recoverable_faults_are_on_and_malformed_events_off() -> None:
    faults = Faults.all(0.05)
    assert {name for name in PROBABILITIES if getattr(faults, name) == 0.05} == set(PROBABILITIES) - {"malformed_event"}
    assert faults.hang_seconds <= 1


def test_a_probability_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match="html must be between 0 and 1"):
        Faults(html=1.5)


def test_faults_befall_about_as_many_requests_as_asked_for() -> None:
    rng = random.Random(1)
    drawn = [Faults(html=0.1, corrupt=0.1).draw(rng, has_cursor=True) for _ in range(2000)]
    assert 150 < drawn.count("html") < 250
    assert 130 < drawn.count("corrupt") < 230
    assert drawn.count("") > 1500
    assert set(drawn) == {"html", "corrupt", ""}


def test_only_a_request_with_a_cursor_can_have_an_expired_one() -> None:
    rng = random.Random(1)
    assert Faults(cursor_expired=1.0).draw(rng, has_cursor=True) == "cursor_expired"
    assert Faults(cursor_expired=1.0).draw(rng, has_cursor=False) == ""


@pytest.mark.parametrize("code", SUMMARIES)
def test_error_bodies_have_oktas_members(code: str) -> None:
    body = json.loads(OktaError(400, code, "x", causes=("y",)).body("oae1"))
    assert body["errorCode"] == body["errorLink"] == code
    assert body["errorId"] == "oae1"
    assert body["errorCauses"] == [{"errorSummary": "y"}]
    assert body["errorSummary"]
    assert "{" not in body["errorSummary"]


def test_the_usual_error_of_a_status() -> None:
    codes = {status: error_of_status(status).code for status in (400, 401, 403, 404, 405, 429, 500, 502, 503, 504)}
    assert codes[401] == "E0000011"
    assert codes[429] == "E0000047"
    assert codes[503] == "E0000010"
    assert codes[500] == codes[504] == "E0000009"
