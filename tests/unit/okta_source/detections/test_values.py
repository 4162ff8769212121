"""What a test of a field means for JSON's values: each line a search, an event, and whether they match."""

import base64
from typing import Any

import pytest

from okta_source.detections.evaluate import full_scan
from okta_source.detections.index import RuleIndex
from tests.unit.okta_source.detections.making import data, event_rule, rule_text

ENCODED = base64.b64encode(b"xx secret yy").decode()
CASES: list[tuple[str, dict[str, Any], bool]] = [
    # Case, text forms, wildcards, escapes
    ("severity: warn", {"severity": "WARN"}, True),
    ("SEVERITY: warn", {"severity": "WARN"}, True),
    ("severity|cased: warn", {"severity": "WARN"}, False),
    # Okta's own names are as Okta writes them, whatever else a rule reads; names that it leaves open in any case.
    ("severity: warn", {"Severity": "WARN"}, False),
    ("Severity: warn", {"Severity": "WARN"}, False),
    ("Severity: warn, Foo: 2", {"Severity": "WARN", "foo": 2}, False),
    ("actor.id: 1", {"actor": {"ID": 1}}, False),
    ("actor.id: 1, actor: null", {"actor": {"ID": 1}}, False),
    ("target.ID: x", {"target": [{"Id": "x"}]}, False),
    ("target.ID: x, target.user.id|exists: false", {"target": [{"Id": "x"}]}, False),
    ("target.detailEntry.SOME: x", {"target": [{"detailEntry": {"some": "x"}}]}, True),
    ("debugContext.debugData.foo: x", {"debugContext": {"debugData": {"FOO": "x"}}}, True),
    ("debugContext.debugData.foo: x", {"debugContext": {"DebugData": {"foo": "x"}}}, False),
    ("surprise.member: x", {"Surprise": {"MEMBER": "x"}}, True),
    ("securityContext.isProxy: 'true'", {"securityContext": {"isProxy": True}}, True),
    ("securityContext.isProxy: true", {"securityContext": {"isProxy": "TRUE"}}, True),
    ("securityContext.isProxy: true", {"securityContext": {"isProxy": 1}}, False),
    ("securityContext.asNumber: 5", {"securityContext": {"asNumber": 5.0}}, True),
    ("securityContext.asNumber: '5'", {"securityContext": {"asNumber": 5}}, True),
    ("severity: w*n", {"severity": "WARN"}, True),
    ("severity: w?n", {"severity": "WARN"}, False),
    ("severity: w??n", {"severity": "WARN"}, True),
    (r"severity: 'a\*b'", {"severity": "a*b"}, True),
    (r"severity: 'a\*b'", {"severity": "axb"}, False),
    (r"severity: 'a\\*b'", {"severity": r"a\zzb"}, True),
    (r"severity: 'a\\\*b'", {"severity": r"a\*b"}, True),
    (r"severity: 'a\b'", {"severity": r"a\b"}, True),
    (r"severity: 'a\\\\b'", {"severity": r"a\\b"}, True),
    ("severity: '*a*b*'", {"severity": "ba"}, False),
    ("severity: 'a*a'", {"severity": "a"}, False),
    ("severity|contains: 'ar'", {"severity": "WARN"}, True),
    ("severity|contains: 'a*n'", {"severity": "xWARNx"}, True),
    ("severity|startswith: wa", {"severity": "WARN"}, True),
    ("severity|endswith: wa", {"severity": "WARN"}, False),
    ("severity|endswith: '?n'", {"severity": "WARN"}, True),
    ("severity|contains|cased: ar", {"severity": "WARN"}, False),
    ("severity: [info, warn]", {"severity": "WARN"}, True),
    ("severity|contains|all: [wa, rn]", {"severity": "WARN"}, True),
    ("severity|contains|all: [wa, x]", {"severity": "WARN"}, False),
    # Absent, null, empty
    ("severity: null", {}, True),
    ("severity: null", {"severity": None}, True),
    ("severity: null", {"severity": ""}, False),
    ("severity: ''", {"severity": ""}, True),
    ("severity: ''", {}, False),
    ("severity: ''", {"severity": None}, False),
    ("severity|exists: true", {"severity": None}, True),
    ("severity|exists: true", {}, False),
    ("severity|exists: false", {}, True),
    ("severity|neq: warn", {}, True),
    ("severity|neq: warn", {"severity": "WARN"}, False),
    ("severity|neq: [info, warn]", {"severity": "WARN"}, False),
    ("severity|neq: [info, warn]", {"severity": "ERROR"}, True),
    # Arrays
    ("target.type: user", {"target": [{"type": "App"}, {"type": "User"}]}, True),
    ("target.type|contains|all: [user, app]", {"target": [{"type": "App"}, {"type": "User"}]}, True),
    ("target.type|neq: user", {"target": [{"type": "App"}, {"type": "User"}]}, False),
    ("target.type: null", {"target": [{"type": None}, {"type": "User"}]}, True),
    ("target.type: null", {"target": []}, True),
    ("target.user.id: u2", {"target": [{"type": "User", "id": "u1"}, {"type": "User", "id": "u2"}]}, False),
    # Numbers, times, addresses
    ("securityContext.asNumber|gte: 5", {"securityContext": {"asNumber": 5}}, True),
    ("securityContext.asNumber|gt: 5", {"securityContext": {"asNumber": "5.5"}}, True),
    ("securityContext.asNumber|lt: 5", {"securityContext": {"asNumber": "x"}}, False),
    ("securityContext.asNumber|lte: 5", {"securityContext": {"asNumber": True}}, False),
    ("securityContext.asNumber|lte: 5", {}, False),
    ("published|hour: 23", {"published": "2026-11-29T23:59:00.000Z"}, True),
    ("published|hour: 22", {"published": "2026-11-29T23:59:00.000+01:00"}, True),
    ("published|hour|gte: 22", {"published": "2026-11-29T23:59:00.000Z"}, True),
    ("published|week: 48", {"published": "2026-11-29T23:59:00.000Z"}, True),
    ("published|day: 29", {"published": "no time"}, False),
    ("client.ipAddress|cidr: 10.0.0.0/8", {"client": {"ipAddress": "10.1.2.3"}}, True),
    ("client.ipAddress|cidr: [192.0.2.0/24, '2001:db8::/32']", {"client": {"ipAddress": "2001:DB8::1"}}, True),
    ("client.ipAddress|cidr: 10.0.0.0/8", {"client": {"ipAddress": "2001:db8::1"}}, False),
    ("client.ipAddress|cidr: 10.0.0.0/8", {"client": {"ipAddress": "unknown"}}, False),
    # Regular expressions
    (r"actor.alternateId|re: 'a\d+'", {"actor": {"alternateId": "xxa12xx"}}, True),
    ("actor.alternateId|re: '^A'", {"actor": {"alternateId": "abc"}}, False),
    ("actor.alternateId|re|i: '^A'", {"actor": {"alternateId": "abc"}}, True),
    ("actor.alternateId|re: '(a+)+$'", {"actor": {"alternateId": "a" * 200 + "!"}}, False),
    # Encodings
    ("severity|base64: secret", {"severity": base64.b64encode(b"secret").decode()}, True),
    ("severity|base64offset|contains: secret", {"severity": ENCODED}, True),
    ("severity|base64offset|contains: x", {"severity": "10.0.0.1"}, False),
    ("severity|wide|base64offset|contains: secret", {"severity": base64.b64encode(b"yy" + "secret".encode("utf-16-le")).decode()}, True),
    ("severity|utf16be|base64offset|contains: secret", {"severity": base64.b64encode("secret".encode("utf-16-be")).decode()}, True),
    ("severity|contains|windash: ' -a'", {"severity": "cmd –a"}, True),  # noqa: RUF001
    ("severity|contains|windash: ' -a'", {"severity": "cmd *a"}, False),
    # Other fields, keywords, lists
    ("actor.alternateId|fieldref: target.alternateId", {"actor": {"alternateId": "A"}, "target": [{"alternateId": "b"},
     {"alternateId": "a"}]}, True),
    ("actor.alternateId|fieldref: actor.id", {"actor": {}}, False),
    ("actor.alternateId|fieldref|neq: actor.id", {"actor": {"alternateId": "a", "id": "b"}}, True),
    # not (any of them), and not (all of them), as for values
    ("actor.alternateId|fieldref|neq: [actor.id, actor.type]", {"actor": {"alternateId": "a", "id": "a", "type": "b"}}, False),
    ("actor.alternateId|fieldref|neq: [actor.id, actor.type]", {"actor": {"alternateId": "a", "id": "c", "type": "b"}}, True),
    ("actor.alternateId|fieldref|all|neq: [actor.id, actor.type]", {"actor": {"alternateId": "a", "id": "a", "type": "b"}}, True),
    ("actor.alternateId|fieldref|all|neq: [actor.id, actor.type]", {"actor": {"alternateId": "a", "id": "a", "type": "a"}}, False),
    ("actor.alternateId|fieldref|neq: actor.id", {"actor": {}}, True),
    ("actor.alternateId|fieldref: [actor.alternateId, actor.id]", {"actor": {"alternateId": "a", "id": "b"}}, True),
    ("severity|contains|all|neq: [wa, x]", {"severity": "WARN"}, True),
    ("severity|contains|all|neq: [wa, rn]", {"severity": "WARN"}, False),
    ("severity|re|neq: [^W, x]", {"severity": "WARN"}, False),
    ("securityContext.asNumber|gte|neq: 5", {"securityContext": {"asNumber": 5}}, False),
    ("published|hour|neq: [9, 23]", {"published": "2026-11-29T23:59:00.000Z"}, False),
    ("client.ipAddress|cidr|neq: [192.0.2.0/24, 10.0.0.0/8]", {"client": {"ipAddress": "10.1.2.3"}}, False),
    ("severity|neq: null", {}, False),
    ("severity|exists|neq: true", {}, True),
    ("actor.alternateId|fieldref|endswith: actor.domain", {"actor": {"alternateId": "a@x.org"}}, True),
    ("tenant: acme", {}, True),
    ("tenant: other", {}, False),
    ("behaviors.new_device: positive", {"debugContext": {"debugData": {"behaviors": "{New Device=POSITIVE}"}}}, True),
    ("actor.alternateId|endswith|expand: '@%domains%'", {"actor": {"alternateId": "eve@evil.example"}}, True),
    ("actor.alternateId|expand: '%domains%'", {"actor": {"alternateId": "a*c"}}, True),
    ("actor.alternateId|expand: '%domains%'", {"actor": {"alternateId": "abc"}}, False),
    ("actor.alternateId|re|expand: '^%regular%$'", {"actor": {"alternateId": "ada+x@y.z"}}, True),
    ("actor.alternateId|re|expand: '^%regular%$'", {"actor": {"alternateId": "adaax@y_z"}}, False),
    ("actor.alternateId|re|i|expand: '^(%regular%|%domains%)-[0-9]+$'", {"actor": {"alternateId": "A*C-12"}}, True),
    ("actor.alternateId|re|all|expand: ['^%domains%', '%regular%$']", {"actor": {"alternateId": "a*c-ada+x@y.z"}}, True),
    ("actor.alternateId|re|all|expand: ['^%domains%', '%nobody%$']", {"actor": {"alternateId": "a*c"}}, False),
    ("actor.alternateId|cidr|expand: '%nets%'", {"actor": {"alternateId": "10.1.2.3"}}, True),
    ("actor.alternateId|expand: '%nobody%'", {"actor": {"alternateId": "abc"}}, False),
]  # fmt: skip
LISTS = {"domains": ("evil.example", "a*c"), "nobody": (), "regular": ("ada+x@y.z", "(é|ü\\"), "nets": ("10.0.0.0/8",)}


