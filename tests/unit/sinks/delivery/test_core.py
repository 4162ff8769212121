import random
from datetime import timedelta

import pytest

from sinks.delivery.batch import Batch
from sinks.delivery.core import Delivery
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Again, Outcome, Refused
from tests.unit.sinks.scripted_target import EPOCH, ScriptedTarget, fail_all, make_page, take_all, uuids


class Rig:
    """A delivery, a clock that only `at` moves, and what has settled so far."""

    def __init__(self, target=None, **policy):
        self.target = target or ScriptedTarget()
        settings = {"batch_events": 2, "batch_bytes": 10_000, "max_in_flight": 2, "in_order": False, "retry_for_seconds": 60.0, **policy}
        self.delivery = Delivery("search", self.target, DeliveryPolicy(**settings), "raw", random.Random(1))
        self.now = 100.0
        self.delivered, self.duplicates, self.letters, self.failures = [], [], [], []

    @property
    def wall(self):
        return EPOCH + timedelta(seconds=self.now)

    def add(self, names, tenant="acme"):
        self.delivery.add(make_page(tenant, names), self.now)

    def next(self):
        attempt = self.delivery.next(self.now, self.wall)
        self.settle()
        return attempt

    def done(self, attempt, outcome=None):
        counts = self.delivery.done(attempt, outcome or self.target.answer(attempt.job.batch), self.now, self.wall)
        self.settle()
        return counts

    def settle(self):
        settled = self.delivery.ledger.take_settled()
        self.delivered += [uuid for batch in settled.delivered for uuid in uuids(batch)]
        self.duplicates += [uuid for batch in settled.duplicates for uuid in uuids(batch)]
        self.letters += settled.letters
        self.failures += [error for _, error in settled.failures]
        self.delivery.ledger.confirm(settled)

    @property
    def dead(self):
        return [letter.uuid for letter in self.letters]

    def run(self, seconds=0.0):
        """Send whatever is due, until nothing is or the time is over; each attempt takes no time."""
        end = self.now + seconds
        while True:
            attempt = self.next()
            if attempt:
                self.target.sent.append(uuids(attempt.job.batch))
                self.done(attempt)
            elif (moment := self.delivery.next_moment(self.now)) <= end:
                self.now = moment
            else:
                self.now = end
                return


def names_of(attempt):
    return "".join(uuids(attempt.job.batch))


def test_a_batch_goes_when_it_is_full_or_has_waited():
    rig = Rig()
    rig.add("a")
    assert rig.next() is None
    assert rig.delivery.next_moment(rig.now) == rig.now + 1.0
    rig.add("b", "globex")
    assert names_of(rig.next()) == "ab"
    rig.add("c")
    rig.now += 1.0
    assert names_of(rig.next()) == "c"


def test_a_flush_waits_for_nobody():
    rig = Rig()
    rig.add("a")
    rig.delivery.flush()
    assert names_of(rig.next()) == "a"


def test_no_more_requests_than_allowed():
    rig = Rig()
    rig.add("abcdef")
    attempts = [rig.next(), rig.next()]
    assert rig.next() is None
    rig.done(attempts[1])
    assert names_of(rig.next()) == "ef"
    assert rig.delivered == ["c", "d"]


def test_events_are_pending_until_they_are_written_down():
    rig = Rig()
    rig.add("ab")
    rig.delivery.done(rig.next(), Outcome(delivered=[0], duplicates=[1]), rig.now, rig.wall)
    assert rig.delivery.ledger.pending_events == 2
    rig.settle()
    assert (rig.delivery.ledger.pending_events, rig.delivery.ledger.pending_bytes) == (0, 0)
    assert (rig.delivered, rig.duplicates) == (["a"], ["b"])


