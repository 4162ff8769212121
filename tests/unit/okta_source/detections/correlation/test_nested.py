"""Correlations of correlations: what counts is the event with which the lower one's window ends, not the one that came last."""

import base64
import random
from itertools import permutations

import pytest

from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.matcher import Matcher
from tests.unit.okta_source.detections.correlation.running import FAILED, Event, correlation, event, page_of, run, told
from tests.unit.okta_source.detections.making import rule_set

BY_USER, BY_IP = "[actor.alternateId]", "[client.ipAddress]"
BRUTE = correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 3}", name="brute", title="Brute")
THEN_IN = correlation("temporal_ordered", "brute, succeeded", "1h", group_by=BY_IP, name="then_in", title="Then in")

# What the release before this one remembered of two failures of Ada's, at 0 s from 192.0.2.1 and at 10 s from 192.0.2.9.
SAVED = base64.b64decode(
    "g6F2AaZuZXdlc3TPAAABoictTRClcnVsZXOC2SQ4MjYzZjc5Yi1hYTM1LTU5NmMtOGZjYS1iZmU0ZmVkNDUzYzaDp3ZlcnNpb26wMjYyODI1YTk0YWIzMmZjNqViZWdhbs8A"
    "AAGiJy0mAKZncm91cHOBxAdbImFkYSJdks8AAAGiJy1NEMRukpKWzwAAAaInLSYArGZhaWxlZC1hZGEtMLJ1c2VyLnNlc3Npb24uc3RhcnQAwM8AAAGiJy0mAJbPAAABoict"
    "TRCtZmFpbGVkLWFkYS0xMLJ1c2VyLnNlc3Npb24uc3RhcnQAwM8AAAGiJy1NEJDZJDNmNjMyMzhhLTVjNjctNWM2Ni05NTU3LWNkMGJiOWViYjEzMIOndmVyc2lvbrAyMzcz"
    "MTUyZmM0ZWIyMjA2pWJlZ2FuwKZncm91cHOA"
)


def attack() -> list[Event]:
    """Three failures of one user from three addresses; then a sign-in from the last of them."""
    return [event(0), event(10, ip="192.0.2.7"), event(10.2, ip="192.0.2.9"), event(20, "succeeded", ip="192.0.2.9")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_group_is_that_of_the_windows_end(order: tuple[int, ...]) -> None:
    rules, events = rule_set(FAILED, BRUTE, THEN_IN), attack()
    [alert] = run(rules, events)
    assert told([alert]) == [("then_in", {"client.ipAddress": "192.0.2.9"}, 2)]
    failures = [events[place] for place in order]
    assert run(rules, [*failures, events[3]]) == [alert]
    assert run(rules, [*failures, events[3]], page=1, rng=random.Random(1)) == [alert]


def test_so_is_the_value() -> None:
    many = correlation("value_count", "brute", "1h", condition="{field: client.ipAddress, gte: 2}", name="many", title="Many addresses")
    rules = rule_set(FAILED, BRUTE, many)
    one, two, three = (event(second, ip=ip) for second, ip in ((0, "192.0.2.1"), (10, "192.0.2.7"), (10.2, "192.0.2.9")))
    last = event(11, ip="192.0.2.9")
    # Windows end at 10.2 and at 11, both at the same address, whichever came last.
    for events in ([one, two, three, last], [one, three, two, last], [two, three, last, one]):
        assert run(rules, events) == []
    assert told(run(rules, [one, three, two, event(12, ip="192.0.2.8")])) == [("many", {}, 2)]


def test_it_is_handed_on_to_what_stands_above() -> None:
    twice = correlation("event_count", "brute", "1h", condition="{gte: 1}", name="twice", title="Twice")
    above = correlation("temporal_ordered", "twice, succeeded", "1h", group_by=BY_IP, name="above", title="Above")
    rules, (one, two, three, success) = rule_set(FAILED, BRUTE, twice, above), attack()
    expected = run(rules, [one, two, three, success])
    assert told(expected) == [("above", {"client.ipAddress": "192.0.2.9"}, 2)]
    assert run(rules, [one, three, two, success]) == expected


def test_an_event_that_completes_windows_of_two_groups_alerts_of_both() -> None:
    each = correlation("event_count", "brute", "1h", group_by=BY_IP, condition="{gte: 1}", name="each", title="Each")
    rules = rule_set(FAILED, BRUTE, each)
    late = [event(1, ip="192.0.2.2"), event(2, ip="192.0.2.3"), event(3, ip="192.0.2.4"), event(0, ip="192.0.2.1")]
    assert [alert.group for alert in run(rules, late)] == [{"client.ipAddress": "192.0.2.4"}, {"client.ipAddress": "192.0.2.3"}]
    assert len({alert.uuid for alert in run(rules, late)}) == 2
    nobody = [event(0), event(1), event(2, client={})]
    assert run(rules, nobody) == []
    assert run(rules, [nobody[0], nobody[2], nobody[1]]) == []


def test_what_an_earlier_release_remembered_is_still_read() -> None:
    rules = rule_set(FAILED, BRUTE, THEN_IN)
    [expected] = run(rules, [event(0), event(10, ip="192.0.2.9"), event(20, ip="192.0.2.9"), event(30, "succeeded", ip="192.0.2.9")])
    correlator, matcher = Correlator(rules, "acme", SAVED), Matcher(rules)
    events = [event(20, ip="192.0.2.9"), event(30, "succeeded", ip="192.0.2.9")]
    assert correlator.take(page_of(matcher, events)) == [expected]
    # It doesn't say which address the failure at 10 s came from: the late one's has to do, as it did then.
    correlator = Correlator(rules, "acme", SAVED)
    events = [event(5, ip="192.0.2.5"), event(30, "succeeded", ip="192.0.2.5")]
    assert told(correlator.take(page_of(matcher, events))) == [("then_in", {"client.ipAddress": "192.0.2.5"}, 2)]


def test_a_correlation_above_that_is_new_or_has_changed_has_nothing_carried_for_it() -> None:
    by_type = THEN_IN.replace("client.ipAddress", "actor.type")
    matcher, correlator = Matcher(rule_set(FAILED, BRUTE, by_type)), Correlator(rule_set(FAILED, BRUTE, by_type), "acme")
    one, two, three, _ = attack()
    correlator.take(page_of(matcher, [one, three]))
    rules = rule_set(FAILED, BRUTE, THEN_IN)
    again = Correlator(rules, "acme", correlator.snapshot())
    assert told(again.take(page_of(Matcher(rules), [two, event(30, "succeeded", ip="192.0.2.7")]))) == [
        ("then_in", {"client.ipAddress": "192.0.2.7"}, 2)
    ]
