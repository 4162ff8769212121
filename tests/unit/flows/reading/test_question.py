"""The same question asked of an event in every format that a file sink writes."""

import json
from typing import Any

import pytest

from flows.pipeline.scim import parse_filter
from flows.pipeline.scim.names import name_in_alert
from flows.reading.question import Asker, NotAnEvent, NotSearchable, Question, original_of

EVENT: dict[str, Any] = {
    "uuid": "u1",
    "published": "2026-11-20T08:00:00.000Z",
    "eventType": "user.session.start",
    "outcome": {"result": "FAILURE"},
    "displayMessage": 'says "hi" / \ud83d',
}
TAGS = {"_okta_event_type": "systemLog", "_okta_tenant": "acme", "_okta_category": "authentication"}
FILTER = 'outcome.result eq "FAILURE" and displayMessage co "\\"hi\\"" and _okta_category eq "authentication"'


def raw(**more: Any) -> bytes:
    return json.dumps({**TAGS, **EVENT, **more}).encode()


def ecs() -> bytes:
    pipeline = {"tenant": "acme", "category": "authentication"}
    document = {"okta": {"event_type": "x", "pipeline": pipeline, "uuid": "u1"}, "@timestamp": EVENT["published"]}
    return json.dumps({**document, "event": {"kind": "event", "original": json.dumps(EVENT)}}).encode()


def ocsf() -> bytes:
    return json.dumps({"unmapped": TAGS, "class_uid": 3002, "raw_data": json.dumps(EVENT)}).encode()


@pytest.mark.parametrize("line", [raw(), ecs(), ocsf()], ids=["raw", "ecs", "ocsf"])
def test_an_event_is_found_in_every_format(line: bytes) -> None:
    hit = Asker(Question(parse_filter(FILTER))).ask(line)
    assert hit is not None
    assert (hit.key, hit.line, hit.at) == ("acme u1", line, 1_795_161_600.0)
    assert Asker(Question(parse_filter('eventType eq "other"'))).ask(line) is None
    assert Asker(Question(tenants=frozenset({"globex"}))).ask(line) is None
    assert Asker(Question(since=1_795_161_600.001)).ask(line) is None
    assert Asker(Question(until=1_795_161_600.0)).ask(line) is None


@pytest.mark.parametrize("line", [ecs(), ocsf()], ids=["ecs", "ocsf"])
def test_the_bytes_that_are_looked_for_are_in_the_text_of_an_event_too(line: bytes) -> None:
    condition = parse_filter('eventType eq "user.session.start" and displayMessage ew "\ud83d"')
    assert all(any(needle.data in line for needle in conjunct) for conjunct in Asker(Question(condition)).conjuncts(quoted=False))


@pytest.mark.parametrize(
    "document", [{"class_uid": 3002, "unmapped": TAGS}, {"@timestamp": "x", "event": {"kind": "event"}, "okta": {}}], ids=["ocsf", "ecs"]
)
def test_a_format_that_does_not_keep_the_event_can_not_be_asked(document: dict[str, Any]) -> None:
    with pytest.raises(NotSearchable):
        Asker(Question()).ask(json.dumps(document).encode())


@pytest.mark.parametrize("line", [b"{}", b"[1]", b"nonsense", b'{"uuid":1,"published":"2026-11-20T08:00:00Z"}', raw(published="soon")])
def test_what_is_no_event(line: bytes) -> None:
    with pytest.raises(NotAnEvent):
        Asker(Question()).ask(line)


def test_an_event_without_tags_has_its_files_tenant() -> None:
    hit = Asker(Question(tenants=frozenset({"acme"}))).ask(json.dumps(EVENT).encode(), "acme")
    assert hit is not None
    assert hit.key == "acme u1"


def test_alerts_are_asked_for_by_themselves() -> None:
    alert = {"_okta_event_type": "alert", "_okta_tenant": "acme", "uuid": "a1", "published": "2026-11-20T08:00:00Z"}
    line = json.dumps({**alert, "rule": {"level": "high"}, "event": EVENT}).encode()
    assert Asker(Question()).ask(line) is None
    assert Asker(Question(alerts=True)).ask(raw()) is None
    both = parse_filter('rule.level eq "high" and outcome.result eq "FAILURE"', name_in_alert)
    assert Asker(Question(both, alerts=True)).ask(line) is not None


def test_the_bytes_of_an_alert_that_is_kept_as_text() -> None:
    """What an ocsf sink with `raw_data` writes of an alert."""
    alert = {
        "_okta_event_type": "alert",
        "_okta_tenant": "acme",
        "uuid": "a1",
        "published": "2026-11-20T08:00:00Z",
        "rule": {"level": "high"},
    }
    line = json.dumps({"class_uid": 2004, "raw_data": json.dumps(alert), "unmapped": {"_okta_tenant": "acme"}}).encode()
    asker = Asker(Question(parse_filter('rule.level eq "high"', name_in_alert), alerts=True))
    assert asker.ask(line) is not None
    assert all(any(needle.data in line for needle in conjunct) for conjunct in asker.conjuncts(quoted=False))


def test_values_of_fields() -> None:
    line = raw(target=[{"id": "b"}, {"id": "a"}, {"id": "b"}], version=1)
    hit = Asker(Question(fields=("target.id", "version", "actor.id"))).ask(line)
    assert hit is not None
    assert hit.values == (("b", "a"), ("1",), ())


def test_the_tags_stand_in_front_of_okta_s_own_bytes() -> None:
    assert (
        original_of(b'{"class_uid":1,"unmapped":{"_okta_tenant":"a"},"raw_data":"{\\"n\\": 1E-2}"}') == b'{"_okta_tenant": "a","n": 1E-2}'
    )
