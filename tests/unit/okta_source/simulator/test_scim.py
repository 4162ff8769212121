"""Filters: what they match and how they are refused."""

from typing import Any

import pytest

from okta_source.simulator.errors import OktaError
from okta_source.simulator.query import parse_query
from okta_source.simulator.scim import compile_filter

EVENT: dict[str, Any] = {
    "eventType": "user.session.start",
    "severity": "INFO",
    "displayMessage": None,
    "actor": {"id": "00u1", "type": "User", "alternateId": "ada@example.com"},
    "target": [{"id": "0oa1", "type": "AppInstance"}, {"id": "00u2", "type": "User"}],
    "securityContext": {"asNumber": 64500, "isProxy": False},
    "debugContext": {"debugData": {"requestUri": "/idp/idx", "risk": "{level=LOW}", "some_key": "v"}},
    "outcome": {"result": "SUCCESS"},
    "device": {"os_platform": "OSX"},
    "published": "2026-01-01T00:00:00.000Z",
}
NOW_MS = 1_780_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('eventType eq "user.session.start"', True),
        ('event_type EQ "user.session.start"', True),
        ('eventType eq "user.session.end"', False),
        ('eventType ne "user.session.end"', True),
        ('eventType sw "user." and eventType ew ".start" and eventType co "session"', True),
        ('eventType sw "app."', False),
        ('target.type eq "User"', True),
        ('target.id ne "00u2"', False),
        ('target.id eq "0oa1" and actor.id eq "nobody"', False),
        ('actor.id eq "nobody" and actor.id eq "nobody" or severity eq "INFO"', True),
        ('severity eq "INFO" or severity eq "WARN" and actor.id eq "nobody"', True),
        ('(severity eq "INFO" or severity eq "WARN") and actor.id eq "nobody"', False),
        ('not (severity eq "INFO")', False),
        ('not severity eq "WARN"', True),
        ("actor.alternateId pr", True),
        ("actor.detailEntry pr", False),
        ("displayMessage pr", False),
        ("securityContext.asNumber ge 64500", True),
        ("securityContext.asNumber gt 64500", False),
        ("securityContext.asNumber lt 64501 and securityContext.asNumber le 64500", True),
        ("securityContext.isProxy eq false", True),
        ("securityContext.isProxy eq 0", False),
        ('securityContext.asNumber gt "1"', False),
        ('debugContext.debugData.risk co "LOW"', True),
        ('debugContext.debugData.some_key eq "v"', True),
        ('actor.alternateId eq "a\\"(b"', False),
        ("securityContext.asNumber eq 64500.0", True),
        ("securityContext.asNumber ne 64500.0", False),
        ("securityContext.isProxy ne 0", True),
        ("displayMessage eq null", True),
        ('device.os_platform eq "OSX"', True),
    ],
)
def test_filters(text: str, expected: bool) -> None:
    assert compile_filter(text)(EVENT) is expected


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ('eventType eqq "x"', "E0000053", "Unrecognized attribute operator 'eqq' at position 10. Expected: eq,ne,co,sw,ew,pr,gt,ge,lt,le"),
        ('some_invalid_field eq "x"', "E0000053", "field is not valid: some_invalid_field"),
        ('EventType eq "x"', "E0000053", "field is not valid: EventType"),
        ('published gt "2026"', "E0000053", "field is not valid: published"),
        ('target.changeDetails.to eq "x"', "E0000053", "field is not valid"),
        ('actor.shoeSize eq "x"', "E0000053", "field is not valid"),
        ('debugContext.debugData.url co "x"', "E0000031", "debugContext.debugData.url co"),
        ("eventType eq user.session.start", "E0000053", "Unreadable value"),
        ("eventType eq", "E0000053", "Unexpected end"),
        ("eventType co 5", "E0000053", "Operator 'co' needs a string at position 13"),
        ("securityContext.isProxy gt true", "E0000053", "Operator 'gt' needs a string or a number at position 27"),
        ("severity eq {}", "E0000053", "Unreadable value '{}'"),
        ('(eventType eq "x"', "E0000053", "Unexpected end"),
        ('eventType eq "x" severity pr', "E0000053", "Unexpected 'severity'"),
        ('eventType eq "x', "E0000053", "Unreadable text at position 13"),
    ],
)
def test_refused_filters(text: str, code: str, part: str) -> None:
    with pytest.raises(OktaError) as caught:
        compile_filter(text)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert part in caught.value.detail


def matches(words: str) -> bool:
    predicate = parse_query({"q": words}, NOW_MS).matches
    assert predicate is not None
    return predicate(EVENT)


def test_keywords_are_whole_words_in_any_case() -> None:
    assert matches("success")
    assert matches("ADA%40example.com+info")
    assert not matches("succ")
    assert not matches("success+failure")
    assert not matches("eventType")


@pytest.mark.parametrize(
    ("query", "code", "part"),
    [
        ({"limit": "1001"}, "E0000001", "limit"),
        ({"limit": "-1"}, "E0000001", "limit"),
        ({"limit": "ten"}, "E0000001", "limit"),
        ({"since": "foobar"}, "E0000001", "since: The date format"),
        ({"until": "01-01-2017"}, "E0000001", "until: The date format"),
        ({"since": "2026-05-28T00:00:00Z", "until": "2026-05-27T00:00:00Z"}, "E0000001", "until"),
        ({"since": "2025-01-01T00:00:00Z"}, "E0000053", "over 180 days"),
        ({"sortOrder": "SIDEWAYS"}, "E0000001", "sortOrder"),
        ({"q": "x" * 41}, "E0000001", "q: A keyword"),
        ({"q": "+".join("abcdefghijk")}, "E0000001", "q: At most"),
    ],
)
def test_refused_parameters(query: dict[str, str], code: str, part: str) -> None:
    with pytest.raises(OktaError) as caught:
        parse_query(query, NOW_MS)
    error = caught.value
    assert (error.status, error.code) == (400, code)
    assert part in error.detail + " ".join(error.causes)


def test_defaults_and_modes() -> None:
    query = parse_query({}, NOW_MS)
    assert (query.polling, query.limit, query.descending, query.after) == (True, 100, False, None)
    assert query.since_ms == NOW_MS - 7 * 86_400_000
    assert not parse_query({"until": "2026-05-28T00:00:00%2B02:00"}, NOW_MS).polling
    assert not parse_query({"sortOrder": "DESCENDING"}, NOW_MS).polling
    assert parse_query({"since": "2026-01-01T00:00:00Z"}, NOW_MS).since_ms == NOW_MS - 90 * 86_400_000
