"""OCSF documents: valid by the schemas that OCSF publishes, whatever the type and shape of an event; and nothing of an event is lost."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from flows.pipeline.formats.event import read_event
from flows.pipeline.formats.ocsf import OcsfMapper, page_metadata, prefix, with_raw_data, without_raw_data
from flows.pipeline.formats.ocsf_classes import CLASSES, PREFIXES, VERSIONS, plan
from okta_source.events.fields.catalogue import event_types
from tests.unit.flows.pipeline.formats.events import BARE, JOB, ORG, RECEIVED_AT, SHAPES, SIGN_IN, changed, debug, text_of

NAMES = {
    0: "base_event", 2004: "detection_finding", 3001: "account_change", 3002: "authentication", 3004: "entity_management",
    3005: "user_access", 3006: "group_management", 6003: "api_activity",
}  # fmt: skip
CAPTIONED = ("activity", "category", "class", "type", "severity", "status", "auth_protocol", "logon_type", "risk_level")
OBJECTS = {
    "user": "user", "os": "os", "src_endpoint": "network_endpoint", "device": "device", "entity": "managed_entity",
    "observables": "observable",
}  # fmt: skip
TAGS = b'{"_okta_event_type":"systemLog","_okta_tenant":"acme",'
PAGE = page_metadata(ORG, RECEIVED_AT)
MAPPERS = {version: OcsfMapper(version) for version in VERSIONS}


@cache
def schema(version: str) -> dict[str, Any]:
    return dict(get_ocsf_schema(version=version))


@cache
def validator(version: str, class_uid: int, profiles: tuple[str, ...]) -> Any:
    return jsonschema_rs.validator_for(OcsfJsonSchemaEmbedded(schema(version)).get_class_schema(NAMES[class_uid], list(profiles)))


def text_made(event: dict[str, Any], version: str = "1.3.0") -> bytes:
    published = datetime.fromisoformat(event["published"])
    return prefix(TAGS) + without_raw_data(MAPPERS[version].body(read_event(text_of(event)), published, PAGE))


def mapped(event: dict[str, Any], version: str = "1.3.0") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text_made(event, version), object_pairs_hook=_no_member_twice)
    return document


def _no_member_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    assert len(members) == len(pairs), pairs
    return members


def problems(document: dict[str, Any], version: str) -> list[str]:
    """What is wrong with a document: by the schema, and what a schema doesn't see."""
    checked = validator(version, document["class_uid"], tuple(document["metadata"]["profiles"]))
    found = [f"{list(error.instance_path)}: {error.message}" for error in checked.iter_errors(document)]
    attributes = schema(version)["classes"][NAMES[document["class_uid"]]]["attributes"]
    for name in CAPTIONED:
        number, caption = next((pair for pair in ((f"{name}_id", name), (f"{name}_uid", f"{name}_name")) if pair[0] in document), ("", ""))
        number, caption = (f"{name}_id", f"{name}_name") if name == "activity" else (number, caption)
        if number and document[number] % 100 != 99 and document[caption] != attributes[number]["enum"][str(document[number])]["caption"]:
            found.append(f"{caption}: {document[caption]} isn't what {document[number]} is called")
    found += _wrong_captions({name: value for name, value in document.items() if name != "unmapped"}, "", version)
    for observable in document.get("observables", ()):
        value: Any = document
        for part in observable["name"].split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value != observable["value"]:
            found.append(f"{observable['name']} is {value}, not {observable['value']}")
    return found


