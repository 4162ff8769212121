"""Correlations, one line of each: what must come of a few events."""

import json
from typing import Any

import pytest

from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.correlation.window import MOST_EVENTS_A_GROUP
from okta_source.detections.matcher import Matcher
from tests.unit.okta_source.detections.correlation.running import FAILED, START, Event, correlation, event, page_of, run, told
from tests.unit.okta_source.detections.making import rule_set

BY_USER = "[actor.alternateId]"
BY_IP = "[client.ipAddress]"


def alerts_of(rule: str, events: list[Event], **more: Any) -> list[tuple[str, dict[str, Any], int]]:
    return told(run(rule_set(FAILED, rule), events, **more))


def test_an_alert() -> None:
    rules = rule_set(FAILED, correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 3}", level="high"))
    events = [event(0), event(30), event(60), event(90)]
    [alert] = run(rules, events)
    assert alert.rule.name == "found"
    assert alert.rule.level == "high"
    assert alert.kind == "event_count"
    assert alert.group == {"actor.alternateId": "ada"}
    assert alert.published_ms == alert.last_ms == (int(START.timestamp()) + 60) * 1000
    assert alert.first_ms == int(START.timestamp()) * 1000
    told_of = json.loads(b"{" + alert.members())
    assert told_of["event"] == events[2]
    assert told_of["events"][0] == {
        "uuid": "failed-ada-0", "published": "2026-11-29T12:00:00.000Z", "eventType": "user.session.start", "rule": "failed",
    }  # fmt: skip
    assert [one["uuid"] for one in told_of["events"]] == ["failed-ada-0", "failed-ada-30", "failed-ada-60"]
    assert (told_of["first_event_at"], told_of["last_event_at"]) == ("2026-11-29T12:00:00.000Z", "2026-11-29T12:01:00.000Z")


def test_an_alerts_id_is_of_tenant_rule_group_and_event_alone() -> None:
    rule = correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}") + "id: 5e2d3b1a-0000-4000-8000-000000000001\n"
    events = [event(0), event(1)]
    [one], [other] = run(rule_set(FAILED, rule), events), run(rule_set(FAILED, rule.replace("10m", "20m")), events)
    assert one.uuid == other.uuid == "d85bf6d9-8204-52f7-b20a-94802a60dcbb"
    assert one.rule.version != other.rule.version


def test_events_give_alerts_of_their_own_unless_they_serve_a_correlation() -> None:
    counted = correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}")
    events = [event(0), event(1), event(2, "reset")]
    assert told(run(rule_set(FAILED), events)) == [("failed", {}, 1)] * 2 + [("reset", {}, 1)]
    assert alerts_of(counted, events) == [("found", {"actor.alternateId": "ada"}, 2), ("reset", {}, 1)]
    assert len(alerts_of(counted.replace("}\n", ", generate: true}\n"), events)) == 4


@pytest.mark.parametrize(
    ("seconds", "alerts"),
    [
        ([0, 300, 600], 1),  # both ends belong to the window
        ([0, 300, 600.001], 0),
        ([0, 1, 2, 3, 4, 5, 6], 1),
        ([0, 1, 2, 300, 602, 603, 604], 1),  # 602 fulfils it again, 600 s behind 2
        ([0, 1, 2, 602, 603, 604], 2),  # 602 and 603 fulfil nothing, and 604 is more than a timespan behind 2
        ([0, 1, 2, 1000, 1001, 1002], 2),
        ([600, 300, 0], 1),
        ([0, 600, 300], 1),
    ],
)
def test_event_count_and_its_episodes(seconds: list[float], alerts: int) -> None:
    rule = correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 3}")
    assert len(alerts_of(rule, [event(at, uuid=str(number)) for number, at in enumerate(seconds)])) == alerts


def test_a_range() -> None:
    rule = correlation("event_count", "failed", condition="{gt: 1, lte: 2}")
    assert alerts_of(rule, [event(0)]) == []
    assert alerts_of(rule, [event(0), event(1), event(2)]) == [("found", {}, 2)]


def test_groups_are_apart_and_none_means_one_a_tenant() -> None:
    users = [event(second, user=user) for second, user in enumerate(["ada", "bob", "ada", "bob", "eve"])]
    assert alerts_of(correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}"), users) == [
        ("found", {"actor.alternateId": "ada"}, 2),
        ("found", {"actor.alternateId": "bob"}, 2),
    ]
    assert alerts_of(correlation("event_count", "failed", condition="{gte: 5}"), users) == [("found", {}, 5)]


