"""Who is blamed, in a simulated time: a target answers as it likes and takes as long as it likes."""

import heapq
import itertools
import random
from datetime import timedelta

import pytest

from sinks.delivery.core import Delivery
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Again, Outcome, Refused
from tests.unit.sinks.scripted_target import EPOCH, ScriptedTarget, make_page, take_all, uuids

QUICK = 0.05
HANG = 30.0


def refuse(batch, blame="doubtful", error_type="permission", status=403):
    if blame == "content":
        return Outcome(split=Refused(0, "It can't be read.", 400))
    return Outcome(again=[Again(range(len(batch)), "Forbidden.", "Look.", error_type, status, blame=blame)])


class World:
    """A sink, its target, and a clock that jumps from one happening to the next.

    `answer(batch, now)` returns what becomes of a batch, and how many seconds that takes; an answer after the time-out is none.
    """

    def __init__(self, answer, *, in_order=False, seed=1, **policy):
        self.answer = answer
        settings = {"batch_events": 8, "batch_bytes": 1_000_000, "max_in_flight": 4, "retry_for_seconds": 604_800.0, "linger_seconds": 0.0}
        self.policy = DeliveryPolicy(**{**settings, "in_order": in_order, **policy})
        self.delivery = Delivery("search", ScriptedTarget(), self.policy, "raw", random.Random(seed))
        self.now = 0.0
        self.came, self.delivered_at, self.order, self.letters, self.sent = {}, {}, [], [], []
        self._ends = []
        self._numbers = itertools.count()

    def add(self, names, tenant="acme"):
        self.came.update(dict.fromkeys(names, self.now))
        self.delivery.add(make_page(tenant, names), self.now)

    @property
    def dead(self):
        return [letter.uuid for letter in self.letters]

    def delay(self, names):
        return max(self.delivered_at[name] - self.came[name] for name in names)

    def run(self, seconds):
        end = self.now + seconds
        while True:
            while attempt := self.delivery.next(self.now, EPOCH + timedelta(seconds=self.now)):
                outcome, takes = self.answer(attempt.job.batch, self.now)
                self.sent.append((self.now, uuids(attempt.job.batch)))
                if takes >= attempt.timeout_seconds:
                    outcome, takes = refuse(attempt.job.batch, error_type="timeout", status=None), attempt.timeout_seconds
                heapq.heappush(self._ends, (self.now + takes, next(self._numbers), attempt, outcome))
            self._settle()
            moment = min(self.delivery.next_moment(self.now), self._ends[0][0] if self._ends else float("inf"))
            if moment > end:
                self.now = end
                return
            self.now = moment
            while self._ends and self._ends[0][0] <= self.now:
                _, _, attempt, outcome = heapq.heappop(self._ends)
                self.delivery.done(attempt, outcome, self.now, EPOCH + timedelta(seconds=self.now))
            self._settle()

    def _settle(self):
        settled = self.delivery.ledger.take_settled()
        for batch in settled.delivered:
            for name in uuids(batch):
                assert name not in self.delivered_at, "twice"
                self.delivered_at[name] = self.now
                self.order.append(name)
        self.letters += settled.letters
        self.delivery.ledger.confirm(settled)
        self.settled(settled)

    def settled(self, settled):
        """So much is done with."""


def guilty(names, how):
    """A target in good health that one event is too much for."""

    def answer(batch, _now):
        if not set(names) & set(uuids(batch)):
            return take_all(batch), QUICK
        if how == "hangs":
            return take_all(batch), 1000.0
        if how == "reset":
            return refuse(batch, error_type="connection", status=None), QUICK
        return refuse(batch, "content" if how == "400" else "doubtful"), QUICK

    return answer


def names_of(prefix, count):
    return [f"{prefix}{number}" for number in range(count)]


HOWS = ["400", "403", "reset", "hangs"]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("number", [0, 5, 15])
def test_one_guilty_event_among_traffic_that_knows_no_order(how, number):
    world = World(guilty([f"a{number}"], how), batch_events=16)
    world.add(names_of("a", 16))
    for second in range(120):
        world.add(names_of(f"t{second}-", 16), "globex")
        world.run(0.99)  # not a second, since of two attempts that begin in one moment neither is the later one
    assert world.dead == [f"a{number}"]
    assert len(world.delivered_at) == 16 * 121 - 1
    others = [name for name in world.came if name.startswith("t")]
    assert world.delay(others) <= 1.0
    # For its own batch one time-out, and then short ones.
    assert world.delay([name for name in names_of("a", 16) if name != f"a{number}"]) <= (HANG + 7 if how == "hangs" else 2.0)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("number", [0, 7, 15])
@pytest.mark.parametrize("in_order", [False, True])
def test_one_guilty_event_in_the_only_batch_that_there_is(how, number, in_order):
    world = World(guilty([f"a{number}"], how), batch_events=16, in_order=in_order)
    world.add(names_of("a", 16))
    world.run(1200.0)
    assert len(world.delivered_at) == 15
    if in_order:
        assert world.order == [name for name in names_of("a", 16) if name != f"a{number}"]
    assert world.dead == [f"a{number}"]


