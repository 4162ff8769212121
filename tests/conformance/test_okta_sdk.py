"""Okta's official SDK judges the simulator: it pages through it, and its models accept what it serves."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from okta_source.simulator import Organisation, Simulator

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def has_number_as_postal_code(event: dict[str, Any]) -> bool:
    hops = (event.get("request") or {}).get("ipChain") or []
    places = [event["client"].get("geographicalContext"), *(hop.get("geographicalContext") for hop in hops)]
    return any(isinstance((place or {}).get("postalCode"), int) for place in places)


def sdk_client(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    # The SDK insists on https but for this variable.
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    from okta.client import Client  # noqa: PLC0415 - reads the variable when it is used

    client = Client({"orgUrl": url, "token": token})
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


def test_the_sdk_pages_through_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    # Events that the models refuse (see the next test) would end the SDK's paging, so they stay out here.
    source = Organisation("acme", seed=11, events=1500, now=NOW)
    organisation = Organisation("globex", token="00sdk")
    organisation.append([event for event in source.persisted() if not has_number_as_postal_code(json.loads(event))])
    expected = [json.loads(event)["uuid"] for event in organisation.persisted()]
    with Simulator([organisation]) as simulator:
        client = sdk_client(simulator.url("globex"), "00sdk", monkeypatch)
        since = datetime.fromtimestamp(organisation.now_ms() / 1000 - 3600, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        uuids = asyncio.run(page_through(client, since))
    assert len(expected) > 1000
    assert uuids == expected


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