def _wrong_captions(value: Any, name: str, version: str) -> list[str]:
    found = []
    if isinstance(value, dict):
        if name in OBJECTS and value.get("type_id", 99) != 99:
            caption = schema(version)["objects"][OBJECTS[name]]["attributes"]["type_id"]["enum"][str(value["type_id"])]["caption"]
            found += [f"{name}.type: {value['type']} isn't {caption}"] if value["type"] != caption else []
        for member, item in value.items():
            found += _wrong_captions(item, member, version)
    elif isinstance(value, list):
        for item in value:
            found += _wrong_captions(item, name, version)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_every_event_type_is_valid_in_every_shape(shape: str) -> None:
    wrong = {}
    # Documents that differ in the type's name alone are valid together.
    alike: set[bytes] = set()
    for event_type in [*sorted(event_types()), "brand.new.thing", "x"]:
        event = SHAPES[shape] | {"eventType": event_type}
        document = mapped(event)
        assert document["time"] == round(datetime.fromisoformat(event["published"]).timestamp() * 1000)
        assert document["metadata"]["uid"] == event["uuid"]
        assert document["metadata"]["event_code"] == event_type
        text = text_made(event).replace(text_of(event_type), b'"TYPE"')
        if text in alike:
            continue
        alike.add(text)
        for version in ("1.3.0", "1.8.0"):
            if found := problems(document, version):
                wrong[event_type, version] = found
    assert wrong == {}
    assert alike


@pytest.mark.parametrize("version", VERSIONS)
def test_a_document_is_valid_in_the_version_that_it_claims(version: str) -> None:
    for event_type in ("user.session.start", "user.account.unlock", "user.account.privilege.grant", "group.user_membership.add",
                       "policy.rule.update", "system.api_token.create", "security.threat.detected", "user.lifecycle.create"):  # fmt: skip
        for shape in SHAPES.values():
            document = mapped(shape | {"eventType": event_type}, version)
            assert document["metadata"]["version"] == version
            assert problems(document, version) == [], event_type


def test_an_unlock_is_an_activity_of_its_own_since_1_4() -> None:
    unlocks = [mapped(changed("user.account.unlock"), version) for version in ("1.3.0", "1.4.0", "1.8.0")]
    assert [(unlock["activity_id"], unlock["activity_name"], unlock["type_uid"]) for unlock in unlocks] == [
        (99, "Other", 300199), (12, "Unlock", 300112), (12, "Unlock", 300112),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event_type", "class_uid", "activity_id"),
    [
        ("user.session.start", 3002, 1),
        ("user.session.end", 3002, 2),
        ("user.authentication.auth_via_mfa", 3002, 1),
        ("user.authentication.slo", 3002, 2),
        ("policy.evaluate_sign_on", 3002, 1),
        ("system.push.send_factor_verify_push", 3002, 6),
        ("user.session.impersonation.grant", 3002, 99),
        ("app.oauth2.as.authorize.code", 3002, 1),
        ("app.oauth2.as.token.grant.access_token", 6003, 1),
        ("user.lifecycle.create", 3001, 1),
        ("user.lifecycle.activate", 3001, 2),
        ("user.account.update_password", 3001, 3),
        ("user.account.reset_password", 3001, 4),
        ("user.lifecycle.suspend", 3001, 5),
        ("user.lifecycle.delete.completed", 3001, 6),
        ("user.account.lock", 3001, 9),
        ("user.mfa.factor.activate", 3001, 10),
        ("user.mfa.factor.reset_all", 3001, 11),
        ("user.mfa.factor.update", 3001, 99),
        ("group.user_membership.add", 3006, 3),
        ("group.user_membership.remove", 3006, 4),
        ("group.lifecycle.create", 3004, 1),
        ("group.profile.update", 3004, 3),
        ("policy.lifecycle.activate", 3004, 10),
        ("policy.rule.delete", 3004, 4),
        ("zone.update", 3004, 3),
        ("application.user_membership.add", 3004, 3),
        ("device.lifecycle.suspend", 3004, 12),
        ("system.api_token.create", 6003, 1),
        ("system.api_token.revoke", 6003, 3),
        ("system.log_stream.lifecycle.delete", 6003, 4),
        ("application.configuration.read_client_secret", 6003, 2),
        ("security.threat.detected", 2004, 1),
        ("user.account.report_suspicious_activity_by_enduser", 2004, 1),
        ("brand.new.thing.created", 6003, 1),
    ],
)
def test_classes_and_activities(event_type: str, class_uid: int, activity_id: int) -> None:
    document = mapped(changed(event_type))
    assert (document["class_uid"], document["activity_id"]) == (class_uid, activity_id)
    assert document["type_uid"] == 100 * class_uid + activity_id


