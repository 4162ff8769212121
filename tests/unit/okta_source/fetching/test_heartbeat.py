"""Many may sleep for long, as long as somebody on each worker wakes often."""

import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest

from okta_source.fetching.heartbeat import GRID_SECONDS, HEARTBEAT_SECONDS, LONGEST_NAP_SECONDS, Heartbeat
from tests.unit.okta_source.fakes import Clock

START = datetime(2026, 5, 1, tzinfo=UTC)


class Beating:
    """A heartbeat whose two clocks are one."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.wall = START
        self.heartbeat = Heartbeat(self.clock, lambda: self.wall + timedelta(seconds=self.clock()))

    def nap(self, idle_seconds: float, *, patient: bool = False) -> float:
        """How long the partition that asks sleeps."""
        return (self.heartbeat.awake_at(idle_seconds, patient=patient) - self.wall).total_seconds() - self.clock()


def test_one_wakes_for_all() -> None:
    beating = Beating()
    assert [beating.nap(60.0) for _ in range(4)] == pytest.approx([HEARTBEAT_SECONDS] + [LONGEST_NAP_SECONDS] * 3)


def test_short_naps_are_as_asked_for() -> None:
    beating = Beating()
    assert beating.nap(0.01) == pytest.approx(0.01)
    assert beating.nap(60.0) == pytest.approx(HEARTBEAT_SECONDS)


def test_who_is_patient_wakes_together_with_others_and_never_early() -> None:
    beating = Beating()
    wakes = set()
    for number in range(1000):
        beating.clock.seconds = 1000.0 + number / 1000
        nap_seconds = beating.nap(0.02, patient=True)
        assert 0.02 - 2e-6 <= nap_seconds < 0.02 + GRID_SECONDS + 2e-6
        wakes.add(round(beating.clock() + nap_seconds, 5))
    assert len(wakes) <= 1.05 / GRID_SECONDS + 1
    assert beating.nap(0.0, patient=True) == 0.0
    assert beating.nap(0.02) == pytest.approx(0.02)


def test_long_naps_end_with_a_beat_that_all_have_in_common() -> None:
    beating = Beating()
    wakes = set()
    for number in range(1000):
        beating.clock.seconds = 1000.0 + number / 1000
        idle_seconds = 0.3 + number / 500
        nap_seconds = beating.nap(idle_seconds)
        assert 0.0 < nap_seconds <= min(idle_seconds, LONGEST_NAP_SECONDS) + 2e-6
        wakes.add(round(beating.clock() + nap_seconds, 5))
    assert len(wakes) <= 1.5 / HEARTBEAT_SECONDS + 1


def test_a_worker_is_woken_four_times_a_second_whoever_ends_and_however_many_sleep() -> None:
    beating = Beating()
    clock = beating.clock
    wakes = dict.fromkeys(range(50), clock())
    moments = []
    for _ in range(2000):
        tenant = min(wakes, key=lambda name: wakes[name])
        # Bytewax wakes nobody early; what a datetime loses is a microsecond.
        clock.seconds = wakes[tenant] + 1e-6
        moments.append(clock())
        wakes[tenant] = clock() + beating.nap(3600.0)
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert max(gaps) <= HEARTBEAT_SECONDS + 2e-6
    assert len(moments) / (moments[-1] - moments[0]) < 110  # 50 tenants twice a second, and the beat


def test_each_worker_has_a_beat_of_its_own() -> None:
    beating = Beating()
    assert beating.nap(60.0) == pytest.approx(HEARTBEAT_SECONDS)
    found: list[float] = []
    worker = threading.Thread(target=lambda: found.append(beating.nap(60.0)))
    worker.start()
    worker.join()
    assert found == pytest.approx([HEARTBEAT_SECONDS])


def test_a_clock_that_is_set_is_heeded_within_half_a_second() -> None:
    beating = Beating()
    beating.nap(60.0)
    beating.wall -= timedelta(hours=1)
    beating.clock.seconds += LONGEST_NAP_SECONDS + GRID_SECONDS
    assert beating.nap(60.0) == pytest.approx(HEARTBEAT_SECONDS, abs=HEARTBEAT_SECONDS)
    assert beating.nap(60.0) <= LONGEST_NAP_SECONDS