def test_in_order_a_tenant_has_one_request_in_flight_and_pages_stay_apart():
    rig = Rig(in_order=True)
    rig.add("abc")
    rig.add("de", "globex")
    rig.add("f", "globex")
    first, second = rig.next(), rig.next()
    assert (names_of(first), names_of(second), rig.next()) == ("ab", "de", None)
    rig.done(first, fail_all(first.job.batch, scope="elsewhere"))
    rig.done(second)
    assert names_of(rig.next()) == "f"  # acme's "c" waits until "ab" is there
    rig.now += 30.0
    assert names_of(rig.next()) == "ab"


def test_only_what_failed_is_sent_again():
    rig = Rig(batch_events=4)
    rig.add("abcd")
    rig.done(
        rig.next(), Outcome(delivered=[0], duplicates=[3], again=[Again([1], "Busy.", status=429)], refused=[Refused(2, "bad ip", 400)])
    )
    assert (rig.delivered, rig.duplicates, rig.dead) == (["a"], ["d"], ["c"])
    assert (rig.letters[0].reason, rig.letters[0].status, rig.letters[0].attempts) == ("bad ip", 400, 1)
    assert rig.next() is None
    assert 0.25 <= rig.delivery.next_moment(rig.now) - rig.now <= 0.5
    rig.run(1.0)
    assert rig.target.sent == [["b"]]
    assert rig.delivered == ["a", "b"]


def test_events_that_only_went_with_a_refused_one_go_again_at_once_and_lose_no_time():
    def one_by_one(batch):
        names = uuids(batch)
        bad = next((position for position, uuid in enumerate(names) if uuid.isupper()), None)
        if bad is None:
            return take_all(batch)
        others = [position for position in range(len(names)) if position != bad]
        return Outcome(again=[Again(others, "", at_once=True)] if others else [], refused=[Refused(bad, "unreadable", 400)])

    rig = Rig(ScriptedTarget(one_by_one), batch_events=100, in_order=True)
    rig.add("aB" * 20)
    rig.run(0.0)
    assert rig.dead == ["B"] * 20
    assert rig.delivered == ["a"] * 20
    assert rig.delivery.is_failing is False


def test_retry_after_is_honoured():
    rig = Rig()
    rig.add("abcd")
    first = rig.next()
    rig.done(first, fail_all(first.job.batch, after_seconds=20.0))
    rig.run(19.0)
    assert rig.target.sent == []  # the next batch doesn't go either: the whole target asked for it
    rig.run(2.0)
    assert sorted(rig.delivered) == ["a", "b", "c", "d"]


def test_while_nothing_gets_through_one_request_at_a_time_asks():
    rig = Rig(max_in_flight=4)
    rig.add("abcdefgh")
    attempts = [rig.next() for _ in range(4)]
    for attempt in attempts:
        rig.done(attempt, fail_all(attempt.job.batch))
    rig.now += 31.0
    assert rig.next() is not None
    assert rig.next() is None


def test_waits_grow_and_start_anew_after_a_success():
    rig = Rig(ScriptedTarget(fail_all), max_in_flight=1)
    rig.add("ab")
    waits = []
    for _ in range(4):
        rig.done(rig.next())
        waits.append(rig.delivery.next_moment(rig.now) - rig.now)
        rig.now += waits[-1]
    assert [0.25, 0.5, 1.0, 2.0] <= waits <= [0.5, 1.0, 2.0, 4.0]
    rig.done(rig.next(), take_all(make_batch("ab")))
    rig.add("cd")
    rig.done(rig.next())
    assert rig.delivery.next_moment(rig.now) - rig.now <= 0.5


def make_batch(names):
    return Batch((make_page("acme", names),))


