import random
from datetime import UTC, datetime, timedelta

from okta_source.history.lanes import Lanes
from okta_source.history.slices import Slice, cut_by
from okta_source.polling.limits import Backoff
from okta_source.polling.outcome import ErrorType, Failure

START = datetime(2026, 8, 3, tzinfo=UTC)
SLICES = cut_by(["acme"], START, START + timedelta(hours=12), 1)


def why(error_type: ErrorType = "server") -> Failure:
    return Failure(error_type, "fetch", "It failed.", "Mend it.", "500")


def filled(most: int = 4) -> Lanes:
    lanes = Lanes(Backoff(random.Random(1)), most)
    for wanted in reversed(SLICES):
        lanes.add(wanted)
    return lanes


def open_ones(lanes: Lanes) -> list[Slice]:
    return [wanted for wanted in SLICES if lanes.may_ask(wanted)]


def test_the_oldest_have_their_turn_and_the_next_are_near() -> None:
    lanes = filled()
    assert open_ones(lanes) == list(SLICES[:4])
    assert [wanted for wanted in SLICES if lanes.is_near(wanted)] == list(SLICES[4:8])
    lanes.finished(SLICES[2])
    assert open_ones(lanes) == [SLICES[0], SLICES[1], SLICES[3], SLICES[4]]


def test_the_last_one_is_told() -> None:
    lanes = filled()
    assert [lanes.finished(wanted) for wanted in SLICES] == [False] * 11 + [True]
    assert lanes.finished(SLICES[0])


def test_in_trouble_two_try_and_others_each_time() -> None:
    lanes = filled()
    lanes.failed(why(), started_at=1.0, now=2.0)
    assert open_ones(lanes) == [SLICES[0], SLICES[1]]
    assert lanes.not_before == 0.0
    lanes.failed(why(), started_at=2.0, now=3.0)
    assert open_ones(lanes) == [SLICES[1], SLICES[2]]
    assert 4.0 <= lanes.not_before <= 5.0
    lanes.failed(why(), started_at=5.0, now=6.0)
    assert open_ones(lanes) == [SLICES[2], SLICES[3]]
    assert 8.0 <= lanes.not_before <= 10.0
    lanes.succeeded()
    assert len(open_ones(lanes)) == 4
    assert lanes.not_before == 0.0


def test_those_in_flight_together_fail_as_one() -> None:
    lanes = filled()
    for _ in range(16):
        lanes.failed(why("auth"), started_at=1.0, now=2.0)
    assert lanes.given_up is None
    for second in range(2, 6):
        lanes.failed(why("auth"), started_at=float(second), now=second + 0.5)
    assert lanes.given_up == why("auth")


def test_what_may_pass_is_waited_for_longer() -> None:
    lanes = filled()
    for second in range(9):
        lanes.failed(why(), started_at=float(second), now=second + 0.5)
    assert lanes.given_up is None
    lanes.failed(why(), started_at=10.0, now=10.5)
    assert lanes.given_up == why()


def test_a_spent_rate_limit_is_no_failure() -> None:
    lanes = filled()
    for second in range(50):
        lanes.failed(why("rate_limited"), started_at=float(second), now=second + 0.5)
    assert (lanes.given_up, len(open_ones(lanes))) == (None, 4)


def test_too_many_at_once_become_fewer_and_slowly_more() -> None:
    lanes = filled()
    lanes.crowded()
    assert len(open_ones(lanes)) == 2
    lanes.crowded()
    lanes.crowded()
    assert len(open_ones(lanes)) == 1
    for _ in range(50):
        lanes.succeeded()
    assert len(open_ones(lanes)) == 2
