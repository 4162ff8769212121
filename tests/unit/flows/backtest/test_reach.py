"""How far before the first alert events are read: so far that it is the alert of a whole run."""

import random

import pytest

from flows.backtest.reach import reach_ms
from tests.unit.okta_source.detections.correlation.running import FAILED, START, Event, correlation, run
from tests.unit.okta_source.detections.correlation.test_order import everything, log
from tests.unit.okta_source.detections.making import rule_set

MINUTE = 60_000
START_MS = int(START.timestamp() * 1000)
USER = "[actor.alternateId]"
BRUTE = correlation("event_count", "failed", "10m", group_by=USER, condition="{gte: 3}", name="brute", title="Brute")
THEN_IN = correlation("temporal_ordered", "brute, succeeded", "20m", group_by=USER, name="then_in", title="Then in")
FIRST = correlation(
    "first_seen", "succeeded", "30d", group_by=USER, condition="{field: client.ipAddress}", warm_up="7d", name="new", title="New"
)


@pytest.mark.parametrize(
    ("rules", "minutes"),
    [
        ([], 0),
        ([BRUTE], 10 + 10 + 5),  # its window, its episode, and those that come late
        ([BRUTE, THEN_IN], 10 + 20 + 20 + 5),  # the one below gives no alerts of its own, so its episodes don't count
        ([BRUTE, FIRST], 30 * 24 * 60 + 5),  # what is new has no episode
        ([FIRST.replace("30d", "1d")], 7 * 24 * 60 + 5),  # as long as it only learns
    ],
)
def test_timespans_of_a_chain_add_up(rules: list[str], minutes: int) -> None:
    assert reach_ms(rule_set(FAILED, *rules)) == minutes * MINUTE


def moment(one: Event) -> int:
    hour, minute, second = one["published"][11:23].split(":")
    return START_MS + (int(hour) - START.hour) * 60 * MINUTE + int(minute) * MINUTE + round(float(second) * 1000)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_told_from_a_moment_on_is_what_a_whole_run_tells_then(seed: int) -> None:
    rng = random.Random(seed)
    rules = everything()
    # Close to each other, episodes outlast what is read before the moment many times over.
    events = sorted(log(rng, 400, rng.choice([10_000, 20_000, 40_000])), key=moment)
    since = rng.randrange(moment(events[len(events) // 4]), moment(events[-1]))
    whole = [alert for alert in run(rules, events) if alert.published_ms >= since]
    read = [one for one in events if moment(one) >= since - reach_ms(rules)]
    assert [alert for alert in run(rules, read) if alert.published_ms >= since] == whole