def test_privileges_are_a_user_access_where_they_are_told() -> None:
    granted = changed("user.account.privilege.grant", debugContext=debug(privilegeGranted="Super admin, Help desk"))
    document = mapped(granted)
    assert (document["class_uid"], document["activity_id"], document["privileges"]) == (3005, 1, ["Super admin", "Help desk"])
    assert document["user"]["uid"] == "00ubob"
    revoked = mapped(changed("user.account.privilege.revoke", debugContext=debug(requestId="1")))
    assert (revoked["class_uid"], revoked["activity_id"]) == (3001, 8)


def test_the_class_that_an_event_can_fill() -> None:
    """Null actors, missing targets: an event goes to a class whose demands it meets."""
    found = {
        ("user.session.start", "null actor"): 3002,
        ("user.session.start", "null actor and targets"): 0,
        ("user.session.start", "bare"): 0,
        ("user.lifecycle.create", "address as actor"): 0,
        ("group.user_membership.add", "system"): 3006,
        ("policy.rule.update", "bare"): 0,
        ("policy.rule.update", "address as actor"): 0,
        ("security.threat.detected", "bare"): 2004,
    }
    assert {key: mapped(SHAPES[key[1]] | {"eventType": key[0]})["class_uid"] for key in found} == found
    assert mapped(changed("group.user_membership.add", target=[{"id": "1", "type": "UserGroup"}]))["class_uid"] == 3004
    assert mapped(changed("group.user_membership.add", target=[]))["class_uid"] == 6003
    assert mapped(changed("policy.rule.update", target=None))["class_uid"] == 6003


def test_the_attributes_of_a_sign_in() -> None:
    document = mapped(SIGN_IN)
    unmapped = document.pop("unmapped")
    session = {"issuer": "iss1", "uid": "ses1", "uid_alt": "root1"}
    agent = SIGN_IN["client"]["userAgent"]["rawUserAgent"]
    assert document == {
        "activity_id": 1,
        "activity_name": "Logon",
        "actor": {
            "session": session,
            "user": {"email_addr": "ada@acme.example", "name": "Ada Jansen", "type": "User", "type_id": 1, "uid": "00uada"},
        },
        "auth_protocol": "Unknown",
        "auth_protocol_id": 0,
        "category_name": "Identity & Access Management",
        "category_uid": 3,
        "class_name": "Authentication",
        "class_uid": 3002,
        "device": {
            "is_managed": True,
            "name": "LAPTOP-7",
            "os": {"name": "WINDOWS", "type": "Windows", "type_id": 100, "version": "10.0.1"},
            "type": "Unknown",
            "type_id": 0,
            "uid": "guo1",
        },
        "dst_endpoint": {"svc_name": "/idp/idx/challenge/answer?"},
        "http_request": {"uid": "req1", "url": {"path": "/idp/idx/challenge/answer?"}, "user_agent": agent},
        "is_mfa": True,
        "logon_type": "Other",
        "logon_type_id": 99,
        "message": 'User login "to" Okta é',
        "metadata": {
            "event_code": "user.session.start",
            "logged_time": 1772366401250,
            "product": {"name": "Okta System Log", "vendor_name": "Okta", "version": "0"},
            "profiles": ["datetime", "host"],
            "tenant_uid": "acme.okta.com",
            "uid": "0a000000-0000-11f1-8000-000000000001",
            "version": "1.3.0",
        },
        "observables": [
            {"name": "src_endpoint.ip", "type": "IP Address", "type_id": 2, "value": "198.51.100.7"},
            {"name": "http_request.user_agent", "type": "HTTP User-Agent", "type_id": 16, "value": agent},
            {"name": "actor.user.name", "type": "User Name", "type_id": 4, "value": "Ada Jansen"},
            {"name": "actor.user.email_addr", "type": "Email Address", "type_id": 5, "value": "ada@acme.example"},
            {"name": "user.name", "type": "User Name", "type_id": 4, "value": "Bob Bakker"},
            {"name": "user.email_addr", "type": "Email Address", "type_id": 5, "value": "bob@acme.example"},
        ],
        "service": {"name": "The Wiki", "uid": "0oa1"},
        "session": session,
        "severity": "Medium",
        "severity_id": 3,
        "src_endpoint": {
            "autonomous_system": {"name": "example net", "number": 64500},
            "domain": "example.net",
            "intermediate_ips": ["2001:db8::1"],
            "ip": "198.51.100.7",
            "location": {
                "city": "Utrecht", "country": "Netherlands", "isp": "example isp", "lat": 52.09, "long": 5.12, "postal_code": "3511",
                "region": "Provincie Utrecht",
            },
            "os": {"name": "Windows 10", "type": "Windows", "type_id": 100},
            "type": "Computer",
            "type_id": 99,
        },
        "status": "Failure",
        "status_code": "FAILURE",
        "status_detail": "VERIFICATION_ERROR",
        "status_id": 2,
        "time": 1772366400123,
        "time_dt": "2026-03-01T12:00:00.123Z",
        "type_name": "Authentication: Logon",
        "type_uid": 300201,
        "user": {"email_addr": "bob@acme.example", "name": "Bob Bakker", "type": "User", "type_id": 1, "uid": "00ubob"},
    }  # fmt: skip
    data = SIGN_IN["debugContext"]["debugData"]
    assert unmapped["debugContext"] == {"debugData": {name: value for name, value in data.items() if name not in ("requestId", "url")}}
    assert unmapped["legacyEventType"] == "core.user_auth.login_failed"
    assert unmapped["client"] == {"userAgent": {"browser": "CHROME"}, "zone": "OfficeZone"}
    assert [target["type"] for target in unmapped["target"]] == ["UserGroup", "AppInstance"]
    assert unmapped["_okta_tenant"] == "acme"


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for name, item in items for leaf in leaves(item, (*path, name))]
    return [] if value in (None, "") else [(path, value)]


