"""As many groups as there may be, and more: what is refused is counted, and nothing is looked at, or kept, that needn't be."""

import json
import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from okta_source.detections.alerts import Alert
from okta_source.detections.correlation import absence as absence_module
from okta_source.detections.correlation import groups as groups_module
from okta_source.detections.correlation import learned as learned_module
from okta_source.detections.correlation.absence import Absence, Waits
from okta_source.detections.correlation.counts import Counted
from okta_source.detections.correlation.engine import Correlator
from okta_source.detections.correlation.groups import MOST_GROUPS
from okta_source.detections.correlation.learned import FirstSeen
from okta_source.detections.correlation.window import LATENESS_MS, Hit
from okta_source.detections.matcher import Matcher
from okta_source.detections.matches import Match, Matches
from okta_source.detections.rules import RuleSet
from okta_source.detections.sigma.rule import Correlation
from tests.unit.okta_source.detections.correlation.running import FAILED, START, correlation, event, page_of, run
from tests.unit.okta_source.detections.making import rule_set

BY_USER = "[actor.alternateId]"
BASE = int(START.timestamp()) * 1000
COUNTED = correlation("event_count", "failed", group_by=BY_USER, condition="{gte: 2}")
KEPT_MS = 600_000 + LATENESS_MS


class Watched(Counted):
    """Counts how often somebody looks how old it is."""

    __slots__ = ("_mark",)
    looks = 0

    @property
    def mark(self) -> int:
        Watched.looks += 1
        return self._mark

    @mark.setter
    def mark(self, mark: int) -> None:
        self._mark = mark


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    monkeypatch.setitem(groups_module._KINDS, "event_count", Watched)
    Watched.looks = 0
    return Watched


def matches(rules: RuleSet, times: Iterable[tuple[int, str]], kind: str = "failed") -> list[Matches]:
    """Pages of one match each: a user at so many milliseconds."""
    number = next(number for number, active in enumerate(rules.rules) if active.rule.about.name == kind)
    found = []
    for ms, user in times:
        match = Match(f"{user}-{ms}", BASE + ms, kind, BASE + ms, (number,), (json.dumps([user]).encode(),), (None,), b"}")
        found.append(Matches("acme", BASE + ms, [match]))
    return found


def take(correlator: Correlator, pages: Iterable[Matches]) -> list[Alert]:
    return [alert for page in pages for alert in correlator.take(page)]


def refused(correlator: Correlator) -> int:
    return sum(correlator.tally.refused.values())


