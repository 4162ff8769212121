"""Filters: what they mean, and how mistakes are told."""

import pytest

from flows.pipeline.scim import FilterError, parse_filter
from flows.pipeline.scim.names import name_in_alert
from flows.pipeline.scim.parser import parse_path
from flows.pipeline.scim.syntax import All, Any, Comparison, Element, Not

TYPE = Comparison(("eventType",), "eq", "x")
INFO = Comparison(("severity",), "eq", "INFO")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("", All(())),
        ('eventType eq "x"', TYPE),
        ('event_type EQ "x"', TYPE),
        ('eventType eq "x" and severity eq "INFO"', All((TYPE, INFO))),
        ('eventType eq "x" or severity eq "INFO" and actor.id pr', Any((TYPE, All((INFO, Comparison(("actor", "id"), "pr")))))),
        ('not eventType eq "x" and severity eq "INFO"', All((Not(TYPE), INFO))),
        ('not (eventType eq "x" and severity eq "INFO")', Not(All((TYPE, INFO)))),
        ("securityContext.asNumber ge 64500", Comparison(("securityContext", "asNumber"), "ge", 64500)),
        ("securityContext.isProxy eq true", Comparison(("securityContext", "isProxy"), "eq", True)),
        ('displayMessage eq "a \\"b\\" \\u00e9 ) and"', Comparison(("displayMessage",), "eq", 'a "b" é ) and')),
        ('target[type eq "User" and id pr]', Element(("target",), All((Comparison(("type",), "eq", "User"), Comparison(("id",), "pr"))))),
        (
            'target[type eq "User"].alternateId sw "a"',
            Element(("target",), All((Comparison(("type",), "eq", "User"), Comparison(("alternateId",), "sw", "a")))),
        ),
        ("device.os_platform pr", Comparison(("device", "os_platform"), "pr")),
        ('debugContext.debugData.some_key eq "v"', Comparison(("debugContext", "debugData", "some_key"), "eq", "v")),
        ('_okta_action eq "sign_in"', Comparison(("_okta_action",), "eq", "sign_in")),
    ],
)
def test_a_filters_meaning(text: str, condition: object) -> None:
    assert parse_filter(text) == condition


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ('eventType eqq "x"', 10, "unrecognized attribute operator 'eqq'; expected: eq, ne, co, sw, ew, gt, ge, lt, le, pr; did you mean"),
        ('eventTyp eq "x"', 0, "field is not valid: eventTyp; did you mean eventType?"),
        ('severity pr and EventType eq "x"', 16, "field is not valid: EventType; did you mean eventType?"),
        ('alternateId eq "x"', 0, "did you mean actor.alternateId?"),
        ("eventType eq user.session.start", 13, 'did you mean "user.session.start"?'),
        ("eventType eq", 12, "the filter ends here; expected: a value"),
        ("eventType", 9, "the filter ends here; expected: eq, ne"),
        ('(eventType eq "x"', 17, "expected: ) for the ( at position 0"),
        ('eventType eq "x")', 16, "unexpected ')'; expected: and, or, the end"),
        ('eventType eq "x" severity pr', 17, "unexpected 'severity'; expected: and, or, the end"),
        ('eventType eq "x', 13, 'this string has no end; expected: a closing "'),
        ('and eventType eq "x"', 0, "field is not valid: and"),
        ('target[type eq "User"', 21, "expected: ] for the [ at position 6"),
        ('target[typ eq "User"]', 7, "field is not valid: target.typ; did you mean target.type?"),
        ("securityContext.asNumber co 5", 28, 'co looks for text; expected: "text" in double quotes'),
        ("securityContext.isProxy gt true", 27, "gt compares numbers, times and texts"),
        ('actor..id eq "x"', 0, "field is not valid: actor..id; expected: names with a dot in between"),
        ("(" * 200 + "eventType pr", 100, "more than 100 conditions inside each other"),
        ('eventType eq [1]', 13, "unreadable value '['"),
    ],
)  # fmt: skip
def test_a_mistakes_place_and_what_was_expected(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert caught.value.position == position
    assert words in caught.value.reason
    assert caught.value.pointed().splitlines()[1].index("^") == position + 2


def test_unknown_names_pass_where_the_caller_lets_them() -> None:
    assert parse_filter('new.member_of eq "x"', None) == Comparison(("new", "member_of"), "eq", "x")


def test_an_alerts_names() -> None:
    assert parse_path("rule.level", name_in_alert) == ("rule", "level")
    assert parse_path("event.actor.id", name_in_alert) == ("event", "actor", "id")
    with pytest.raises(FilterError, match=r"did you mean rule\.level"):
        parse_path("rule.levl", name_in_alert)