@pytest.mark.parametrize("event_type", ["user.session.start", "user.lifecycle.create", "group.user_membership.add", "policy.rule.update",
                                        "system.api_token.create", "security.threat.detected", "user.account.privilege.grant"])  # fmt: skip
@pytest.mark.parametrize("shape", SHAPES)
def test_every_value_of_an_event_is_somewhere(event_type: str, shape: str) -> None:
    more = {"insertionTimestamp": "ins1", "riskContext": {"a": [1, {"b": 2}]}, "eventType": event_type, "severity": "DEBUG"}
    event = SHAPES[shape] | more
    document = mapped(event)
    held = {str(value) for _, value in leaves(document)}
    published = datetime.fromisoformat(event["published"]).timestamp()
    # "unknown" is what Okta writes where there is no alternate id.
    lost = [leaf for leaf in leaves(event) if str(leaf[1]) not in held and leaf[1] not in ("unknown", published)]
    assert lost == []


def test_how_things_ended() -> None:
    ended = {
        result: (document["status_id"], document["status"], document.get("status_code"))
        for result in ("SUCCESS", "ALLOW", "FAILURE", "DENY", "CHALLENGE", None)
        if (document := mapped(changed(outcome={"result": result})))
    }
    assert ended == {
        "SUCCESS": (1, "Success", "SUCCESS"),
        "ALLOW": (1, "Success", "ALLOW"),
        "FAILURE": (2, "Failure", "FAILURE"),
        "DENY": (2, "Failure", "DENY"),
        "CHALLENGE": (99, "CHALLENGE", "CHALLENGE"),
        None: (0, "Unknown", None),
    }


def test_severities() -> None:
    graded = {name: mapped(changed(severity=name))["severity_id"] for name in ("DEBUG", "INFO", "WARN", "ERROR", "ODD", None)}
    assert graded == {"DEBUG": 1, "INFO": 1, "WARN": 3, "ERROR": 4, "ODD": 99, None: 0}


