"""Okta's official SDK judges the simulator: it signs in and pages through it, and its models accept what it serves."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from okta_source.simulator import OAuthClient, Organisation, Simulator

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def has_number_as_postal_code(event: dict[str, Any]) -> bool:
    hops = (event.get("request") or {}).get("ipChain") or []
    places = [event["client"].get("geographicalContext"), *(hop.get("geographicalContext") for hop in hops)]
    return any(isinstance((place or {}).get("postalCode"), int) for place in places)


def sdk(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    # The SDK insists on https but for this variable.
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    from okta.client import Client  # noqa: PLC0415 - reads the variable when it is used

    return Client(settings)


def sdk_client(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    client = sdk({"orgUrl": url, "token": token}, monkeypatch)
    # Without this it sends the scheme and the token without a space between them.
    client.configuration.authorization_mode = "SSWS "
    return client


async def page_through(client: Any, since: str) -> list[str]:
    from okta.pagination import PaginationHelper  # noqa: PLC0415

    uuids: list[str] = []
    after = None
    while True:
        events, response, error = await client.list_log_events(since=since, after=after, sort_order="ASCENDING", limit=100)
        assert error is None, error
        uuids += [event.uuid for event in events]
        if len(events) < 100:
            return uuids
        after = PaginationHelper.extract_next_cursor(response.headers)


def readable(events: int) -> tuple[Organisation, list[str]]:
    """An organisation without the events that the models refuse (see the last test), and the events' uuids."""
    source = Organisation("acme", seed=11, events=events, now=NOW)
    organisation = Organisation("globex", token="00sdk")
    organisation.append([event for event in source.persisted() if not has_number_as_postal_code(json.loads(event))])
    return organisation, organisation.uuids()


def an_hour_ago(organisation: Organisation) -> str:
    return datetime.fromtimestamp(organisation.now_ms() / 1000 - 3600, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_the_sdk_pages_through_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    organisation, expected = readable(1500)
    with Simulator([organisation]) as simulator:
        client = sdk_client(simulator.url("globex"), "00sdk", monkeypatch)
        uuids = asyncio.run(page_through(client, an_hour_ago(organisation)))
    assert len(expected) > 1000
    assert uuids == expected


@pytest.mark.parametrize("dpop", [False, True])
def test_the_sdk_signs_in_with_a_key_pair_and_reads_the_same(monkeypatch: pytest.MonkeyPatch, dpop: bool) -> None:
    organisation, expected = readable(300)
    app, key = OAuthClient.with_new_key("0oa-sdk", dpop=dpop)
    organisation.register(app)
    with Simulator([organisation]) as simulator:
        settings = {
            "orgUrl": simulator.url("globex"),
            "authorizationMode": "PrivateKey",
            "clientId": app.client_id,
            "scopes": ["okta.logs.read"],
            "privateKey": RSAKey.import_key(key).as_pem(private=True).decode(),
            "kid": key["kid"],
            "dpopEnabled": dpop,
        }
        uuids = asyncio.run(page_through(sdk(settings, monkeypatch), an_hour_ago(organisation)))
    assert len(expected) > 200
    assert uuids == expected
    scheme = "DPoP" if dpop else "Bearer"
    assert {record.headers["authorization"].split()[0] for record in organisation.requests} == {scheme}
    assert [made.outcome for made in organisation.token_requests] == ["use_dpop_nonce", "granted"][not dpop :]


def test_the_sdk_understands_why_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    organisation, _ = readable(10)
    app, _ = OAuthClient.with_new_key("0oa-sdk")
    _, other_key = OAuthClient.with_new_key("0oa-other")
    organisation.register(app)
    with Simulator([organisation]) as simulator:
        settings = {
            "orgUrl": simulator.url("globex"),
            "authorizationMode": "PrivateKey",
            "clientId": app.client_id,
            "scopes": ["okta.logs.read"],
            "privateKey": RSAKey.import_key(other_key).as_pem(private=True).decode(),
            "kid": other_key["kid"],
        }
        _, _, error = asyncio.run(sdk(settings, monkeypatch).list_log_events(limit=1))
    assert "invalid_client The client_assertion JWT kid is invalid." in str(error)


def test_the_models_accept_every_event_but_those_with_a_number_as_postal_code() -> None:
    from okta.models.log_event import LogEvent  # noqa: PLC0415
    from pydantic import ValidationError  # noqa: PLC0415

    organisation = Organisation("acme", seed=5, events=3000, now=NOW)
    refused = set()
    quirky = set()
    for raw in organisation.persisted():
        event = json.loads(raw)
        if has_number_as_postal_code(event):
            quirky.add(event["uuid"])
        try:
            model = LogEvent.from_dict(event)
        except ValidationError:
            refused.add(event["uuid"])
            continue
        assert model is not None
        assert model.uuid == event["uuid"]
        assert model.event_type == event["eventType"]
    assert quirky
    assert refused == quirky