def test_a_flood_of_made_up_users_beside_as_many_groups_as_there_may_be() -> None:
    rules = rule_set(FAILED, COUNTED)
    correlator = Correlator(rules, "acme")
    assert take(correlator, matches(rules, ((number // 1000, f"user{number}") for number in range(MOST_GROUPS)))) == []
    assert refused(correlator) == 0
    before = correlator.snapshot()
    flood = matches(rules, ((1000 + number // 10, f"made-up{number}") for number in range(10_000)))
    assert take(correlator, flood) == []
    assert refused(correlator) == 10_000
    assert list(correlator.groups().values()) == [MOST_GROUPS]
    [kept] = correlator._groups.values()
    assert kept._ages is not None
    assert len(kept._ages) == len(kept._live) + len(kept._resting) == MOST_GROUPS
    assert len(correlator.snapshot()) == len(before)
    [known] = take(correlator, matches(rules, [(2000, "user7"), (2001, "made-up7")]))
    assert known.group == {"actor.alternateId": "user7"}
    # Of all of them, user7 alone has been heard of since.
    assert len(take(correlator, matches(rules, [(2000 + KEPT_MS, "new"), (2001 + KEPT_MS, "new")]))) == 1
    assert list(correlator.groups().values()) == [2]


def test_what_is_refused_looks_at_no_other_group(watched: type[Watched]) -> None:
    rules = rule_set(FAILED, COUNTED)
    correlator = Correlator(rules, "acme", None, 500)
    take(correlator, matches(rules, ((number, f"user{number}") for number in range(500))))
    take(correlator, matches(rules, ((1000 + number, f"made-up{number}") for number in range(2000))))
    assert refused(correlator) == 2000
    assert watched.looks < 2 * 500  # once at each; a sweep for each were 1,000,000


def test_groups_that_go_one_by_one_are_looked_at_one_by_one(watched: type[Watched]) -> None:
    rules = rule_set(FAILED, COUNTED)
    correlator = Correlator(rules, "acme", None, 500)
    take(correlator, matches(rules, ((number * 10, f"user{number}") for number in range(500))))
    take(correlator, matches(rules, ((KEPT_MS + 1 + number * 10, f"next{number}") for number in range(500))))
    assert refused(correlator) == 0
    assert watched.looks < 4 * 500


@pytest.mark.parametrize("seed", range(4))
def test_refused_is_what_finds_no_room_beside_those_that_still_matter(seed: int) -> None:
    rng = random.Random(seed)
    rules = rule_set(FAILED, COUNTED)
    correlator = Correlator(rules, "acme", None, 20)
    ms, marks, expected = 0, dict[str, int](), 0
    for _ in range(3000):
        ms += rng.choice([0, 10_000, 40_000, 100_000]) if rng.random() < 0.99 else KEPT_MS + 1
        user = f"user{rng.randint(1, 60)}"
        if rng.random() < 0.02:
            correlator = resumed(correlator, rules, 20) if rng.random() < 0.5 else snapped(correlator)
        take(correlator, matches(rules, [(ms, user)]))
        marks = {other: mark for other, mark in marks.items() if mark >= ms - KEPT_MS}
        if user in marks or len(marks) < 20:
            marks[user] = ms
        else:
            expected += 1
    assert refused(correlator) == expected > 100


def snapped(correlator: Correlator) -> Correlator:
    """It goes on, and some of its groups rest."""
    correlator.snapshot()
    return correlator


def resumed(correlator: Correlator, rules: RuleSet, most_groups: int) -> Correlator:
    """Another that goes on from its snapshot."""
    after = Correlator(rules, "acme", correlator.snapshot(), most_groups)
    after.tally = correlator.tally
    return after


ABSENT = correlation("absence", "reset, succeeded", "1h", group_by=BY_USER)
DUE_MS = 3_600_000 + LATENESS_MS


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_wait_that_is_over_wakes_its_own_group_alone(is_resumed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = rule_set(FAILED, ABSENT)
    correlator = Correlator(rules, "acme")
    take(correlator, matches(rules, ((number * 10, f"user{number}") for number in range(500)), "reset"))
    take(correlator, matches(rules, ((5000, f"user{number}") for number in range(0, 500, 2)), "succeeded"))
    if is_resumed:
        correlator = resumed(correlator, rules, MOST_GROUPS)
    woken, over = [0], Absence.over

    def counted(self: Absence, *args: Any) -> Any:
        woken[0] += 1
        return over(self, *args)

    monkeypatch.setattr(Absence, "over", counted)
    alerts = [alert for number in range(500) for alert in correlator.take(Matches("acme", BASE + number * 10 + DUE_MS, []))]
    assert [alert.group["actor.alternateId"] for alert in alerts] == [f"user{number}" for number in range(1, 500, 2)]
    assert woken[0] <= 500  # all for each were 125,000


def test_waits_that_end_together_are_told_in_the_order_of_their_ends_wherever_pages_end() -> None:
    rules = rule_set(FAILED, ABSENT, ABSENT.replace("1h", "50m").replace("name: found", "name: sooner").replace("Found", "Sooner"))
    resets = [event(0, "reset", "eve"), event(1, "reset", "bob"), event(900, "reset", "ada"), event(901, "reset", "bob")]
    others = [event(second, "policy.evaluate_sign_on", "zoe") for second in range(3000, 6000, 40)]
    whole = run(rules, [*resets, *others])
    assert [(alert.rule.name, alert.group["actor.alternateId"]) for alert in whole] == [
        ("sooner", "eve"), ("sooner", "bob"), ("found", "eve"), ("found", "bob"), ("sooner", "ada"), ("found", "ada"),
    ]  # fmt: skip
    assert run(rules, [*resets, *others], page=1) == whole


def test_waits_keep_one_entry_a_group_however_often_they_begin_earlier() -> None:
    waits = Waits()
    for due in range(1000, 0, -1):
        waits.note(1, b"a", due)
        waits.note(1, b"b", 5000)
        assert len(waits.heap) <= 4
    waits.note(1, b"a", None)
    assert list(waits.over(999)) == [(1, 1, b"a")]
    assert list(waits.over(5000)) == [(5000, 1, b"b")]
    assert list(waits.over(9999)) == []


def test_a_group_that_rests_takes_no_memory_of_its_own_after_a_resume() -> None:
    rules = rule_set(FAILED, ABSENT)
    correlator = Correlator(rules, "acme")
    correlator.take(page_of(Matcher(rules), [event(second, "reset", f"user{second}") for second in range(50)]))
    [kept] = Correlator(rules, "acme", correlator.snapshot())._groups.values()
    assert (len(kept._live), len(kept._resting)) == (0, 50)


def test_what_follows_is_bounded_in_each_group_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absence_module, "MOST_EVENTS_A_GROUP", 20)
    rules = rule_set(FAILED, ABSENT)
    correlator = Correlator(rules, "acme")
    take(correlator, matches(rules, ((number * 1000, "ada") for number in range(25)), "succeeded"))
    assert refused(correlator) == 5
    [(_, group)] = next(iter(correlator._groups.values())).all()
    assert group.dump()[1] == [(BASE + number * 1000,) * 2 for number in range(5, 25)]
    take(correlator, matches(rules, [(24_000, "ada")], "reset"))
    assert group.due_ms() is None


@pytest.mark.parametrize("seed", range(4))
def test_absences_are_what_a_look_at_everything_gives(seed: int) -> None:
    rng = random.Random(seed)
    rules = rule_set(FAILED, ABSENT)
    rule = rules.rules[-1].rule
    assert isinstance(rule, Correlation)
    group, newest = Absence(rule), BASE
    waiting, followed = list[int](), list[tuple[int, int]]()
    for _ in range(800):
        newest += rng.choice([0, 1000, 60_000, 900_000])
        hit = Hit(newest - rng.choice([0, 0, 1000, 2_000_000]), "", "", rng.randrange(2), None, newest)
        horizon = newest - DUE_MS
        group.take(hit, b"", horizon)
        followed = [(ms, mark) for ms, mark in followed if mark >= horizon]
        if hit.via:
            waiting = [ms for ms in waiting if not ms <= hit.ms <= ms + 3_600_000]
            followed.append((hit.ms, newest))
        elif not any(hit.ms <= ms <= hit.ms + 3_600_000 for ms, _ in followed):
            waiting.append(hit.ms)
        assert [one.ms for one, _ in group.dump()[0]] == waiting
        assert [(ms, mark) for ms, mark in group.dump()[1]] == followed
        if rng.random() < 0.1:
            group.over(newest, newest)
            waiting = [ms for ms in waiting if ms + DUE_MS > newest]
            group = Absence(rule, *msgspec.msgpack.decode(msgspec.msgpack.encode(group.dump())))


def test_values_beyond_the_bound_are_looked_for_once_and_are_those_last_seen_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    searches, nsmallest = [0], learned_module.nsmallest

    def counted(*args: Any, **more: Any) -> Any:
        searches[0] += 1
        return nsmallest(*args, **more)

    monkeypatch.setattr(learned_module, "nsmallest", counted)
    monkeypatch.setattr(learned_module, "MOST_VALUES_A_GROUP", 10)
    rule = rule_set(FAILED, correlation("first_seen", "failed", "30d", condition="{field: client.ipAddress}")).rules[-1].rule
    assert isinstance(rule, Correlation)
    rng = random.Random(1)
    group, values, dropped = FirstSeen(rule), dict[str, tuple[int, int]](), 0
    for step in range(300):
        seen = [f"value{number}" for number in rng.sample(range(40), 8)]
        ms, mark = BASE + step // 3 * 1000 - rng.choice([0, 0, 5000]), BASE + step // 3 * 1000
        group.take(Hit(ms, "", "", 0, seen, mark), 0, learning=True)
        values |= {value: (max(ms, values.get(value, (ms, mark))[0]), mark) for value in seen}
        while len(values) > 10:
            del values[min(values, key=lambda value: values[value])]
            dropped += 1
        assert group.dump() == [[[value, *times] for value, times in values.items()]]
    assert group.dropped == dropped
    assert searches[0] <= 300
