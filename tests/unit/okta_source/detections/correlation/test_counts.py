"""Sums and orders beside the plainest way to get them, and how much is looked at for them."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from okta_source.detections.correlation import counts as counts_module
from okta_source.detections.correlation import engine as engine_module
from okta_source.detections.correlation.counts import Ordered, Summed
from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.correlation.window import LATENESS_MS, MOST_EVENTS_A_GROUP, Hit
from okta_source.detections.matcher import Matcher
from okta_source.detections.sigma.rule import Correlation
from tests.unit.okta_source.detections.correlation.running import FAILED, correlation, event, page_of
from tests.unit.okta_source.detections.making import rule_set

AWKWARD = [0.1, 0.2, 0.3, -0.1, -0.3, 1e16, -1e16, 1.0, 2.5, -7.0, 1e-30, 5e-324, -2.2e-308, 9.99e299, -9.99e299, -0.0, 2.0**53, 1e23]


def correlation_of(text: str) -> Correlation:
    found = rule_set(FAILED, text).rules[-1].rule
    assert isinstance(found, Correlation)
    return found


def summed(condition: str) -> Correlation:
    return correlation_of(correlation("value_sum", "failed", "10s", condition=f"{{field: version, {condition}}}"))


def disordered(rng: random.Random, count: int, value: Callable[[], Any], most_rules: int = 1) -> Iterator[tuple[Hit, int]]:
    """Matches and horizons: many in one moment, many late."""
    newest = 10**12
    for number in range(count):
        newest += rng.choice([0, 0, 0, 1, 700, 4000])
        ms = newest - rng.choice([0, 0, 0, 1, 3000, 60_000])
        yield Hit(ms, f"e{number}", "kind", rng.randrange(most_rules), value(), newest), newest - 10_000 - LATENESS_MS


def at(ms: int, via: int = 0, value: Any = None) -> Hit:
    return Hit(ms, f"{via}-{ms}", "kind", via, value, ms)


@pytest.mark.parametrize("condition", ["gte: 0.3", "gt: 0.3", "gt: 0, lt: 7.5", "gte: 1.0e+16", "gte: 0", "gte: 0.6, lte: 0.6"])
@pytest.mark.parametrize("values", [AWKWARD, [0.1, 0.2, 0.3, -0.1], [1.0, 2.0, 3.0]])
def test_sums_are_what_fsum_gives(values: list[float], condition: str) -> None:
    rng = random.Random(f"{condition}{values}")
    rule = summed(condition)
    group = Summed(rule)
    for hit, horizon in disordered(rng, 600, lambda: rng.choice(values)):
        outcome = group.take(hit, horizon)
        hits = group._window.hits
        ends = [end for end in hits if hit.ms <= end.ms <= hit.ms + rule.timespan_ms]
        ends = [end for end in ends if end.ms > hit.ms or hits.index(end) >= hits.index(hit)]
        sums = {end.ms: math.fsum(one.value for one in hits if end.ms - rule.timespan_ms <= one.ms <= end.ms) for end in ends}
        assert list(outcome.ends if outcome else ()) == [end for end in ends if sums[end.ms] in rule.condition]
        if rng.random() < 0.05:
            group = Summed(rule, *saved(group))


def test_sums_forget_what_a_group_has_no_room_for() -> None:
    group = Summed(summed(f"gte: {MOST_EVENTS_A_GROUP}.5"))
    assert all(group.take(at(10**12 + number, value=1.0), 0) is None for number in range(MOST_EVENTS_A_GROUP + 3))
    assert group.dropped == 3
    assert group.take(at(10**12 + MOST_EVENTS_A_GROUP + 3, value=1.5), 0) is not None


def test_each_value_is_read_once_for_all_sums() -> None:
    reads = [0]

    class Read:
        """A number that says when it is read; however that is done."""

        def __float__(self) -> float:
            reads[0] += 1
            return 1.0

        def as_integer_ratio(self) -> tuple[int, int]:
            reads[0] += 1
            return 1, 1

    group = Summed(summed("gte: 1000000"))
    for ms in range(500):
        group.take(at(10**12 + 2 * ms, value=Read()), 0)
    for ms in range(20):
        group.take(at(10**12 + 2 * ms + 1, value=Read()), 0)
    assert reads[0] == 520


def saved(group: Summed | Ordered) -> Any:
    """What a snapshot keeps of it."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(group.dump()))


def ends_of(rule: Correlation, hits: list[Hit], new: Hit) -> list[str]:
    """The matches of the last rule that end an order around a new match, looked for in every window."""
    last = len(rule.rules) - 1
    latest_ms = new.ms if new.via == last else new.ms + rule.timespan_ms
    return [end.uuid for end in hits if end.via == last and new.ms <= end.ms <= latest_ms and _is_order(rule, hits, last, end.ms, end.ms)]


def _is_order(rule: Correlation, hits: list[Hit], via: int, ms: int, end_ms: int) -> bool:
    if via == 0:
        return True
    before = {one.ms for one in hits if one.via == via - 1 and end_ms - rule.timespan_ms <= one.ms <= ms}
    return any(_is_order(rule, hits, via - 1, one, end_ms) for one in before)


@pytest.mark.parametrize("rules", ["failed, succeeded", "failed, reset, succeeded"])
@pytest.mark.parametrize("seed", range(3))
def test_orders_are_what_every_window_gives(rules: str, seed: int) -> None:
    rng = random.Random(seed)
    rule = correlation_of(correlation("temporal_ordered", rules, "10s"))
    group = Ordered(rule)
    found = 0
    for hit, horizon in disordered(rng, 500, lambda: None, len(rule.rules)):
        outcome = group.take(hit, horizon)
        ends = [end.uuid for end in outcome.ends] if outcome else []
        assert ends == ends_of(rule, group._window.hits, hit)
        found += len(ends)
        if rng.random() < 0.05:
            group = Ordered(rule, *saved(group))
    assert found > 100


def test_a_burst_of_one_moment_is_looked_at_once_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, bisect_right = [0], counts_module.bisect_right

    def counted(*args: Any) -> int:
        looks[0] += 1
        return bisect_right(*args)

    monkeypatch.setattr(counts_module, "bisect_right", counted)
    group = Ordered(correlation_of(correlation("temporal_ordered", "failed, succeeded")))
    outcomes = [group.take(Hit(10**12, str(number), "kind", number % 2, None, 10**12), 0) for number in range(400)]
    assert [len(outcome.ends) if outcome else 0 for outcome in outcomes[:6]] == [0, 1, 1, 2, 2, 3]
    assert looks[0] <= 5 * 400  # a look at each for each were 40,000


def test_what_fulfils_a_correlation_is_put_together_only_for_one_that_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [0]

    def counted(*args: Any) -> Hit:
        made[0] += 1
        return Hit(*args)

    monkeypatch.setattr(engine_module, "Hit", counted)
    burst = [event(0, ("failed", "succeeded")[number % 2], uuid=str(number)) for number in range(40)]
    inner = correlation("temporal_ordered", "failed, succeeded", name="inner")
    outer = correlation("event_count", "inner", condition="{gte: 5}", name="outer", title="Outer")
    for texts, most in (((inner,), 40), ((inner, outer), 10_000)):
        made[0] = 0
        rules = rule_set(FAILED, *texts)
        alerts = Correlator(rules, "acme").take(page_of(Matcher(rules), burst))
        assert [alert.rule.name for alert in alerts] == [("inner", "outer")[len(texts) - 1]]
        assert 40 <= made[0] <= most