def test_a_finding_is_as_grave_as_its_risk() -> None:
    found = changed("security.threat.detected", severity="INFO", debugContext=debug(risk="{level=HIGH}"), securityContext=None)
    document = mapped(found)
    assert (document["severity_id"], document["severity"], document["risk_level_id"], document["risk_level"]) == (4, "High", 3, "High")
    assert document["finding_info"] == {
        "desc": 'User login "to" Okta é', "title": "VERIFICATION_ERROR", "types": ["security.threat.detected"], "uid": found["uuid"],
    }  # fmt: skip
    assert document["evidences"][0]["src_endpoint"]["ip"] == "198.51.100.7"
    assert mapped(BARE | {"eventType": "security.threat.detected"})["finding_info"]["title"] == "security.threat.detected"


def test_a_job_has_okta_as_its_endpoint() -> None:
    assert mapped(JOB | {"target": None})["src_endpoint"] == {"svc_name": "Okta"}
    sign_in = mapped(JOB | {"eventType": "user.session.start", "target": None})
    assert sign_in["dst_endpoint"] == {"svc_name": "Okta"}
    assert sign_in["user"]["type"] == "System"


def test_protocols() -> None:
    told = {
        mode: mapped(changed("user.authentication.sso", debugContext=debug(signOnMode=mode)))["auth_protocol"]
        for mode in ("SAML 2.0", "OpenID Connect", "Secure Web Authentication")
    }
    assert told == {"SAML 2.0": "SAML", "OpenID Connect": "OpenID", "Secure Web Authentication": "Unknown"}
    assert mapped(changed("user.authentication.auth_via_radius"))["auth_protocol_id"] == 10


def test_the_entity_is_the_target_that_the_type_is_about() -> None:
    targets = [{"id": "1", "type": "PolicyEntity", "displayName": "P"}, {"id": "2", "type": "PolicyRule", "displayName": "R"}]
    rule, policy = (mapped(changed(kind, target=targets))["entity"] for kind in ("policy.rule.update", "policy.lifecycle.update"))
    assert (rule["uid"], policy["uid"]) == ("2", "1")
    assert rule == {"name": "R", "policy": {"name": "R", "uid": "2"}, "type": "Policy", "type_id": 5, "uid": "2"}


def test_raw_data_is_the_event_byte_for_byte() -> None:
    text = text_of(SIGN_IN)
    body = MAPPERS["1.3.0"].body(read_event(text), datetime(2026, 3, 1, tzinfo=UTC), PAGE)
    document = json.loads(prefix(TAGS) + with_raw_data(body, text))
    assert document["raw_data"].encode() == text
    assert problems(document, "1.3.0") == []


def test_what_is_cut_out_of_debug_data_is_what_attributes_hold() -> None:
    for data in ({"requestId": "r"}, {"requestId": "r", "url": "/u"}, {"a": "1", "requestId": "r"}, {"a": "1", "url": "/u", "b": "2"}):
        document = mapped(changed(debugContext=debug(**data)))
        rest = {name: value for name, value in data.items() if name not in ("requestId", "url")}
        assert document["unmapped"].get("debugContext", {"debugData": {}}) == {"debugData": rest}
        spaced = read_event(text_of(changed(debugContext=debug(**data))).replace(b'":"', b'" : "'))
        body = MAPPERS["1.3.0"].body(spaced, datetime(2026, 3, 1, tzinfo=UTC), PAGE)
        unmapped = json.loads(prefix(TAGS) + without_raw_data(body))["unmapped"]
        assert unmapped.get("debugContext", {"debugData": {}}) == {"debugData": rest}


def test_the_tables_name_classes_that_there_are_and_types_that_okta_has() -> None:
    assert set(PREFIXES.values()) <= set(CLASSES)
    known = event_types()
    assert [prefix for prefix in PREFIXES if not any(name == prefix or name.startswith(f"{prefix}.") for name in known)] == []
    assert {plan(name).class_uid for name in known} == set(CLASSES) - {0}
    assert all(plan(name).activity_id in CLASSES[plan(name).class_uid].activities for name in known)
