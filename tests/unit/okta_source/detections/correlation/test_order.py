"""The order in which events come in, where pages, snapshots and processes end: none of it changes what is alerted of."""

import random
from collections import Counter

import pytest

from okta_source.detections.rules import RuleSet
from tests.unit.okta_source.detections.correlation.running import FAILED, Event, correlation, event, run
from tests.unit.okta_source.detections.making import rule_set

USER, IP = "[actor.alternateId]", "[client.ipAddress]"
MONOTONE = [
    correlation("event_count", "failed", group_by=USER, condition="{gte: 4}", name="count", title="Rule 1"),
    correlation("value_count", "failed", group_by=IP, condition="{field: actor.alternateId, gte: 3}", name="values", title="Rule 2"),
    correlation("value_sum", "failed", group_by=IP, condition="{field: version, gte: 20}", name="sum", title="Rule 3"),
    correlation("temporal", "failed, succeeded, reset", group_by=USER, name="together", title="Rule 4"),
    correlation("temporal_ordered", "failed, reset, succeeded", group_by=USER, name="ordered", title="Rule 5"),
    correlation("temporal_ordered", "values, succeeded", "20m", group_by=IP, name="nested", title="Rule 6", generate="true"),
    correlation("temporal_ordered", "count, succeeded", "20m", group_by=IP, name="elsewhere", title="Rule 10", generate="true"),
]
OTHERS = [
    correlation(
        "first_seen", "succeeded", "1h", group_by=USER, condition="{field: client.ipAddress}", warm_up="5m", name="first", title="Rule 7"
    ),
    correlation("absence", "reset, succeeded", "10m", group_by=USER, name="absent", title="Rule 8"),
    correlation("event_count", "failed", group_by=USER, condition="{gte: 2, lt: 4}", name="few", title="Rule 9"),
]


def log(rng: random.Random, count: int, spread_s: float) -> list[Event]:
    """Events in the order of their times: some users, some addresses, now and then several in one moment."""
    seconds = sorted(round(rng.uniform(0, spread_s), rng.choice([0, 3])) for _ in range(count))
    kinds = rng.choices(["failed", "succeeded", "reset"], [6, 2, 1], k=count)
    return [
        event(second, kind, f"user{rng.randint(1, 4)}", f"192.0.2.{rng.randint(1, 3)}", uuid=f"u{number}", version=rng.randint(1, 9))
        for number, (second, kind) in enumerate(zip(seconds, kinds, strict=True))
    ]


def brute_force(events: list[Event], threshold: int, timespan_ms: int) -> Counter[str]:
    """Episodes of `count` by user, from the finished log alone, in the plainest way there is."""
    found: Counter[str] = Counter()
    by_user: dict[str, list[int]] = {}
    for one in events:
        if one["eventType"] == "user.session.start" and one["outcome"]["result"] == "FAILURE":
            by_user.setdefault(one["actor"]["alternateId"], []).append(_ms(one))
    for user, times in by_user.items():
        last = None
        for end in sorted(times):
            if sum(end - timespan_ms <= other <= end for other in times) >= threshold:
                found[user] += last is None or end - last > timespan_ms
                last = end
    return found


def _ms(one: Event) -> int:
    minutes, seconds = one["published"][14:23].split(":")
    hours = int(one["published"][11:13]) - 12
    return (hours * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


def everything() -> RuleSet:
    return rule_set(FAILED, *MONOTONE, *OTHERS)


@pytest.mark.parametrize("seed", range(6))
def test_pages_snapshots_and_resumes_change_nothing(seed: int) -> None:
    rng = random.Random(seed)
    rules, events = everything(), log(rng, 150, 3000)
    # Okta's own disorder, and a few events that come late.
    events.sort(key=lambda one: _ms(one) + rng.uniform(0, 300) + (rng.random() < 0.05) * 500_000)
    whole = run(rules, events)
    assert len({alert.uuid for alert in whole}) == len(whole) > 3
    assert run(rules, events, page=1) == whole
    assert run(rules, events, page=25, rng=rng) == whole


@pytest.mark.parametrize("seed", range(6))
def test_disorder_gives_the_same_episodes(seed: int) -> None:
    rng = random.Random(seed)
    rules, events = rule_set(FAILED, *MONOTONE), log(rng, 60, 2000)
    shuffled = sorted(events, key=lambda one: _ms(one) + rng.uniform(0, 300_000))
    # Two episodes that an event joins only when both have been told can't be taken back; no seed here has one.
    assert episodes(rules, shuffled) == episodes(rules, events)


@pytest.mark.parametrize("seed", range(6))
def test_counted_as_by_hand(seed: int) -> None:
    rng = random.Random(seed)
    events = log(rng, 120, 7000)
    alerts = run(rule_set(FAILED, MONOTONE[0]), events)
    counted = Counter(str(alert.group["actor.alternateId"]) for alert in alerts if alert.kind == "event_count")
    assert counted == brute_force(events, 4, 600_000)


def episodes(rules: RuleSet, events: list[Event]) -> Counter[tuple[str, str]]:
    return Counter((alert.rule.name, str(alert.group)) for alert in run(rules, events))
