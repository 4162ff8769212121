"""Answers to a request for logs, from the wire to the poller: what is asked next, when, and what is said of it."""

import logging
import math
import random
from datetime import timedelta
from urllib.parse import urlsplit

from okta_source.http.masking import without
from okta_source.polling.limits import Backoff
from okta_source.polling.outcome import Response
from okta_source.polling.poller import Poller
from okta_source.polling.query import Query
from okta_source.polling.state import TenantState
from tests.fuzz.bodies import array
from tests.fuzz.odd import bend_bytes, one_of
from tests.fuzz.wire import SECRET, answer_bytes, header_lines, read
from tests.unit.okta_source.fakes import NOW, ORG

__all__ = ["AnswerJudge", "make"]

_LONGEST_WAIT_SECONDS = 900.0
_LINKS = (
    f"{ORG}/api/v1/logs?after=1", f"{ORG}/api/v1/logs?after={'x' * 3000}&limit=7", f"{ORG}/api/v1/logs?limit={'9' * 30}",
    f"{ORG}:443/api/v1/logs",
    f"{ORG}@evil.example/api/v1/logs", "https://evil.example/api/v1/logs", "https://acme.okta.com.evil.example/api/v1/logs",
    f"{ORG}/api/v1/users",
    f"{ORG}\\@evil.example/api/v1/logs", f"{ORG}:99999/api/v1/logs", f"{ORG}:x/api/v1/logs", "http://acme.okta.com/api/v1/logs",
    "//[", "/api/v1/logs",
    "https://[::1/api/v1/logs", f"{ORG}/api/v1/logs/../users", f"{ORG}/api/v1/logs?a=\x01b", f"{ORG}/api/v1/logs#x", "",
    "https://ACME.okta.com/api/v1/logs",
    f"HTTPS://acme.okta.com/api/v1/logs?{SECRET}", "https://acme.okta.com./api/v1/logs", "https://evil.example\t.acme.okta.com/api/v1/logs",
)  # fmt: skip
_RELATIONS = (
    '; rel="next"',
    "; rel=next",
    '; rel="self"',
    '; rel="prev next"',
    "; REL=NEXT",
    '; rel="next"; rel="self"',
    '; title="a,b;\\"<"; rel="next"',
    "",
)
_ERRORS = (
    b'{"errorCode":"E0000011","errorSummary":"Invalid token provided","errorCauses":[]}',
    b'{"errorCode":"E0000031","errorSummary":"bad cursor"}',
    b'{"errorCode":null,"errorCauses":[{"errorSummary":"\\u001b[31m\\n\\u202e"}]}', b'{"errorSummary":"{tenant} {0} {org_url}"}',
    b'{"error":"x"}',
    b'{"errorCode":"E0000004","errorSummary":"' + SECRET.replace("\\", "\\\\").encode() + b'"}', b'{"error_description":"\xff"}',
    b"<html>", b"",
    b'{"error":"invalid_token","error_description":"\\ud83d"}', b'{"errorSummary":"' + SECRET.replace("S", "\\u0053").replace("\\t",
    "\\\\t").encode() + b'"}',
)  # fmt: skip


def make(rng: random.Random) -> bytes:
    """An answer as bytes."""
    lines = header_lines(rng)
    links = [f"<{one_of(rng, _LINKS) if rng.random() < 0.5 else _LINKS[0]}>{one_of(rng, _RELATIONS)}" for _ in range(int(rng.random() * 3))]
    if links:
        joined = ", ".join(links)
        lines.append("Link: " + (joined if rng.random() < 0.9 else bend_bytes(rng, joined.encode()).decode("latin-1")))
    return answer_bytes(rng, lines, array(rng) if rng.random() < 0.6 else one_of(rng, _ERRORS))


class AnswerJudge:
    """One poller that is given one answer after the other."""

    def __init__(self) -> None:
        query = Query("acme", ORG, page_limit=3)
        self._poller = Poller(query, Backoff(random.Random(1)), since=NOW - timedelta(hours=1), now=NOW)
        self._now = NOW
        logging.getLogger("okta_source.polling.poller").setLevel(logging.ERROR)
        self._fingerprint = query.fingerprint()

    def judge(self, data: bytes) -> str:
        """Read an answer and decide what follows.

        Returns:
            What came of it.

        Raises:
            AssertionError: Something didn't hold.
        """
        self._now += timedelta(seconds=7)
        answer = read(data)
        if isinstance(answer, Response):
            answer = without(answer, (f"SSWS {SECRET}",))
        step = self._poller.receive(answer, self._now)
        for seconds in (step.due_seconds, step.block_seconds):
            assert math.isfinite(seconds), f"it waits for {seconds} s"
            assert 0.0 <= seconds <= _LONGEST_WAIT_SECONDS, f"it waits for {seconds} s"
        self._assert_ours(self._poller.cursor.url)
        if step.failure:
            said = str(step.failure)
            assert said.isprintable(), f"not printable: {said!r}"
            assert SECRET not in said, f"the credential is shown: {said!r}"
            assert len(said) < 5_000
        high_water = self._poller.high_water
        assert high_water is None or high_water <= self._now, "nothing that happened later than now is believed"
        state = TenantState(self._poller.cursor, self._poller.started_at, high_water, self._fingerprint)
        assert TenantState.from_plain(state.to_plain()) == state, "what is saved can be read"
        return "a page" if step.page else step.failure.error_type if step.failure else "nothing"

    def close(self) -> None:
        """Let the poller tell its restarts again."""
        logging.getLogger("okta_source.polling.poller").setLevel(logging.NOTSET)

    def _assert_ours(self, url: str) -> None:
        """The credential goes to the organisation's own log alone."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        assert (parts.scheme, host.lower(), parts.path) == ("https", "acme.okta.com", "/api/v1/logs"), url
        assert parts.port in (None, 443), url
        assert "@" not in parts.netloc, url
        assert url.isascii(), url
        assert not set(url) & set(" \t\r\n\\"), url