def test_a_target_that_stays_down_gets_its_retry_time_once_and_then_nothing_waits():
    rig = Rig(ScriptedTarget(fail_all))
    rig.add("abcdef")
    rig.run(59.9)
    assert rig.dead == []
    assert rig.delivery.ledger.pending_events == 6
    rig.run(0.2)
    assert sorted(rig.dead) == list("abcdef")
    assert rig.delivery.down_count == 1
    assert {letter.reason for letter in rig.letters} == {"It is down."}
    assert all(letter.attempts >= 2 for letter in rig.letters)
    rig.add("gh")
    rig.next()
    assert rig.dead[-2:] == ["g", "h"]
    assert (rig.letters[-1].reason, rig.letters[-1].attempts) == ("Not sent, since the target is down: It is down.", 0)
    assert rig.delivery.ledger.pending_events == 0
    rig.run(31.0)
    sent = len(rig.target.sent)
    rig.add("ijklmn")
    rig.run(0.0)
    assert len(rig.target.sent) - sent == 1  # after each rest one is tried, and the others are not
    assert sorted(rig.dead[-6:]) == list("ijklmn")
    rig.target.answer = take_all
    rig.run(31.0)
    rig.add("op")
    rig.run(0.0)
    assert rig.delivered == ["o", "p"]
    assert rig.delivery.down_count == 0


def test_a_target_counts_as_down_after_a_minute_however_long_it_is_tried():
    rig = Rig(ScriptedTarget(fail_all), retry_for_seconds=604_800.0)
    rig.add("ab")
    rig.run(59.0)
    assert rig.delivery.down_count == 0
    rig.run(2.0)
    assert (rig.delivery.down_count, rig.dead) == (1, [])
    rig.run(7200.0)
    assert rig.dead == []
    rig.target.answer = take_all
    rig.run(61.0)
    assert (rig.delivered, rig.delivery.down_count) == (["a", "b"], 0)


@pytest.mark.parametrize("asked_seconds", [90.0, 3600.0])
def test_a_rest_that_is_asked_for_counts_as_life_and_is_cut_to_a_minute(asked_seconds):
    rig = Rig(ScriptedTarget(lambda batch: fail_all(batch, after_seconds=asked_seconds, status=429)), retry_for_seconds=100.0)
    rig.add("ab")
    rig.run(1000.0)
    assert rig.dead == []
    assert len(rig.target.sent) >= 1000 / 61
    rig.target.answer = take_all
    rig.run(61.0)
    assert rig.delivered == ["a", "b"]


def test_a_rest_of_nothing_is_no_leave_to_hammer():
    rig = Rig(ScriptedTarget(lambda batch: fail_all(batch, after_seconds=0.0, status=429)))
    rig.add("abcdefgh")
    rig.run(10.0)
    assert len(rig.target.sent) <= 12


def test_a_hanging_target_is_given_no_time_on_top():
    rig = Rig(retry_for_seconds=10.0)
    rig.add("ab")
    attempt = rig.next()
    assert attempt.timeout_seconds == 10.0
    rig.now += 10.0
    rig.done(attempt, fail_all(attempt.job.batch))
    assert rig.dead == ["a", "b"]


def test_no_request_outlives_what_is_left():
    rig = Rig(request_timeout_seconds=30.0)
    rig.add("ab")
    rig.done(rig.next(), fail_all(make_batch("ab"), after_seconds=45.0))
    rig.now += 45.0
    assert rig.next().timeout_seconds == 15.0


def test_a_thread_that_never_comes_back_holds_nothing_up():
    rig = Rig(retry_for_seconds=10.0)
    rig.add("ab")
    attempt = rig.next()
    rig.now += 11.0
    rig.delivery.expire(rig.now, rig.wall)
    rig.settle()
    assert rig.dead == ["a", "b"]
    assert rig.delivery.abandoned == 1
    assert rig.done(attempt, take_all(attempt.job.batch)) is False
    assert rig.delivered == []


def test_a_success_in_between_starts_the_time_anew():
    rig = Rig(max_in_flight=1, retry_for_seconds=60.0)
    rig.add("ab")
    rig.done(rig.next(), fail_all(make_batch("ab"), after_seconds=50.0))
    rig.now += 50.0
    rig.done(rig.next())
    rig.add("cd")
    rig.done(rig.next(), fail_all(make_batch("cd"), after_seconds=30.0))
    rig.run(31.0)
    assert rig.delivered == ["a", "b", "c", "d"]
    assert rig.dead == []


