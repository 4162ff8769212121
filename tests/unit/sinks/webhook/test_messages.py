"""Alerts as messages to people."""

import json
from typing import Any

import pytest

from sinks.webhook.messages import pagerduty, slack

EVENT = {
    "uuid": "e9", "eventType": "user.session.start", "displayMessage": "User login to Okta",
    "actor": {"alternateId": "eve<!channel>@example.com"}, "outcome": {"result": "SUCCESS", "reason": None},
    "client": {"ipAddress": "203.0.113.9", "geographicalContext": {"city": "Lyon", "country": "France"}},
    "target": [{"alternateId": "unknown", "displayName": "CRM\nline"}],
}  # fmt: skip


def alert(**more: Any) -> bytes:
    told: dict[str, Any] = {
        "_okta_event_type": "alert", "_okta_tenant": "acme", "_okta_org": "acme.okta.com", "uuid": "a1",
         "published": "2026-11-29T12:00:00.000Z",
        "rule": {"id": "r1", "name": "spray", "title": "Password spray & then in", "level": "critical", "tags": ["attack.t1110.003",
         "attack.x"],
                 "author": "", "version": "v"},
        "kind": "value_count", "group": {"client.ipAddress": "203.0.113.9"}, "count": 12, "details": {"distinct": 11},
        "first_event_at": "2026-11-29T11:58:00.000Z", "last_event_at": "2026-11-29T12:00:00.000Z", "events": [], "event": EVENT, **more,
    }  # fmt: skip
    return json.dumps(told).encode()


def test_slack() -> None:
    body = json.loads(slack(alert()))
    assert body["text"] == "[CRITICAL] acme: Password spray &amp; then in — 203.0.113.9"
    [attachment] = body["attachments"]
    header, sentence, fields, context = attachment["blocks"]
    assert header["text"] == {"type": "plain_text", "text": "[CRITICAL] Password spray & then in"}
    assert sentence["text"]["text"] == (
        "12 events from 2026-11-29T11:58:00.000Z to 2026-11-29T12:00:00.000Z, distinct 11. "
        "The last one: User login to Okta at 2026-11-29T12:00:00.000Z."
    )
    texts = [field["text"] for field in fields["fields"]]
    assert "*actor*\neve&lt;!channel&gt;@example.com" in texts
    assert "*from*\n203.0.113.9, Lyon, France" in texts
    assert "*techniques*\nattack.t1110.003" in texts
    assert len(texts) <= 10
    assert context["elements"][0]["text"] == "acme · rule spray · alert a1"


def test_whom_an_alert_is_about_people_know_by_login() -> None:
    event = {
        **EVENT,
        "actor": {"id": "00u1", "alternateId": "ada@example.com"},
        "target": [{"id": "00u2", "alternateId": "bob@example.com"}],
    }
    for ids, names in ((["00u1"], "ada@example.com"), (["00u2", "US"], "bob@example.com, US"), ([7, "00u3"], "7, 00u3")):
        told = alert(event=event, group={str(number): value for number, value in enumerate(ids)})
        assert json.loads(pagerduty(told, "k"))["payload"]["summary"].endswith(f" — {names}")
        assert json.loads(slack(told))["text"].endswith(f" — {names}")


def test_what_was_typed_for_a_user_who_does_not_exist_is_not_repeated() -> None:
    typed = {**EVENT, "actor": {"id": "unknown", "alternateId": "C0rrect-Horse"}}
    told = alert(event=typed, kind="event", group={}, details={})
    for message in (slack(told), pagerduty(told, "k")):
        assert b"C0rrect" not in message
        assert "— an unknown user".encode() in message


def test_nothing_that_somebody_typed_becomes_a_link_in_slack() -> None:
    body = json.loads(slack(alert()))
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
    _, sentence, fields, context = body["attachments"][0]["blocks"]
    assert all(text["verbatim"] for text in (sentence["text"], *fields["fields"], *context["elements"]))


def test_pagerduty() -> None:
    body = json.loads(pagerduty(alert(), "R0UT1NG"))
    assert (body["routing_key"], body["event_action"], body["dedup_key"]) == ("R0UT1NG", "trigger", "a1")
    payload = body["payload"]
    assert payload["summary"] == "[CRITICAL] acme: Password spray & then in — 203.0.113.9"
    assert (payload["source"], payload["severity"], payload["timestamp"]) == ("acme.okta.com", "critical", "2026-11-29T12:00:00.000Z")
    assert (payload["component"], payload["group"], payload["class"]) == ("acme", "client.ipAddress=203.0.113.9", "spray")
    assert payload["custom_details"]["target"] == "unknown"
    assert payload["custom_details"]["event"] == "e9"


@pytest.mark.parametrize(
    ("level", "severity"), [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info"), ("informational", "info")]
)
def test_levels(level: str, severity: str) -> None:
    rule = {"id": "r", "name": "n", "title": "t" * 3000, "level": level}
    body = json.loads(pagerduty(alert(rule=rule), "k"))
    assert body["payload"]["severity"] == severity
    assert len(body["payload"]["summary"]) <= 1024
    assert len(json.loads(slack(alert(rule=rule)))["attachments"][0]["blocks"][0]["text"]["text"]) <= 150


@pytest.mark.parametrize("event", [None, {}, "text", {"target": "x", "client": [], "actor": None}, {"target": [None]}])
def test_an_odd_event_is_no_reason_to_stay_silent(event: Any) -> None:
    body = json.loads(slack(alert(event=event, kind="event", group={})))
    assert body["attachments"][0]["blocks"][1]["text"]["text"].endswith(" at 2026-11-29T12:00:00.000Z.")
    assert json.loads(pagerduty(alert(event=event, group={}), "k"))["payload"]["summary"] == "[CRITICAL] acme: Password spray & then in"


def test_what_is_no_alert_is_refused() -> None:
    for make in (slack, lambda document: pagerduty(document, "k")):
        with pytest.raises(ValueError, match="no alert in the format raw"):
            make(b'{"uuid":"e1"}')
