"""The life of an access token: fetched once, renewed early, given up when refused, and never a loop."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from okta_source.auth.access_tokens import AccessTokens
from okta_source.auth.base import CredentialError
from okta_source.auth.dpop import DpopProver
from okta_source.auth.token_endpoint import TokenGrant
from okta_source.config.secret import Secret, SecretError
from okta_source.polling.outcome import Response, TransportFailure
from tests.unit.okta_source.auth.fakes import LOGS_URL, refused, segments
from tests.unit.okta_source.fakes import Clock, answer

REQUEST = ("GET", LOGS_URL)
OK = answer([])
REFUSED = answer(b"", status=401, WWW_Authenticate='Bearer realm="x", error="invalid_token", error_description="The token has expired."')


class FakeGrant:
    """Gives tokens at-1, at-2 … of a lifetime; `trouble` is raised instead while it is set."""

    def __init__(self, lifetime_seconds: float = 3600.0, before: Callable[[], object] = lambda: None, scheme: str = "Bearer") -> None:
        self.lifetime_seconds = lifetime_seconds
        self.asked = 0
        self.trouble: Exception | None = None
        self._before = before
        self._scheme = scheme

    def obtain(self) -> TokenGrant:
        self.asked += 1
        self._before()
        if self.trouble:
            raise self.trouble
        return TokenGrant(Secret(f"at-{self.asked}"), self._scheme, self.lifetime_seconds)  # type: ignore[arg-type]


def trouble() -> CredentialError:
    return CredentialError(TransportFailure("server", "Okta is down.", "Wait.", at_token=True))


def used(subject: AccessTokens) -> str:
    return subject.headers(*REQUEST)["Authorization"].removeprefix("Bearer ")


def sent_and(subject: AccessTokens, response: Response) -> bool:
    return subject.answered(subject.headers(*REQUEST), response)


def test_nothing_is_fetched_before_it_is_needed_and_then_once() -> None:
    grant, clock, refreshed = FakeGrant(), Clock(), []
    subject = AccessTokens(grant, "acme", on_refresh=lambda: refreshed.append(1), clock=clock)
    assert grant.asked == 0
    for _ in range(3):
        assert subject.headers(*REQUEST) == {"Authorization": "Bearer at-1"}
        clock.advance(1000)
    assert (grant.asked, len(refreshed)) == (1, 1)


@pytest.mark.parametrize(("lifetime", "margin"), [(36000.0, 300.0), (3600.0, 300.0), (300.0, 30.0), (10.0, 1.0)])
def test_it_is_renewed_a_margin_before_its_end(lifetime: float, margin: float) -> None:
    grant, clock = FakeGrant(lifetime), Clock()
    subject = AccessTokens(grant, "acme", clock=clock)
    used(subject)
    clock.advance(lifetime - margin - 0.01)
    assert used(subject) == "at-1"
    clock.advance(0.02)
    assert [used(subject) for _ in range(3)] == ["at-2"] * 3
    assert grant.asked == 2


def test_its_age_counts_from_before_it_was_asked_for() -> None:
    clock = Clock()
    grant = FakeGrant(100.0, before=lambda: clock.advance(30))
    subject = AccessTokens(grant, "acme", clock=clock)
    used(subject)
    clock.advance(60.5)
    assert used(subject) == "at-2"


def test_an_hour_of_polling_costs_one_token_a_lifetime() -> None:
    grant, clock = FakeGrant(600.0), Clock()
    subject = AccessTokens(grant, "acme", clock=clock)
    for _ in range(360):
        assert not sent_and(subject, OK)
        clock.advance(10)
    assert grant.asked == 7  # one each 540 s


def test_trouble_within_the_margin_is_waited_out_with_the_old_token(caplog: pytest.LogCaptureFixture) -> None:
    grant, clock, errors = FakeGrant(), Clock(), []
    subject = AccessTokens(grant, "acme", on_error=lambda *what: errors.append(what), clock=clock)
    used(subject)
    clock.advance(3301)
    grant.trouble = trouble()
    with caplog.at_level(logging.WARNING):
        for _ in range(298):
            assert used(subject) == "at-1"
            clock.advance(1)
    assert grant.asked == 1 + 5  # a try each fifth of the margin
    assert errors == [("server", "token")] * 5
    assert "acme" in caplog.text
    assert "Okta is down" in caplog.text
    clock.advance(1)
    with pytest.raises(CredentialError):
        used(subject)
    assert len(errors) == 5  # whoever catches that one counts it
    grant.trouble = None
    assert used(subject) == "at-8"


def test_how_long_it_lasts_is_told_while_that_means_something() -> None:
    grant, clock = FakeGrant(), Clock()
    subject = AccessTokens(grant, "acme", clock=clock)
    assert subject.seconds_left() is None
    used(subject)
    assert subject.seconds_left() == 3600.0
    clock.advance(3000)
    assert subject.seconds_left() == 600.0
    clock.advance(400)
    assert subject.seconds_left() is None  # a tenant that is polled once an hour has no use for another one yet
    used(subject)
    assert subject.seconds_left() == 3600.0


def test_a_renewal_that_fails_shows_in_what_is_left_and_beyond_the_end() -> None:
    grant, clock = FakeGrant(), Clock()
    subject = AccessTokens(grant, "acme", clock=clock)
    used(subject)
    clock.advance(3400)
    grant.trouble = trouble()
    assert used(subject) == "at-1"
    assert subject.seconds_left() == 200.0
    clock.advance(210)
    with pytest.raises(CredentialError):
        used(subject)
    assert subject.seconds_left() == -10.0
    grant.trouble = None
    used(subject)
    assert subject.seconds_left() == 3600.0


def test_a_token_that_is_refused_is_held_no_more() -> None:
    subject = AccessTokens(FakeGrant(), "acme", clock=Clock())
    assert not sent_and(subject, OK)
    assert subject.seconds_left() == 3600.0
    assert sent_and(subject, REFUSED)
    assert subject.seconds_left() is None


def test_a_secret_that_can_not_be_read_within_the_margin_does_no_harm_either() -> None:
    grant, clock, errors = FakeGrant(), Clock(), []
    subject = AccessTokens(grant, "acme", on_error=lambda *what: errors.append(what), clock=clock)
    used(subject)
    clock.advance(3550)
    grant.trouble = SecretError("file secret cannot be read")
    assert used(subject) == "at-1"
    assert errors == [("auth", "token")]


def test_a_token_that_was_taken_before_and_is_refused_is_renewed_at_once() -> None:
    grant = FakeGrant()
    subject = AccessTokens(grant, "acme", clock=Clock())
    assert not sent_and(subject, OK)
    assert sent_and(subject, REFUSED)
    assert used(subject) == "at-2"
    assert not sent_and(subject, OK)
    assert sent_and(subject, REFUSED)
    assert used(subject) == "at-3"


def test_a_token_that_was_never_taken_is_not_renewed_before_the_next_poll() -> None:
    grant = FakeGrant()
    subject = AccessTokens(grant, "acme", clock=Clock())
    assert not sent_and(subject, REFUSED)
    assert grant.asked == 1
    assert not sent_and(subject, REFUSED)
    assert grant.asked == 2


@pytest.mark.parametrize(("status", "taken"), [(403, True), (429, True), (400, True), (503, False)])
def test_other_answers_say_whether_the_token_was_looked_at(status: int, taken: bool) -> None:
    subject = AccessTokens(FakeGrant(), "acme", clock=Clock())
    assert not sent_and(subject, answer(b"{}", status=status))
    assert sent_and(subject, REFUSED) is taken


def test_a_missing_scope_takes_effect_with_the_next_token_at_the_next_poll() -> None:
    grant = FakeGrant()
    subject = AccessTokens(grant, "acme", clock=Clock())
    challenge = 'Bearer realm="x", scope="okta.logs.read", error="insufficient_scope", error_description="No."'
    assert not sent_and(subject, answer(b"", status=403, WWW_Authenticate=challenge))
    assert used(subject) == "at-2"
    assert not sent_and(subject, answer(b'{"errorCode":"E0000006"}', status=403))
    assert used(subject) == "at-2"


def test_threads_that_need_it_at_once_fetch_it_once() -> None:
    started = threading.Barrier(8, timeout=10)
    grant = FakeGrant()
    subject = AccessTokens(grant, "acme", clock=Clock())

    def use(_: int) -> str:
        started.wait()
        return used(subject)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(8))) == {"at-1"}
    assert grant.asked == 1


def test_threads_that_are_refused_at_once_renew_it_once() -> None:
    grant = FakeGrant()
    subject = AccessTokens(grant, "acme", clock=Clock())
    sent_and(subject, OK)
    both = [subject.headers(*REQUEST) for _ in range(2)]
    assert subject.answered(both[0], REFUSED)
    assert used(subject) == "at-2"
    assert subject.answered(both[1], REFUSED)  # refused was the old one
    assert used(subject) == "at-2"
    assert grant.asked == 2


def test_a_bound_token_goes_out_with_a_proof_for_each_request() -> None:
    subject = AccessTokens(FakeGrant(scheme="DPoP"), "acme", DpopProver(), clock=Clock())
    first, second = subject.headers(*REQUEST), subject.headers(*REQUEST)
    assert first["Authorization"] == "DPoP at-1"
    claims = segments(first["DPoP"])[1]
    assert (claims["htm"], claims["htu"]) == ("GET", LOGS_URL.partition("?")[0])
    assert claims["ath"]
    assert claims["jti"] != segments(second["DPoP"])[1]["jti"]


@pytest.mark.parametrize(
    "wants",
    [
        answer(b"", status=401, WWW_Authenticate='DPoP error="use_dpop_nonce", error_description="x"', DPoP_Nonce="n1"),
        refused("use_dpop_nonce", "x", status=400, DPoP_Nonce="n1"),
    ],
)
def test_a_nonce_that_the_api_wants_is_sent_and_remembered(wants: Response) -> None:
    grant = FakeGrant(scheme="DPoP")
    subject = AccessTokens(grant, "acme", DpopProver(), clock=Clock())
    assert sent_and(subject, wants)
    assert segments(subject.headers(*REQUEST)["DPoP"])[1]["nonce"] == "n1"
    assert not sent_and(subject, wants)  # the same once more is no reason to try again
    assert not sent_and(subject, answer([], DPoP_Nonce="n2"))
    assert segments(subject.headers(*REQUEST)["DPoP"])[1]["nonce"] == "n2"


def test_it_shows_its_token_to_nobody() -> None:
    subject = AccessTokens(FakeGrant(), "acme", clock=Clock())
    used(subject)
    assert "at-1" not in repr(subject)
    assert "at-1" not in repr(subject._held)