@pytest.mark.parametrize("actor", [None, {}, {"alternateId": None}, {"alternateId": ["ada"]}, {"alternateId": "unknown"}, "ada"])
def test_an_event_without_a_group_takes_no_part_and_is_counted(actor: Any) -> None:
    rules = rule_set(FAILED, correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}"))
    matcher, correlator = Matcher(rules), Correlator(rules, "acme")
    events = [event(second, actor=actor) for second in range(3)]
    assert run(rules, events) == []
    correlator.take(page_of(matcher, events))
    assert sum(correlator.tally.ungrouped.values()) == 3


def test_the_systems_own_account_is_an_actor_like_any_other() -> None:
    rule = correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}")
    assert len(alerts_of(rule, [event(0, user="system@okta.com"), event(1, user="system@okta.com")])) == 1


def test_value_count() -> None:
    rule = correlation("value_count", "failed", group_by=BY_IP, condition="{field: actor.alternateId, gte: 3}")
    assert alerts_of(rule, [event(second, user=user) for second, user in enumerate(["a", "b", "b", "a", "b"])]) == []
    spray = [event(second, user=user) for second, user in enumerate(["a", "b", "b", "unknown", "c"])]
    [alert] = run(rule_set(FAILED, rule), spray)
    assert (alert.count, alert.details) == (4, {"distinct": 3})
    late = [event(0, user="a"), event(900, user="c"), event(450, user="b")]
    assert alerts_of(rule, late) == []
    assert len(alerts_of(rule.replace("10m", "15m"), late)) == 1
    pairs = rule.replace("field: actor.alternateId", "field: [actor.alternateId, client.ipAddress]").replace(
        "[client.ipAddress],", "[tenant],", 1
    )
    assert len(alerts_of(pairs, [event(0, user="a"), event(1, user="a", ip="192.0.2.9"), event(2, user="b")])) == 1


def test_value_sum() -> None:
    rule = correlation("value_sum", "failed", condition="{field: securityContext.asNumber, gt: 10}")

    def sized(second: int, size: Any) -> Event:
        return event(second, securityContext={"asNumber": size})

    assert alerts_of(rule, [sized(0, 4), sized(1, 6), sized(2, "x"), sized(3, None)]) == []
    assert alerts_of(rule, [sized(0, 4), sized(1, 6), sized(2, "0.5")]) == [("found", {}, 3)]
    assert alerts_of(rule, [sized(0, 4), sized(601, 7)]) == []


def test_temporal_wants_all_rules_in_any_order() -> None:
    rule = correlation("temporal", "failed, succeeded, reset", group_by=BY_USER)
    assert alerts_of(rule, [event(0), event(1, "succeeded"), event(2)]) == []
    assert alerts_of(rule, [event(0, "reset"), event(1, "succeeded"), event(2)]) == [("found", {"actor.alternateId": "ada"}, 3)]
    assert alerts_of(rule, [event(0, "reset"), event(1, "succeeded"), event(601)]) == []
    two = correlation("temporal", "failed, succeeded, reset", group_by=BY_USER, condition="{gte: 2}")
    assert len(alerts_of(two, [event(0), event(1), event(2, "reset")])) == 1


def test_one_event_may_satisfy_two_rules() -> None:
    again = FAILED.split("---", maxsplit=1)[0].replace("name: failed", "name: again").replace("Sign-in failed", "Again")
    rules = rule_set(FAILED, again, correlation("temporal", "failed, again", group_by=BY_USER))
    assert told(run(rules, [event(0)])) == [("found", {"actor.alternateId": "ada"}, 1)]


@pytest.mark.parametrize(
    ("events", "alerts"),
    [
        ([(0, "failed"), (1, "reset"), (2, "succeeded")], 1),
        ([(0, "reset"), (1, "failed"), (2, "succeeded")], 0),
        ([(5, "succeeded"), (5, "failed"), (5, "reset")], 1),  # ties pass
        ([(0, "failed"), (2, "succeeded"), (1, "reset")], 1),  # late
        ([(2, "succeeded"), (1, "reset"), (0, "failed")], 1),
        ([(0, "failed"), (500, "failed"), (550, "reset"), (700, "succeeded")], 1),
        ([(0, "failed"), (500, "reset"), (601, "succeeded")], 0),
        ([(0, "failed"), (1, "reset"), (2, "succeeded"), (3, "succeeded"), (1000, "failed"), (1001, "reset"), (1002, "succeeded")], 2),
    ],
)
def test_temporal_ordered(events: list[tuple[int, str]], alerts: int) -> None:
    rule = correlation("temporal_ordered", "failed, reset, succeeded", group_by=BY_USER)
    made = [event(second, kind, uuid=str(number)) for number, (second, kind) in enumerate(events)]
    assert len(alerts_of(rule, made)) == alerts