def verdicts(text: str, event: dict[str, Any]) -> set[bool]:
    """What the index and the full scan say."""
    detection = event_rule(text, LISTS).detection
    event = {"eventType": "user.session.start", **event}
    plan = RuleIndex([detection], LISTS)["user.session.start"]
    return {plan is not None and list(plan.matches(data(event), "acme")) == [0], full_scan(detection, LISTS)(data(event), "acme")}


@pytest.mark.parametrize(("search", "event", "expected"), CASES)
def test_a_value(search: str, event: dict[str, Any], expected: bool) -> None:
    assert verdicts(rule_text(f"sel: {{{search}}}"), event) == {expected}


@pytest.mark.parametrize(
    ("searches", "condition", "expected"),
    [
        ("sel: [push bombing, REJECTED]", "sel", True),
        ("sel: [push bombing]", "sel", False),
        ("sel: {'|all': [rejected, w*rn]}", "sel", True),
        ("sel: {'|all': [rejected, nothing]}", "sel", False),
        ("sel: {'|contains': [nothing, rejected]}", "sel", True),
        ("sel: {'|contains|all': [nothing, rejected]}", "sel", False),
        ("sel: {'|contains|cased': REJECTED}", "sel", False),
        ("sel: {'|re': 'was r.j'}", "sel", True),
        ("sel: {'|re': 'WAS'}", "sel", False),
        ("sel: {'|re|i': '^OKTA V'}", "sel", True),
        ("sel: {'|re|all': [was, Verify$]}", "sel", True),
        ("sel: {'|re|neq': was}", "sel", False),
        ("sel: [{severity: x}, {severity: WARN, displayMessage|contains: push}]", "sel", True),
        ("sel: [{severity: x}, rejected]", "sel", True),
        ("a: {severity: x}, b: {severity: warn}", "a or not b", False),
        ("a: {severity: x}, b: {severity: warn}", "a or b", True),
        ("a_1: {severity: x}, a_2: {severity: warn}", "1 of a_*", True),
        ("a_1: {severity: x}, a_2: {severity: warn}", "all of a_*", False),
        ("_a: {severity: x}, b: {severity: warn}", "all of them", True),
        ("_a: {severity: warn}, b: {severity: x}", "any of _*", True),
        ("a: {severity: x}, b: {severity: warn}", "[a, b]", True),
        ("notepad: {severity: warn}", "notepad", True),
        ("a: {severity: x}, b: {severity: warn}, c: {severity: warn}", "c or b and a", True),
        ("a: {severity: x}, b: {severity: warn}, c: {severity: warn}", "(c or b) and a", False),
        ("a: {severity: x}, b: {severity: warn}", "not a and b", True),
        ("a: {eventType: user.session.start}", "a", True),
        ("a: {eventType|startswith: user.mfa}, b: {severity: warn}", "not a and b", True),
        ("a: {eventType|re: 'session\\.(start|end)$'}, b: {severity: x}", "a and not b", True),
        ("a: {eventType: [x.y, USER.SESSION.START]}, b: {eventType|contains: start}", "a and b", True),
    ],
)
def test_a_condition(searches: str, condition: str, expected: bool) -> None:
    event = {"severity": "WARN", "displayMessage": "Push was rejected", "target": [{"displayName": "Okta Verify"}]}
    assert verdicts(rule_text(searches, condition), event) == {expected}