@pytest.mark.parametrize("how", HOWS)
def test_several_guilty_events_of_one_tenant_hold_up_no_other(how):
    bad = ["a3", "a4", "a9", "b0"]
    world = World(guilty(bad, how), batch_events=8, in_order=True, max_in_flight=2)
    world.add(names_of("a", 12))
    world.add(names_of("b", 4))
    for second in range(900):
        world.add([f"g{second}"], "globex")
        world.run(1.0)
    assert sorted(world.dead) == bad
    assert world.delay([name for name in world.came if name[0] == "g"]) <= 1.0
    mine = [name for name in world.order if name[0] in "ab"]
    assert mine == [name for name in (*names_of("a", 12), *names_of("b", 4)) if name not in bad]


@pytest.mark.parametrize("blame", ["target", "doubtful", "content"])
@pytest.mark.parametrize("in_order", [False, True])
def test_an_outage_of_any_kind_makes_no_dead_letter_and_changes_no_order(blame, in_order):
    world = World(lambda batch, now: (refuse(batch, blame) if 10.0 <= now < 130.0 else take_all(batch), QUICK), in_order=in_order)
    for second in range(140):
        world.add(names_of(f"a{second}-", 3))
        world.add(names_of(f"g{second}-", 3), "globex")
        world.run(1.0)
    world.run(60.0)
    assert world.dead == []
    assert len(world.delivered_at) == 140 * 6
    if in_order:
        for prefix in "ag":
            assert [name for name in world.order if name[0] == prefix] == [name for name in world.came if name[0] == prefix]


@pytest.mark.parametrize("blame", ["doubtful", "content"])
def test_an_outage_of_a_target_with_one_quiet_tenant_in_order(blame):
    world = World(lambda batch, now: (refuse(batch, blame) if now < 600.0 else take_all(batch), QUICK), in_order=True)
    for number in range(40):
        world.add([f"a{number}"])
        world.run(20.0)
    assert world.dead == []
    assert world.order == names_of("a", 40)


@pytest.mark.parametrize("blame", ["target", "doubtful", "content"])
@pytest.mark.parametrize("in_order", [False, True])
def test_a_target_that_refuses_every_second_request(blame, in_order):
    turns = itertools.count()
    world = World(
        lambda batch, now: (refuse(batch, blame) if now < 20.0 and next(turns) % 2 else take_all(batch), QUICK),
        in_order=in_order,
        max_in_flight=1,
    )
    for second in range(60):
        world.add(names_of(f"a{second}-", 20))
        world.run(1.0)
    world.run(60.0)
    assert world.dead == []
    assert len(world.delivered_at) == 1200
    if in_order:
        assert world.order == list(world.came)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("in_order", [False, True])
def test_a_target_that_fails_at_random_for_a_while_and_one_guilty_event(seed, in_order):
    dice = random.Random(seed)

    def answer(batch, now):
        if now < 120.0 and dice.random() < 0.3:
            return refuse(batch, dice.choice(["target", "doubtful"])), dice.choice([QUICK, 1.0])
        return guilty(["a50-1"], "403")(batch, now)

    world = World(answer, in_order=in_order, seed=seed)
    for second in range(150):
        world.add(names_of(f"a{second}-", 4))
        world.add(names_of(f"g{second}-", 4), "globex")
        world.run(1.0)
    world.run(300.0)
    assert world.dead == ["a50-1"]
    assert len(world.delivered_at) == 1200 - 1


@pytest.mark.parametrize("how", ["400", "hangs"])
@pytest.mark.parametrize("batch_events", [1, 2, 4])
def test_several_guilty_events_one_after_another_of_the_only_tenant(how, batch_events):
    bad = ["a4", "a5", "a6"]
    world = World(guilty(bad, how), batch_events=batch_events, in_order=True)
    world.add(names_of("a", 7))
    world.run(30.0)
    for name in names_of("b", 12):
        world.add([name])
        world.run(20.0)
    world.run(1800.0)
    assert sorted(world.dead) == bad
    assert world.order == [name for name in world.came if name not in bad]


def test_the_same_batch_goes_again_as_it_is_before_it_is_halved():
    world = World(guilty(["a3"], "reset"), batch_events=8, in_order=True)
    world.add(names_of("a", 8))
    world.add(names_of("g", 8), "globex")
    world.run(120.0)
    batches = [names for _, names in world.sent]
    assert batches.count(names_of("a", 8)) >= 2
    assert world.dead == ["a3"]


def test_a_lone_event_that_is_refused_waits_until_somebody_can_be_asked():
    world = World(guilty(["a0"], "400"), in_order=True)
    world.add(["a0"])
    world.run(600.0)
    assert world.dead == []
    for name in names_of("b", 3):
        world.add([name])
        world.run(120.0)
    assert world.dead == ["a0"]
    assert list(world.delivered_at) == names_of("b", 3)


def test_a_letter_has_the_targets_words_and_its_attempts():
    world = World(guilty(["a0"], "403"))
    for name in names_of("a", 4):
        world.add([name])
        world.run(60.0)
    (letter,) = world.letters
    assert (letter.reason, letter.status) == ("Forbidden.", 403)
    assert letter.attempts > 2
