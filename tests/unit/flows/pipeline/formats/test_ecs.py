"""ECS documents: every field with its value, what is missing left out, and one odd member costs that member alone."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.pipeline.formats import ecs
from flows.pipeline.formats.ecs import EcsMapper, prefix, with_original, without_original
from flows.pipeline.formats.event import read_event
from tests.unit.flows.pipeline.formats.events import AGENT, BARE, JOB, SIGN_IN, changed, debug, text_of

MAPPER = EcsMapper()
PUBLISHED = datetime(2026, 3, 1, 12, tzinfo=UTC)
GEO = {
    "city_name": "Utrecht",
    "country_name": "Netherlands",
    "location": {"lat": 52.09, "lon": 5.12},
    "region_name": "Provincie Utrecht",
}
PARTY = {"email": "ada@acme.example", "full_name": "Ada Jansen", "id": "00uada", "name": "ada@acme.example"}
SIDE = {
    "as": {"number": 64500, "organization": {"name": "example net"}},
    "domain": "example.net",
    "geo": GEO,
    "ip": "198.51.100.7",
    "user": PARTY,
}
HOP_PLACE = {
    "city": "Utrecht",
    "state": "Provincie Utrecht",
    "country": "Netherlands",
    "postal_code": "3511",
    "geolocation": {"lat": 52.09, "lon": 5.12},
}


def mapped(event: dict[str, Any] | bytes, mapper: EcsMapper = MAPPER) -> dict[str, Any]:
    text = event if isinstance(event, bytes) else text_of(event)
    event_type = json.loads(text)["eventType"]
    start = prefix(event_type, {"tenant": "acme"}, event_original=False)
    return json.loads(start + without_original(mapper.body(read_event(text), PUBLISHED, b"")), object_pairs_hook=_no_member_twice)


def _no_member_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    assert len(members) == len(pairs), pairs
    return members


def test_every_field_of_a_sign_in() -> None:
    assert mapped(SIGN_IN) == {
        "@timestamp": "2026-03-01T12:00:00.123Z",
        "client": SIDE,
        "data_stream": {"dataset": "okta.system", "namespace": "default", "type": "logs"},
        "ecs": {"version": "8.11.0"},
        "event": {
            "action": "user.session.start",
            "category": ["authentication", "session"],
            "dataset": "okta.system",
            "id": "0a000000-0000-11f1-8000-000000000001",
            "kind": "event",
            "module": "okta",
            "outcome": "failure",
            "type": ["start", "info"],
        },
        "okta": {
            "actor": {"alternate_id": "ada@acme.example", "display_name": "Ada Jansen", "id": "00uada", "type": "User"},
            "authentication_context": {
                "authentication_provider": "FACTOR_PROVIDER",
                "authentication_step": 1,
                "credential_provider": "OKTA_CREDENTIAL_PROVIDER",
                "credential_type": "OTP",
                "external_session_id": "ses1",
                "interface": "web",
                "issuer": {"id": "iss1", "type": "OIDC"},
                "root_session_id": "root1",
            },
            "client": {
                "device": "Computer",
                "ip": "198.51.100.7",
                "user_agent": {"browser": "CHROME", "os": "Windows 10", "raw_user_agent": AGENT},
                "zone": "OfficeZone",
            },
            "debug_context": {
                "debug_data": {
                    "device_fingerprint": "finger",
                    "dt_hash": "cafe",
                    "factor": "GOOGLE_OTP",
                    "flattened": {
                        "behaviors": {"New Geo-Location": "NEGATIVE", "New Device": "POSITIVE", "New IP": "POSITIVE"},
                        "deviceFingerprint": "finger",
                        "dtHash": "cafe",
                        "factor": "GOOGLE_OTP",
                        "logOnlySecurityData": {"behaviors": {"New City": "NEGATIVE"}, "risk": {"level": "MEDIUM"}},
                        "requestId": "req1",
                        "requestUri": "/idp/idx/challenge/answer",
                        "risk": {"level": "HIGH", "reasons": "Anomalous Device, Anomalous Location"},
                        "risk_object": "{reasons=Anomalous Device, Anomalous Location, level=HIGH}",
                        "threatSuspected": "true",
                        "tunnels": [{"anonymous": True, "operator": "EXAMPLE_VPN", "type": "VPN"}],
                        "url": "/idp/idx/challenge/answer?",
                    },
                    "request_id": "req1",
                    "request_uri": "/idp/idx/challenge/answer",
                    "risk_behaviors": ["New Device", "New IP"],
                    "risk_level": "MEDIUM",
                    "risk_reasons": ["Anomalous Device", "Anomalous Location"],
                    "threat_suspected": "true",
                    "url": "/idp/idx/challenge/answer?",
                }
            },
            "device": {
                "device_integrator": {"WSC": {"state": "ok"}},
                "id": "guo1",
                "managed": True,
                "name": "LAPTOP-7",
                "os_platform": "WINDOWS",
                "os_version": "10.0.1",
                "registered": True,
            },
            "display_message": 'User login "to" Okta é',
            "event_type": "user.session.start",
            "outcome": {"reason": "VERIFICATION_ERROR", "result": "FAILURE"},
            "pipeline": {"tenant": "acme"},
            "request": {
                "ip_chain": [
                    {"ip": "198.51.100.7", "geographical_context": HOP_PLACE, "version": "V4"},
                    {"ip": "2001:db8::1", "version": "V6"},
                ]
            },
            "security_context": {
                "as": {"number": 64500, "organization": {"name": "example net"}},
                "domain": "example.net",
                "ip_details": {"as_number": 64500, "ip_service_categories": [{"type": "VPN", "is_anonymous": True}]},
                "is_proxy": False,
                "isp": "example isp",
                "risk": {"level": "LOW"},
                "user_behaviors": [{"name": "New Device", "id": "bhv1", "result": "NEGATIVE"}],
            },
            "severity": "WARN",
            "target": [
                {"alternate_id": "bob@acme.example", "display_name": "Bob Bakker", "id": "00ubob", "type": "User"},
                {
                    "alternate_id": "unknown",
                    "changeDetails": {"from": {"status": "OLD"}, "to": {"settings": {"nested": {"enabled": True}}}},
                    "detailEntry": {"methodTypeUsed": "Password"},
                    "display_name": "Sales",
                    "id": "00g1",
                    "type": "UserGroup",
                },
                {"alternate_id": "Wiki", "display_name": "The Wiki", "id": "0oa1", "type": "AppInstance"},
            ],
            "transaction": {"detail": {"request_api_token_id": "tok1", "root_api_token_id": "tok0"}, "id": "tra1", "type": "WEB"},
            "uuid": "0a000000-0000-11f1-8000-000000000001",
            "version": "0",
        },
        "related": {"ip": ["198.51.100.7"], "user": ["Ada Jansen", "Bob Bakker", "ada@acme.example"]},
        "source": SIDE,
        "user": {
            "email": "ada@acme.example",
            "full_name": "Ada Jansen",
            "name": "ada@acme.example",
            "target": {
                "email": "bob@acme.example",
                "full_name": "Bob Bakker",
                "group": {"id": "00g1", "name": "Sales"},
                "id": "00ubob",
                "name": "bob@acme.example",
            },
        },
        "user_agent": {
            "device": {"name": "Other"},
            "name": "Chrome",
            "original": AGENT,
            "os": {"full": "Windows 10", "name": "Windows", "version": "10"},
            "version": "126.0.0.0",
        },
    }


def test_what_is_not_there_is_left_out() -> None:
    assert mapped(BARE) == {
        "@timestamp": "2026-03-01T12:00:00.123Z",
        "data_stream": {"dataset": "okta.system", "namespace": "default", "type": "logs"},
        "ecs": {"version": "8.11.0"},
        "event": {
            "action": "brand.new.thing", "category": ["configuration"], "dataset": "okta.system", "id": "u1", "kind": "event",
            "module": "okta", "outcome": "unknown", "type": ["info"],
        },
        "okta": {"event_type": "brand.new.thing", "pipeline": {"tenant": "acme"}, "uuid": "u1"},
    }  # fmt: skip


def test_the_platform_acting_by_itself() -> None:
    document = mapped(JOB)
    assert document["user"] | {"target": None} == {
        "email": "system@okta.com", "full_name": "Okta System", "name": "system@okta.com", "target": None,
    }  # fmt: skip
    assert document["client"] == {
        "user": {"email": "system@okta.com", "full_name": "Okta System", "id": "okta.1", "name": "system@okta.com"}
    }
    assert {"user_agent", "ip"}.isdisjoint(document | document["related"])
    assert "request" not in document["okta"]


@pytest.mark.parametrize(
    ("result", "expected"),
    [("SUCCESS", "success"), ("ALLOW", "success"), ("FAILURE", "failure"), ("DENY", "failure"), ("CHALLENGE", "unknown"),
     ("RATE_LIMIT", "unknown"), (None, "unknown"), ("", "unknown"), (["SUCCESS"], "unknown")],
)  # fmt: skip
def test_outcomes(result: object, expected: str) -> None:
    assert mapped(changed(outcome={"result": result, "reason": None}))["event"]["outcome"] == expected


def test_an_address_that_is_none_is_left_out() -> None:
    for sent in ("null", "", "198.51.100.300", "fe80::1%eth0", 7, None, ["198.51.100.7"]):
        client = SIGN_IN["client"] | {"ipAddress": sent}
        document = mapped(changed(client=client))
        assert "ip" not in document["client"], sent
        assert "ip" not in document["source"], sent
        assert "ip" not in document["okta"]["client"], sent
        assert document["related"] == {"user": ["Ada Jansen", "Bob Bakker", "ada@acme.example"]}
    assert mapped(changed(client=SIGN_IN["client"] | {"ipAddress": "2001:db8::9"}))["related"]["ip"] == ["2001:db8::9"]


@pytest.mark.parametrize("number", ["AS64500", "64 500", -1, 1.5, True, [64500], {"a": 1}, "9" * 40, 2**70])
def test_a_number_that_no_index_takes_is_left_out(number: object) -> None:
    document = mapped(changed(securityContext={"asNumber": number, "asOrg": "x"}))
    assert document["source"]["as"] == {"organization": {"name": "x"}}
    assert document["okta"]["security_context"]["as"] == {"organization": {"name": "x"}}


def test_a_number_as_a_text_is_a_number() -> None:
    assert mapped(changed(securityContext={"asNumber": "64500"}))["source"]["as"] == {"number": 64500}


@pytest.mark.parametrize("geolocation", [{"lat": 91, "lon": 1}, {"lat": "1", "lon": 1}, {"lat": 1}, None, [1, 2], {"lat": True, "lon": 1}])
def test_a_place_that_is_none_is_left_out(geolocation: object) -> None:
    client = SIGN_IN["client"] | {"geographicalContext": {"city": "Utrecht", "geolocation": geolocation}}
    assert mapped(changed(client=client))["client"]["geo"] == {"city_name": "Utrecht"}


def test_a_name_that_is_no_address_is_no_email() -> None:
    document = mapped(changed(actor={"id": "1", "type": "PublicClientApp", "alternateId": "0oaclient", "displayName": "App"}, target=None))
    assert document["user"] == {"full_name": "App", "name": "0oaclient"}
    assert document["source"]["user"] == {"full_name": "App", "id": "1", "name": "0oaclient"}
    assert document["related"]["user"] == ["App", "0oaclient"]


def test_related_users_are_a_set() -> None:
    same = {"id": "00uada", "type": "User", "alternateId": "ada@acme.example", "displayName": "Ada Jansen"}
    assert mapped(changed(target=[same]))["related"]["user"] == ["Ada Jansen", "ada@acme.example"]
    alike = {"id": "1", "type": "User", "alternateId": "ada", "displayName": "ada"}
    assert mapped(changed(actor=alike, target=None))["related"]["user"] == ["ada"]
    assert mapped(changed(actor=None, target=[same]))["related"]["user"] == ["Ada Jansen"]


def test_device_members_in_camel_case_have_the_same_names() -> None:
    document = mapped(
        changed(device={"osVersion": "1", "platform": "OSX", "screenLockType": "PIN", "managed": "yes", "secureHardwarePresent": True})
    )
    assert document["okta"]["device"] == {
        "os_version": "1",
        "os_platform": "OSX",
        "screen_lock_type": "PIN",
        "secure_hardware_present": True,
    }


@pytest.mark.parametrize(
    "details", ["text", ["a"], 7, {"from": "text"}, {"from": {"policySubject": "x"}}, {"from": {"policySubject": {"a": 1}}}]
)
def test_change_details_are_one_kind_of_value_whatever_is_sent(details: object) -> None:
    [target] = mapped(changed(target=[{"id": "1", "changeDetails": details, "detailEntry": details}]))["okta"]["target"]
    assert target["changeDetails"] == target["detailEntry"] == (details if isinstance(details, dict) else {"value": details})


@pytest.mark.parametrize("odd", [7, "text", [1, {"a": None}], True, {"deep": {"er": []}}, [[]], 1e300])
@pytest.mark.parametrize("member", sorted(set(SIGN_IN) - {"uuid", "published", "eventType"}))
def test_an_odd_member_costs_that_member_alone(member: str, odd: object) -> None:
    whole, document = mapped(SIGN_IN), mapped(changed(**{member: odd}))
    assert document["event"]["id"] == whole["event"]["id"]
    untouched = {
        "actor": "request", "client": "actor", "device": "actor", "request": "actor", "securityContext": "actor",
    }.get(member, "client")  # fmt: skip
    assert document["okta"][untouched] == whole["okta"][untouched]


def test_members_that_nobody_documents_change_nothing() -> None:
    more = {"insertionTimestamp": "x", "riskContext": {"a": [1, {"b": 1e3}]}}
    event = changed(**more)
    event["transaction"] = event["transaction"] | {"new": 1}
    event["debugContext"] = event["debugContext"] | {"new": 1}
    assert mapped(event) == mapped(SIGN_IN)


def test_a_value_that_cannot_be_read_costs_that_value() -> None:
    text = text_of(SIGN_IN).replace(b'"Ada Jansen"', b"1e999")
    document = mapped(text)
    assert document["okta"]["actor"] == {"alternate_id": "ada@acme.example", "id": "00uada", "type": "User"}


@pytest.mark.parametrize("half", [rb"\ud800", rb"\udc00", rb"\ud800\u0041", rb"\uDBFF\\udc00"])
def test_half_a_surrogate_pair_is_a_replacement_character(half: bytes) -> None:
    text = text_of(SIGN_IN).replace(b'"Ada Jansen"', b'"Ada %b \\ud83d\\ude80"' % half)
    assert mapped(text)["okta"]["actor"]["display_name"].startswith("Ada \ufffd")
    assert mapped(text)["okta"]["actor"]["display_name"].endswith("\U0001f680")


def test_the_original_is_the_event_byte_for_byte() -> None:
    text = b'{"uuid":"u1", "published":"2026-03-01T12:00:00.123Z",\t"eventType":"a.b","x":"\\u00e9 \\/ \\"q\\" \xc3\xa9", "n":1e3}'
    start = prefix("a.b", {}, event_original=True)
    document = json.loads(start + with_original(MAPPER.body(read_event(text), PUBLISHED, b""), text))
    assert document["event"]["original"].encode() == text
    assert document["tags"] == ["preserve_original_event"]


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ("2026-03-01T12:00:00.123Z", "2026-03-01T12:00:00.123Z"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T12:00:00.123456Z", "2026-03-01T12:00:00.123456Z"),
        ("2026-03-01T14:00:00.123+02:00", "2026-03-01T12:00:00.123Z"),
        ("2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00.000Z"),
        ("0001-01-01T00:00:00.000+01:00", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_the_timestamp(published: str, expected: str) -> None:
    assert mapped(BARE | {"published": published})["@timestamp"] == expected


def test_nothing_of_one_event_gets_into_another() -> None:
    own = EcsMapper()
    events = [SIGN_IN, JOB, BARE, changed(actor=None), changed(debugContext=debug(url="/x")), changed(target=[])]
    for event in events + events[::-1]:
        assert mapped(event, own) == mapped(event, EcsMapper())


def test_the_data_stream_can_be_another_one() -> None:
    document = json.loads(ecs.prefix("a", {}, event_original=False, namespace="emea") + b"}}")
    assert document["data_stream"] == {"dataset": "okta.system", "namespace": "emea", "type": "logs"}
