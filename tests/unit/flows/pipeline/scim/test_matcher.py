"""What filters match: the simulator answers the same, and no line that matches lacks the bytes that are looked for."""

import json
from typing import Any

import pytest

from flows.pipeline.scim import parse_filter
from flows.pipeline.scim.needles import HIDDEN, Needle, needles
from flows.pipeline.scim.predicate import Matcher, keywords
from flows.pipeline.scim.syntax import Condition, Pattern
from okta_source.simulator.scim import compile_filter
from tests.unit.flows.pipeline.scim.judge import Filters

EVENT: dict[str, Any] = {
    "published": "2026-11-22T08:00:00.000Z",
    "eventType": "user.session.start",
    "actor": {"alternateId": "Uma@Acme.example", "displayName": "Zoë Müller"},
    "client": {"ipAddress": "203.0.113.7"},
    "request": {"ipChain": [{"ip": "::ffff:192.0.2.9"}]},
    "target": [{"type": "User", "alternateId": "ada"}, {"type": "AppInstance", "alternateId": "bob"}],
    "securityContext": {"asNumber": 1.0},
    "debugContext": {"debugData": {"behaviors": "{New Device=POSITIVE, New IP=NEGATIVE}"}},
    "_okta_tenant": "acme",
}
LINE = json.dumps(EVENT).encode()


def matches(condition: Condition, line: bytes = LINE) -> bool:
    matcher = Matcher(condition)
    return matcher.matches(matcher.decode(line)) and matcher.has_words(line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('target[type eq "User" and alternateId eq "ada"]', True),
        ('target[type eq "User" and alternateId eq "bob"]', False),
        ('target[type eq "AppInstance"].alternateId sw "b"', True),
        ('target.type eq "User" and target.alternateId eq "bob"', True),
        ('published ge "2026-11-22T09:00:00+01:00"', True),
        ('published gt "2026-11-22T08:00:00Z"', False),
        ('published sw "2026-11-22"', True),
        ("securityContext.asNumber eq 1", True),
        ('behaviors.new_device eq "POSITIVE"', True),
        ('target.user.alternateId eq "ada"', True),
        ("outcome.result ne null", True),
        ('actor.displayName eq "Zo\\u00eb M\\u00fcller"', True),
    ],
)
def test_what_the_simulator_does_not_know(text: str, expected: bool) -> None:
    assert matches(parse_filter(text)) is expected


def test_globs_and_words() -> None:
    who = (("actor", "alternateId"),)
    assert matches(Pattern(who, "uma@*"))
    assert not matches(Pattern(who, "uma@*", cased=True))
    assert matches(keywords("zoë POSITIVE"))
    assert not matches(keywords("posit"))
    assert not matches(keywords("acme")), "what the pipeline puts in front is none of Okta's values"


def test_half_an_emoji_is_matched() -> None:
    line = rb'{"eventType":"a","displayMessage":"x\ud83d","uuid":"1"}'
    assert matches(parse_filter('displayMessage sw "x" and eventType eq "a"'), line)


def test_the_simulator_gives_the_same_answers(simulated_lines: list[bytes]) -> None:
    """The same with 500 filters over 20,000 events: `tests/benchmarks/search_judge.py`."""
    events = [json.loads(line) for line in simulated_lines]
    filters = Filters(events, seed=11)
    found = 0
    for _ in range(120):
        text = filters.filter()
        condition, judge = parse_filter(text), compile_filter(text)
        matcher = Matcher(condition)
        answers = [matcher.matches(matcher.decode(line)) for line in simulated_lines]
        assert answers == [judge(event) for event in events], text
        found += sum(answers)
        wanted = needles(condition)
        for line, answer in zip(simulated_lines, answers, strict=True):
            folded = line.lower()
            assert (
                not answer
                or HIDDEN.search(line)
                or all(any(needle.data in (folded if needle.folded else line) for needle in conjunct) for conjunct in wanted)
            ), text
    assert found > 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('eventType eq "user.session.start"', [{b'"user.session.start"'}]),
        ('eventType sw "user." and severity ew "O"', [{b'"user.'}, {b'O"'}]),
        ('eventType eq "a" or eventType eq "b"', [{b'"a"', b'"b"'}]),
        ('eventType eq "a" or not severity pr', []),
        ('displayMessage eq "say \\"hi\\" to Zoë"', [{b" to Zo"}]),
        ('debugContext.debugData.url co "/api/v1"', [{b"api"}]),
        ('displayMessage eq "é"', []),
        ("securityContext.isProxy eq true", [{b"true"}]),
        ("securityContext.asNumber ge 5", [{b'"asNumber"'}]),
        ('displayMessage co ""', []),
    ],
)  # fmt: skip
def test_the_bytes_that_a_line_must_have(text: str, expected: list[set[bytes]]) -> None:
    assert [{needle.data for needle in conjunct} for conjunct in needles(parse_filter(text))] == expected


def test_without_regard_to_case_k_and_i_are_not_looked_for() -> None:
    assert needles(Pattern((("actor", "id"),), "Kim.Parker@x")) == [frozenset({Needle(b"m.par", folded=True)})]
    assert matches(Pattern((("actor", "alternateId"),), "kim"), '{"actor":{"alternateId":"\u212aim"}}'.encode())
