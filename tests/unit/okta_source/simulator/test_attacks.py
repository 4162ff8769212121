"""Attacks among the simulated events, and days without anything to look at."""

import argparse
import json
from datetime import UTC, datetime

import pytest

from okta_source.simulator import Organisation
from okta_source.simulator.attacks import ATTACKS
from okta_source.simulator.command import add_arguments, build_organisations
from okta_source.simulator.scenarios import NOT_EVERYDAY, SCENARIOS

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_attacks_stand_among_the_other_events() -> None:
    quiet = Organisation("acme", events=2000, mix="everyday", now=NOW)
    hit = Organisation("acme", events=2000, mix="everyday", attacks=("password-spray", "new-admin"), now=NOW)
    added = len(hit) - len(quiet)
    assert added == 17
    events = [json.loads(data) for data in hit.persisted()]
    assert [event["uuid"] for event in events] == hit.uuids()
    assert len(set(hit.uuids())) == len(events)
    places = [place for place, event in enumerate(events) if event["securityContext"]["asOrg"] == "example hosting"]
    assert len(places) == added
    assert places[-1] - places[0] > added, "other events lie between them"
    times = [datetime.fromisoformat(event["published"]) for event in events]
    assert all((times[place] - times[place - 1]).total_seconds() > -0.301 for place in range(1, len(times)))
    assert (NOW - times[places[0]]).total_seconds() == 3 * 3600


def test_the_same_seed_makes_the_same_attacks() -> None:
    one, two = (Organisation("acme", events=10, attacks=list(ATTACKS), now=NOW).persisted() for _ in range(2))
    assert one == two


def test_what_somebody_should_look_at_is_none_of_every_day() -> None:
    assert {name for scenario in SCENARIOS for name, _ in scenario.steps} >= NOT_EVERYDAY
    events = [json.loads(data) for data in Organisation("acme", events=3000, mix="everyday", now=NOW).persisted()]
    assert not {event["eventType"] for event in events} & NOT_EVERYDAY
    homes: dict[str, set[str]] = {}
    for event in events:
        if event["actor"]["type"] == "User":
            homes.setdefault(event["actor"]["id"], set()).add(event["client"]["ipAddress"])
    assert max(map(len, homes.values())) == 1


def _arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(given)


def test_the_command_takes_attacks() -> None:
    [organisation] = build_organisations(_arguments("--events", "10", "--attack", "all", "--mix", "everyday"))
    assert len(organisation) > 40
    [organisation] = build_organisations(_arguments("--events", "10", "--attack", "new-admin, unknown-client"))
    assert len(organisation) == 15


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--attack", "spray"), "--attack: there is no attack 'spray'; there are password-spray, mfa-reset-storm"),
        (("--attack", "all", "--span-seconds", "600"), "--attack needs a backlog of three hours: --span-seconds 10800 or more"),
    ],
)
def test_what_the_command_cannot_do(given: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told[:30]) as caught:
        build_organisations(_arguments(*given))
    assert told in str(caught.value)
    with pytest.raises(ValueError, match="attacks need a backlog"):
        Organisation("acme", span_seconds=60, attacks=("new-admin",))
