"""The simulated events: reproducible, believable, and as quirky as real ones."""

import itertools
import json
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest

from okta_source.simulator import Organisation
from okta_source.simulator.catalogue import KINDS
from okta_source.simulator.scenarios import SCENARIOS
from okta_source.simulator.schedule import Schedule, unix_ms_of_uuid1

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def raw() -> list[bytes]:
    return Organisation("acme", seed=3, events=6000, now=NOW).persisted()


@pytest.fixture(scope="module")
def events(raw: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(event) for event in raw]


def milliseconds(published: str) -> int:
    return round(datetime.fromisoformat(published).timestamp() * 1000)


def test_the_same_seed_makes_the_same_bytes(raw: list[bytes]) -> None:
    assert Organisation("acme", seed=3, events=6000, now=NOW).persisted() == raw


def test_another_seed_or_name_makes_other_events(raw: list[bytes]) -> None:
    assert not set(Organisation("acme", seed=4, events=1000, now=NOW).uuids()) & {json.loads(event)["uuid"] for event in raw}
    assert Organisation("globex", seed=3, events=100, now=NOW).persisted() != raw[:100]


def test_every_kind_of_event_happens_in_some_story() -> None:
    assert {kind.event_type for kind in KINDS} == {name for scenario in SCENARIOS for name, _ in scenario.steps}


def test_at_least_sixty_event_types_happen(events: list[dict[str, Any]]) -> None:
    assert len({event["eventType"] for event in events}) >= 60
    assert len({kind.event_type for kind in KINDS}) == len(KINDS) >= 60


def test_uuids_are_unique_version_1_and_decode_to_published(events: list[dict[str, Any]]) -> None:
    assert len({event["uuid"] for event in events}) == len(events)
    for event in events:
        parsed = uuid.UUID(event["uuid"])
        assert parsed.version == 1
        assert unix_ms_of_uuid1(parsed) == milliseconds(event["published"])


def test_uuids_are_unique_within_one_millisecond() -> None:
    organisation = Organisation("acme")
    assert len(set(organisation.append(30_000))) == 30_000


def test_published_has_milliseconds_and_steps_back_a_little(events: list[dict[str, Any]]) -> None:
    times = [milliseconds(event["published"]) for event in events]
    assert all(len(event["published"]) == len("2026-03-04T05:06:07.000Z") and event["published"].endswith("Z") for event in events)
    steps = [earlier - later for earlier, later in itertools.pairwise(times)]
    share = sum(step > 0 for step in steps) / len(steps)
    assert 0.1 < share < 0.4
    assert max(steps) <= 300


def test_late_events_are_hours_behind_and_as_many_as_asked_for() -> None:
    organisation = Organisation("acme", events=5000, late_probability=0.02, now=NOW)
    times = [milliseconds(json.loads(event)["published"]) for event in organisation.persisted()]
    marks = [max(times[: number + 1]) for number in range(0, 5000, 50)]
    assert marks == sorted(marks)
    high = 0
    late = 0
    for time_ms in times:
        late += high - time_ms > 250_000
        high = max(high, time_ms)
    assert 50 < late < 160


def test_sessions_are_correlated(events: list[dict[str, Any]]) -> None:
    types: dict[str, set[str]] = defaultdict(set)
    actors: dict[str, set[str]] = defaultdict(set)
    for event in events:
        session = event["authenticationContext"].get("externalSessionId")
        if session and session != "unknown":
            types[session].add(event["eventType"])
            if "_agent" not in event["eventType"].lower():  # what the platform does for the session's person
                actors[session].add(event["actor"]["id"])
    assert all(len(ids) == 1 for ids in actors.values())
    signed_in = [names for names in types.values() if "user.session.start" in names]
    assert sum("user.authentication.sso" in names for names in signed_in) > len(signed_in) / 3


def test_the_quirks_of_real_events_occur(raw: list[bytes], events: list[dict[str, Any]]) -> None:
    text = b"\n".join(raw)
    assert b'"zone":"null"' in text
    assert b'"zone":null' in text
    assert b"\\u00e9" in text
    assert "é".encode() in text
    assert b"\\/" in text
    assert b"18446744073709551615" in text
    assert b"1e3" in text
    assert any(event["target"] is None for event in events)
    assert any(event.get("device") for event in events)
    assert any("os_platform" in (event.get("device") or {}) for event in events)
    assert any("osVersion" in (event.get("device") or {}) for event in events)
    assert any(event["displayMessage"] is None for event in events)
    assert any(event["legacyEventType"] is None for event in events)
    assert any(event["transaction"] == {"type": None, "id": "unknown", "detail": None} for event in events)
    assert any(event["request"]["ipChain"] == [] for event in events)
    assert any(
        isinstance(hop["geographicalContext"]["postalCode"], int)
        for event in events
        for hop in event["request"]["ipChain"]
        if hop["geographicalContext"]
    )
    assert len({tuple(event)[:3] for event in events}) >= 3
    assert all(isinstance(value, str) for event in events for value in event["debugContext"]["debugData"].values())


def test_the_mean_event_has_the_wanted_size() -> None:
    organisation = Organisation("acme", events=3000, event_bytes=2500, now=NOW)
    sizes = [len(event) for event in organisation.persisted()]
    assert 2400 < sum(sizes) / len(sizes) < 2600
    assert len(set(sizes)) > 100
    json.loads(b"[" + b",".join(organisation.persisted()) + b"]")


def test_persistence_never_goes_back_and_due_counts_it() -> None:
    schedule = Schedule(start_ms=1_000, step_ms=7.5, late_probability=0.0, key=1)
    times = [schedule.persisted_ms(index) for index in range(1000)]
    assert times == sorted(times)
    for now_ms in (0, 999, 1_000, 1_001, 4_321, times[500]):
        assert schedule.due(now_ms) == sum(time_ms <= now_ms for time_ms in times)
