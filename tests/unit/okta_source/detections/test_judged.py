"""Our reading of rules beside pySigma's: the same tree, or both refuse."""

import pytest
from sigma.exceptions import SigmaError

from tests.unit.okta_source.detections.judge import ours, theirs
from tests.unit.okta_source.detections.making import rule_text

SAME = [
    ("sel: {eventType: a.b}", "sel"),
    ("sel: {eventType: [a.b, 'c*', 'd?e', 5, true]}", "sel"),
    (r"sel: {f: ['a\*b', 'a\\*b', 'a\\\*b', 'a\\\\b', 'a\b', '\\\\x\\y*']}", "sel"),
    ("sel: {f|contains|all: [a, 'b*c'], g|startswith: x, h|endswith: [y, z]}", "sel"),
    ("sel: {f|re: 'a.*b', g|re|i: '^x', h|cidr: 10.0.0.0/8, i|gte: 5, j|exists: false, k: null}", "sel"),
    ("sel: {f|fieldref: g}", "sel"),
    ("sel: {f|contains|cased: aB}", "sel"),
    ("sel: {f|base64offset|contains: 'http://', g|wide|base64offset|contains: ping, h|base64: x}", "sel"),
    ("sel: {f|contains|windash: ['-a /b', 'x']}", "sel"),
    ("sel: [{f: 1}, {g: 2, h: 3}]", "sel"),
    ("sel: [one, 'two*']", "sel"),
    ("sel: {'|all': [one, two]}", "sel"),
    ("a: {f: 1}, b: {f: 2}, c: {f: 3}", "a or b and not c"),
    ("a: {f: 1}, b: {f: 2}, c: {f: 3}", "not (a or b) and c"),
    ("s_1: {f: 1}, s_2: {f: 2}, o: {f: 3}", "all of s_* and not 1 of o*"),
    ("a: {f: 1}, _b: {f: 2}, c: {f: 3}", "all of them"),
    ("a: {f: 1}, b: {f: 2}", "1 of them"),
    ("a: {f: 1}, b: {f: 2}", "[a, b]"),
    ("notepad: {f: 1}, order: {f: 2}, android: {f: 3}", "notepad and order or android"),
    ("sel: {f|neq: [a, b]}", "sel"),
]
REFUSED = [
    ("sel: {f|nonsense: a}", "sel"),
    ("sel: {f|base64: 'a*'}", "sel"),
    ("sel: {f|cidr: 10.0.0.300/8}", "sel"),
    ("sel: {f|gte: x}", "sel"),
    ("sel: {f: 1}", "sel and"),
    ("sel: {f: 1}", "other"),
    ("sel: {f: 1}", "1 of other*"),
    ("sel: {f: 1}", "(sel"),
    ("sel: {f: 1}", "sel | count() > 5"),
]


@pytest.mark.parametrize(("searches", "condition"), SAME)
def test_both_read_the_same(searches: str, condition: str) -> None:
    text = rule_text(searches, condition)
    assert ours(text) == theirs(text)


@pytest.mark.parametrize(("searches", "condition"), REFUSED)
def test_both_refuse(searches: str, condition: str) -> None:
    text = rule_text(searches, condition)
    with pytest.raises(ValueError, match=r"rule\.yml"):
        ours(text)
    with pytest.raises((SigmaError, ValueError)):
        theirs(text)