def test_nested_with_aliases() -> None:
    spray = correlation(
        "value_count", "failed", group_by=BY_IP, condition="{field: actor.alternateId, gte: 3}", name="spray", title="Spray"
    )
    then = correlation("temporal_ordered", "spray, succeeded", "1h", group_by=BY_IP, level="critical")
    attack = [event(second, user=user) for second, user in enumerate("abc")]
    rules = rule_set(FAILED, spray, then)
    assert told(run(rules, [*attack, event(100, "succeeded", user="c")])) == [("found", {"client.ipAddress": "192.0.2.1"}, 2)]
    assert told(run(rules, [*attack, event(100, "succeeded", ip="192.0.2.2")])) == []
    assert told(run(rules, [event(0, "succeeded"), *[event(9 + second, user=user) for second, user in enumerate("abc")]])) == []
    # While the attack goes on it is the same episode, and what follows follows its last event.
    slow = [event(300 * number, user=f"user{number % 7}") for number in range(40)]
    assert len(told(run(rules, [*slow, event(300 * 39 + 3000, "succeeded")]))) == 1
    who = correlation(
        "temporal_ordered", "reset, succeeded", "12h", group_by="[who]", aliases="{who: {reset: target.user.id, succeeded: actor.id}}"
    )
    reset = event(0, "reset", user="admin", target=[{"type": "AppInstance", "id": "x"}, {"type": "User", "id": "u1"}])
    assert told(run(rule_set(FAILED, who), [reset, event(9, "succeeded", actor={"id": "u2"})])) == []
    assert told(run(rule_set(FAILED, who), [reset, event(9, "succeeded", actor={"id": "u1"})])) == [("found", {"who": "u1"}, 2)]


def test_first_seen() -> None:
    rule = correlation(
        "first_seen", "succeeded", "30d", group_by=BY_USER, condition="{field: client.geographicalContext.country}", warm_up="1d"
    )

    def at(day: float, country: str | None, user: str = "ada") -> Event:
        return event(day * 86400, "succeeded", user, client={"geographicalContext": {"country": country}})

    def days(*events: Event) -> list[Any]:
        return [
            (round((alert.published_ms / 1000 - START.timestamp()) / 86400), alert.details["new"]) for alert in run(rules, list(events))
        ]

    rules = rule_set(FAILED, rule)
    assert days(at(0, "France"), at(0.5, "Chile")) == []  # warming up
    assert days(at(0, "France"), at(2, "Chile"), at(3, "Chile"), at(4, "France")) == [(2, "Chile")]
    assert days(at(0, "France"), at(2, "Chile", "bob"), at(3, "France", "bob")) == [(3, "France")]  # a group's first is learned
    assert days(at(0, "France"), at(2, None), at(3, "unknown")) == []
    assert days(at(0, "France"), at(29, "Chile"), at(31, "France"), at(60, "Chile")) == [(29, "Chile"), (31, "France"), (60, "Chile")]
    assert days(at(0, "France"), at(29, "France"), at(58, "France"), at(58, "Chile")) == [(58, "Chile")]
    assert days(at(0, "France"), at(5, "Chile"), at(4, "Chile")) == [(5, "Chile")]  # late


PARIS, NICE, NEW_YORK = (48.9, 2.35), (43.7, 7.27), (40.7, -74.0)


def at_place(second: float, place: tuple[float, float] | None, ip: str) -> Event:
    geolocation = {"lat": place[0], "lon": place[1]} if place else None
    return event(second, "succeeded", uuid=f"{second}{ip}", client={"ipAddress": ip, "geographicalContext": {"geolocation": geolocation}})


@pytest.mark.parametrize(
    ("steps", "alerts"),
    [
        ([(0, PARIS, "a"), (3600, NEW_YORK, "b")], [{"distance_km": 5832, "speed_kmh": 5832}]),
        ([(3600, NEW_YORK, "b"), (0, PARIS, "a")], [{"distance_km": 5832, "speed_kmh": 5832}]),  # Panther divides by -1 h
        ([(0, PARIS, "a"), (8 * 3600, NEW_YORK, "b")], []),
        ([(0, PARIS, "a"), (3600, NEW_YORK, "a")], []),  # one address is at one place
        ([(0, PARIS, "a"), (60, NICE, "b")], [{"distance_km": 687, "speed_kmh": 41231}]),
        ([(0, PARIS, "a"), (0, NEW_YORK, "b")], [{"distance_km": 5832, "speed_kmh": 20996258411}]),
        ([(0, PARIS, "a"), (3600, None, "b")], []),
        ([(0, PARIS, "a"), (90_000, NEW_YORK, "b")], []),  # beyond the timespan
        ([(0, PARIS, "a"), (3600, NEW_YORK, "b"), (7200, PARIS, "a"), (10800, NEW_YORK, "b")], [{"distance_km": 5832, "speed_kmh": 5832}]),
    ],
)
def test_travel(steps: list[tuple[float, tuple[float, float] | None, str]], alerts: list[dict[str, int]]) -> None:
    rules = rule_set(FAILED, correlation("travel", "succeeded", "24h", group_by=BY_USER))
    found = run(rules, [at_place(*step) for step in steps])
    assert [dict(alert.details) for alert in found] == [pytest.approx(alert, rel=0.01) for alert in alerts]


