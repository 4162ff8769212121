"""Alerts as ECS and as OCSF."""

import json
from typing import Any

import pytest

from flows.pipeline.formats.alerts import alert_to_ecs, alert_to_ocsf
from flows.pipeline.formats.ocsf_classes import VERSIONS
from tests.unit.flows.pipeline.formats.events import SHAPES, SIGN_IN, text_of
from tests.unit.flows.pipeline.formats.test_ecs import mapped as mapped_to_ecs
from tests.unit.flows.pipeline.formats.test_ocsf import problems

ALERT: dict[str, Any] = {
    "_okta_event_type": "alert",
    "_okta_tenant": "acme",
    "_okta_org": "acme.okta.com",
    "_okta_labels": {"customer": "Acme"},
    "uuid": "5f0b1c6e-0000-5000-8000-000000000001",
    "published": "2026-03-01T12:00:00.123Z",
    "rule": {
        "id": "8f3c0000-0000-4000-8000-000000000002", "name": "many_failures", "title": "Many failed sign-ins", "level": "high",
        "tags": ["attack.t1110.003", "attack.credential-access", "attack.t1078", "okta"], "author": "Ada", "version": "abc123",
    },
    "kind": "event_count",
    "group": {"actor.alternateId": "ada@acme.example"},
    "count": 12,
    "first_event_at": "2026-03-01T11:50:00.000Z",
    "last_event_at": "2026-03-01T12:00:00.123Z",
    "events": [{"uuid": "e1", "published": "2026-03-01T11:50:00.000Z", "eventType": "user.session.start", "rule": "many_failures"}],
    "event": SIGN_IN,
}  # fmt: skip


def test_an_alert_in_ecs() -> None:
    text = text_of(ALERT)
    document = json.loads(alert_to_ecs(text, namespace="emea"))
    event = mapped_to_ecs(SIGN_IN)
    assert document["event"].pop("original").encode() == text
    assert document["event"] == event["event"] | {
        "action": "detection", "id": ALERT["uuid"], "kind": "alert", "severity": 73, "start": "2026-03-01T11:50:00.000Z",
        "end": "2026-03-01T12:00:00.123Z",
    }  # fmt: skip
    assert document["rule"] == {
        "author": ["Ada"], "category": "event_count", "id": ALERT["rule"]["id"], "name": "Many failed sign-ins", "version": "abc123",
    }  # fmt: skip
    assert document["threat"] == {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": ["TA0006"], "name": ["Credential Access"]},
        "technique": {"id": ["T1110", "T1078"], "subtechnique": {"id": ["T1110.003"]}},
    }
    assert document["okta"].pop("detection") == {
        "count": 12, "event_uuid": SIGN_IN["uuid"], "events": ["e1"], "group": ALERT["group"], "level": "high", "rule": "many_failures",
        "tags": ALERT["rule"]["tags"],
    }  # fmt: skip
    assert document["okta"].pop("pipeline") == {"tenant": "acme", "org": "acme.okta.com", "labels": {"customer": "Acme"}}
    assert document["okta"] == {name: value for name, value in event["okta"].items() if name != "pipeline"}
    assert document["message"] == "Many failed sign-ins"
    assert document["data_stream"]["namespace"] == "emea"
    assert document["source"] == event["source"]
    assert "original" not in json.loads(alert_to_ecs(text, event_original=False))["event"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_alert_in_ocsf_is_valid(version: str) -> None:
    text = text_of(ALERT)
    document = json.loads(alert_to_ocsf(text, version=version, raw_data=True))
    assert problems(document, version) == []
    assert document["raw_data"].encode() == text
    assert (document["class_uid"], document["severity_id"], document["count"]) == (2004, 4, 12)
    assert document["metadata"]["uid"] == ALERT["uuid"]
    assert document["finding_info"]["related_events"] == [{"uid": "e1"}]
    assert document["finding_info"]["attacks"] == [
        {"tactic": {"name": "Credential Access", "uid": "TA0006"}},
        {"technique": {"uid": "T1110"}, "sub_technique": {"uid": "T1110.003"}},
        {"technique": {"uid": "T1078"}},
    ]
    assert document["evidences"][0]["src_endpoint"]["ip"] == "198.51.100.7"
    assert document["unmapped"]["event"] == SIGN_IN
    assert document["unmapped"]["_okta_tenant"] == "acme"


@pytest.mark.parametrize("shape", SHAPES)
def test_an_alert_of_any_event_is_valid(shape: str) -> None:
    bare = {"uuid": "a1", "published": "2026-03-01T12:00:00Z", "rule": {"level": "odd"}, "event": SHAPES[shape]}
    for alert in (bare, ALERT | {"event": SHAPES[shape], "count": "many", "first_event_at": "soon", "events": None, "group": 7}):
        document = json.loads(alert_to_ocsf(text_of(alert), version="1.3.0"))
        assert problems(document, "1.3.0") == []
        assert json.loads(alert_to_ecs(text_of(alert)))["event"]["kind"] == "alert"