def test_events_that_always_fail_among_others_that_succeed_end_with_the_letters_without_a_breaker():
    def busy_for_a(batch):
        busy = [position for position, uuid in enumerate(uuids(batch)) if uuid == "a"]
        taken = [position for position in range(len(batch)) if position not in busy]
        return Outcome(delivered=taken, again=[Again(busy, "Queue full.", status=429)] if busy else [])

    rig = Rig(ScriptedTarget(busy_for_a), max_in_flight=1)
    rig.add("ab")
    rig.run(40.0)
    rig.add("cd")
    rig.run(21.0)
    assert rig.dead == ["a"]
    assert rig.delivered == ["b", "c", "d"]
    assert rig.delivery.down_count == 0


def index_of(uuid):
    return "logs-bad" if uuid.isupper() else "logs-good"


def blocked_index(batch):
    bad = [position for position, uuid in enumerate(uuids(batch)) if uuid.isupper()]
    good = [position for position in range(len(batch)) if position not in bad]
    again = [Again(bad, "index [logs-bad] blocked", status=403, scope="logs-bad")] if bad else []
    return Outcome(delivered=good, again=again)


def test_an_index_that_takes_something_again_has_its_full_time_next_time():
    rig = Rig(ScriptedTarget(blocked_index, index_of), retry_for_seconds=60.0)
    rig.add("AB")
    rig.run(40.0)
    rig.target.answer = take_all
    rig.run(30.0)
    rig.target.answer = blocked_index
    rig.add("CD")
    rig.run(40.0)
    assert rig.dead == []


def test_halves_keep_the_order():
    rig = Rig(ScriptedTarget(lambda batch: Outcome(split=Refused(0, "", 413), too_large=True) if len(batch) > 1 else take_all(batch)),
              batch_events=4, in_order=True)  # fmt: skip
    rig.add("abcdef")
    rig.run(1.0)
    assert rig.delivered == list("abcdef")


def test_batches_shrink_to_what_the_server_takes_unless_order_is_kept():
    rig = Rig(batch_events=100, batch_bytes=10_000_000)
    rig.delivery.add(make_page("acme", list("abcd"), 100_000), rig.now)
    rig.delivery.flush()
    rig.done(rig.next(), Outcome(split=Refused(0, "", 413), too_large=True))
    rig.run(1.0)
    rig.delivery.add(make_page("acme", list("efgh"), 100_000), rig.now)
    rig.delivery.flush()
    assert names_of(rig.next()) == "ef"


def test_stopping_when_exhausted_loses_nothing_and_writes_no_letters():
    rig = Rig(ScriptedTarget(fail_all), on_exhausted="stop", retry_for_seconds=5.0)
    rig.add("ab")
    rig.run(6.0)
    assert rig.delivery.exhausted == "It is down. Start it."
    assert rig.dead == []
    assert rig.delivery.ledger.pending_events == 2
    assert rig.next() is None


def test_refused_events_become_letters_where_exhaustion_stops_the_run_too():
    rig = Rig(on_exhausted="stop")
    rig.add("ab")
    rig.done(rig.next(), Outcome(delivered=[0], refused=[Refused(1, "bad", 400)]))
    assert rig.dead == ["b"]


@pytest.mark.parametrize("failing", [True, False])
def test_giving_up_at_a_stop_puts_everything_with_the_letters(failing):
    rig = Rig()
    rig.add("abcde")
    hanging = rig.next()
    if failing:
        other = rig.next()
        rig.done(other, fail_all(other.job.batch))
    rig.delivery.give_up(rig.wall)
    rig.settle()
    assert sorted(rig.dead) == list("abcde")
    assert rig.letters[0].reason.startswith("The run was stopped before the target took it.")
    assert ("It is down." in rig.letters[0].reason) is failing
    assert rig.delivery.ledger.pending_events == 0
    assert rig.done(hanging, take_all(hanging.job.batch)) is False


def test_failures_are_counted_by_kind():
    rig = Rig()
    rig.add("ab")
    rig.done(rig.next(), fail_all(make_batch("ab"), error_type="timeout"))
    assert rig.failures == ["timeout"]