def test_absence() -> None:
    rules = rule_set(FAILED, correlation("absence", "reset, succeeded", "1h", group_by=BY_USER))

    def other(second: float) -> Event:
        return event(second, "policy.evaluate_sign_on", user="bob")

    later = [other(3600 + 301)]
    assert told(run(rules, [event(0, "reset"), other(3600 + 299)])) == []
    [alert] = run(rules, [event(0, "reset"), *later])
    assert (alert.kind, alert.published_ms, json.loads(b"{" + alert.body)["uuid"]) == ("absence", alert.last_ms, "reset-ada-0")
    assert told(run(rules, [event(0, "reset"), event(10, "succeeded"), *later])) == []
    assert told(run(rules, [event(10, "succeeded"), event(0, "reset"), *later])) == []  # late
    assert len(run(rules, [event(10, "succeeded"), event(20, "reset"), *later, other(9999)])) == 1
    assert len(run(rules, [event(0, "reset"), event(60, "reset"), *later, other(9999)])) == 1  # one episode
    assert len(run(rules, [event(0, "reset"), event(3601, "succeeded"), *later])) == 1


def test_groups_have_a_bound_and_refusals_are_counted() -> None:
    rules = rule_set(FAILED, correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}"))
    matcher, correlator = Matcher(rules), Correlator(rules, "acme", None, 3)
    crowd = [event(second, user=f"user{second}") for second in range(5)]
    assert correlator.take(page_of(matcher, crowd)) == []
    assert sum(correlator.tally.refused.values()) == 2
    assert list(correlator.groups().values()) == [3]
    known, unknown = [event(10, user="user0")], [event(11, user="user4"), event(12, user="user4")]
    assert len(correlator.take(page_of(matcher, known + unknown))) == 1
    # What is over makes room.
    assert len(correlator.take(page_of(matcher, [event(5000, user="new"), event(5001, user="new")]))) == 1


def test_a_groups_events_have_a_bound() -> None:
    rules = rule_set(FAILED, correlation("event_count", "failed", group_by=BY_USER, condition=f"{{gte: {MOST_EVENTS_A_GROUP}}}"))
    matcher, correlator = Matcher(rules), Correlator(rules, "acme")
    burst = [event(number / 20_000, uuid=str(number)) for number in range(MOST_EVENTS_A_GROUP + 5)]
    [alert] = correlator.take(page_of(matcher, burst))
    assert alert.count == MOST_EVENTS_A_GROUP
    assert len(alert.events) == 50
    assert sum(correlator.tally.refused.values()) == 5


def test_hours_late_is_counted_and_still_correlated() -> None:
    rules = rule_set(FAILED, correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 3}"))
    matcher, correlator = Matcher(rules), Correlator(rules, "acme")
    newest = [event(7200 + number, "reset", user="bob") for number in range(5)]
    late = [event(second, user="ada") for second in (3, 1, 2)]
    alerts = correlator.take(page_of(matcher, [newest[0], late[0], newest[1], late[1], newest[2], late[2]]))
    assert [alert.rule.name for alert in alerts] == ["reset", "reset", "reset", "found"]
    assert correlator.tally.late == 3


def test_a_changed_rule_loses_its_own_state_alone(caplog: pytest.LogCaptureFixture) -> None:
    one = correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}", name="one", title="One")
    two = correlation("event_count", "failed", group_by=BY_IP, condition="{gte: 2}", name="two", title="Two")
    before = rule_set(FAILED, one, two)
    correlator = Correlator(before, "acme")
    correlator.take(page_of(Matcher(before), [event(0)]))
    after = rule_set(FAILED, one.replace("10m", "11m"), two)
    resumed = Correlator(after, "acme", correlator.snapshot())
    assert "rule one has changed" in caplog.text
    assert [alert.rule.name for alert in resumed.take(page_of(Matcher(after), [event(1)]))] == ["two"]
    caplog.clear()
    alone = rule_set(FAILED, two)
    resumed = Correlator(alone, "acme", correlator.snapshot())
    assert "is gone" in caplog.text
    assert len(resumed.take(page_of(Matcher(alone), [event(1)]))) == 1
