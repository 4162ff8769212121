"""Events of an organisation that doesn't exist, in the shapes that Okta's have, and documents made of them."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

from flows.pipeline.enrich import Enricher
from flows.pipeline.formats.page import Page, to_page
from okta_source.config.tenant import TenantConfig
from okta_source.polling.event import Batch, slice_page
from sinks.documents import Documents

RECEIVED_AT = datetime(2026, 3, 1, 12, 0, 1, 250_000, tzinfo=UTC)
ORG = "acme.okta.com"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

PLACE = {
    "city": "Utrecht",
    "state": "Provincie Utrecht",
    "country": "Netherlands",
    "postalCode": "3511",
    "geolocation": {"lat": 52.09, "lon": 5.12},
}
SIGN_IN: dict[str, Any] = {
    "actor": {"id": "00uada", "type": "User", "alternateId": "ada@acme.example", "displayName": "Ada Jansen", "detailEntry": None},
    "client": {
        "userAgent": {"rawUserAgent": AGENT, "os": "Windows 10", "browser": "CHROME"},
        "zone": "OfficeZone",
        "device": "Computer",
        "id": None,
        "ipAddress": "198.51.100.7",
        "geographicalContext": PLACE,
    },
    "device": {
        "id": "guo1",
        "name": "LAPTOP-7",
        "os_platform": "WINDOWS",
        "os_version": "10.0.1",
        "managed": True,
        "registered": True,
        "device_integrator": '{"WSC":{"state":"ok"}}',
        "jailbreak": None,
    },
    "authenticationContext": {
        "authenticationProvider": "FACTOR_PROVIDER",
        "credentialProvider": "OKTA_CREDENTIAL_PROVIDER",
        "credentialType": "OTP",
        "issuer": {"id": "iss1", "type": "OIDC"},
        "interface": "web",
        "authenticationStep": 1,
        "rootSessionId": "root1",
        "externalSessionId": "ses1",
    },
    "displayMessage": 'User login "to" Okta é',
    "eventType": "user.session.start",
    "outcome": {"result": "FAILURE", "reason": "VERIFICATION_ERROR"},
    "published": "2026-03-01T12:00:00.123Z",
    "securityContext": {
        "asNumber": 64500,
        "asOrg": "example net",
        "isp": "example isp",
        "domain": "example.net",
        "isProxy": False,
        "ipDetails": {"asNumber": 64500, "ipServiceCategories": [{"type": "VPN", "isAnonymous": True}]},
        "risk": {"level": "LOW", "reasons": []},
        "userBehaviors": [{"name": "New Device", "id": "bhv1", "result": "NEGATIVE"}],
    },
    "severity": "WARN",
    "debugContext": {
        "debugData": {
            "requestId": "req1",
            "requestUri": "/idp/idx/challenge/answer",
            "url": "/idp/idx/challenge/answer?",
            "dtHash": "cafe",
            "deviceFingerprint": "finger",
            "threatSuspected": "true",
            "factor": "GOOGLE_OTP",
            "behaviors": "{New Geo-Location=NEGATIVE, New Device=POSITIVE, New IP=POSITIVE}",
            "risk": "{reasons=Anomalous Device, Anomalous Location, level=HIGH}",
            "tunnels": '[{"anonymous":true,"operator":"EXAMPLE_VPN","type":"VPN"}]',
            "logOnlySecurityData": '{"risk":{"level":"MEDIUM"},"behaviors":{"New City":"NEGATIVE"}}',
            "empty": "",
        }
    },
    "legacyEventType": "core.user_auth.login_failed",
    "transaction": {"type": "WEB", "id": "tra1", "detail": {"requestApiTokenId": "tok1", "rootApiTokenId": "tok0"}},
    "uuid": "0a000000-0000-11f1-8000-000000000001",
    "version": "0",
    "request": {
        "ipChain": [
            {"ip": "198.51.100.7", "geographicalContext": PLACE, "version": "V4", "source": None},
            {"ip": "2001:db8::1", "geographicalContext": None, "version": "V6", "source": None},
        ]
    },
    "target": [
        {"id": "00ubob", "type": "User", "alternateId": "bob@acme.example", "displayName": "Bob Bakker", "detailEntry": None},
        {
            "id": "00g1",
            "type": "UserGroup",
            "alternateId": "unknown",
            "displayName": "Sales",
            "detailEntry": {"methodTypeUsed": "Password"},
            "changeDetails": {"from": {"status": "OLD", "x": None}, "to": {"settings": {"nested": {"enabled": True}}}},
        },
        {"id": "0oa1", "type": "AppInstance", "alternateId": "Wiki", "displayName": "The Wiki"},
    ],
}


def changed(event_type: str | None = None, **members: Any) -> dict[str, Any]:
    """The event above with other members; one that is ... is left out."""
    event = copy.deepcopy(SIGN_IN) | ({"eventType": event_type} if event_type else {}) | members
    return {name: value for name, value in event.items() if value is not ...}


def debug(**data: Any) -> dict[str, Any]:
    return {"debugData": data}


JOB = changed(
    "system.import.user.create",
    actor={"id": "okta.1", "type": "SystemPrincipal", "alternateId": "system@okta.com", "displayName": "Okta System"},
    client={"userAgent": None, "zone": None, "device": None, "id": None, "ipAddress": None, "geographicalContext": None},
    device=None,
    securityContext={"asNumber": None, "asOrg": None, "isp": None, "domain": None, "isProxy": None},
    request={"ipChain": []},
    transaction={"type": "JOB", "id": "job1", "detail": None},
    debugContext=debug(),
)
BARE = {"uuid": "u1", "published": "2026-03-01T12:00:00.123Z", "eventType": "brand.new.thing"}
TARGET_TYPES = ("User", "UserGroup", "AppInstance", "AppUser", "PolicyEntity", "PolicyRule", "UDDevice", "Token", "NetworkZone", "Weird")
SHAPES: dict[str, dict[str, Any]] = {
    "user": SIGN_IN,
    "system": JOB,
    "null actor": changed(actor=None),
    "null actor and targets": changed(actor=None, target=None),
    "no client": changed(client=..., securityContext=..., request=...),
    "null client": changed(client=None, securityContext=None, request=None),
    "many targets": changed(
        target=[
            {
                "id": f"t{number}",
                "type": TARGET_TYPES[number % 10],
                "alternateId": "a@b.example" if number % 2 else "unknown",
                "displayName": f"T {number}",
                "detailEntry": {"x": 1} if number % 3 == 0 else None,
            }
            for number in range(60)
        ]
    ),
    "privileges": changed(debugContext=debug(privilegeGranted="Super admin, Help desk", signOnMode="SAML 2.0", risk="{level=HIGH}")),
    "address as actor": changed(actor={"type": "IP address"}, target=[]),
    "bare": BARE,
}


def tenant(**settings: Any) -> TenantConfig:
    keys = {"name": "acme", "org_url": f"https://{ORG}", "auth": {"method": "ssws", "token_env": "UNUSED"}, **settings}
    return TenantConfig.model_validate(keys)


def raw_documents(*events: dict[str, Any] | bytes) -> Documents:
    """A page as it comes from `enrich`."""
    texts = [event if isinstance(event, bytes) else text_of(event) for event in events]
    page = slice_page(b"[" + b",".join(texts) + b"]")
    assert not page.malformed
    batch = Batch("acme", "poll", RECEIVED_AT, page.heads, page.bodies)
    return Enricher({"acme": tenant(labels={"customer": "Acme"})})(batch)


def raw_page(*events: dict[str, Any] | bytes, several: bool = False) -> Page:
    return to_page(raw_documents(*events), several=several)


def text_of(event: Any) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
